//! The order of attempts among usable candidates.

use super::score::ScoreWeights;
use crate::catalog::strategy::Strategy;

/// How close to the best score a candidate must be to share the traffic with it, for strategies with balanced weights
/// …
const BALANCED_MARGIN: f64 = 0.15;
/// … and for strategies with one dominant weight.
const FOCUSED_MARGIN: f64 = 0.05;
/// The least weight of a score in the draw among the best.
const LEAST_SCORE: f64 = 0.01;

/// The weights of the score; `None` if the strategy does not use it.
pub(super) fn score_weights(strategy: Strategy) -> Option<ScoreWeights> {
    match strategy {
        Strategy::Balanced => Some(ScoreWeights::BALANCED),
        Strategy::LatencyFirst => Some(ScoreWeights::LATENCY_FIRST),
        Strategy::CostFirst => Some(ScoreWeights::COST_FIRST),
        Strategy::ReliabilityFirst => Some(ScoreWeights::RELIABILITY_FIRST),
        Strategy::Weighted | Strategy::RoundRobin | Strategy::LeastBusy | Strategy::Ordered => None,
    }
}

fn margin(strategy: Strategy) -> f64 {
    if strategy == Strategy::Balanced { BALANCED_MARGIN } else { FOCUSED_MARGIN }
}

/// Sorts the candidates of one tier into the order of attempts. They come in configured order; `counter` is the
/// number of the request, for round robin.
pub(super) fn arrange(
    strategy: Strategy,
    group: &mut [Contender],
    counter: u64,
    rng: &mut dyn FnMut() -> f64,
) {
    if group.len() < 2 {
        return;
    }
    group.sort_by_key(|one| one.weight == 0);
    order_regulars(strategy, group, counter, rng);
    if strategy != Strategy::Ordered {
        group.sort_by_key(|one| !(one.probe_is_due && one.weight > 0));
    }
}

fn order_regulars(strategy: Strategy, group: &mut [Contender], counter: u64, rng: &mut dyn FnMut() -> f64) {
    let standbys = group.iter().filter(|one| one.weight == 0).count();
    let regular = group.len() - standbys;
    let (group, standby) = group.split_at_mut(regular);
    match strategy {
        Strategy::Ordered => {}
        Strategy::RoundRobin => {
            if let Some(turn) = counter.checked_rem(group.len() as u64) {
                group.rotate_left(usize::try_from(turn).unwrap_or(0));
            }
        }
        Strategy::Weighted => shuffle_by_weight(group, rng, |one| f64::from(one.weight)),
        Strategy::LeastBusy => {
            shuffle_by_weight(group, rng, |one| f64::from(one.weight));
            group.sort_by(|a, b| busyness(a).total_cmp(&busyness(b)));
        }
        Strategy::Balanced | Strategy::LatencyFirst | Strategy::CostFirst | Strategy::ReliabilityFirst => {
            by_score(group);
            by_score(standby);
            let best = group.first().map_or(0.0, |one| one.score);
            let top = group.iter().take_while(|one| one.score >= best - margin(strategy)).count();
            if let Some(top) = group.get_mut(..top) {
                draw_first(top, rng);
            }
        }
    }
}

/// A candidate in the draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contender {
    pub index: usize,
    pub weight: u32,
    pub score: f64,
    pub in_flight: u32,
    /// Its circuit waits for a trial. It then goes first: only one request at a time can be the trial, and the others
    /// skip it.
    pub probe_is_due: bool,
}

fn busyness(one: &Contender) -> f64 {
    f64::from(one.in_flight) / f64::from(one.weight.max(1))
}

