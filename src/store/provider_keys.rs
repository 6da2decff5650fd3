//! The key pools of providers in D1.

use nexus_edge_core::catalog::ProviderKeyRecord;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, integer, nullable, row, rows, taken_if_unique, text, unsigned, write};

/// The keys of one provider, oldest first.
pub async fn list(env: &Env, provider_id: i64) -> StoreResult<Vec<ProviderKeyRecord>> {
    rows(env, "SELECT * FROM provider_keys WHERE provider_id = ?1 ORDER BY id", &[integer(provider_id)]).await
}

/// The keys of all providers, oldest first.
pub async fn list_all(env: &Env) -> StoreResult<Vec<ProviderKeyRecord>> {
    rows(env, "SELECT * FROM provider_keys ORDER BY id", &[]).await
}

/// The key with this id, if it belongs to that provider.
pub async fn find(env: &Env, provider_id: i64, id: &str) -> StoreResult<Option<ProviderKeyRecord>> {
    let sql = "SELECT * FROM provider_keys WHERE id = ?1 AND provider_id = ?2";
    row(env, sql, &[text(id), integer(provider_id)]).await
}

/// Adds a key.
pub async fn insert(env: &Env, record: &ProviderKeyRecord) -> StoreResult<()> {
    let sql = "INSERT INTO provider_keys (label, weight, max_qps, enabled, key_sealed, key_hint, updated_at, id, \
        provider_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mut parameters = changing_columns(record);
    parameters.extend([text(&record.id), integer(record.provider_id), unsigned(record.created_at)]);
    write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "label"))?;
    Ok(())
}

/// Writes a changed key; false if it is gone or no longer at the version (`updated_at`) that the change is based on.
pub async fn update(env: &Env, record: &ProviderKeyRecord, read_at_version: u64) -> StoreResult<bool> {
    let sql = "UPDATE provider_keys SET label = ?1, weight = ?2, max_qps = ?3, enabled = ?4, key_sealed = ?5, \
        key_hint = ?6, updated_at = ?7 WHERE id = ?8 AND updated_at = ?9";
    let mut parameters = changing_columns(record);
    parameters.extend([text(&record.id), unsigned(read_at_version)]);
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "label"))?;
    Ok(written.changes > 0)
}

/// Deletes a key; false if there is none.
pub async fn delete(env: &Env, provider_id: i64, id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM provider_keys WHERE id = ?1 AND provider_id = ?2";
    Ok(write(env, sql, &[text(id), integer(provider_id)]).await?.changes > 0)
}

fn changing_columns(record: &ProviderKeyRecord) -> Vec<JsValue> {
    vec![
        text(&record.label),
        integer(i64::from(record.weight)),
        nullable(record.max_qps, |number| integer(i64::from(number))),
        flag(record.enabled),
        text(&record.key_sealed),
        text(&record.key_hint),
        unsigned(record.updated_at),
    ]
}
