//! The history of probes in D1.

use std::collections::HashMap;

use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::catalog::operation::DEFAULT_PROBE_INTERVAL_S;
use nexus_edge_core::catalog::probe::ProbeRecord;
use serde::Deserialize;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, integer, nullable, rows, statement, text, unsigned};

/// Number of probes that are stored for each provider.
pub const KEPT: u32 = 200;
/// Cron triggers are not exact: a probe that is due within this many milliseconds counts as due.
const TOLERANCE_MS: u64 = 5_000;

/// The last probes of a provider, newest first.
pub async fn last(env: &Env, provider_id: i64, limit: u32) -> StoreResult<Vec<ProbeRecord>> {
    let sql = "SELECT * FROM provider_probes WHERE provider_id = ?1 ORDER BY ts DESC, id DESC LIMIT ?2";
    rows(env, sql, &[integer(provider_id), integer(limit.into())]).await
}

/// What is shown of each provider beside its record.
#[derive(Default)]
pub struct Overviews {
    /// The last probes, newest first, by provider.
    pub probes: HashMap<i64, Vec<ProbeRecord>>,
    /// Numbers of models and of further keys, by provider.
    pub counts: HashMap<i64, (u64, u64)>,
}

/// The last probes of every provider, and how many models and keys each has, in one call of the database.
pub async fn overviews(env: &Env, each: u32) -> StoreResult<Overviews> {
    #[derive(Deserialize)]
    struct Count {
        provider_id: i64,
        models: u64,
        keys: u64,
    }
    // The index is by provider and time: of each provider so many rows are read, and no others.
    let last = "SELECT t.* FROM providers AS p JOIN provider_probes AS t ON t.id IN (SELECT id FROM provider_probes \
        WHERE provider_id = p.id ORDER BY ts DESC LIMIT ?1) ORDER BY t.provider_id, t.ts DESC, t.id DESC";
    let counts = "SELECT p.id AS provider_id, (SELECT COUNT(*) FROM provider_models AS m WHERE m.provider_id = p.id) AS models, \
        (SELECT COUNT(*) FROM provider_keys AS k WHERE k.provider_id = p.id) AS keys FROM providers AS p";
    let database = super::database(env)?;
    let statements =
        vec![statement(&database, last, &[integer(each.into())])?, statement(&database, counts, &[])?];
    let results = database.batch(statements).await?;
    let mut overviews = Overviews::default();
    let [probes, counts] = results.as_slice() else { return Ok(overviews) };
    for probe in super::read::<ProbeRecord>(probes, "probes")? {
        overviews.probes.entry(probe.provider_id).or_default().push(probe);
    }
    for Count { provider_id, models, keys } in super::read::<Count>(counts, "counts of providers")? {
        overviews.counts.insert(provider_id, (models, keys));
    }
    Ok(overviews)
}

/// The providers whose next probe is due at `now_ms`, longest overdue first.
pub async fn due(env: &Env, now_ms: u64, limit: u32) -> StoreResult<Vec<ProviderRecord>> {
    let sql = "SELECT * FROM (SELECT p.*, COALESCE((SELECT MAX(ts) FROM provider_probes AS t \
        WHERE t.provider_id = p.id), 0) AS probed_at FROM providers AS p \
        WHERE p.enabled = 1 AND p.probe_enabled = 1 AND p.status <> 'offline') \
        WHERE probed_at + COALESCE(probe_interval_s, ?1) * 1000 <= ?2 ORDER BY probed_at, id LIMIT ?3";
    let default_interval = integer(DEFAULT_PROBE_INTERVAL_S.into());
    rows(env, sql, &[default_interval, unsigned(now_ms + TOLERANCE_MS), integer(limit.into())]).await
}

/// Adds a probe and deletes the oldest ones. Does nothing for a provider that was deleted in the meantime.
pub async fn insert(env: &Env, record: &ProbeRecord) -> StoreResult<()> {
    let database = super::database(env)?;
    let provider = integer(record.provider_id);
    let add = "INSERT INTO provider_probes (id, provider_id, ts, ok, status, latency_ms, model, error) \
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM providers WHERE id = ?2)";
    let parameters = [
        text(&record.id),
        provider.clone(),
        unsigned(record.ts),
        flag(record.ok),
        nullable(record.status, |status| JsValue::from_f64(status.into())),
        unsigned(record.latency_ms),
        text(&record.model),
        nullable(record.error.as_deref(), text),
    ];
    let forget = "DELETE FROM provider_probes WHERE provider_id = ?1 AND ts < (SELECT ts FROM provider_probes \
        WHERE provider_id = ?1 ORDER BY ts DESC LIMIT 1 OFFSET ?2)";
    let statements = vec![
        statement(&database, add, &parameters)?,
        statement(&database, forget, &[provider, integer(i64::from(KEPT) - 1)])?,
    ];
    database.batch(statements).await?;
    Ok(())
}
