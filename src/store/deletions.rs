//! Deletes all that came of a conversation: archived messages, stored responses, cached responses.
//!
//! A request may still run while its conversation is deleted. So that it leaves nothing behind, every deletion is noted for
//! 30 days, and no statement that stores something of a conversation does so for a request that began before its deletion.

use serde::Deserialize;
use worker::Env;

use super::origin::NOTED_FOR_MS;
use super::{StoreResult, answers, archive, responses, rows, text, unsigned, write};
use crate::platform::now_ms;

/// Deletes a conversation permanently, of one key or of all keys with one of this id. False if there is none.
pub async fn delete(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<bool> {
    let keys = match key_id {
        Some(key_id) => vec![key_id.to_owned()],
        None => keys_of(env, id).await?,
    };
    let note = "INSERT INTO deleted_conversations (key_id, id, deleted_at) SELECT value, ?2, ?3 FROM json_each(?1) WHERE true \
        ON CONFLICT (key_id, id) DO UPDATE SET deleted_at = excluded.deleted_at";
    write(env, note, &[text(&serde_json::to_string(&keys)?), text(id), unsigned(now_ms())]).await?;
    let mut archived = 0;
    for key_id in &keys {
        archived += usize::from(archive::delete(env, key_id, id).await?);
    }
    if archived > 0 {
        archive::erase_now(env).await;
    }
    let kept = responses::delete_of(env, key_id, id).await?;
    let cached = answers::delete_of(env, key_id, id).await?;
    Ok(archived + kept + cached > 0)
}

/// The keys that have something of a conversation with this id.
async fn keys_of(env: &Env, id: &str) -> StoreResult<Vec<String>> {
    #[derive(Deserialize)]
    struct Key {
        key_id: String,
    }
    let sql = "SELECT key_id FROM responses WHERE conversation_id = ?1 \
        UNION SELECT api_key_id FROM cached_answers WHERE conversation_id = ?1";
    let found: Vec<Key> = rows(env, sql, &[text(id)]).await?;
    let mut keys = archive::keys_of(env, id).await?;
    keys.extend(found.into_iter().map(|row| row.key_id));
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Forgets deletions that no running request can concern any more.
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = unsigned(now_ms().saturating_sub(NOTED_FOR_MS));
    write(env, "DELETE FROM deleted_conversations WHERE deleted_at < ?1", &[before]).await?;
    Ok(())
}
