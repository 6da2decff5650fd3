//! Models of providers in D1, besides what [`super::table`] does.

use nexus_edge_core::catalog::ModelRecord;
use worker::Env;

use super::{StoreResult, integer, rows, text, write};

/// The models of one provider, by id.
pub async fn list_of_provider(env: &Env, provider_id: i64) -> StoreResult<Vec<ModelRecord>> {
    let sql = "SELECT * FROM provider_models WHERE provider_id = ?1 ORDER BY id";
    rows(env, sql, &[integer(provider_id)]).await
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
