//! The names of the routing strategies. `routing/strategy.rs` implements them.

use serde::{Deserialize, Serialize};

/// A rule for ordering usable candidates. Every rule respects priorities, and uses a candidate of weight 0 only when
/// no other is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By score, with balanced weights; candidates of about equal score share the traffic by weight.
    #[default]
    Balanced,
    /// By score, mostly time to first byte.
    LatencyFirst,
    /// By score, mostly price.
    CostFirst,
    /// By score, mostly error rate.
    ReliabilityFirst,
    /// Shares by weight, regardless of the score.
    Weighted,
    /// In turn.
    RoundRobin,
    /// Fewest requests in flight in relation to the weight.
    LeastBusy,
    /// In the order of the configuration: the second is used only when the first fails.
    Ordered,
}

impl Strategy {
    /// Every strategy with its name in the API.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("balanced", Self::Balanced),
        ("latency_first", Self::LatencyFirst),
        ("cost_first", Self::CostFirst),
        ("reliability_first", Self::ReliabilityFirst),
        ("weighted", Self::Weighted),
        ("round_robin", Self::RoundRobin),
        ("least_busy", Self::LeastBusy),
        ("ordered", Self::Ordered),
    ];

    /// The strategy with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, strategy)| *strategy)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, strategy)| *strategy == self).map_or("balanced", |(name, _)| name)
    }
}
