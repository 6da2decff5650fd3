//! Deletes all that came of a conversation: archived messages, stored responses, cached responses.
//!
//! A request may still run while its conversation is deleted. So that it leaves nothing behind, every deletion is noted for
//! a day, and no statement that stores something of a conversation does so for a request that began before its deletion.

use nexus_edge_core::time::DAY_MS;
use worker::Env;

use super::{StoreResult, answers, archive, nullable, responses, text, unsigned, write};
use crate::platform::now_ms;

/// How long a deletion is noted, in milliseconds: longer than any request runs.
const NOTED_FOR_MS: u64 = DAY_MS;

/// Deletes a conversation permanently, of one key or of all keys with one of this id. False if there is none.
pub async fn delete(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<bool> {
    let keys = "SELECT key_id FROM archived_conversations WHERE id = ?1 \
        UNION SELECT key_id FROM responses WHERE conversation_id = ?1 \
        UNION SELECT api_key_id FROM cached_answers WHERE conversation_id = ?1";
    let note = format!(
        "INSERT INTO deleted_conversations (key_id, id, deleted_at) SELECT key_id, ?1, ?3 FROM \
         (SELECT ?2 AS key_id WHERE ?2 IS NOT NULL UNION SELECT key_id FROM ({keys}) WHERE ?2 IS NULL) WHERE true \
         ON CONFLICT (key_id, id) DO UPDATE SET deleted_at = excluded.deleted_at"
    );
    write(env, &note, &[text(id), nullable(key_id, text), unsigned(now_ms())]).await?;
    let archived = archive::delete(env, key_id, id).await?;
    let kept = responses::delete_of(env, key_id, id).await?;
    let cached = answers::delete_of(env, key_id, id).await?;
    Ok(archived + kept + cached > 0)
}

/// Forgets deletions that no running request can concern any more.
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = unsigned(now_ms().saturating_sub(NOTED_FOR_MS));
    write(env, "DELETE FROM deleted_conversations WHERE deleted_at < ?1", &[before]).await?;
    Ok(())
}
