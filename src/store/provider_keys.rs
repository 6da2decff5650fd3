//! Further keys of providers in D1, besides what [`super::table`] does. A key is reached through its provider only.

use nexus_edge_core::catalog::ProviderKeyRecord;
use worker::Env;

use super::{StoreResult, integer, row, rows, text, write};

/// The keys of one provider, oldest first.
pub async fn list(env: &Env, provider_id: i64) -> StoreResult<Vec<ProviderKeyRecord>> {
    rows(env, "SELECT * FROM provider_keys WHERE provider_id = ?1 ORDER BY id", &[integer(provider_id)]).await
}

/// The key with this id, if it belongs to that provider.
pub async fn find(env: &Env, provider_id: i64, id: &str) -> StoreResult<Option<ProviderKeyRecord>> {
    let sql = "SELECT * FROM provider_keys WHERE id = ?1 AND provider_id = ?2";
    row(env, sql, &[text(id), integer(provider_id)]).await
}

/// Deletes a key; false if the provider has none with this id.
pub async fn delete(env: &Env, provider_id: i64, id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM provider_keys WHERE id = ?1 AND provider_id = ?2";
    Ok(write(env, sql, &[text(id), integer(provider_id)]).await?.changes > 0)
}
