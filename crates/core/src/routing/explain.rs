//! Explanations of routing: the answers to `POST /routing/decide` and `GET /logical-models/{name}/upstreams`.

use serde::Serialize;

use super::candidate_facts::{Capabilities, Needs};
use super::health::{HealthRegistry, TargetView};
use super::planner::Considered;
use super::resolve::{Choice, Stage};
use super::route::PlannedStage;
use super::score::ScoreParts;
use crate::catalog::strategy::Strategy;
use crate::input;
use crate::input::Patch;
use crate::input::{Rule, boolean, integer_u32, one_of, text, texts};

input! {
    /// The request that a routing decision is to be explained for.
    pub struct DecideInput {
        /// The model as a caller would write it: a logical model, a model of a provider, `provider/model`.
        pub logical_model: String = text(1..=200).required(),
        /// A strategy instead of the configured one.
        pub strategy: Strategy = one_of(Strategy::NAMES),
        /// Where upstreams are preferred.
        pub preferred_region: String = text(1..=50),
        /// Names of providers that are left out.
        pub exclude_providers: Vec<String> = texts(1..=100),
        /// The API key, by its id, that asks; without it all models and public providers may be used.
        pub key_id: String = text(1..=200),
        /// The session whose request it is: it may be bound to an upstream. Needs `key_id`.
        pub session_id: String = text(1..=300),
        /// Whether the request contains images.
        pub vision: bool = boolean(),
        /// Whether it contains audio.
        pub audio_input: bool = boolean(),
        /// Whether it contains tools.
        pub tools: bool = boolean(),
        /// Whether it needs an answer by a JSON schema.
        pub json_schema: bool = boolean(),
        /// Whether it needs a reasoning model.
        pub reasoning: bool = boolean(),
        /// Tokens of its prompt.
        pub prompt_tokens: u32 = integer_u32(0..=100_000_000),
        /// Its limit on tokens of the answer.
        pub output_tokens: u32 = integer_u32(0..=100_000_000),
        /// Also routes so many requests of this kind, without sending them: `simulated` in the answer.
        pub simulate: u32 = integer_u32(1..=10_000),
        /// The user, or owner of keys, whose request it would be; only their own private providers are candidates. Without it, and without
        /// a `key_id`: you.
        pub user_id: String = text(0..=200),
    }
}

/// A plan with its reasons.
///
/// ```json
/// {"logical_model": "smart", "strategy_used": "balanced", "decision_time": 1795200203000,
///  "selected_upstream": {"provider": "openai", "provider_id": 2, "model": "gpt-5"}, "alternative_upstreams": [],
///  "reasoning": "…", "all_candidates": [{"provider": "openai", "provider_id": 2, "model": "gpt-5",
///  "logical_model": "smart", "position": 1, "kept": true, "weight": 100, "priority": 0}]}
/// ```
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Explanation<'a> {
    logical_model: &'a str,
    strategy_used: Strategy,
    /// Milliseconds since the epoch.
    decision_time: u64,
    selected_upstream: Option<UpstreamView<'a>>,
    alternative_upstreams: Vec<UpstreamView<'a>>,
    reasoning: String,
    all_candidates: Vec<CandidateView<'a>>,
    /// Which upstreams would be asked first, if a simulation was asked for; those that none would ask first are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Vec<SimulatedView<'a>>>,
}

impl DecideInput {
    /// What the request needs.
    #[must_use]
    pub fn needs(&self) -> Needs<'_> {
        let is_set = |given: &Patch<bool>| given.as_set() == Some(&true);
        Needs {
            vision: is_set(&self.vision),
            audio_input: is_set(&self.audio_input),
            tools: is_set(&self.tools),
            json_schema: is_set(&self.json_schema),
            reasoning: is_set(&self.reasoning),
            prompt_tokens: self.prompt_tokens.as_set().copied().unwrap_or_default(),
            output_tokens: self.output_tokens.as_set().copied(),
            native_only: false,
            preferred_region: self.preferred_region.as_set().map(String::as_str),
        }
    }
}

/// A candidate of the plan.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UpstreamView<'a> {
    provider: &'a str,
    provider_id: i64,
    model: &'a str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct CandidateView<'a> {
    #[serde(flatten)]
    upstream: UpstreamView<'a>,
    /// The model under whose name it was found: the requested one, or a fallback.
    logical_model: &'a str,
    /// Its position in the order of attempts, from 1.
    position: Option<usize>,
    kept: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
    weight: u32,
    priority: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreParts>,
    metrics: TargetView,
}

