//! Cached responses: bodies in R2, which is consistent everywhere at once; their index in D1.

use nexus_edge_core::dialect::cached_answer::CachedAnswer;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, rows, text, unsigned, write};
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

/// Stores a cached response.
pub async fn put(
    env: &Env,
    name: &str,
    api_key_id: &str,
    model: &str,
    answer: &CachedAnswer,
) -> StoreResult<()> {
    let sql =
        "INSERT OR REPLACE INTO cached_answers (name, api_key_id, model, expires_at) VALUES (?1, ?2, ?3, ?4)";
    // The row first: an object without one would never be removed.
    write(env, sql, &[text(name), text(api_key_id), text(model), unsigned(answer.expires_at)]).await?;
    env.bucket("BUCKET")?.put(object_name(name), serde_json::to_vec(answer)?).execute().await?;
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
        let objects: Vec<String> = names.iter().map(|row| object_name(&row.name)).collect();
        env.bucket("BUCKET")?.delete_multiple(objects).await?;
        let list = serde_json::to_string(&names.iter().map(|row| row.name.as_str()).collect::<Vec<_>>())?;
        let sql = "DELETE FROM cached_answers WHERE name IN (SELECT value FROM json_each(?1))";
        write(env, sql, &[text(&list)]).await?;
        removed += names.len();
    }
}

fn object_name(name: &str) -> String {
    format!("{PREFIX}{name}")
}
