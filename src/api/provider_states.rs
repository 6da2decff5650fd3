//! How all providers are, for the list of them; and closing their circuits by hand.

use nexus_edge_api::providers::{CircuitReset, ListedProvider, ProviderState, ShownProbe};
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::person::{Need, Reach};
use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::catalog::probe::{ProbeRecord, ProbedHealth};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Snapshot;
use nexus_edge_core::routing::health::OfProvider;

use super::{answer_list, providers, query, statistics};
use crate::exchange::{self, Exchange};
use crate::pipeline::upstream_health::{share, tell, with_registry};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{probes, snapshot, table};

/// Probes of each provider that are shown.
const SHOWN_PROBES: u32 = 48;

/// `GET /providers`, with `with=state` how each is: two calls of the database and one of an object, however many there are.
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    if query::one_of(exchange, "with", &["state"])?.is_none() {
        return providers::list(exchange).await;
    }
    let records: Vec<ProviderRecord> = table::list_of(&exchange.env, exchange.scope()).await?;
    let person = exchange.person()?;
    person.decide(Need::of(Permission::ViewProviderHealth), Reach::Look)?;
    person.decide(Need::of(Permission::ViewAllStatistics), Reach::Look)?;
    share(&exchange.env).await;
    let mut found = probes::overviews(&exchange.env, SHOWN_PROBES).await?;
    let figures = statistics::of_providers(exchange).await?;
    let now = now_ms();
    let snapshot = snapshot::current(exchange).await?;
    let views: Vec<_> = records
        .iter()
        .map(|record| {
            let probes = found.probes.remove(&record.id).unwrap_or_default();
            let (models, keys) = found.counts.get(&record.id).copied().unwrap_or_default();
            let state = ProviderState {
                health: ProbedHealth::of(&probes),
                last_ok_at: probes.iter().find(|probe| probe.ok).map(|probe| probe.ts),
                probes: probes.into_iter().map(shown).collect(),
                live: live(&snapshot, record, now),
                models,
                keys,
                last_hour: figures.get(&record.name).cloned().unwrap_or_default().view(),
            };
            ListedProvider { provider: record.view(), state: Some(state) }
        })
        .collect();
    answer_list("providers", &views)
}

fn shown(ProbeRecord { ts, ok, latency_ms, error, .. }: ProbeRecord) -> ShownProbe {
    ShownProbe { ts, ok, latency_ms, error }
}

/// `POST /providers/{id}/circuit/reset`
pub async fn reset_circuit(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = providers::find(exchange, id).await?;
    // What other isolates have observed is closed as well.
    share(&exchange.env).await;
    let now = now_ms();
    tell(&exchange.env, &with_registry(|registry| registry.resets(&record.uid, now))).await;
    let snapshot = snapshot::current(exchange).await?;
    let live = live(&snapshot, &record, now);
    exchange::json(200, &CircuitReset { provider_id: record.id, live })
}

/// What this isolate knows of a provider, and of the keys that it is asked with now.
fn live(snapshot: &Snapshot, record: &ProviderRecord, now: u64) -> OfProvider {
    let keys: Vec<_> =
        snapshot.upstream(record.id).iter().flat_map(|upstream| upstream.key_targets()).collect();
    let is_key = |target: &str| keys.iter().any(|key| key == target);
    with_registry(|registry| registry.of_provider(&record.uid, is_key, now))
}
