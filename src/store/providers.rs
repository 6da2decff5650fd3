//! Providers in D1, besides what [`super::table`] does.

use nexus_edge_core::catalog::ProviderRecord;
use worker::Env;

use super::{StoreResult, rows};

/// Enabled providers with an enabled model, by id.
pub async fn list_available(env: &Env) -> StoreResult<Vec<ProviderRecord>> {
    let sql = "SELECT * FROM providers AS p WHERE enabled = 1 AND EXISTS \
        (SELECT 1 FROM provider_models AS m WHERE m.provider_id = p.id AND m.enabled = 1) ORDER BY id";
    rows(env, sql, &[]).await
}
