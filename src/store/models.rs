//! Models of providers in D1.

use nexus_edge_core::catalog::ModelRecord;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, integer, nullable, row, rows, taken_if_unique, text, unsigned, write};

/// All models, by id.
pub async fn list(env: &Env) -> StoreResult<Vec<ModelRecord>> {
    rows(env, "SELECT * FROM provider_models ORDER BY id", &[]).await
}

/// The models of one provider, by id.
pub async fn list_of_provider(env: &Env, provider_id: i64) -> StoreResult<Vec<ModelRecord>> {
    let sql = "SELECT * FROM provider_models WHERE provider_id = ?1 ORDER BY id";
    rows(env, sql, &[integer(provider_id)]).await
}

/// The model with this id.
pub async fn find(env: &Env, id: i64) -> StoreResult<Option<ModelRecord>> {
    row(env, "SELECT * FROM provider_models WHERE id = ?1", &[integer(id)]).await
}

/// Adds a model and gives its id. The record's own id is ignored.
pub async fn insert(env: &Env, record: &ModelRecord) -> StoreResult<i64> {
    let sql = "INSERT INTO provider_models (provider_id, model_name, upstream_model, description, enabled, slow, \
        updated_at, context_length, max_output, capabilities, weight, priority, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let mut parameters = changing_columns(record);
    parameters.push(unsigned(record.created_at));
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "model_name"))?;
    Ok(written.last_row_id)
}

/// Adds those of these models whose names are not taken yet. Only the fields of the card are used.
pub async fn insert_missing(env: &Env, records: &[ModelRecord]) -> StoreResult<()> {
    let sql = "INSERT INTO provider_models (provider_id, model_name, description, enabled, context_length, max_output, \
        created_at, updated_at) SELECT m.value ->> 'provider_id', m.value ->> 'model_name', \
        m.value ->> 'description', m.value ->> 'enabled', m.value ->> 'context_length', m.value ->> 'max_output', \
        m.value ->> 'created_at', m.value ->> 'updated_at' \
        FROM json_each(?1) AS m WHERE true ON CONFLICT (provider_id, model_name) DO NOTHING";
    if !records.is_empty() {
        write(env, sql, &[text(&serde_json::to_string(records)?)]).await?;
    }
    Ok(())
}

/// Writes a changed model; false if it is gone or no longer at the version (`updated_at`) that the change is based on.
pub async fn update(env: &Env, record: &ModelRecord, read_at_version: u64) -> StoreResult<bool> {
    let sql = "UPDATE provider_models SET provider_id = ?1, model_name = ?2, upstream_model = ?3, description = ?4, \
        enabled = ?5, slow = ?6, updated_at = ?7, context_length = ?8, max_output = ?9, capabilities = ?10, \
        weight = ?11, priority = ?12 WHERE id = ?13 AND updated_at = ?14";
    let mut parameters = changing_columns(record);
    parameters.extend([integer(record.id), unsigned(read_at_version)]);
    let written = write(env, sql, &parameters).await.map_err(|error| taken_if_unique(error, "model_name"))?;
    Ok(written.changes > 0)
}

/// Deletes a model; false if there is none.
pub async fn delete(env: &Env, id: i64) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM provider_models WHERE id = ?1", &[integer(id)]).await?.changes > 0)
}

fn changing_columns(record: &ModelRecord) -> Vec<JsValue> {
    let number = |value: Option<u32>| nullable(value, |number| integer(i64::from(number)));
    vec![
        integer(record.provider_id),
        text(&record.model_name),
        nullable(record.upstream_model.as_deref(), text),
        text(&record.description),
        flag(record.enabled),
        flag(record.slow),
        unsigned(record.updated_at),
        number(record.context_length),
        number(record.max_output),
        nullable(record.capabilities.as_ref(), |names| text(&names.join(","))),
        number(record.weight),
        number(record.priority),
    ]
}
