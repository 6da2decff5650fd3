//! The route of one request: whom to ask, in which order, and how long to go on.

use std::sync::Arc;

use super::candidate::Candidate;
use super::candidate_facts::{CandidateFacts, Needs};
use super::filter::SkipReason;
use super::health::Board;
use super::planner::{self, Considered, Decision, Question};
use super::resolve::{Choice, Stage};
use super::walk::Walk;
use crate::catalog::LogicalModelRecord;
use crate::catalog::strategy::Strategy;
use crate::dialect::face::Face;
use crate::error::{ApiError, ErrorType};
use crate::provider::Upstream;

/// Milliseconds that a request with all its attempts may take until an answer begins, unless configured otherwise.
pub const DEFAULT_DEADLINE_MS: u64 = 600_000;
/// Most upstreams that one request asks, unless configured otherwise.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 4;

/// Whom to ask, best first.
#[derive(Debug, Clone)]
pub struct Route {
    /// The candidates; at least one.
    pub candidates: Vec<Candidate>,
    /// So many of them, from the first, are well; the others are asked when all else has failed.
    pub usable: usize,
    /// Most attempts. More than there are candidates: the list is begun anew.
    pub max_attempts: u32,
    /// Milliseconds until an answer must have begun.
    pub deadline_ms: u64,
    /// Milliseconds without a first word after which the next candidate is asked beside the one before.
    pub hedge_after_ms: Option<u64>,
    /// The key that the session is bound to, by its id, if the first candidate is the one it is bound to.
    pub sticky_key: Option<String>,
    /// The logical model that was asked for, if it is configured.
    pub logical: Option<Arc<LogicalModelRecord>>,
}

impl Route {
    /// The way through the candidates.
    #[must_use]
    pub fn walk(&self) -> Walk {
        let order = (0..self.candidates.len()).collect();
        Walk::new(&Decision { order, usable: self.usable, ..Decision::default() }, self.max_attempts)
    }

    /// Whether sessions are to go on with whoever answered them: there is a choice, and the logical model wants it.
    #[must_use]
    pub fn binds_sessions(&self) -> bool {
        self.candidates.len() > 1 && self.logical.as_ref().is_none_or(|logical| logical.sticky)
    }
}

/// How a route is chosen, besides what the stages say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Preference<'a> {
    /// The caller's dialect.
    pub face: Option<Face>,
    /// Before that of the logical model.
    pub strategy: Option<Strategy>,
    /// The candidate that the session is bound to, by its name on the health board.
    pub sticky: Option<&'a str>,
    /// Names of providers that must not be asked.
    pub excluded_providers: &'a [String],
    /// Number of the request, for taking turns.
    pub counter: u64,
    /// Whether every score is wanted.
    pub explain: bool,
}

/// A stage with what was decided about it.
#[derive(Debug)]
pub struct PlannedStage<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// How its candidates were ordered.
    pub strategy: Strategy,
    /// Positions of the choices to try, best first.
    pub order: Vec<usize>,
    /// See [`planner::Decision::usable`].
    pub usable: usize,
    /// What became of each choice.
    pub considered: Vec<Considered>,
}

/// Decides about every stage.
pub fn plan_stages<'a>(
    stages: &'a [Stage],
    needs: &Needs<'_>,
    preference: &Preference<'_>,
    board: &Board,
    now_ms: u64,
    rng: &mut dyn FnMut() -> f64,
) -> Vec<PlannedStage<'a>> {
    let face = preference.face.unwrap_or(Face::OpenaiChat);
    stages
        .iter()
        .map(|stage| {
            let facts: Vec<CandidateFacts<'_>> = stage
                .choices
                .iter()
                .map(|choice| facts_of(choice, face, preference, board, now_ms))
                .collect();
            let strategy = preference.strategy.unwrap_or_else(|| stage.strategy());
            let question = Question {
                needs: *needs,
                strategy,
                sticky: preference.sticky,
                counter: preference.counter,
                explain: preference.explain,
            };
            let decision = planner::plan(&facts, &question, board, now_ms, rng);
            let Decision { order, usable, considered, .. } = decision;
            PlannedStage { stage, strategy, order, usable, considered }
        })
        .collect()
}

fn facts_of<'a>(
    choice: &'a Choice,
    face: Face,
    preference: &Preference<'_>,
    board: &Board,
    now_ms: u64,
) -> CandidateFacts<'a> {
    let upstream = &choice.candidate.upstream;
    let name = &upstream.record.name;
    CandidateFacts {
        excluded: preference.excluded_providers.iter().any(|excluded| excluded.eq_ignore_ascii_case(name)),
        keys_blocked_until_ms: keys_blocked_until_ms(upstream, board, now_ms),
        ..choice.facts(face)
    }
}

/// Until when none of the upstream's keys had better be used, in milliseconds since the epoch; `None` if one can.
fn keys_blocked_until_ms(upstream: &Upstream, board: &Board, now_ms: u64) -> Option<u64> {
    let blocked: Option<Vec<u64>> =
        upstream.keys.iter().map(|key| board.blocked_until_ms(&key.target, now_ms)).collect();
    blocked?.into_iter().min()
}

/// The route through planned stages. The error says why nothing can serve the request.
pub fn route(planned: &[PlannedStage<'_>]) -> Result<Route, ApiError> {
    let candidate = |stage: &PlannedStage<'_>, index: &usize| {
        stage.stage.choices.get(*index).map(|choice| choice.candidate.clone())
    };
    let well = planned
        .iter()
        .flat_map(|stage| stage.order.iter().take(stage.usable).map(move |index| (stage, index)));
    let mut candidates: Vec<Candidate> = well.filter_map(|(stage, index)| candidate(stage, index)).collect();
    let usable = candidates.len();
    // The sick of one stage come after the well of all others.
    let sick = planned
        .iter()
        .flat_map(|stage| stage.order.iter().skip(stage.usable).map(move |index| (stage, index)));
    candidates.extend(sick.filter_map(|(stage, index)| candidate(stage, index)));
    if candidates.is_empty() {
        return Err(why_none(planned));
    }
    let logical = planned.first().and_then(|stage| stage.stage.logical.clone());
    let configured = logical.as_deref();
    // A provider may be asked once with each of its keys.
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

/// Why none of the candidates can be asked, from the stage of the model that was asked for.
fn why_none(planned: &[PlannedStage<'_>]) -> ApiError {
    let reasons: Vec<SkipReason> = planned
        .first()
        .map(|stage| stage.considered.iter().filter_map(|one| one.reason).collect())
        .unwrap_or_default();
    let lacks = reasons.iter().find(|reason| reason.is_about_capability());
    if let Some(reason) = lacks {
        let message = format!("No provider of this model can serve the request: {}.", reason.described());
        return ApiError::new(400, ErrorType::InvalidRequestError, "unsupported_by_model", message)
            .with_param("model");
    }
    let why = reasons.first().map_or("none is configured", |reason| reason.described());
    ApiError::unavailable("no_upstream_available", format!("No provider of this model can be asked: {why}."))
}
