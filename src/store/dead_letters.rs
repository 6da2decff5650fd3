//! Messages of the usage queue that could not be recorded, kept in R2 until an administrator replays or deletes them: an
//! object for each, `dead-letters/<ulid>`, with the message's body, and the reason in its metadata.

use std::collections::HashMap;

use nexus_edge_api::dead_letters::{DeadLetter, DeadLetterBody};
use worker::{Env, Include, Object};

use super::StoreResult;
use crate::platform::{new_ulid, now_ms};

const PREFIX: &str = "dead-letters/";
const REASON: &str = "reason";
/// Longest reason that is kept, in characters.
const MAX_REASON: usize = 300;

/// Keeps a message.
pub async fn put(env: &Env, body: String, reason: &str) -> StoreResult<()> {
    // Metadata travels as a header in production.
    let reason: String =
        reason.chars().filter(|letter| matches!(letter, ' '..='~')).take(MAX_REASON).collect();
    let metadata = HashMap::from([(REASON.to_owned(), reason)]);
    let name = format!("{PREFIX}{}", new_ulid(now_ms()));
    env.bucket("BUCKET")?.put(name, body.into_bytes()).custom_metadata(metadata).execute().await?;
    Ok(())
}

/// A page of messages, the oldest first, and the cursor of the next page.
pub async fn list(
    env: &Env,
    limit: u32,
    cursor: Option<&str>,
) -> StoreResult<(Vec<DeadLetter>, Option<String>)> {
    let bucket = env.bucket("BUCKET")?;
    let mut page = bucket.list().prefix(PREFIX).limit(limit).include(vec![Include::CustomMetadata]);
    if let Some(cursor) = cursor {
        page = page.cursor(cursor);
    }
    let found = page.execute().await?;
    Ok((found.objects().iter().map(described).collect(), found.cursor()))
}

/// A message with its body.
pub async fn get(env: &Env, id: &str) -> StoreResult<Option<DeadLetterBody>> {
    let object = env.bucket("BUCKET")?.get(name_of(id)).execute().await?;
    let Some(object) = object else { return Ok(None) };
    let Some(body) = object.body() else { return Ok(None) };
    let body = String::from_utf8_lossy(&body.bytes().await?).into_owned();
    Ok(Some(DeadLetterBody { letter: described(&object), body }))
}

/// Deletes a message. False if there is none.
pub async fn delete(env: &Env, id: &str) -> StoreResult<bool> {
    let bucket = env.bucket("BUCKET")?;
    let name = name_of(id);
    if bucket.head(&name).await?.is_none() {
        return Ok(false);
    }
    bucket.delete(name).await?;
    Ok(true)
}

fn name_of(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn described(object: &Object) -> DeadLetter {
    let reason = object.custom_metadata().unwrap_or_default().remove(REASON).unwrap_or_default();
    let name = object.key();
    DeadLetter {
        id: name.strip_prefix(PREFIX).unwrap_or(&name).to_owned(),
        kept_at: object.uploaded().as_millis(),
        bytes: object.size(),
        reason,
    }
}
