//! The cron: sends due probes to providers.

use futures::StreamExt;
use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::catalog::operation::DEFAULT_PROBE_INTERVAL_S;
use nexus_edge_core::catalog::probe::ProbeRecord;
use nexus_edge_core::routing::health::SharedState;
use worker::Env;

use crate::pipeline::{probe, upstream_health};
use crate::platform::{log_error, new_ulid, now_ms};
use crate::settings::{self, Settings};
use crate::store::{self, StoreResult, probes};

/// Most providers that one run probes, and how many at a time. With the time-out of a probe, a run ends after about a
/// minute even if none of them answers.
const MAX_PROVIDERS: u32 = 15;
const AT_A_TIME: usize = 5;

/// Runs once a minute.
pub async fn run(env: &Env) {
    // Without its settings the gateway answers no request; those report the error.
    let Ok(settings) = settings::get(env) else { return };
    // One time for the whole run: the next probe is due by the clock, not by the duration of this run.
    let now = now_ms();
    let due = match probes::due(env, now, MAX_PROVIDERS).await {
        Ok(due) => due,
        Err(error) => return log_error("probes", &error),
    };
    let settings = &settings;
    futures::stream::iter(due)
        .for_each_concurrent(AT_A_TIME, |provider| async move {
            if let Err(error) = probe_one(env, settings, provider, now).await {
                log_error("probes", &error);
            }
        })
        .await;
}

async fn probe_one(env: &Env, settings: &Settings, provider: ProviderRecord, now: u64) -> StoreResult<()> {
    let models = store::models::list_of_provider(env, provider.id).await?;
    let provider_id = provider.id;
    let model = provider.probed_model(&models);
    let prompt = provider.probe_prompt.clone();
    let mut record = ProbeRecord {
        id: new_ulid(now),
        provider_id,
        ts: now,
        ok: false,
        status: None,
        latency_ms: 0,
        model: model.clone().unwrap_or_default(),
        error: None,
    };
    match (probe::open(env, settings, provider).await?, model) {
        (Ok(upstream), Some(model)) => {
            let result = probe::chat(env, &upstream, &model, prompt.as_deref(), false).await;
            (record.ok, record.status, record.latency_ms) =
                (result.success, result.status, result.latency_ms);
            record.error = result.error;
            // A refusal shows that the provider is alive.
            let is_down = !result.success && result.status.is_none_or(|status| status >= 500);
            let every_ms =
                u64::from(upstream.record.probe_interval_s.unwrap_or(DEFAULT_PROBE_INTERVAL_S)) * 1000;
            let state = SharedState::of_probe(&upstream.record.uid, is_down, now_ms(), every_ms);
            upstream_health::tell(env, &[state]).await;
        }
        (Ok(_), None) => record.error = Some("The provider has no model to ask for.".to_owned()),
        (Err(error), _) => record.error = Some(error.message),
    }
    probes::insert(env, &record).await
}
