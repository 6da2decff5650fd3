//! A provider's part in routing: its status, its share of the traffic, its limits, and its probes.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Default share of the traffic, relative to others of the same priority.
pub const DEFAULT_WEIGHT: u32 = 100;
/// Range of a weight.
pub const WEIGHT_RANGE: RangeInclusive<u64> = 1..=1000;
/// Range of a priority. Lower is tried first.
pub const PRIORITY_RANGE: RangeInclusive<u64> = 0..=100;
/// Range of limits on requests per second and on concurrent requests.
pub const RATE_RANGE: RangeInclusive<u64> = 1..=1_000_000;
/// Default seconds between two probes.
pub const DEFAULT_PROBE_INTERVAL_S: u32 = 300;
/// Range of the seconds between two probes.
pub(super) const PROBE_INTERVAL_RANGE_S: RangeInclusive<u64> = 60..=86_400;
/// Status codes that may lead to failover: success and redirects never do.
pub(super) const RETRY_STATUS_RANGE: RangeInclusive<u64> = 400..=599;

/// Whether the operator lets a provider have requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// It gets requests.
    #[default]
    Active,
    /// It gets none for now.
    Paused,
    /// It gets none, and is not probed.
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
