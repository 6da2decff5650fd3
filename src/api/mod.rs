//! Handlers, by audience. Each reads its input, calls the domain or the store, and writes its answer.

pub mod health;
pub mod keys;
pub mod models;
pub mod provider_models;
pub mod providers;
pub mod stats;

use nexus_edge_core::error::ApiError;

/// The number in a path such as `/providers/7`. What is no number names nothing.
fn record_id(parameter: &str, not_found: impl Fn() -> ApiError) -> Result<i64, ApiError> {
    parameter.parse().ok().filter(|id| *id > 0).ok_or_else(not_found)
}
