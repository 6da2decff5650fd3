//! Explanations of routing decisions, and the bindings of sessions to upstreams.

use nexus_edge_api::routing::SessionBinding;
use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::candidate_facts::Needs;
use nexus_edge_core::routing::explain::{self, DecideInput};
use nexus_edge_core::routing::route::{self, Preference};

use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::pipeline::upstream_health::with_registry;
use crate::platform::http::Response;
use crate::platform::{now_ms, random_unit};
use crate::store::{snapshot, sticky};

/// `POST /routing/decide`: the plan for a model as this isolate would make it now, with the reasons for each candidate. No
/// upstream is asked.
pub async fn decide(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<DecideInput>(exchange).await?;
    let model = input.logical_model.required("logical_model")?;
    let region = input.preferred_region.into_set();
    let excluded = input.exclude_providers.into_set().unwrap_or_default();
    let snapshot = snapshot::current(exchange).await?;
    let stages = snapshot.stages(&model, &[], &Principal::of_admin())?;
    let needs = Needs { preferred_region: region.as_deref(), ..Needs::default() };
    let preference = Preference {
        strategy: input.strategy.into_set(),
        excluded_providers: &excluded,
        explain: true,
        ..Preference::default()
    };
    let now = now_ms();
    let mut random = random_unit;
    let planned = with_registry(|registry| {
        route::plan_stages(&stages, &needs, &preference, registry, now, &mut random)
    });
    exchange::json(200, &with_registry(|registry| explain::explain(&model, &planned, registry, now)))
}

/// `GET /logical-models/{name}/upstreams`: the upstreams that would serve a model, with the health of each. The name may be one
/// that is not configured as a logical model.
pub async fn upstreams(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    let snapshot = snapshot::current(exchange).await?;
    let by_id = name.parse().ok().and_then(|id: i64| {
        snapshot.logical_models().iter().find(|logical| logical.id == id).map(|logical| logical.name.clone())
    });
    let name = by_id.unwrap_or_else(|| name.to_owned());
    let principal = Principal::of_admin();
    let stage = snapshot.stage(&name, &principal).ok_or_else(|| ApiError::model_not_found(&name))?;
    let now = now_ms();
    let rows = with_registry(|registry| explain::upstreams(&stage, registry, now));
    answer_list("upstreams", &rows)
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
