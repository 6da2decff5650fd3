//! Providers in D1.

use nexus_edge_core::catalog::ProviderRecord;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, integer, nullable, row, rows, taken_if_unique, text, unsigned, write};

/// All providers, by id.
pub async fn list(env: &Env) -> StoreResult<Vec<ProviderRecord>> {
    rows(env, "SELECT * FROM providers ORDER BY id", &[]).await
}

/// Enabled providers with an enabled model, by id.
pub async fn list_available(env: &Env) -> StoreResult<Vec<ProviderRecord>> {
    let sql = "SELECT * FROM providers AS p WHERE enabled = 1 AND EXISTS \
        (SELECT 1 FROM provider_models AS m WHERE m.provider_id = p.id AND m.enabled = 1) ORDER BY id";
    rows(env, sql, &[]).await
}

/// The provider with this id.
pub async fn find(env: &Env, id: i64) -> StoreResult<Option<ProviderRecord>> {
    row(env, "SELECT * FROM providers WHERE id = ?1", &[integer(id)]).await
}

/// Adds a provider and gives its id. The record's own id is ignored.
pub async fn insert(env: &Env, record: &ProviderRecord) -> StoreResult<i64> {
    let sql = "INSERT INTO providers (name, kind, server_url, description, rate_limit, first_byte_timeout_ms, \
        idle_timeout_ms, enabled, updated_at, server_key_sealed, server_key_hint, personalized_key_hash, \
        personalized_key_hint, headers_sealed, headers_hint, quirks, status, region, weight, priority, max_in_flight, \
        max_qps, retry_statuses, probe_enabled, probe_model, probe_prompt, probe_interval_s, uid, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
        ?23, ?24, ?25, ?26, ?27, ?28, ?29)";
    let mut parameters = changing_columns(record)?;
    parameters.extend([text(&record.uid), unsigned(record.created_at)]);
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "name"))?;
    Ok(written.last_row_id)
}

/// Writes a changed provider; false if it is gone or no longer at the version (`updated_at`) that the change is based on.
pub async fn update(env: &Env, record: &ProviderRecord, read_at_version: u64) -> StoreResult<bool> {
    let sql = "UPDATE providers SET name = ?1, kind = ?2, server_url = ?3, description = ?4, rate_limit = ?5, \
        first_byte_timeout_ms = ?6, idle_timeout_ms = ?7, enabled = ?8, updated_at = ?9, server_key_sealed = ?10, \
        server_key_hint = ?11, personalized_key_hash = ?12, personalized_key_hint = ?13, headers_sealed = ?14, \
        headers_hint = ?15, quirks = ?16, status = ?17, region = ?18, weight = ?19, priority = ?20, \
        max_in_flight = ?21, max_qps = ?22, retry_statuses = ?23, probe_enabled = ?24, probe_model = ?25, \
        probe_prompt = ?26, probe_interval_s = ?27 WHERE id = ?28 AND updated_at = ?29";
    let mut parameters = changing_columns(record)?;
    parameters.extend([integer(record.id), unsigned(read_at_version)]);
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "name"))?;
    Ok(written.changes > 0)
}

/// Deletes a provider and, by the foreign key, its models; false if there is none.
pub async fn delete(env: &Env, id: i64) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM providers WHERE id = ?1", &[integer(id)]).await?.changes > 0)
}

fn changing_columns(record: &ProviderRecord) -> StoreResult<Vec<JsValue>> {
    let kind = serde_json::to_value(record.kind)?;
    let number = |value: Option<u32>| nullable(value, |number| integer(i64::from(number)));
    let words = |value: &Option<String>| nullable(value.as_deref(), text);
    Ok(vec![
        text(&record.name),
        text(kind.as_str().unwrap_or_default()),
        text(&record.server_url),
        text(&record.description),
        number(record.rate_limit),
        number(record.first_byte_timeout_ms),
        number(record.idle_timeout_ms),
        flag(record.enabled),
        unsigned(record.updated_at),
        words(&record.server_key_sealed),
        words(&record.server_key_hint),
        words(&record.personalized_key_hash),
        words(&record.personalized_key_hint),
        words(&record.headers_sealed),
        words(&record.headers_hint),
        text(&record.quirks),
        text(record.status.name()),
        words(&record.region),
        integer(i64::from(record.weight)),
        integer(i64::from(record.priority)),
        number(record.max_in_flight),
        number(record.max_qps),
        text(&record.retry_statuses),
        flag(record.probe_enabled),
        words(&record.probe_model),
        words(&record.probe_prompt),
        number(record.probe_interval_s),
    ])
}
