//! Metrics: gathers what is shown, and adds complete minutes to the sums that never fall.

use nexus_edge_core::settings::{OtlpSettings, Settings};
use nexus_edge_telemetry::budget::Budget;
use nexus_edge_telemetry::circuit::state_of;
use nexus_edge_telemetry::families::{Family, Gauges, families};
use nexus_edge_telemetry::names::GenAi;
use nexus_edge_telemetry::otlp::{METRICS, metrics as otlp_metrics};
use worker::Env;

use crate::objects::circuits;
use crate::platform::{log_error, now_ms, queue};
use crate::settings;
use crate::store::StoreResult;
use crate::store::metrics::{self, Counted};
use crate::store::otlp as collector;

/// Most spans that one run adds, of at most a quarter of an hour each.
const SPANS: usize = 30;

/// Runs once a minute.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    for _ in 0..SPANS {
        match metrics::add_minutes(env, Budget::of(settings.metrics.series), now_ms()).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                log_error("metrics cannot be added up", &error);
                break;
            }
        }
    }
    if let Some(otlp) = &settings.otlp {
        export(env, &settings, otlp).await;
    }
}

/// Sends the metrics to the collector. What it does not take is in what it is sent a minute later.
async fn export(env: &Env, settings: &Settings, otlp: &OtlpSettings) {
    match gather(env, settings).await {
        Ok(Gathered { families, since_ms }) => {
            let body = otlp_metrics::request(&families, since_ms, now_ms(), env!("CARGO_PKG_VERSION"));
            collector::deliver(otlp, METRICS, &body).await;
        }
        Err(error) => log_error("metrics cannot be read", &error),
    }
}

/// What is shown.
pub struct Gathered {
    /// The metrics.
    pub families: Vec<Family>,
    /// Since when they are counted, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// All metrics. A gauge that cannot be read is left out.
pub async fn gather(env: &Env, settings: &Settings) -> StoreResult<Gathered> {
    let began_ms = now_ms();
    let Counted { totals, names, providers, since_ms } =
        metrics::counted(env, Budget::of(settings.metrics.series)).await?;
    let active_sessions = metrics::active_sessions(env, now_ms()).await;
    let queries_ms = now_ms().saturating_sub(began_ms);
    let circuits = circuits::exchange(env, &[]).await.map(|heard| {
        let own = providers.iter().filter(|provider| names.has_provider(&provider.name));
        own.map(|provider| (provider.name.clone(), state_of(&provider.uid, &heard.states, now_ms())))
            .collect()
    });
    let queue = queue::backlog(env, "USAGE_QUEUE").await.map(|backlog| {
        let age_ms = backlog.oldest_ms.map(|oldest_ms| now_ms().saturating_sub(oldest_ms));
        (backlog.messages, age_ms.unwrap_or_default())
    });
    let gauges = Gauges {
        version: env!("CARGO_PKG_VERSION"),
        circuits: circuits.unwrap_or_else(|error| {
            log_error("metrics: circuits", &error);
            Vec::new()
        }),
        queue,
        active_sessions: active_sessions.map_err(|error| log_error("metrics: sessions", &error)).ok(),
        queries_ms,
    };
    let families = families(&totals, &gauges, GenAi::named(&settings.metrics.genai_names));
    Ok(Gathered { families, since_ms })
}
