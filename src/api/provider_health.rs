//! The admin API for the health of providers: probe results, and requests that test a provider now.

use futures::StreamExt;
use nexus_edge_api::provider_health::ProviderHealth;
use nexus_edge_core::catalog::ModelRecord;
use nexus_edge_core::catalog::probe::{ProbedHealth, probed_model};
use nexus_edge_core::catalog::probe_input::{MAX_VALIDATED_MODELS, TestInput, ValidateInput};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::probe::ProbeResult;

use super::{answer_list, input, providers, query};
use crate::exchange::{self, Exchange};
use crate::pipeline::probe;
use crate::platform::http::Response;
use crate::store;

/// Models that are validated concurrently.
const AT_A_TIME: usize = 4;
/// Number of probes in the answer without `limit`.
const SHOWN_PROBES: u32 = 20;

/// `GET /providers/{id}/health`
pub async fn health(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", SHOWN_PROBES, store::probes::KEPT)?;
    let provider = providers::find(exchange, id).await?;
    let probes = store::probes::last(&exchange.env, provider.id, store::probes::KEPT).await?;
    let shown = probes.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
    let answer = ProviderHealth {
        provider_id: provider.id,
        enabled: provider.enabled,
        status: provider.status,
        health: ProbedHealth::of(&probes),
        probe_enabled: provider.probe_enabled,
        probe_interval_s: provider.probe_interval_ms() / 1000,
        last_ok_at: probes.iter().find(|probe| probe.ok).map(|probe| probe.ts),
        probes: probes.get(..shown).unwrap_or_default(),
    };
    exchange::json(200, &answer)
}

/// `POST /providers/{id}/test`: a real chat of a few tokens.
pub async fn test(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::optional::<TestInput>(exchange).await?;
    let provider = providers::find(exchange, id).await?;
    let models = store::models::list_of_provider(&exchange.env, provider.id).await?;
    let wanted = input.model.as_set().or(provider.probe_model.as_ref()).map(String::as_str);
    let model = probed_model(wanted, &models).ok_or_else(no_model)?;
    let prompt = input.prompt.into_set().or_else(|| provider.probe_prompt.clone());
    let is_streamed = input.stream.into_set().unwrap_or(false);
    let upstream = probe::open(&exchange.env, &exchange.settings, provider).await??;
    let env = &exchange.env;
    exchange::json(200, &probe::chat(env, &upstream, &model, prompt.as_deref(), is_streamed).await)
}

fn no_model() -> ApiError {
    ApiError::invalid(
        "missing_required_parameter",
        "model",
        "The provider has no model; name one in `model`.",
    )
}

/// `POST /providers/{id}/validate-models`: asks for each of the models once.
pub async fn validate_models(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::optional::<ValidateInput>(exchange).await?;
    let provider = providers::find(exchange, id).await?;
    let models = store::models::list_of_provider(&exchange.env, provider.id).await?;
    let wanted = input.models.into_set().unwrap_or_else(|| {
        let enabled = models.iter().filter(|model| model.enabled);
        enabled.take(MAX_VALIDATED_MODELS).map(|model| model.model_name.clone()).collect()
    });
    let upstream = probe::open(&exchange.env, &exchange.settings, provider).await??;
    let (env, upstream, models) = (&exchange.env, &upstream, &models);
    let results: Vec<ProbeResult> = futures::stream::iter(wanted)
        .map(|name| async move {
            let asked_for = asked_for(&name, models);
            ProbeResult { model: name, ..probe::chat(env, upstream, &asked_for, None, false).await }
        })
        .buffered(AT_A_TIME)
        .collect()
        .await;
    answer_list("results", &results)
}

fn asked_for(name: &str, models: &[ModelRecord]) -> String {
    probed_model(Some(name), models).unwrap_or_default()
}
