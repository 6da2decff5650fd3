//! Stored responses: in D1, or in R2 if they are too large for a row.
//!
//! Of a response that its provider stores, only the provider is noted. A response belongs to the key that created it;
//! for other keys it does not exist.

use nexus_edge_core::dialect::canonical::Json;
use nexus_edge_core::dialect::responses::{Kept, KeptElsewhere, StoredResponse};
use serde::Deserialize;
use worker::Env;

use super::origin::{Origin, is_not_deleted};
use super::{StoreError, StoreResult, nullable, rows, text, unsigned, write};
use crate::platform::now_ms;

/// Most responses of a `previous_response_id` chain that are followed.
const MAX_CHAIN: u32 = 1000;
/// D1 accepts rows of up to 2 MB; larger responses go to R2.
const MAX_ROW_BYTES: usize = 1_500_000;
/// How long a response is stored, in milliseconds: 30 days, as with `OpenAI`.
const KEPT_FOR_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Most objects that one run of the cron removes from R2.
const EXPIRY_BATCH: u32 = 500;

#[derive(Deserialize)]
struct Row {
    id: String,
    record: Option<String>,
}

/// Stores a response, unless its conversation was deleted meanwhile.
pub async fn put(env: &Env, origin: &Origin, response: &StoredResponse) -> StoreResult<()> {
    let json = serde_json::to_string(response)?;
    let in_row = json.len() <= MAX_ROW_BYTES;
    if !in_row {
        env.bucket("BUCKET")?.put(object_name(&response.id), json.clone().into_bytes()).execute().await?;
    }
    let sql = format!(
        "INSERT OR REPLACE INTO responses (id, key_id, previous_id, created_at, record, conversation_id) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE {}",
        is_not_deleted("?2", "?6", "?7")
    );
    let parameters = [
        text(&response.id),
        text(&origin.key_id),
        nullable(response.previous_response_id.as_deref(), text),
        unsigned(now_ms()),
        nullable(in_row.then_some(json.as_str()), text),
        text(&origin.conversation_id),
        unsigned(origin.began_at),
    ];
    // An object without a row would never be removed.
    if write(env, &sql, &parameters).await?.changes == 0 && !in_row {
        env.bucket("BUCKET")?.delete(object_name(&response.id)).await?;
    }
    Ok(())
}

/// Stores an answer of several rounds under the id that its caller was told, if the response of its last round, `last`, is stored.
/// `items`: what belongs to the conversation after it.
pub async fn put_joined(
    env: &Env,
    origin: &Origin,
    last: &str,
    items: &[Json],
    response: &[u8],
) -> StoreResult<()> {
    let Some(joined) = StoredResponse::joined(last, items, response) else { return Ok(()) };
    match find(env, &origin.key_id, last).await? {
        None => Ok(()),
        Some(Kept::Here(_)) => put(env, origin, &joined).await,
        Some(Kept::Elsewhere(kept)) => {
            let sql = "INSERT OR REPLACE INTO responses (id, key_id, previous_id, created_at, record) VALUES (?1, ?2, NULL, ?3, ?4)";
            let record = serde_json::to_string(&kept)?;
            let parameters = [text(&joined.id), text(&origin.key_id), unsigned(now_ms()), text(&record)];
            write(env, sql, &parameters).await.map(|_| ())
        }
    }
}

/// Notes which provider stores a response.
pub async fn put_elsewhere(env: &Env, origin: &Origin, kept: &KeptElsewhere) -> StoreResult<()> {
    let sql = "INSERT OR IGNORE INTO responses (id, key_id, previous_id, created_at, record) VALUES (?1, ?2, NULL, ?3, ?4)";
    let record = serde_json::to_string(kept)?;
    write(env, sql, &[text(&kept.id), text(&origin.key_id), unsigned(now_ms()), text(&record)]).await?;
    Ok(())
}

/// The stored response with this id.
pub async fn find(env: &Env, key_id: &str, id: &str) -> StoreResult<Option<Kept>> {
    let sql = "SELECT id, record FROM responses WHERE id = ?1 AND key_id = ?2";
    match rows::<Row>(env, sql, &[text(id), text(key_id)]).await?.into_iter().next() {
        Some(row) => read(env, row).await,
        None => Ok(None),
    }
}

/// The response with this id and all that it continues, oldest first; empty if there is none.
pub async fn chain(env: &Env, key_id: &str, id: &str) -> StoreResult<Vec<Kept>> {
    let sql = format!(
        "WITH RECURSIVE chain (id, previous_id, record, depth) AS ( \
         SELECT id, previous_id, record, 0 FROM responses WHERE id = ?1 AND key_id = ?2 UNION ALL \
         SELECT r.id, r.previous_id, r.record, depth + 1 FROM responses AS r JOIN chain ON r.id = chain.previous_id \
         WHERE r.key_id = ?2 AND depth < {MAX_CHAIN}) SELECT id, record FROM chain ORDER BY depth DESC"
    );
    let mut found = Vec::new();
    for row in rows::<Row>(env, &sql, &[text(id), text(key_id)]).await? {
        found.extend(read(env, row).await?);
    }
    Ok(found)
}

/// Deletes the responses of a conversation, of one key or of all. Returns their number.
pub async fn delete_of(env: &Env, key_id: Option<&str>, conversation_id: &str) -> StoreResult<usize> {
    let parameters = [text(conversation_id), nullable(key_id, text)];
    let of = "FROM responses WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2)";
    let large: Vec<Row> =
        rows(env, &format!("SELECT id, record {of} AND record IS NULL"), &parameters).await?;
    for row in large {
        env.bucket("BUCKET")?.delete(object_name(&row.id)).await?;
    }
    Ok(write(env, &format!("DELETE {of}"), &parameters).await?.changes)
}

/// Deletes a response; false if there is none.
pub async fn delete(env: &Env, key_id: &str, id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM responses WHERE id = ?1 AND key_id = ?2";
    let is_deleted = write(env, sql, &[text(id), text(key_id)]).await?.changes > 0;
    if is_deleted {
        env.bucket("BUCKET")?.delete(object_name(id)).await?;
    }
    Ok(is_deleted)
}

/// Removes expired responses.
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = unsigned(now_ms().saturating_sub(KEPT_FOR_MS));
    let sql = format!(
        "SELECT id, record FROM responses WHERE created_at < ?1 AND record IS NULL LIMIT {EXPIRY_BATCH}"
    );
    let large: Vec<Row> = rows(env, &sql, std::slice::from_ref(&before)).await?;
    let is_all = large.len() < EXPIRY_BATCH as usize;
    for row in large {
        env.bucket("BUCKET")?.delete(object_name(&row.id)).await?;
        write(env, "DELETE FROM responses WHERE id = ?1", &[text(&row.id)]).await?;
    }
    if is_all {
        write(env, "DELETE FROM responses WHERE created_at < ?1", &[before]).await?;
    }
    Ok(())
}

/// `None` for a record that cannot be read.
async fn read(env: &Env, row: Row) -> StoreResult<Option<Kept>> {
    if let Some(json) = row.record {
        return Ok(Kept::parse(&json).ok());
    }
    let object = env.bucket("BUCKET")?.get(object_name(&row.id)).execute().await?;
    let missing = || StoreError::Platform(format!("the object of response {} is missing", row.id));
    let body = object.as_ref().and_then(worker::Object::body).ok_or_else(missing)?;
    Ok(serde_json::from_slice(&body.bytes().await?).ok().map(Kept::Here))
}

fn object_name(id: &str) -> String {
    format!("responses/{id}")
}
