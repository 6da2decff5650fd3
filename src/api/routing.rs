//! Explanations of routing decisions, and the bindings of sessions to upstreams.

use nexus_edge_api::routing::SessionBinding;
use nexus_edge_core::access::Principal;
use nexus_edge_core::access::person::Scope;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::explain::{self, DecideInput};
use nexus_edge_core::routing::resolve::Stage;
use nexus_edge_core::routing::route::{self, Preference};
use nexus_edge_core::routing::simulate::simulate;

use super::{answer_deleted, answer_list, input, providers, query};
use crate::exchange::{self, Exchange};
use crate::pipeline::resolve;
use crate::pipeline::upstream_health::with_registry;
use crate::platform::http::Response;
use crate::platform::{now_ms, random_unit};
use crate::store::{keys, snapshot, sticky};

/// `POST /routing/decide`: the plan for a model as this isolate would make it now, with the reasons for each candidate. No
/// upstream is asked.
pub async fn decide(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<DecideInput>(exchange).await?;
    let model = input.logical_model.clone().required("logical_model")?;
    let excluded = input.exclude_providers.as_set().cloned().unwrap_or_default();
    let snapshot = snapshot::current(exchange).await?;
    let principal = match input.key_id.as_set() {
        Some(id) => principal_of_key(exchange, id, snapshot.keys_version).await?,
        None => principal_of(exchange, input.user_id.as_set().cloned())?,
    };
    let stages = snapshot.stages(&model, &[], &principal)?;
    let sticky = bound_to(exchange, &input, &stages).await?;
    let needs = input.needs();
    let preference = Preference {
        strategy: input.strategy.as_set().copied(),
        sticky: sticky.as_deref(),
        excluded_providers: &excluded,
        explain: true,
        ..Preference::default()
    };
    let now = now_ms();
    let mut random = random_unit;
    let planned = with_registry(|registry| {
        route::plan_stages(&stages, &needs, &preference, registry, now, &mut random)
    });
    let mut explanation = with_registry(|registry| explain::explain(&model, &planned, registry, now));
    explanation.simulated = input.simulate.as_set().map(|times| {
        with_registry(|registry| simulate(&stages, &needs, &preference, registry, now, *times, &mut random))
    });
    exchange::json(200, &explanation)
}

/// The caller that a key stands for. Private providers of its owner are part of the decision only for those who may know of them.
async fn principal_of_key(exchange: &Exchange, id: &str, keys_version: u64) -> Result<Principal, ApiError> {
    let found = keys::by_id(exchange, id, keys_version).await?;
    let record = found.ok_or_else(|| {
        ApiError::not_found("key_not_found", "There is no API key with this id.").with_param("key_id")
    })?;
    let mut principal = Principal::of_api_key(&record);
    if !providers::reach(exchange)?.has(record.owner.as_deref()) {
        principal.reach = Scope::Owners(Vec::new());
    }
    Ok(principal)
}

/// The candidate that the session is bound to, by its name in the health registry.
async fn bound_to(
    exchange: &Exchange,
    input: &DecideInput,
    stages: &[Stage],
) -> Result<Option<String>, ApiError> {
    let Some(session) = input.session_id.as_set() else { return Ok(None) };
    let Some(key_id) = input.key_id.as_set() else {
        let message = "Say in `key_id` whose session it is.";
        return Err(ApiError::invalid("missing_required_parameter", "key_id", message));
    };
    let binding = sticky::find(&exchange.env, session, key_id).await;
    Ok(binding.and_then(|binding| resolve::target_of(stages, &binding)))
}

/// `GET /logical-models/{name}/upstreams`: the upstreams that would serve a model, with the health of each. The name may be one
/// that is not configured as a logical model.
pub async fn upstreams(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    let snapshot = snapshot::current(exchange).await?;
    let by_id = name.parse().ok().and_then(|id: i64| {
        snapshot.logical_models().iter().find(|logical| logical.id == id).map(|logical| logical.name.clone())
    });
    let name = by_id.unwrap_or_else(|| name.to_owned());
    let principal = principal_of(exchange, query::text(exchange, "owner"))?;
    let stage = snapshot.stage(&name, &principal).ok_or_else(|| ApiError::model_not_found(&name))?;
    let now = now_ms();
    let rows = with_registry(|registry| explain::upstreams(&stage, registry, now));
    answer_list("upstreams", &rows)
}

/// The caller that a decision is for: one whose keys belong to this owner, or without one to the person themselves. Only
/// private providers that this caller reaches are part of the decision.
fn principal_of(exchange: &Exchange, owner: Option<String>) -> Result<Principal, ApiError> {
    let owner = owner.filter(|owner| !owner.is_empty());
    let owners = match owner {
        None => exchange.person()?.owner_names(),
        Some(owner) if providers::reach(exchange)?.has(Some(&owner)) => vec![owner],
        Some(_) => {
            let message = "Decisions for others are for those who may see all providers.";
            return Err(ApiError::forbidden("owner_not_allowed", message).with_param("owner"));
        }
    };
    Ok(Principal::reaching(Scope::Owners(owners)))
}

/// `GET /routing/sessions/{id}`: the upstream that a session is bound to. `key_id` selects one of several API keys that use the
/// same id.
pub async fn session(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let (key_id, binding) = find(exchange, id).await?;
    let view = SessionBinding {
        conversation_id: id,
        api_key_id: key_id,
        logical_model: binding.logical_model,
        provider_id: binding.provider_id,
        model_id: binding.model_id,
        provider_key_id: binding.key_id,
        created_at: binding.created_at,
        last_used_at: binding.last_used_at,
    };
    exchange::json(200, &view)
}

/// `DELETE /routing/sessions/{id}`: the next request of the session is routed as if it were the first.
pub async fn unbind_session(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let (key_id, _) = find(exchange, id).await?;
    sticky::unbind(&exchange.env, id, &key_id).await?;
    answer_deleted(id)
}

async fn find(exchange: &Exchange, id: &str) -> Result<(String, sticky::Binding), ApiError> {
    let wanted = exchange.query("key_id");
    let bindings = sticky::list(&exchange.env, id).await?;
    let mut found =
        bindings.into_iter().filter(|(key_id, _)| wanted.as_ref().is_none_or(|wanted| wanted == key_id));
    found
        .next()
        .ok_or_else(|| ApiError::not_found("session_not_found", "This session is bound to no upstream."))
}
