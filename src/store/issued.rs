//! Which key got which ids in answers of a provider, so that only this key may name them.

use std::collections::BTreeSet;

use nexus_edge_core::time::DAY_MS;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, rows, text, unsigned, write};
use crate::platform::now_ms;

/// How long an id is known, in milliseconds: as long as providers store responses.
const KNOWN_FOR_MS: u64 = 30 * DAY_MS;

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Notes that a key got these ids of the provider with this `uid`.
pub async fn put(env: &Env, key_id: &str, provider_uid: &str, ids: &BTreeSet<String>) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO issued_things (provider_uid, id, key_id, created_at) \
        SELECT ?1, value, ?2, ?3 FROM json_each(?4)";
    let list = serde_json::to_string(ids)?;
    write(env, sql, &[text(provider_uid), text(key_id), unsigned(now_ms()), text(&list)]).await?;
    Ok(())
}

/// Those of these ids that the key got.
pub async fn owned(
    env: &Env,
    key_id: &str,
    provider_uid: &str,
    ids: &BTreeSet<&str>,
) -> StoreResult<BTreeSet<String>> {
    let sql = "SELECT id FROM issued_things WHERE provider_uid = ?1 AND key_id = ?2 \
        AND id IN (SELECT value FROM json_each(?3))";
    let list = serde_json::to_string(ids)?;
    let found: Vec<Id> = rows(env, sql, &[text(provider_uid), text(key_id), text(&list)]).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}

/// Forgets old ids.
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = unsigned(now_ms().saturating_sub(KNOWN_FOR_MS));
    write(env, "DELETE FROM issued_things WHERE created_at < ?1", &[before]).await?;
    Ok(())
}
