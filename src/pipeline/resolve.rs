//! Step 3: the candidates, in order.
//!
//! The decision uses only the isolate's memory: the configuration, and the health of upstreams. Only a request that
//! names its session, for a model with several candidates, may read KV once, for the upstream that served the session
//! before.

use std::cell::Cell;

use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::strategy::Strategy;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::candidate_facts::Needs;
use nexus_edge_core::routing::request_needs::needs_of;
use nexus_edge_core::routing::resolve::Stage;
use nexus_edge_core::routing::route::{self, Preference, Route};
use nexus_edge_core::routing::{Candidate, Snapshot};

use super::recognise;
use super::upstream_health::with_registry;
use crate::exchange::Exchange;
use crate::platform::{now_ms, random_unit, rarely};
use crate::store::sticky::{self, Binding};

/// Most fallback models that one request may name.
const MAX_FALLBACKS: usize = 5;

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

/// The session of a request. Requests of a session go to the same upstream as long as it answers.
pub fn session_of(exchange: &Exchange) -> Option<String> {
    recognise::named(exchange)
}

/// The route of a request.
pub async fn resolve(
    exchange: &Exchange,
    snapshot: &Snapshot,
    principal: &Principal,
    inbound: &mut Inbound<'_>,
) -> Result<Route, ApiError> {
    let fallbacks: Vec<String> =
        fallbacks_of(exchange).into_iter().chain(inbound.fallback_models()).take(MAX_FALLBACKS).collect();
    let stages = snapshot.stages(&inbound.model, &fallbacks, principal)?;
    inbound.fallbacks_taken = stages.iter().skip(1).any(|stage| fallbacks.contains(&stage.model));
    let has_alternatives = stages.len() > 1 || stages.iter().any(|stage| stage.choices.len() > 1);
    // A single candidate is asked regardless of what the request needs; its own error is the most specific.
    let needs = if has_alternatives { needs_of(inbound) } else { Needs::default() };
    let binding =
        if has_alternatives { rarely(binding_of(exchange, principal, &stages)).await } else { None };
    route_through(exchange, &stages, needs, binding)
}

/// The route of a request for an operation without translation; `offer` says why a candidate does not offer it. There
/// is no state between such requests, so they are not bound to an upstream.
pub fn resolve_operation(
    exchange: &Exchange,
    snapshot: &Snapshot,
    principal: &Principal,
    model: &str,
    offer: impl Fn(&Candidate) -> Result<(), ApiError>,
) -> Result<Route, ApiError> {
    let mut stages = snapshot.stages(model, &fallbacks_of(exchange), principal)?;
    let mut refusal = None;
    for stage in &mut stages {
        stage.choices.retain(|choice| match offer(&choice.candidate) {
            Ok(()) => true,
            Err(error) => {
                // For a key, models that it may not use do not exist.
                if choice.allowed {
                    refusal.get_or_insert(error);
                }
                false
            }
        });
    }
    match refusal {
        Some(error) if stages.iter().all(|stage| stage.choices.is_empty()) => Err(error),
        _ => route_through(exchange, &stages, Needs::default(), None),
    }
}

fn route_through(
    exchange: &Exchange,
    stages: &[Stage],
    needs: Needs<'_>,
    binding: Option<Binding>,
) -> Result<Route, ApiError> {
    let strategy = strategy_of(exchange)?;
    let sticky = binding.as_ref().and_then(|binding| target_of(stages, binding));
    let region = exchange.header("x-nexus-region");
    let needs = Needs { preferred_region: region.as_deref(), ..needs };
    let preference = Preference {
        caller_dialect: Some(exchange.caller_dialect),
        strategy,
        sticky: sticky.as_deref(),
        counter: REQUESTS.replace(REQUESTS.get() + 1),
        ..Preference::default()
    };
    let mut random = random_unit;
    let planned = with_registry(|registry| {
        route::plan_stages(stages, &needs, &preference, registry, now_ms(), &mut random)
    });
    let mut route = route::route(&planned)?;
    route.sticky_key = binding.and_then(|binding| binding.key_id);
    Ok(route)
}

/// The strategy that the request sets.
fn strategy_of(exchange: &Exchange) -> Result<Option<Strategy>, ApiError> {
    let Some(name) = exchange.header("x-nexus-strategy") else { return Ok(None) };
    if let Some(strategy) = Strategy::parse(name.trim()) {
        return Ok(Some(strategy));
    }
    let names: Vec<&str> = Strategy::NAMES.iter().map(|(name, _)| *name).collect();
    let message = format!("`x-nexus-strategy` must be one of: {}.", names.join(", "));
    Err(ApiError::invalid("invalid_value", "x-nexus-strategy", message))
}

/// The fallback models in the request's header.
fn fallbacks_of(exchange: &Exchange) -> Vec<String> {
    let header = exchange.header("x-nexus-fallback").unwrap_or_default();
    let named = header.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    named.take(MAX_FALLBACKS).collect()
}

/// The upstream that served the session before, unless its model is not `sticky`.
async fn binding_of(exchange: &Exchange, principal: &Principal, stages: &[Stage]) -> Option<Binding> {
    let logical = stages.first().and_then(|stage| stage.logical.as_ref());
    if logical.is_some_and(|logical| !logical.sticky) {
        return None;
    }
    let session = session_of(exchange)?;
    sticky::find(&exchange.env, &session, &principal.key_id).await
}

/// The candidate of a binding, by its name in the health registry.
pub fn target_of(stages: &[Stage], binding: &Binding) -> Option<String> {
    let choices = stages.iter().flat_map(|stage| &stage.choices);
    let mut bound = choices.filter(|choice| {
        choice.candidate.upstream.record.id == binding.provider_id
            && choice.candidate.upstream_model == binding.model_id
    });
    bound.next().map(|choice| choice.candidate.target.to_string())
}
