//! How a provider takes part in routing: what the operator says of it, its share of the traffic, its limits, and how it
//! is probed.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Share of the traffic, relative to others of the same priority, where nothing else is said.
pub const DEFAULT_WEIGHT: u32 = 100;
/// What a weight may be.
pub const WEIGHT_RANGE: RangeInclusive<u64> = 1..=1000;
/// What a priority may be. Lower is tried first.
pub const PRIORITY_RANGE: RangeInclusive<u64> = 0..=100;
/// What a limit of requests a second, or of requests under way, may be.
pub const RATE_RANGE: RangeInclusive<u64> = 1..=1_000_000;
/// Seconds between two probes where the provider does not say otherwise.
pub const DEFAULT_PROBE_INTERVAL_S: u32 = 300;
/// What the seconds between two probes may be.
pub(super) const PROBE_INTERVAL_RANGE_S: RangeInclusive<u64> = 60..=86_400;
/// Status codes that may be tried elsewhere: success and redirects never are.
pub(super) const RETRY_STATUS_RANGE: RangeInclusive<u64> = 400..=599;

/// Whether the operator lets requests through to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// It is used.
    #[default]
    Active,
    /// Out of use for now.
    Paused,
    /// Out of use.
    Offline,
}

impl OperationStatus {
    /// Every status with its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("active", Self::Active), ("paused", Self::Paused), ("offline", Self::Offline)];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Offline => "offline",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_are_stored() {
        for (name, status) in OperationStatus::NAMES {
            assert_eq!(status.name(), *name);
            assert_eq!(serde_json::to_string(status).unwrap(), format!("\"{name}\""));
        }
    }
}