/// Describes planned stages.
#[must_use]
pub fn explain<'a>(
    logical_model: &'a str,
    planned: &'a [PlannedStage<'a>],
    registry: &HealthRegistry,
    now_ms: u64,
) -> Explanation<'a> {
    let order: Vec<UpstreamView<'a>> = planned
        .iter()
        .flat_map(|stage| stage.order.iter().filter_map(|index| stage.stage.choices.get(*index)))
        .map(UpstreamView::of)
        .collect();
    let mut all_candidates = Vec::new();
    let mut before = 0;
    for stage in planned {
        for (choice, one) in stage.stage.choices.iter().zip(&stage.considered) {
            let place = stage.order.iter().position(|index| *index == one.index);
            all_candidates.push(candidate(
                stage,
                choice,
                one,
                place.map(|place| before + place + 1),
                registry,
                now_ms,
            ));
        }
        before += stage.order.len();
    }
    let strategy = planned.first().map_or(Strategy::default(), |stage| stage.strategy);
    Explanation {
        logical_model,
        strategy_used: strategy,
        decision_time: now_ms,
        reasoning: reasoning(planned, &order, strategy),
        selected_upstream: order.first().cloned(),
        alternative_upstreams: order.into_iter().skip(1).collect(),
        all_candidates,
        simulated: None,
    }
}

fn candidate<'a>(
    stage: &PlannedStage<'a>,
    choice: &'a Choice,
    one: &Considered,
    position: Option<usize>,
    registry: &HealthRegistry,
    now_ms: u64,
) -> CandidateView<'a> {
    CandidateView {
        upstream: UpstreamView::of(choice),
        logical_model: &stage.stage.model,
        position,
        kept: one.kept,
        reason: one.reason.map(super::filter::SkipReason::word),
        until_ms: one.until_ms,
        weight: choice.weight,
        priority: choice.tier,
        score: one.score,
        metrics: metrics(choice, registry, now_ms),
    }
}

fn reasoning(planned: &[PlannedStage<'_>], order: &[UpstreamView<'_>], strategy: Strategy) -> String {
    let considered: usize = planned.iter().map(|stage| stage.considered.len()).sum();
    let Some(first) = order.first() else {
        return format!("None of {considered} candidates can be asked.");
    };
    let last_resort = planned.iter().all(|stage| stage.usable == 0);
    let how = if last_resort { "the least bad, as all are unhealthy" } else { strategy.name() };
    format!(
        "{} of {considered} candidates can be asked; `{}` goes first ({how}).",
        order.len(),
        first.provider
    )
}

/// An upstream of a model, with its health.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UpstreamRow<'a> {
    #[serde(flatten)]
    upstream: UpstreamView<'a>,
    kind: crate::catalog::ProviderKind,
    enabled: bool,
    status: super::candidate_facts::OperationStatus,
    region: Option<&'a str>,
    weight: u32,
    priority: u8,
    capabilities: Capabilities,
    metrics: TargetView,
}

/// The upstreams of a stage.
#[must_use]
pub fn upstreams<'a>(stage: &'a Stage, registry: &HealthRegistry, now_ms: u64) -> Vec<UpstreamRow<'a>> {
    let row = |choice: &'a Choice| UpstreamRow {
        upstream: UpstreamView::of(choice),
        kind: choice.candidate.upstream.record.kind,
        enabled: choice.enabled,
        status: choice.candidate.upstream.record.status,
        region: choice.region.as_deref(),
        weight: choice.weight,
        priority: choice.tier,
        capabilities: choice.capabilities,
        metrics: metrics(choice, registry, now_ms),
    };
    stage.choices.iter().map(row).collect()
}

fn metrics(choice: &Choice, registry: &HealthRegistry, now_ms: u64) -> TargetView {
    registry.view_of_model(&choice.candidate.upstream.record.uid, &choice.candidate.target, now_ms)
}

/// How many of the simulated requests would ask an upstream first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SimulatedView<'a> {
    #[serde(flatten)]
    upstream: UpstreamView<'a>,
    /// Requests.
    pub count: u32,
    /// Their part of all, from 0 to 1.
    pub share: f64,
}

impl<'a> SimulatedView<'a> {
    /// The row of a candidate.
    #[must_use]
    pub fn of(choice: &'a Choice, count: u32, share: f64) -> Self {
        Self { upstream: UpstreamView::of(choice), count, share }
    }
}

impl<'a> UpstreamView<'a> {
    fn of(choice: &'a Choice) -> Self {
        let record = &choice.candidate.upstream.record;
        Self { provider: &record.name, provider_id: record.id, model: &choice.candidate.upstream_model }
    }
}
