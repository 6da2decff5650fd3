//! Many requests of one kind, routed as they would be now: where they would go first.
//!
//! Nothing is sent and nothing is counted, so that all of them see the same health of the upstreams. What differs from request to
//! request is chance, and the counter of round robin.

use std::collections::BTreeMap;

use super::candidate_facts::Needs;
use super::explain::SimulatedView;
use super::health::HealthRegistry;
use super::resolve::{Choice, Stage};
use super::route::{Preference, plan_stages};

/// Routes `times` requests. The most asked upstream comes first; requests that none could answer are in no row.
pub fn simulate<'a>(
    stages: &'a [Stage],
    needs: &Needs<'_>,
    preference: &Preference<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
    times: u32,
    random: &mut dyn FnMut() -> f64,
) -> Vec<SimulatedView<'a>> {
    let mut counts: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for turn in 0..times {
        let preference =
            Preference { counter: preference.counter + u64::from(turn), explain: false, ..*preference };
        let planned = plan_stages(stages, needs, &preference, registry, now_ms, random);
        let usable = planned.iter().enumerate().find_map(|(at, stage)| {
            let is_usable = stage.usable > 0;
            stage.order.first().filter(|_| is_usable).map(|index| (at, *index))
        });
        let last_resort = || {
            planned.iter().enumerate().find_map(|(at, stage)| stage.order.first().map(|index| (at, *index)))
        };
        if let Some(first) = usable.or_else(last_resort) {
            *counts.entry(first).or_default() += 1;
        }
    }
    let row = |((at, index), count): ((usize, usize), u32)| {
        let choice: &Choice = stages.get(at)?.choices.get(index)?;
        let share = f64::from(count) / f64::from(times.max(1));
        Some(SimulatedView::of(choice, count, share))
    };
    let mut rows: Vec<SimulatedView<'a>> = counts.into_iter().filter_map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}
