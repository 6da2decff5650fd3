//! From a model name to all candidates.
//!
//! A name is looked up, in this order, as
//! 1. a logical model of exactly that name;
//! 2. the name of a provider's model, also without the `vendor/` in front of it (such a match has a lower priority);
//! 3. an address, `provider/model`;
//! 4. a logical model whose name is a pattern that covers it (`qwen-*`); the longest prefix wins.
//!
//! Private providers that the caller does not reach are left out from the beginning, so that a name means what it would mean
//! if they did not exist.
//!
//! The candidates of the name are one stage; those of the fallback models are the stages after it. The planner orders
//! the candidates within a stage.

use std::collections::HashSet;
use std::sync::Arc;

use super::candidate::Candidate;
use super::candidate_facts::{CandidateFacts, Capabilities, Cost, OperationStatus};
use super::offer::Offer;
use super::snapshot::Snapshot;
use super::upstream::Upstream;
use crate::access::Principal;
use crate::catalog::LogicalModelRecord;
use crate::catalog::logical_model::CandidateSpec;
use crate::catalog::strategy::Strategy;
use crate::dialect::caller::CallerDialect;
use crate::error::ApiError;

/// Most stages of one request.
const MAX_STAGES: usize = 8;
/// By how much the priority value of a match without its vendor is raised.
const BARE_NAME_TIERS: u8 = 100;

/// A possible candidate, with what is known about it.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The candidate.
    pub candidate: Candidate,
    /// Share of the traffic.
    pub weight: u32,
    /// Lower is tried first.
    pub tier: u8,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether the caller's key may use it.
    pub allowed: bool,
    /// Its location.
    pub region: Option<String>,
    /// Its capabilities.
    pub capabilities: Capabilities,
}

impl Choice {
    /// The planner's view of it, for a caller of this dialect.
    #[must_use]
    pub fn facts(&self, caller_dialect: CallerDialect) -> CandidateFacts<'_> {
        let record = &self.candidate.upstream.record;
        CandidateFacts {
            provider: &record.uid,
            model: &self.candidate.target,
            weight: self.weight,
            tier: self.tier,
            enabled: self.enabled,
            operation: record.status,
            allowed: self.allowed,
            capabilities: self.capabilities,
            native: record.kind.provider().speaks(caller_dialect),
            region: self.region.as_deref(),
            cost: self
                .candidate
                .quote
                .price
                .as_ref()
                .map(|price| Cost { input: price.effective_input(), output: price.effective_output() }),
            ..CandidateFacts::default()
        }
    }
}

/// All candidates of one name.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The name.
    pub model: String,
    /// The logical model behind it, if it is configured.
    pub logical: Option<Arc<LogicalModelRecord>>,
    /// The candidates, in configured order; at least one.
    pub choices: Vec<Choice>,
}

impl Stage {
    /// The strategy, unless the request sets one.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        let named = self.logical.as_ref().and_then(|logical| logical.strategy.as_deref());
        named.and_then(Strategy::parse).unwrap_or_default()
    }
}

/// The candidates of a request, best first; at least one.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The best.
    pub first: Candidate,
    /// The others, in the order of attempts.
    pub rest: Vec<Candidate>,
}

impl Snapshot {
    /// The plan for a model name without a request: its candidates and then those of its fallbacks, each in configured
    /// order. There is one whenever a request for the name has a candidate.
    pub fn resolve(&self, requested: &str, principal: &Principal) -> Result<Plan, ApiError> {
        let stages = self.stages(requested, &[], principal)?;
        let mut candidates = stages.into_iter().flat_map(|stage| {
            let mut choices: Vec<Choice> = stage.choices.into_iter().filter(is_active).collect();
            choices.sort_by_key(|choice| choice.tier);
            choices.into_iter().map(|choice| choice.candidate)
        });
        match candidates.next() {
            Some(first) => Ok(Plan { first, rest: candidates.collect() }),
            None => Err(ApiError::unavailable(
                "no_upstream_available",
                "The providers of this model are paused at the moment.",
            )),
        }
    }

    /// The stages of a request for `requested`: its candidates, those of the request's fallbacks, and those of the
    /// logical models' fallbacks. Unknown fallbacks are left out.
    pub fn stages(
        &self,
        requested: &str,
        fallbacks: &[String],
        principal: &Principal,
    ) -> Result<Vec<Stage>, ApiError> {
        let first = self.stage(requested, principal).ok_or_else(|| self.why_not(requested, principal))?;
        let mut seen: HashSet<String> = HashSet::from([requested.to_owned()]);
        let mut stages = vec![first];
        for name in fallbacks {
            self.add_stage(name, principal, &mut seen, &mut stages);
        }
        // Fallbacks may have fallbacks of their own.
        let mut position = 0;
        while let Some(stage) = stages.get(position) {
            let chain = stage.logical.as_ref().map(|logical| logical.fallbacks.clone()).unwrap_or_default();
            for name in &chain {
                self.add_stage(name, principal, &mut seen, &mut stages);
            }
            position += 1;
        }
        Ok(stages)
    }

