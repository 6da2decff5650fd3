//! Logical models in D1.

use nexus_edge_core::catalog::LogicalModelRecord;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, integer, nullable, row, rows, taken_if_unique, text, unsigned, write};

/// All logical models, by id.
pub async fn list(env: &Env) -> StoreResult<Vec<LogicalModelRecord>> {
    rows(env, "SELECT * FROM logical_models ORDER BY id", &[]).await
}

/// The logical model with this id.
pub async fn find(env: &Env, id: i64) -> StoreResult<Option<LogicalModelRecord>> {
    row(env, "SELECT * FROM logical_models WHERE id = ?1", &[integer(id)]).await
}

/// The logical model with this name.
pub async fn find_by_name(env: &Env, name: &str) -> StoreResult<Option<LogicalModelRecord>> {
    row(env, "SELECT * FROM logical_models WHERE name = ?1", &[text(name)]).await
}

/// Adds a logical model and gives its id. The record's own id is ignored.
pub async fn insert(env: &Env, record: &LogicalModelRecord) -> StoreResult<i64> {
    let sql = "INSERT INTO logical_models (name, description, enabled, strategy, candidates, fallbacks, max_attempts, \
        deadline_ms, hedge_after_ms, cache_ttl_s, sticky, updated_at, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let mut parameters = changing_columns(record)?;
    parameters.push(unsigned(record.created_at));
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "name"))?;
    Ok(written.last_row_id)
}

/// Writes a changed logical model; false if it is gone or no longer at the version (`updated_at`) that the change is
/// based on.
pub async fn update(env: &Env, record: &LogicalModelRecord, read_at_version: u64) -> StoreResult<bool> {
    let sql = "UPDATE logical_models SET name = ?1, description = ?2, enabled = ?3, strategy = ?4, candidates = ?5, \
        fallbacks = ?6, max_attempts = ?7, deadline_ms = ?8, hedge_after_ms = ?9, cache_ttl_s = ?10, sticky = ?11, \
        updated_at = ?12 WHERE id = ?13 AND updated_at = ?14";
    let mut parameters = changing_columns(record)?;
    parameters.extend([integer(record.id), unsigned(read_at_version)]);
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "name"))?;
    Ok(written.changes > 0)
}

/// Deletes a logical model; false if there is none.
pub async fn delete(env: &Env, id: i64) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM logical_models WHERE id = ?1", &[integer(id)]).await?.changes > 0)
}

fn changing_columns(record: &LogicalModelRecord) -> StoreResult<Vec<JsValue>> {
    let number = |value: Option<u32>| nullable(value, |number| integer(i64::from(number)));
    Ok(vec![
        text(&record.name),
        text(&record.description),
        flag(record.enabled),
        nullable(record.strategy.as_deref(), text),
        text(&serde_json::to_string(&record.candidates)?),
        text(&serde_json::to_string(&record.fallbacks)?),
        number(record.max_attempts),
        number(record.deadline_ms),
        number(record.hedge_after_ms),
        number(record.cache_ttl_s),
        flag(record.sticky),
        unsigned(record.updated_at),
    ])
}
