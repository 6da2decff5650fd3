//! The admin API for the models that a provider lists itself.

use std::collections::HashSet;

use nexus_edge_api::provider_health::{Discovered, ListedModel};
use nexus_edge_core::access::person::Scope;
use nexus_edge_core::catalog::ModelRecord;
use nexus_edge_core::catalog::own_provider::MAX_OWN_MODELS;
use nexus_edge_core::catalog::probe_input::DiscoverInput;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::models::UpstreamModel;

use super::provider_models::too_many;
use super::{answer_list, input, providers};
use crate::exchange::{self, Exchange};
use crate::pipeline::probe;
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{self, snapshot};

/// `GET /providers/{id}/upstream-models`
pub async fn upstream_models(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let found = find(exchange, id).await?;
    let listed = |model: UpstreamModel| ListedModel { known: found.known.contains(&model.id), model };
    answer_list("models", &found.models.into_iter().map(listed).collect::<Vec<_>>())
}

/// `POST /providers/{id}/discover`: adds the models that the provider does not have yet.
pub async fn discover(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::optional::<DiscoverInput>(exchange).await?;
    let is_enabled = input.enable.as_set().copied().unwrap_or(true);
    providers::find(exchange, id).await?.check_parts_changeable(exchange.scope())?;
    let Found { provider_id, models, known, stored } = find(exchange, id).await?;
    let found = models.len();
    let now = now_ms();
    let missing = models.into_iter().filter(|model| input.takes(&model.id) && !known.contains(&model.id));
    let records: Vec<ModelRecord> = missing
        .map(|model| ModelRecord {
            description: model.name.unwrap_or_default(),
            enabled: is_enabled,
            context_length: model.context_length,
            max_output: model.max_output,
            ..ModelRecord::new(provider_id, model.id, now)
        })
        .collect();
    let most = usize::try_from(MAX_OWN_MODELS).unwrap_or(usize::MAX);
    if *exchange.scope() != Scope::All && stored.saturating_add(records.len()) > most {
        return Err(too_many());
    }
    store::models::insert_missing(&exchange.env, &records).await?;
    if !records.is_empty() {
        snapshot::reload(exchange).await?;
    }
    let added = records.into_iter().map(|record| record.model_name).collect();
    exchange::json(200, &Discovered { found, added })
}

struct Found {
    provider_id: i64,
    models: Vec<UpstreamModel>,
    /// Names that the provider has already, its own and the upstream's.
    known: HashSet<String>,
    /// Number of models that it has already.
    stored: usize,
}

async fn find(exchange: &Exchange, id: &str) -> Result<Found, ApiError> {
    let provider = providers::find(exchange, id).await?;
    let provider_id = provider.id;
    let stored = store::models::list_of_provider(&exchange.env, provider_id).await?;
    let upstream = probe::open(&exchange.env, &exchange.settings, provider).await??;
    let models = probe::list_models(&upstream).await?;
    let count = stored.len();
    let known = stored.into_iter().flat_map(|model| [Some(model.model_name), model.upstream_model]).flatten();
    Ok(Found { provider_id, models, known: known.collect(), stored: count })
}
