//! The plan: which candidates are tried, in which order, and why.
//!
//! 1. Candidates that cannot serve the request are left out ([`super::filter`]).
//! 2. Usable ones are ordered by priority tier, then by preferred region, then by the strategy. A candidate whose
//!    circuit waits for a trial leads its group, or it would be tried only when the others fail; unless another isolate
//!    is about to try it: then it goes after all tiers.
//! 3. The candidate that a session is bound to goes first if it is usable.
//! 4. Candidates with an open circuit follow as last resorts: an attempt at them is better than an error.
//! 5. Candidates that are cooling down are not asked, unless no other candidate is left. Then the plan consists of
//!    them, and says until when ([`Decision::resting_until_ms`]), so that the caller may be told instead.

use serde::Serialize;

use super::candidate_facts::{CandidateFacts, Needs};
use super::filter::{self, SkipReason};
use super::health::{HealthRegistry, ProbeTurn, TargetView};
use super::score::{Scale, ScoreParts, ScoreWeights};
use super::strategy::{self, Contender};
use crate::catalog::strategy::Strategy;

/// The input of the planner, besides the candidates.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// What the request needs.
    pub needs: Needs<'a>,
    /// The strategy for usable candidates.
    pub strategy: Strategy,
    /// The [`CandidateFacts::model`] that the session is bound to.
    pub sticky: Option<&'a str>,
    /// Number of the request, for round robin.
    pub counter: u64,
    /// Whether scores are needed even if the strategy does not use them.
    pub explain: bool,
}

/// The decision on one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Considered {
    /// Its index among the given candidates.
    pub index: usize,
    /// Whether it is in the plan.
    pub kept: bool,
    /// Why it is not in the plan, or why it is only a last resort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<SkipReason>,
    /// Until when that reason holds, if it is temporary, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Its score, if it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<ScoreParts>,
}

/// A plan with its reasons.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Decision {
    /// Indexes of the candidates to try, best first. Empty: none can serve the request.
    pub order: Vec<usize>,
    /// Number of usable ones at the front, which are begun with [`HealthRegistry::begin`]. The rest are last resorts;
    /// they are begun with [`HealthRegistry::begin_last_resort`] when all others have failed.
    pub usable: usize,
    /// If all that can serve the request are cooling down: until when, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resting_until_ms: Option<u64>,
    /// Whether the session's candidate leads.
    pub sticky: bool,
    /// Every candidate, in the order given.
    pub considered: Vec<Considered>,
}

impl Decision {
    /// The reason of the first candidate that has one: the error for the caller when the plan is empty.
    #[must_use]
    pub fn first_reason(&self) -> Option<SkipReason> {
        self.considered.iter().find_map(|one| one.reason)
    }

    /// Whether only last resorts are left.
    #[must_use]
    pub fn is_last_resort(&self) -> bool {
        self.usable == 0 && !self.order.is_empty()
    }
}

