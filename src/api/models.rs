//! `GET /v1/models` and `GET /v1/models/{id}`: the models that the caller's key may use.

use std::collections::HashSet;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::model_list::{AnthropicList, AnthropicModel, GeminiList, GeminiModel};
use nexus_edge_core::dialect::openai::models::{ModelCard, ModelList};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Snapshot;

use crate::exchange::{Exchange, json};
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::store::snapshot;

/// A model as it is listed.
struct Listed {
    name: String,
    owner: String,
    created_at: u64,
}

/// Every model once, by the name under which it is listed, in the shape that the caller's SDK expects.
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let snapshot = snapshot::current(exchange).await?;
    let models = listed(&snapshot, &principal);
    if exchange.caller_dialect == CallerDialect::Anthropic {
        let models = models.iter().map(|it| AnthropicModel::new(&it.name, it.created_at)).collect();
        return json(200, &AnthropicList::new(models));
    }
    if exchange.caller_dialect == CallerDialect::Gemini {
        return json(200, &GeminiList::new(models.iter().map(|it| GeminiModel::new(&it.name)).collect()));
    }
    let cards = models.iter().map(|it| ModelCard::new(&it.name, &it.owner, it.created_at)).collect();
    json(200, &ModelList::new(cards))
}

/// The models of providers, then the logical models that would be answered, if only by a fallback. A pattern is no name that a caller could ask for.
fn listed(snapshot: &Snapshot, principal: &Principal) -> Vec<Listed> {
    let offered = snapshot.offers_for(principal).map(|offer| Listed {
        name: offer.listed_name(principal).into_owned(),
        owner: offer.upstream.record.name.clone(),
        created_at: offer.model.created_at,
    });
    let names =
        snapshot.logical_models().iter().map(|logical| &logical.name).filter(|name| !name.ends_with('*'));
    let logical = names.filter_map(|name| {
        let first = snapshot.resolve(name, principal).ok()?.first;
        let owner = first.upstream.record.name.clone();
        Some(Listed { name: name.clone(), owner, created_at: first.model_created_at })
    });
    let mut seen = HashSet::new();
    offered.chain(logical).filter(|it| seen.insert(it.name.clone())).collect()
}

/// One model, under any name that a request may use for it.
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let snapshot = snapshot::current(exchange).await?;
    let plan = snapshot.resolve(id, &principal)?;
    let record = &plan.first.upstream.record;
    if exchange.caller_dialect == CallerDialect::Anthropic {
        return json(200, &AnthropicModel::new(id, plan.first.model_created_at));
    }
    if exchange.caller_dialect == CallerDialect::Gemini {
        return json(200, &GeminiModel::new(id));
    }
    json(200, &ModelCard::new(id, &record.name, plan.first.model_created_at))
}
