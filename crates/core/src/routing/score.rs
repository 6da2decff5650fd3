//! The score of a candidate: `1 − α·latency − β·errors − γ·cost − δ·penalty`, each part from 0 to 1, with weights
//! that sum to 1, so that a score is from 0 to 1, too.
//! strategy summing to 1, so that a score is from 0 to 1 too.
//!
//! Unknown values are neutral: the mean of the other candidates' values. So a new upstream has neither an advantage
//! nor a disadvantage, gets traffic, and is measured by it. The configured weight of a candidate is not part of its
//! score: it decides between candidates with about equal scores.

use serde::Serialize;

use super::candidate_facts::Cost;
use super::health::TargetView;
use super::num::float;

/// The 95th percentile of the time to first byte at which the latency part is 1, in milliseconds.
pub const WORST_LATENCY_MS: u64 = 4_000;
/// The latency and cost parts if no candidate has data.
const UNKNOWN: f64 = 0.5;
/// Virtual requests without failure, so that the first failure of a new upstream is not an error rate of 100 %.
const PRIOR_REQUESTS: f64 = 2.0;

/// The weights of the parts. They sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreWeights {
    /// α: of the time to first byte.
    pub latency: f64,
    /// β: of the error rate.
    pub errors: f64,
    /// γ: of the price.
    pub cost: f64,
    /// δ: of the penalty.
    pub penalty: f64,
}

impl ScoreWeights {
    /// Balanced.
    pub const BALANCED: Self = Self { latency: 0.3, errors: 0.3, cost: 0.2, penalty: 0.2 };
    /// Mostly latency.
    pub const LATENCY_FIRST: Self = Self { latency: 0.6, errors: 0.2, cost: 0.1, penalty: 0.1 };
    /// Mostly price.
    pub const COST_FIRST: Self = Self { latency: 0.2, errors: 0.2, cost: 0.5, penalty: 0.1 };
    /// Mostly error rate.
    pub const RELIABILITY_FIRST: Self = Self { latency: 0.2, errors: 0.5, cost: 0.1, penalty: 0.2 };
}

/// A score and its parts before weighting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ScoreParts {
    /// The score.
    pub total: f64,
    /// Latency, from 0 to 1 ([`WORST_LATENCY_MS`] and more).
    pub latency: f64,
    /// Share of failures.
    pub errors: f64,
    /// Price in relation to the most expensive candidate.
    pub cost: f64,
    /// Penalty for recent failures.
    pub penalty: f64,
}

/// The scale of the parts, common to all candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    mean_latency: f64,
    dearest: f64,
    mean_cost: f64,
}

impl Scale {
    /// The scale of these candidates.
    pub fn of<'a>(candidates: impl Iterator<Item = (&'a TargetView, Option<Cost>)>) -> Self {
        let (mut latencies, mut costs) = (Mean::default(), Mean::default());
        let mut dearest = 0.0_f64;
        for (view, cost) in candidates {
            if let Some(part) = latency_part(view) {
                latencies.add(part);
            }
            if let Some(cost) = cost.map(blended) {
                costs.add(cost);
                dearest = dearest.max(cost);
            }
        }
        let mean_cost = costs.get().filter(|_| dearest > 0.0).map(|mean| mean / dearest);
        // Without prices, or if all are free, the price makes no difference.
        let nothing_known = if costs.count > 0.0 { 0.0 } else { UNKNOWN };
        Self {
            mean_latency: latencies.get().unwrap_or(UNKNOWN),
            dearest,
            mean_cost: mean_cost.unwrap_or(nothing_known),
        }
    }

    /// The score of one candidate.
    #[must_use]
    pub fn score(&self, view: &TargetView, cost: Option<Cost>, weights: ScoreWeights) -> ScoreParts {
        let latency = latency_part(view).unwrap_or(self.mean_latency);
        let errors = view.error_rate.unwrap_or(0.0) * view.requests / (view.requests + PRIOR_REQUESTS);
        let cost = match cost.map(blended) {
            Some(cost) if self.dearest > 0.0 => cost / self.dearest,
            Some(_) => 0.0,
            None => self.mean_cost,
        };
        let penalty = view.penalty;
        let total = 1.0
            - weights.latency * latency
            - weights.errors * errors
            - weights.cost * cost
            - weights.penalty * penalty;
        ScoreParts { total, latency, errors, cost, penalty }
    }
}

