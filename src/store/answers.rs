//! Cached responses: bodies in R2, which is consistent everywhere at once; their index in D1.

use nexus_edge_core::dialect::cached_answer::CachedAnswer;
use serde::Deserialize;
use worker::Env;

use super::origin::{Origin, is_not_deleted};
use super::{StoreResult, nullable, row, rows, text, unsigned, write};
use crate::platform::now_ms;

const PREFIX: &str = "answers/";
/// Most cached responses that are removed at once; R2 deletes up to 1000 objects in a call.
const BATCH: u32 = 500;

/// Which cached responses to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// All.
    All,
    /// Those of an API key.
    ApiKey(String),
    /// Those of a model, by the name that callers use.
    Model(String),
    /// Expired ones.
    Expired,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The cached response with this name, unless it has expired.
pub async fn find(env: &Env, name: &str) -> StoreResult<Option<CachedAnswer>> {
    let Some(object) = env.bucket("BUCKET")?.get(object_name(name)).execute().await? else { return Ok(None) };
    let Some(body) = object.body() else { return Ok(None) };
    let answer: Option<CachedAnswer> = serde_json::from_slice(&body.bytes().await?).ok();
    Ok(answer.filter(|answer| answer.expires_at > now_ms()))
}

/// Stores a cached response, unless its conversation was deleted meanwhile.
pub async fn put(
    env: &Env,
    name: &str,
    origin: &Origin,
    model: &str,
    answer: &CachedAnswer,
) -> StoreResult<()> {
    let sql = format!(
        "INSERT OR REPLACE INTO cached_answers (name, api_key_id, model, expires_at, conversation_id) \
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE {}",
        is_not_deleted("?2", "?5", "?6")
    );
    let parameters = [
        text(name),
        text(&origin.key_id),
        text(model),
        unsigned(answer.expires_at),
        text(&origin.conversation_id),
        unsigned(origin.began_at),
    ];
    // The row first: an object without one would never be removed.
    if write(env, &sql, &parameters).await?.changes == 0 {
        return Ok(());
    }
    let bucket = env.bucket("BUCKET")?;
    bucket.put(object_name(name), serde_json::to_vec(answer)?).execute().await?;
    // It is found by its name alone, so it must not outlive a row that was deleted in between.
    let row: Option<Name> =
        row(env, "SELECT name FROM cached_answers WHERE name = ?1", &[text(name)]).await?;
    if row.is_none() {
        bucket.delete(object_name(name)).await?;
    }
    Ok(())
}

/// Removes the cached responses that came of a conversation, of one key or of all. Returns their number.
pub async fn delete_of(env: &Env, key_id: Option<&str>, conversation_id: &str) -> StoreResult<usize> {
    let sql =
        "SELECT name FROM cached_answers WHERE conversation_id = ?1 AND (?2 IS NULL OR api_key_id = ?2)";
    let names: Vec<Name> = rows(env, sql, &[text(conversation_id), nullable(key_id, text)]).await?;
    for names in names.chunks(BATCH as usize) {
        remove(env, names).await?;
    }
    Ok(names.len())
}

async fn remove(env: &Env, names: &[Name]) -> StoreResult<()> {
    let objects: Vec<String> = names.iter().map(|row| object_name(&row.name)).collect();
    env.bucket("BUCKET")?.delete_multiple(objects).await?;
    let list = serde_json::to_string(&names.iter().map(|row| row.name.as_str()).collect::<Vec<_>>())?;
    let sql = "DELETE FROM cached_answers WHERE name IN (SELECT value FROM json_each(?1))";
    write(env, sql, &[text(&list)]).await?;
    Ok(())
}

/// Removes cached responses and returns their number.
pub async fn clear(env: &Env, segment: &Segment) -> StoreResult<usize> {
    let mut removed = 0;
    loop {
        let (condition, parameter) = match segment {
            Segment::All => ("?1 = ?1", unsigned(0)),
            Segment::ApiKey(id) => ("api_key_id = ?1", text(id)),
            Segment::Model(model) => ("model = ?1", text(model)),
            Segment::Expired => ("expires_at <= ?1", unsigned(now_ms())),
        };
        let sql = format!("SELECT name FROM cached_answers WHERE {condition} LIMIT {BATCH}");
        let names: Vec<Name> = rows(env, &sql, &[parameter]).await?;
        if names.is_empty() {
            return Ok(removed);
        }
        remove(env, &names).await?;
        removed += names.len();
    }
}

fn object_name(name: &str) -> String {
    format!("{PREFIX}{name}")
}