    /// The candidates of a name without fallbacks; `None` if there is none that this caller may use.
    #[must_use]
    pub fn stage(&self, requested: &str, principal: &Principal) -> Option<Stage> {
        let stage = self
            .named(requested, principal)
            .or_else(|| self.offered(requested, principal))
            .or_else(|| self.covered(requested, principal))?;
        let has_limits = self.limits.limits_models();
        let choices: Vec<Choice> = stage
            .choices
            .into_iter()
            .map(|(name, mut choice)| {
                let record = &choice.candidate.upstream.record;
                choice.allowed = principal.may_use(record.id, &stage.model)
                    || principal.may_use_listed(record.id, &record.name, &name);
                if has_limits {
                    let logical = stage.logical.as_ref().map_or(&stage.model, |logical| &logical.name);
                    let names =
                        (record.name.as_str(), name.as_str(), choice.candidate.upstream_model.as_str());
                    choice.candidate.limits = self.limits.on_model(names, &[&stage.model, logical]);
                }
                choice
            })
            .collect();
        // For a key, models that it may not use do not exist.
        if !choices.iter().any(|choice| choice.allowed) {
            return None;
        }
        Some(Stage { model: stage.model, logical: stage.logical, choices })
    }

    fn add_stage(
        &self,
        name: &str,
        principal: &Principal,
        seen: &mut HashSet<String>,
        stages: &mut Vec<Stage>,
    ) {
        if stages.len() < MAX_STAGES && seen.insert(name.to_owned()) {
            stages.extend(self.stage(name, principal));
        }
    }

    fn named(&self, requested: &str, principal: &Principal) -> Option<Found> {
        let logical = self.logical_by_name(requested)?;
        Some(self.configured(logical, requested, "", principal))
    }

    fn covered(&self, requested: &str, principal: &Principal) -> Option<Found> {
        let logical = self.logical_by_pattern(requested)?;
        let rest = requested.strip_prefix(logical.name.trim_end_matches('*')).unwrap_or_default();
        Some(self.configured(logical, requested, rest, principal))
    }

    /// The candidates that a logical model lists. `rest` is what the `*` of its pattern matched.
    fn configured(
        &self,
        logical: &Arc<LogicalModelRecord>,
        requested: &str,
        rest: &str,
        principal: &Principal,
    ) -> Found {
        let choices = logical
            .candidates
            .iter()
            .filter_map(|spec| {
                let upstream = self.upstream(spec.provider_id)?;
                if !upstream.record.is_visible_to(&principal.reach) {
                    return None;
                }
                let name = spec.model.replace('*', rest);
                Some((name.clone(), self.choice_of_spec(spec, upstream, &name)))
            })
            .collect();
        Found { model: requested.to_owned(), logical: Some(Arc::clone(logical)), choices }
    }

    fn choice_of_spec(&self, spec: &CandidateSpec, upstream: &Arc<Upstream>, name: &str) -> Choice {
        let offer = self.offer(spec.provider_id, name);
        let mut choice = match offer {
            Some(offer) => choice_of(offer, 0),
            None => Choice {
                // An unlisted model has no price of its own.
                candidate: Candidate::of_model(
                    upstream,
                    name,
                    self.prices.quote(&upstream.record, 0, name, name),
                ),
                weight: 0,
                tier: 0,
                enabled: true,
                allowed: true,
                region: upstream.record.region.clone(),
                capabilities: Capabilities::default(),
            },
        };
        choice.weight = spec.weight;
        choice.tier = tier(spec.priority);
        choice.enabled = spec.enabled;
        choice.region = spec.region.clone().or(choice.region);
        let candidate = &mut choice.candidate;
        candidate.first_byte_timeout_ms =
            spec.first_byte_timeout_ms.unwrap_or(candidate.first_byte_timeout_ms);
        candidate.idle_timeout_ms = spec.idle_timeout_ms.unwrap_or(candidate.idle_timeout_ms);
        choice
    }

    /// The candidates that providers offer under this name or address.
    fn offered(&self, requested: &str, principal: &Principal) -> Option<Found> {
        let by_name = self.offers_named(requested, principal).map(|offer| (offer, 0));
        let by_bare_name =
            self.offers_with_bare_name(requested, principal).map(|offer| (offer, BARE_NAME_TIERS));
        let mut choices: Vec<(String, Choice)> = by_name
            .chain(by_bare_name)
            .map(|(offer, behind)| (offer.model.model_name.clone(), choice_of(offer, behind)))
            .collect();
        if choices.is_empty() {
            let offer = self.addressed(requested, principal)?;
            choices.push((offer.model.model_name.clone(), choice_of(offer, 0)));
        }
        Some(Found { model: requested.to_owned(), logical: None, choices })
    }
}

/// A stage before the caller's permissions are applied; each choice has the name by which its provider offers it.
struct Found {
    model: String,
    logical: Option<Arc<LogicalModelRecord>>,
    choices: Vec<(String, Choice)>,
}

fn choice_of(offer: &Offer, behind: u8) -> Choice {
    let (model, record) = (&offer.model, &offer.upstream.record);
    Choice {
        candidate: Candidate::of(offer),
        weight: model.weight.unwrap_or(record.weight),
        tier: tier(model.priority.unwrap_or(record.priority)).saturating_add(behind),
        enabled: true,
        allowed: true,
        region: record.region.clone(),
        capabilities: offer.capabilities,
    }
}

fn tier(priority: u32) -> u8 {
    u8::try_from(priority).unwrap_or(u8::MAX)
}

/// Whether the operator lets the provider have requests.
#[must_use]
pub fn is_active(choice: &Choice) -> bool {
    choice.enabled && choice.allowed && choice.candidate.upstream.record.status == OperationStatus::Active
}