fn by_score(group: &mut [Contender]) {
    group.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// Draws one by weight and score and moves it to the front; the others keep their order.
fn draw_first(top: &mut [Contender], rng: &mut dyn FnMut() -> f64) {
    let share = |one: &Contender| f64::from(one.weight) * one.score.max(LEAST_SCORE);
    if top.len() < 2 {
        return;
    }
    let mut left = rng() * top.iter().map(share).sum::<f64>();
    let drawn = top.iter().position(|one| {
        left -= share(one);
        left < 0.0
    });
    if let Some(head) = drawn.and_then(|drawn| top.get_mut(..=drawn)) {
        head.rotate_right(1);
    }
}

/// A random order in which every next one is drawn by weight among those that are left (Efraimidis, Spirakis, 2006).
fn shuffle_by_weight(
    group: &mut [Contender],
    rng: &mut dyn FnMut() -> f64,
    weight: impl Fn(&Contender) -> f64,
) {
    // The time of the first event of a Poisson process with this rate, smallest first. The field `score` is unused
    // here and holds it.
    for one in group.iter_mut() {
        one.score = -(1.0 - rng()).ln() / weight(one).max(f64::MIN_POSITIVE);
    }
    group.sort_by(|a, b| a.score.total_cmp(&b.score));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::random::seeded;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn contenders(spec: &[(u32, f64, u32)]) -> Vec<Contender> {
        spec.iter()
            .enumerate()
            .map(|(index, (weight, score, in_flight))| Contender {
                index,
                weight: *weight,
                score: *score,
                in_flight: *in_flight,
                probe_is_due: false,
            })
            .collect()
    }

    fn order(
        strategy: Strategy,
        spec: &[(u32, f64, u32)],
        counter: u64,
        rng: &mut dyn FnMut() -> f64,
    ) -> Vec<usize> {
        let mut group = contenders(spec);
        arrange(strategy, &mut group, counter, rng);
        group.iter().map(|one| one.index).collect()
    }

    /// How often each of four comes first in 100,000 draws, as shares.
    fn shares(strategy: Strategy, spec: &[(u32, f64, u32)]) -> Vec<f64> {
        let mut counts = vec![0_u32; spec.len()];
        let mut rng = seeded(7);
        for counter in 0..100_000 {
            counts[order(strategy, spec, counter, &mut rng)[0]] += 1;
        }
        counts.into_iter().map(|count| f64::from(count) / 100_000.0).collect()
    }

    fn close(got: &[f64], want: &[f64]) {
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 0.01, "{got} instead of {want}");
        }
    }

    #[test]
    fn shares_follow_weights() {
        let spec = [(1, 0.0, 0), (2, 0.9, 0), (7, 0.1, 0), (0, 1.0, 0)];
        close(&shares(Strategy::Weighted, &spec), &[0.1, 0.2, 0.7, 0.0]);
        let even = [(1, 0.8, 0), (2, 0.8, 0), (7, 0.8, 0), (0, 1.0, 0)];
        for strategy in
            [Strategy::Balanced, Strategy::LatencyFirst, Strategy::CostFirst, Strategy::ReliabilityFirst]
        {
            close(&shares(strategy, &even), &[0.1, 0.2, 0.7, 0.0]);
        }
        close(&shares(Strategy::RoundRobin, &even), &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]);
        close(&shares(Strategy::LeastBusy, &even), &[0.1, 0.2, 0.7, 0.0]);
    }

    #[test]
    fn only_the_best_share_and_the_rest_follow_by_score() {
        let spec = [(1, 0.4, 0), (1, 0.9, 0), (1, 0.5, 0), (1, 0.8, 0)];
        let mut rng = seeded(3);
        for _ in 0..100 {
            let order = order(Strategy::Balanced, &spec, 0, &mut rng);
            assert!(order[..2] == [1, 3] || order[..2] == [3, 1], "{order:?}");
            assert_eq!(order[2..], [2, 0]);
        }
        assert_eq!(order(Strategy::CostFirst, &spec, 0, &mut rng), [1, 3, 2, 0]);
    }

    #[test]
    fn turns_order_and_load() {
        let spec = [(1, 0.0, 4), (2, 0.0, 4), (4, 0.0, 20)];
        let mut rng = seeded(3);
        assert_eq!(order(Strategy::RoundRobin, &spec, 4, &mut rng), [1, 2, 0]);
        assert_eq!(order(Strategy::Ordered, &spec, 4, &mut rng), [0, 1, 2]);
        assert_eq!(order(Strategy::LeastBusy, &spec, 4, &mut rng), [1, 0, 2]);
        assert_eq!(order(Strategy::RoundRobin, &[(0, 0.0, 0), (0, 0.0, 0)], 1, &mut rng), [0, 1]);
    }

    #[test]
    fn names_go_both_ways() {
        for (name, strategy) in Strategy::NAMES {
            assert_eq!((Strategy::parse(name), strategy.name()), (Some(*strategy), *name));
            assert_eq!(serde_json::to_string(strategy).unwrap(), format!("\"{name}\""));
        }
        assert_eq!(Strategy::parse("fastest"), None);
    }

    proptest! {
        #[test]
        fn every_order_is_a_permutation_with_standbys_last(
            spec in proptest::collection::vec((0_u32..5, -1.0_f64..2.0, 0_u32..9), 0..12), kind in 0_usize..8, counter in any::<u64>(), seed in any::<u64>(),
        ) {
            let order = order(Strategy::NAMES[kind].1, &spec, counter, &mut seeded(seed));
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..spec.len()).collect::<Vec<_>>());
            prop_assert!(order.is_sorted_by_key(|index| spec[*index].0 == 0));
        }
    }
}
