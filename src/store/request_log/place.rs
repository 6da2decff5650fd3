//! Where rows of the request log are, and for how long.

use nexus_edge_core::settings::Settings;
use nexus_edge_stats::moving::Ages;

/// What the packs of the request log are called.
pub const KIND: &str = "requests";

/// For how long this deployment keeps requests.
pub fn ages(settings: &Settings) -> Ages {
    Ages { near_days: settings.request_log_days, kept_days: settings.request_archive_days }
}
