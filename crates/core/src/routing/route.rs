//! The route of one request: the candidates in order, and the limits of failover.

use std::sync::Arc;

use super::candidate::Candidate;
use super::candidate_facts::{CandidateFacts, Needs};
use super::filter::SkipReason;
use super::health::HealthRegistry;
use super::planner::{self, Considered, Decision, Question};
use super::resolve::{Choice, Stage};
use super::upstream::Upstream;
use super::walk::Walk;
use crate::catalog::LogicalModelRecord;
use crate::catalog::strategy::Strategy;
use crate::dialect::caller::CallerDialect;
use crate::error::{ApiError, ErrorKind};

/// Default time within which an answer must have begun, over all attempts, in milliseconds.
pub const DEFAULT_DEADLINE_MS: u64 = 600_000;
/// Default number of attempts.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 4;

/// The candidates, best first.
#[derive(Debug, Clone)]
pub struct Route {
    /// The candidates; at least one.
    pub candidates: Vec<Candidate>,
    /// Number of healthy candidates at the front of the list; the others are last resorts.
    pub usable: usize,
    /// Most attempts. If it exceeds the number of candidates, the list is walked again.
    pub max_attempts: u32,
    /// Milliseconds until an answer must have begun.
    pub deadline_ms: u64,
    /// Milliseconds without a first token after which the next candidate is asked as well (a hedged request).
    pub hedge_after_ms: Option<u64>,
    /// Id of the key that the session is bound to, if the first candidate is the one that it is bound to.
    pub sticky_key: Option<String>,
    /// The requested logical model, if it is configured.
    pub logical: Option<Arc<LogicalModelRecord>>,
}

impl Route {
    /// The walk through the candidates.
    #[must_use]
    pub fn walk(&self) -> Walk {
        let order = (0..self.candidates.len()).collect();
        Walk::new(&Decision { order, usable: self.usable, ..Decision::default() }, self.max_attempts)
    }

    /// Leaves out the candidates that `is_wanted` refuses; false if none would be left, and then nothing changes.
    pub fn keep(&mut self, is_wanted: impl Fn(&Candidate) -> bool) -> bool {
        if !self.candidates.iter().any(&is_wanted) {
            return false;
        }
        let usable =
            self.candidates.iter().take(self.usable).filter(|candidate| is_wanted(candidate)).count();
        if !self.candidates.first().is_some_and(&is_wanted) {
            self.sticky_key = None;
        }
        self.candidates.retain(&is_wanted);
        self.usable = usable;
        true
    }

    /// Whether sessions are bound to the upstream that answers: there is a choice, and the logical model is `sticky`.
    #[must_use]
    pub fn binds_sessions(&self) -> bool {
        self.candidates.len() > 1 && self.logical.as_ref().is_none_or(|logical| logical.sticky)
    }
}

/// Options of a route besides the stages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Preference<'a> {
    /// The caller's dialect.
    pub caller_dialect: Option<CallerDialect>,
    /// The request's strategy, which overrides the logical model's.
    pub strategy: Option<Strategy>,
    /// Name of the candidate in the health registry that the session is bound to.
    pub sticky: Option<&'a str>,
    /// Names of excluded providers.
    pub excluded_providers: &'a [String],
    /// Number of the request, for round robin.
    pub counter: u64,
    /// Whether all scores are needed.
    pub explain: bool,
}

/// A stage with the planner's decision.
#[derive(Debug)]
pub struct PlannedStage<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// The strategy that was used.
    pub strategy: Strategy,
    /// Positions of the choices to try, best first.
    pub order: Vec<usize>,
    /// See [`planner::Decision::usable`].
    pub usable: usize,
    /// The decision on each choice.
    pub considered: Vec<Considered>,
}

