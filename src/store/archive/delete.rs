//! Deletes from the archive: a conversation on request, and messages that are too old.

use nexus_edge_core::id;
use serde::Deserialize;
use worker::Env;

use super::super::{StoreResult, nullable, rows, text, unsigned, write};
use super::large;
use crate::platform::now_ms;

/// How long messages are kept, in milliseconds: six months.
const KEPT_FOR_MS: u64 = 183 * 24 * 60 * 60 * 1000;
/// Most rows that one run of the cron removes.
const EXPIRY_BATCH: u64 = 1_000;

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

/// Deletes a conversation permanently, of one key or of all keys with one of this id. Returns the number of deleted
/// rows.
pub async fn delete(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<usize> {
    let parameters = [text(id), nullable(key_id, text)];
    let large = "SELECT id FROM chat_messages WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2) AND in_r2 = 1";
    remove_large(env, rows(env, large, &parameters).await?).await?;
    let messages = "DELETE FROM chat_messages WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2)";
    let gone = write(env, messages, &parameters).await?.changes;
    let conversations = "DELETE FROM archived_conversations WHERE id = ?1 AND (?2 IS NULL OR key_id = ?2)";
    Ok(gone.max(write(env, conversations, &parameters).await?.changes))
}

async fn remove_large(env: &Env, ids: Vec<IdRow>) -> StoreResult<()> {
    for row in ids {
        large::remove(env, &row.id).await?;
    }
    Ok(())
}

/// Removes messages older than [`KEPT_FOR_MS`].
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = now_ms().saturating_sub(KEPT_FOR_MS);
    // An id begins with its time.
    let oldest = "SELECT id FROM chat_messages WHERE id < ?1 ORDER BY id LIMIT ?2";
    let large = format!("SELECT id FROM chat_messages WHERE in_r2 = 1 AND id IN ({oldest})");
    let first_kept = id::ulid(before, [0; id::ULID_RANDOM_BYTES]);
    let parameters = [text(&first_kept), unsigned(EXPIRY_BATCH)];
    remove_large(env, rows(env, &large, &parameters).await?).await?;
    write(env, &format!("DELETE FROM chat_messages WHERE id IN ({oldest})"), &parameters).await?;
    write(env, "DELETE FROM archived_conversations WHERE last_seen < ?1", &[unsigned(before)]).await?;
    Ok(())
}