/// Makes the plan. `rng` gives numbers in [0, 1).
#[must_use]
pub fn plan(
    candidates: &[CandidateFacts<'_>],
    question: &Question<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
    rng: &mut dyn FnMut() -> f64,
) -> Decision {
    let mut considered: Vec<Considered> = candidates
        .iter()
        .enumerate()
        .map(|(index, facts)| {
            let ruled_out = filter::rule_out(facts, &question.needs);
            Considered { index, kept: ruled_out.is_none(), reason: ruled_out, until_ms: None, score: None }
        })
        .collect();
    if !considered.iter().any(|one| one.kept) {
        // Sizes are estimates: the upstream decides rather than that we refuse.
        for one in &mut considered {
            one.kept = one.reason.is_some_and(SkipReason::is_about_size);
        }
    }
    let mut spared: Vec<usize> = Vec::new();
    let mut asked_to_rest = true;
    for (one, facts) in considered.iter_mut().zip(candidates).filter(|(one, _)| one.kept) {
        if let Some((reason, until_ms)) = filter::spare(facts, registry, now_ms) {
            one.kept = false;
            one.reason = Some(reason);
            one.until_ms = Some(until_ms);
            spared.push(one.index);
            asked_to_rest &= reason.is_rest();
        }
    }
    let mut order = arranged(&mut considered, candidates, question, registry, now_ms, rng);
    let sticky = question.sticky.is_some_and(|bound| lead_with(&mut order, candidates, bound));
    let usable = order.len();
    let mut resting_until_ms = None;
    if !spared.is_empty() {
        let rests = |index: &usize| {
            considered.get(*index).and_then(|one| one.reason).is_some_and(SkipReason::is_rest)
        };
        if usable > 0 {
            spared.retain(|index| !rests(index));
        }
        spared.sort_by_key(|index| {
            let until_ms = considered.get(*index).and_then(|one| one.until_ms);
            let place = candidates.get(*index).map(|facts| (facts.tier, u32::MAX - facts.weight));
            (rests(index), until_ms, place)
        });
        for one in &mut considered {
            one.kept |= spared.contains(&one.index);
        }
        if usable == 0 && asked_to_rest {
            let first = spared.first().and_then(|index| considered.get(*index));
            resting_until_ms = first.and_then(|one| one.until_ms);
        }
        order.append(&mut spared);
    }
    Decision { order, usable, resting_until_ms, sticky, considered }
}

/// The usable candidates by tier, region and strategy.
fn arranged(
    considered: &mut [Considered],
    candidates: &[CandidateFacts<'_>],
    question: &Question<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
    rng: &mut dyn FnMut() -> f64,
) -> Vec<usize> {
    let kept: Vec<usize> = considered.iter().filter(|one| one.kept).map(|one| one.index).collect();
    // A single candidate needs no order: this keeps the usual case cheap.
    if kept.len() < 2 && !question.explain {
        return kept;
    }
    let views = views(&kept, candidates, question, registry, now_ms);
    score(considered, candidates, &views, question);
    let mut contenders: Vec<((bool, u8, bool), Contender)> = views
        .iter()
        .filter_map(|(index, view)| {
            let facts = candidates.get(*index)?;
            let elsewhere =
                question.needs.preferred_region.is_some_and(|region| facts.region != Some(region));
            let score = considered.get(*index)?.score.map_or(0.0, |parts| parts.total);
            let turn =
                registry.probe_turn(facts.provider, now_ms).max(registry.probe_turn(facts.model, now_ms));
            let probe_is_due = turn == ProbeTurn::Ours;
            let is_left_to_others = turn == ProbeTurn::Others;
            let contender = Contender {
                index: *index,
                weight: facts.weight,
                score,
                in_flight: view.in_flight,
                probe_is_due,
            };
            Some(((is_left_to_others, facts.tier, elsewhere), contender))
        })
        .collect();
    contenders.sort_by_key(|(group, _)| *group);
    let mut order = Vec::with_capacity(kept.len());
    let mut arena: Vec<Contender> = Vec::with_capacity(kept.len());
    for group in contenders.chunk_by(|(a, _), (b, _)| a == b) {
        arena.clear();
        arena.extend(group.iter().map(|(_, contender)| *contender));
        strategy::arrange(question.strategy, &mut arena, question.counter, rng);
        order.extend(arena.iter().map(|contender| contender.index));
    }
    order
}

/// The registry's state of each candidate; empty if the strategy does not need it.
fn views(
    kept: &[usize],
    candidates: &[CandidateFacts<'_>],
    question: &Question<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
) -> Vec<(usize, TargetView)> {
    let asks = question.explain
        || strategy::score_weights(question.strategy).is_some()
        || question.strategy == Strategy::LeastBusy;
    let known = kept.iter().filter_map(|index| Some((*index, candidates.get(*index)?)));
    known
        .map(|(index, facts)| {
            let view = if asks {
                registry.view_of_model(facts.provider, facts.model, now_ms)
            } else {
                TargetView::default()
            };
            (index, view)
        })
        .collect()
}

fn score(
    considered: &mut [Considered],
    candidates: &[CandidateFacts<'_>],
    views: &[(usize, TargetView)],
    question: &Question<'_>,
) {
    let weights = match strategy::score_weights(question.strategy) {
        Some(weights) => weights,
        None if question.explain => ScoreWeights::BALANCED,
        None => return,
    };
    let cost = |index: usize| candidates.get(index).and_then(|facts| facts.cost);
    let scale = Scale::of(views.iter().map(|(index, view)| (view, cost(*index))));
    for (index, view) in views {
        if let Some(one) = considered.get_mut(*index) {
            one.score = Some(scale.score(view, cost(*index), weights));
        }
    }
}

/// Moves the candidate with this name to the front, if it is in the plan.
fn lead_with(order: &mut [usize], candidates: &[CandidateFacts<'_>], bound: &str) -> bool {
    let is_bound = |index: &usize| candidates.get(*index).is_some_and(|facts| facts.model == bound);
    let Some(position) = order.iter().position(is_bound) else { return false };
    if let Some(head) = order.get_mut(..=position) {
        head.rotate_right(1);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::candidate_facts::{Capabilities, OperationStatus};
    use crate::routing::health::{Outcome, RegistrySettings};
    use crate::routing::random::seeded;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const NOW: u64 = 1_800_000_000_000;

    fn registry() -> HealthRegistry {
        HealthRegistry::new(RegistrySettings::default(), 1)
    }

    fn facts(provider: &'static str, model: &'static str) -> CandidateFacts<'static> {
        CandidateFacts { provider, model, ..Default::default() }
    }

    fn three() -> [CandidateFacts<'static>; 3] {
        [facts("a", "a/m"), facts("b", "b/m"), facts("c", "c/m")]
    }

    fn kill(registry: &mut HealthRegistry, target: &str, now: u64) {
        for _ in 0..5 {
            registry.note(target, now, Outcome::Failure, None);
        }
    }

    fn ask(candidates: &[CandidateFacts<'_>], question: Question<'_>, registry: &HealthRegistry) -> Decision {
        plan(candidates, &question, registry, NOW, &mut seeded(5))
    }

    const ORDERED: Question<'static> = Question {
        needs: Needs {
            vision: false,
            audio_input: false,
            tools: false,
            json_schema: false,
            reasoning: false,
            prompt_tokens: 0,
            output_tokens: None,
            native_only: false,
            preferred_region: None,
        },
        strategy: Strategy::Ordered,
        sticky: None,
        counter: 0,
        explain: false,
    };

    #[test]
    fn tiers_come_before_everything_and_regions_before_the_strategy() {
        let mut candidates = [facts("a", "a/m"), facts("b", "b/m"), facts("c", "c/m"), facts("d", "d/m")];
        candidates[0].tier = 1;
        candidates[0].region = Some("eu");
        candidates[3].region = Some("eu");
        let eu = Needs { preferred_region: Some("eu"), ..Default::default() };
        assert_eq!(ask(&candidates, ORDERED, &registry()).order, [1, 2, 3, 0]);
        assert_eq!(ask(&candidates, Question { needs: eu, ..ORDERED }, &registry()).order, [3, 1, 2, 0]);
    }

    #[test]
    fn reasons_are_given_for_what_is_left_out() {
        let mut candidates = three();
        candidates[0].operation = OperationStatus::Paused;
        candidates[2].capabilities = Capabilities { vision: Some(false), ..Default::default() };
        let needs = Needs { vision: true, ..Default::default() };
        let decision = ask(&candidates, Question { needs, ..ORDERED }, &registry());
        assert_eq!(decision.order, [1]);
        let reasons: Vec<_> = decision.considered.iter().map(|one| (one.kept, one.reason)).collect();
        assert_eq!(
            reasons,
            [(false, Some(SkipReason::Paused)), (true, None), (false, Some(SkipReason::NoVision))]
        );
        candidates[1].allowed = false;
        let nothing = ask(&candidates, Question { needs, ..ORDERED }, &registry());
        assert!(nothing.order.is_empty() && !nothing.is_last_resort());
        assert_eq!(nothing.first_reason(), Some(SkipReason::Paused));
        assert!(ask(&[], ORDERED, &registry()).order.is_empty());
    }

    #[test]
    fn a_model_that_is_too_small_by_estimate_is_better_than_none() {
        let mut candidates = three();
        for one in &mut candidates {
            one.capabilities.context_tokens = Some(1_000);
        }
        candidates[1].capabilities.context_tokens = Some(10_000);
        let needs = |prompt_tokens| Needs { prompt_tokens, ..Default::default() };
        assert_eq!(ask(&candidates, Question { needs: needs(5_000), ..ORDERED }, &registry()).order, [1]);
        let too_long = ask(&candidates, Question { needs: needs(50_000), ..ORDERED }, &registry());
        assert_eq!(too_long.order, [0, 1, 2]);
        assert_eq!(too_long.considered[0].reason, Some(SkipReason::ContextTooLong));
    }

    #[test]
    fn the_sick_are_asked_last_and_the_resting_only_when_nothing_else_is_left() {
        let mut registry = registry();
        kill(&mut registry, "a", NOW);
        let candidates = three();
        let decision = ask(&candidates, ORDERED, &registry);
        assert_eq!((decision.order, decision.usable), (vec![1, 2, 0], 2));
        assert_eq!(decision.considered[0].reason, Some(SkipReason::CircuitOpen));
        assert!(decision.considered[0].until_ms > Some(NOW));
        let rest = |wait| Outcome::RateLimited { retry_after_ms: Some(wait) };
        registry.note("b/m", NOW, rest(400_000), None);
        let decision = ask(&candidates, ORDERED, &registry);
        assert_eq!((decision.order, decision.usable), (vec![2, 0], 1));
        assert!(!decision.considered[1].kept);
        registry.note("c/m", NOW, rest(40), None);
        let decision = ask(&candidates, ORDERED, &registry);
        assert_eq!((&decision.order, decision.usable), (&vec![0, 2, 1], 0));
        assert!(decision.is_last_resort() && decision.resting_until_ms.is_none());
        assert!(decision.considered.iter().all(|one| one.kept && one.reason.is_some()));
        let resting = ask(&candidates[1..], ORDERED, &registry);
        assert_eq!((resting.order, resting.resting_until_ms), (vec![1, 0], Some(NOW + 40)));
    }

    #[test]
    fn one_candidate_is_the_plan_sick_or_not() {
        let mut registry = registry();
        let one = [facts("a", "a/m")];
        assert_eq!(ask(&one, Question::default(), &registry).order, [0]);
        kill(&mut registry, "a/m", NOW);
        let decision = ask(&one, Question::default(), &registry);
        assert!(decision.is_last_resort() && decision.order == [0]);
    }

    #[test]
    fn who_waits_for_a_probe_leads_its_tier() {
        let mut registry = registry();
        kill(&mut registry, "b/m", NOW - 20_000);
        let mut candidates = three();
        for (_, strategy) in Strategy::NAMES {
            let question = Question { strategy: *strategy, counter: 2, ..Default::default() };
            let first = ask(&candidates, question, &registry).order[0];
            assert_eq!(first == 1, *strategy != Strategy::Ordered, "{strategy:?}");
        }
        candidates[1].tier = 1;
        assert_eq!(ask(&candidates, Question::default(), &registry).order[2], 1);
        candidates[1].tier = 0;
        let probe = registry.begin_all(["b", "b/m"], NOW).unwrap();
        let decision = ask(&candidates, Question::default(), &registry);
        assert_eq!((decision.order[2], decision.usable), (1, 2), "one probe at a time");
        assert!(probe[1].is_probe());
    }

    #[test]
    fn a_bound_session_leads_if_it_can() {
        let mut registry = registry();
        let mut candidates = three();
        candidates[2].tier = 3;
        let bound = Question { sticky: Some("c/m"), ..ORDERED };
        let decision = ask(&candidates, bound, &registry);
        assert_eq!((decision.order, decision.sticky), (vec![2, 0, 1], true));
        kill(&mut registry, "c", NOW);
        let decision = ask(&candidates, bound, &registry);
        assert_eq!((decision.order, decision.sticky), (vec![0, 1, 2], false));
    }

    #[test]
    fn the_strategies_use_the_health_registry() {
        let mut registry = registry();
        for _ in 0..50 {
            registry.note("a/m", NOW, Outcome::Success, Some(3_000));
            registry.note("b/m", NOW, Outcome::Success, Some(100));
        }
        let candidates = &three()[..2];
        let fast = Question { strategy: Strategy::LatencyFirst, ..Default::default() };
        let decision = ask(candidates, fast, &registry);
        assert_eq!(decision.order, [1, 0]);
        assert!(decision.considered[1].score.unwrap().total > decision.considered[0].score.unwrap().total);
        let _busy = registry.begin("b", NOW);
        let idle = Question { strategy: Strategy::LeastBusy, ..Default::default() };
        assert_eq!(ask(candidates, idle, &registry).order, [0, 1]);
        // A plan explains itself in JSON, with scores if requested.
        let explained = ask(candidates, Question { explain: true, ..ORDERED }, &registry);
        let json = serde_json::to_value(&explained).unwrap();
        assert!(json["considered"][0]["score"]["total"].is_f64(), "{json}");
    }

    proptest! {
        #[test]
        fn every_plan_is_sound(
            spec in proptest::collection::vec((0_u8..3, 0_u32..4, any::<bool>(), any::<bool>(), any::<bool>()), 0..8),
            kind in 0_usize..8, seed in any::<u64>(), sticky in any::<bool>(),
        ) {
            const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let mut registry = registry();
            let candidates: Vec<CandidateFacts<'_>> = spec.iter().zip(NAMES).map(|((tier, weight, enabled, sick, _), name)| {
                if *sick {
                    kill(&mut registry, name, NOW);
                }
                CandidateFacts { tier: *tier, weight: *weight, enabled: *enabled, provider: name, model: name, ..Default::default() }
            }).collect();
            let question = Question { strategy: Strategy::NAMES[kind].1, sticky: sticky.then_some("b"), counter: seed, ..Default::default() };
            let decision = plan(&candidates, &question, &registry, NOW, &mut seeded(seed));
            let mut sorted = decision.order.clone();
            sorted.sort_unstable();
            let kept: Vec<usize> = decision.considered.iter().filter(|one| one.kept).map(|one| one.index).collect();
            prop_assert_eq!(&sorted, &kept, "the plan is exactly what was kept");
            let enabled: Vec<usize> = (0..candidates.len()).filter(|index| candidates[*index].enabled).collect();
            prop_assert_eq!(kept.is_empty(), enabled.is_empty(), "a candidate that can be asked is asked in the end");
            prop_assert!(kept.iter().all(|index| enabled.contains(index)));
            let (usable, last) = decision.order.split_at(decision.usable);
            prop_assert!(usable.iter().all(|index| !spec[*index].3));
            prop_assert!(last.iter().all(|index| spec[*index].3));
            prop_assert!(usable[usize::from(decision.sticky)..].is_sorted_by_key(|index| candidates[*index].tier));
        }
    }
}
