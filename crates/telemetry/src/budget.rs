//! How many time series there are at most, whatever callers send.
//!
//! Labels have words of a fixed vocabulary, except for the names of providers and models. Of those the first ones that occur get
//! series of their own, as many as fit; all others are together `other`. A name keeps its place for ever, so that no counter falls.

use nexus_edge_core::routing::retry::ErrorClass;

/// Edges of a histogram.
pub const EDGES: usize = 17;
/// Series of a histogram: its edges, infinity, sum and count.
const HISTOGRAM: usize = EDGES + 3;
/// Series of a provider's model: three histograms, and at most six counters beside them in either convention, or seven series.
const OF_MODEL: usize = 3 * HISTOGRAM + 7;
/// Outcomes of an attempt: the classes of failures, and `ok`, `cancelled`, `hedge_lost`.
const OUTCOMES: usize = ErrorClass::NAMES.len() + 3;
/// Series of a provider: its attempts, and its circuit.
const OF_PROVIDER: usize = OUTCOMES + 1;
/// Dialects of callers and operations that are passed through.
const DIALECTS: usize = 17;
/// Error codes of the gateway.
pub const CODES: usize = 140;
/// Everything that does not grow with providers and models: requests by dialect, stream and class; errors by code or, without one,
/// by class; refusals by limit; three histograms of the gateway; what has no labels.
const FIXED: usize = DIALECTS * 2 * 6 + CODES + 6 + 20 + 3 * HISTOGRAM + 24;

/// The bound that a deployment has without a setting.
pub const DEFAULT_SERIES: usize = 2_000;
/// The bounds that may be set.
pub const SERIES: std::ops::RangeInclusive<usize> = 1_000..=100_000;

/// How many names have series of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Providers.
    pub providers: usize,
    /// Models of providers, each for one operation.
    pub models: usize,
}

impl Budget {
    /// As many as `series` time series allow.
    #[must_use]
    pub fn of(series: usize) -> Self {
        let series = series.clamp(*SERIES.start(), *SERIES.end());
        let providers = series / 100;
        let left = series.saturating_sub(FIXED + (providers + 1) * OF_PROVIDER);
        // One is for all others.
        Self { providers, models: (left / OF_MODEL).saturating_sub(1) }
    }

    /// Most time series with so many names.
    #[must_use]
    pub const fn most(self) -> usize {
        FIXED + (self.providers + 1) * OF_PROVIDER + (self.models + 1) * OF_MODEL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_fit_the_bound() {
        for series in (0..120_000).step_by(97) {
            let budget = Budget::of(series);
            assert!(budget.most() <= series.max(*SERIES.start()), "{series}: {budget:?}, {}", budget.most());
        }
        assert_eq!(Budget::of(DEFAULT_SERIES), Budget { providers: 20, models: 17 });
        assert!(Budget::of(20_000).models > 200);
    }
}