fn latency_part(view: &TargetView) -> Option<f64> {
    view.p95_ms.map(|p95| (float(p95) / float(WORST_LATENCY_MS)).min(1.0))
}

/// One price: prompts are about three times as long as answers.
fn blended(cost: Cost) -> f64 {
    float(cost.input) * 0.75 + float(cost.output) * 0.25
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn get(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn view(p95_ms: Option<u64>, error_rate: Option<f64>, requests: f64, penalty: f64) -> TargetView {
        TargetView { p95_ms, error_rate, requests, penalty, ..Default::default() }
    }

    #[test]
    fn the_formula() {
        let (fast, slow) = (view(Some(400), Some(0.0), 10.0, 0.0), view(Some(8_000), Some(0.5), 18.0, 0.5));
        let (cheap, dear) = (Cost { input: 100, output: 100 }, Cost { input: 300, output: 700 });
        let scale = Scale::of([(&fast, Some(cheap)), (&slow, Some(dear))].into_iter());
        let fast = scale.score(&fast, Some(cheap), ScoreWeights::BALANCED);
        assert!((fast.total - (1.0 - 0.3 * 0.1 - 0.2 * 0.25)).abs() < 1e-9, "{fast:?}");
        let slow = scale.score(&slow, Some(dear), ScoreWeights::BALANCED);
        assert!((slow.total - (1.0 - 0.3 - 0.3 * 0.45 - 0.2 - 0.2 * 0.5)).abs() < 1e-9, "{slow:?}");
    }

    #[test]
    fn what_is_unknown_is_neutral() {
        let (one, two, new) =
            (view(Some(1_000), None, 0.0, 0.0), view(Some(3_000), None, 0.0, 0.0), TargetView::default());
        let cost = |input| Some(Cost { input, output: 0 });
        let scale = Scale::of([(&one, cost(10)), (&two, cost(30)), (&new, None)].into_iter());
        let parts = scale.score(&new, None, ScoreWeights::BALANCED);
        assert!((parts.latency - 0.5).abs() < 1e-9 && (parts.cost - 2.0 / 3.0).abs() < 1e-9, "{parts:?}");
        let nothing = Scale::of([(&new, None)].into_iter()).score(&new, None, ScoreWeights::BALANCED);
        assert!((nothing.latency - 0.5).abs() < 1e-9 && (nothing.cost - 0.5).abs() < 1e-9);
        let free = Scale::of([(&new, cost(0)), (&new, None)].into_iter());
        assert!(free.score(&new, cost(0), ScoreWeights::BALANCED).cost.abs() < 1e-9);
        assert!(free.score(&new, None, ScoreWeights::BALANCED).cost.abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_score_is_from_0_to_1_and_worse_is_never_better(
            p95 in proptest::option::of(0_u64..100_000), rate in proptest::option::of(0.0_f64..=1.0), requests in 0.0_f64..1e6, penalty in 0.0_f64..=1.0,
        ) {
            let other = view(Some(900), Some(0.1), 50.0, 0.0);
            let this = view(p95, rate, requests, penalty);
            let scale = Scale::of([(&this, None), (&other, None)].into_iter());
            for weights in [ScoreWeights::BALANCED, ScoreWeights::LATENCY_FIRST, ScoreWeights::COST_FIRST, ScoreWeights::RELIABILITY_FIRST] {
                let total = scale.score(&this, None, weights).total;
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&total));
                let worse = view(p95.map(|p95| p95 + 500), rate.map(|rate| (rate + 0.1).min(1.0)), requests, (penalty + 0.1).min(1.0));
                prop_assert!(scale.score(&worse, None, weights).total <= total + 1e-9);
            }
        }
    }
}