/// Plans every stage.
pub fn plan_stages<'a>(
    stages: &'a [Stage],
    needs: &Needs<'_>,
    preference: &Preference<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
    rng: &mut dyn FnMut() -> f64,
) -> Vec<PlannedStage<'a>> {
    let caller_dialect = preference.caller_dialect.unwrap_or(CallerDialect::OpenaiChat);
    stages
        .iter()
        .map(|stage| {
            let facts: Vec<CandidateFacts<'_>> = stage
                .choices
                .iter()
                .map(|choice| facts_of(choice, caller_dialect, preference, registry, now_ms))
                .collect();
            let strategy = preference.strategy.unwrap_or_else(|| stage.strategy());
            let question = Question {
                needs: *needs,
                strategy,
                sticky: preference.sticky,
                counter: preference.counter,
                explain: preference.explain,
            };
            let decision = planner::plan(&facts, &question, registry, now_ms, rng);
            let Decision { order, usable, considered, .. } = decision;
            PlannedStage { stage, strategy, order, usable, considered }
        })
        .collect()
}

fn facts_of<'a>(
    choice: &'a Choice,
    caller_dialect: CallerDialect,
    preference: &Preference<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
) -> CandidateFacts<'a> {
    let upstream = &choice.candidate.upstream;
    let name = &upstream.record.name;
    CandidateFacts {
        excluded: preference.excluded_providers.iter().any(|excluded| excluded.eq_ignore_ascii_case(name)),
        keys_blocked_until_ms: keys_blocked_until_ms(upstream, registry, now_ms),
        ..choice.facts(caller_dialect)
    }
}

/// Until when no key of the upstream should be used, in milliseconds since the epoch; `None` if one can.
fn keys_blocked_until_ms(upstream: &Upstream, registry: &HealthRegistry, now_ms: u64) -> Option<u64> {
    let blocked: Option<Vec<u64>> =
        upstream.keys.iter().map(|key| registry.blocked_until_ms(&key.target, now_ms)).collect();
    blocked?.into_iter().min()
}

/// The route through planned stages. The error says why no candidate can serve the request.
pub fn route(planned: &[PlannedStage<'_>]) -> Result<Route, ApiError> {
    let candidate = |stage: &PlannedStage<'_>, index: &usize| {
        stage.stage.choices.get(*index).map(|choice| choice.candidate.clone())
    };
    let well = planned
        .iter()
        .flat_map(|stage| stage.order.iter().take(stage.usable).map(move |index| (stage, index)));
    let mut candidates: Vec<Candidate> = well.filter_map(|(stage, index)| candidate(stage, index)).collect();
    let usable = candidates.len();
    // Last resorts of one stage come after the healthy candidates of all stages.
    let sick = planned
        .iter()
        .flat_map(|stage| stage.order.iter().skip(stage.usable).map(move |index| (stage, index)));
    candidates.extend(sick.filter_map(|(stage, index)| candidate(stage, index)));
    if candidates.is_empty() {
        return Err(why_none(planned));
    }
    let logical = planned.first().and_then(|stage| stage.stage.logical.clone());
    let configured = logical.as_deref();
    // A provider may be tried once with each of its keys.
    let ways: usize = candidates.iter().map(|candidate| candidate.upstream.keys.len().max(1)).sum();
    let ways = u32::try_from(ways).unwrap_or(u32::MAX);
    Ok(Route {
        max_attempts: configured
            .and_then(|logical| logical.max_attempts)
            .unwrap_or_else(|| ways.min(DEFAULT_MAX_ATTEMPTS)),
        deadline_ms: configured
            .and_then(|logical| logical.deadline_ms)
            .map_or(DEFAULT_DEADLINE_MS, u64::from),
        hedge_after_ms: configured.and_then(|logical| logical.hedge_after_ms).map(u64::from),
        candidates,
        usable,
        sticky_key: None,
        logical,
    })
}

/// The error if no candidate can be tried, from the stage of the requested model.
fn why_none(planned: &[PlannedStage<'_>]) -> ApiError {
    let reasons: Vec<SkipReason> = planned
        .first()
        .map(|stage| stage.considered.iter().filter_map(|one| one.reason).collect())
        .unwrap_or_default();
    let lacks = reasons.iter().find(|reason| reason.is_about_capability());
    if let Some(reason) = lacks {
        let message = format!("No provider of this model can serve the request: {}.", reason.described());
        return ApiError::new(400, ErrorKind::InvalidRequest, "unsupported_by_model", message)
            .with_param("model");
    }
    let why = reasons.first().map_or("none is configured", |reason| reason.described());
    ApiError::unavailable("no_upstream_available", format!("No provider of this model can be asked: {why}."))
}
