//! `GET /v1/models` and `GET /v1/models/{id}`: the models that the caller's key may use.

use std::collections::HashSet;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::model_list::{AnthropicList, AnthropicModel, GeminiList, GeminiModel};
use nexus_edge_core::dialect::openai::models::{ModelCard, ModelList};
use nexus_edge_core::error::ApiError;

use crate::exchange::{Exchange, json};
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::store::snapshot;

/// Every model once, by the name under which it is listed, in the shape that the caller's SDK expects.
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let snapshot = snapshot::current(exchange).await?;
    let mut seen = HashSet::new();
    let offers: Vec<_> = snapshot
        .offers_for(&principal)
        .map(|offer| (offer.listed_name(&principal), offer))
        .filter(|(name, _)| seen.insert(name.clone()))
        .collect();
    if exchange.caller_dialect == CallerDialect::Anthropic {
        let models =
            offers.iter().map(|(name, offer)| AnthropicModel::new(name, offer.model.created_at)).collect();
        return json(200, &AnthropicList::new(models));
    }
    if exchange.caller_dialect == CallerDialect::Gemini {
        return json(200, &GeminiList::new(offers.iter().map(|(name, _)| GeminiModel::new(name)).collect()));
    }
    let cards = offers
        .iter()
        .map(|(name, offer)| ModelCard::new(name, &offer.upstream.record.name, offer.model.created_at))
        .collect();
    json(200, &ModelList::new(cards))
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
