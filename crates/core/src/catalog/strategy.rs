//! The strategies by which a logical model or a request chooses among candidates. How each works stands in
//! `routing/strategy.rs`.

use serde::{Deserialize, Serialize};

/// A rule for choosing among usable candidates. Every one obeys priority tiers, and uses a candidate of weight 0 only
/// when no other is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By score, a little of everything; about equal ones share the traffic by weight.
    #[default]
    Balanced,
    /// By score, above all by time to first byte.
    LatencyFirst,
    /// By score, above all by price.
    CostFirst,
    /// By score, above all by error rate.
    ReliabilityFirst,
    /// Shares by weight, whatever the score.
    Weighted,
    /// In turn.
    RoundRobin,
    /// The one with the fewest requests under way in relation to its weight.
    LeastBusy,
    /// As configured: the second is used only when the first fails.
    Ordered,
}

impl Strategy {
    /// Every strategy with the name by which the API knows it.
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

    /// The strategy of a name.
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
