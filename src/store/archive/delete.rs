//! Deletes a conversation from the archive.
//!
//! Its entries are deleted at once. Its texts are in packs together with those of others: their places are noted in the same
//! transaction, and then erased there ([`erase_now`]); what does not fit into the request is left to the cron.

use serde::Deserialize;
use worker::Env;

use super::super::{StoreResult, rows, statement, text};
use super::list::KEYS;
use super::{old_large, upkeep};
use crate::platform::log_error;

/// Packs that the request erases texts in before it is answered.
const ERASED_AT_ONCE: u64 = 20;

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// The keys that have a conversation with this id.
pub async fn keys_of(env: &Env, id: &str) -> StoreResult<Vec<String>> {
    let sql = format!(
        "{KEYS} SELECT c.key_id AS id FROM keys CROSS JOIN conversations AS c WHERE c.key_id = keys.id AND c.id = ?1 \
         AND c.key_id <> ''"
    );
    let found: Vec<Id> = rows(env, &sql, &[text(id)]).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}

/// Erases texts of deleted conversations, as far as a request has time for it.
pub async fn erase_now(env: &Env) {
    if let Err(error) = upkeep::erase(env, ERASED_AT_ONCE).await {
        log_error("texts of a deleted conversation are left to the cron", &error);
    }
}

/// Deletes a conversation of a key permanently. False if it was not archived.
pub async fn delete(env: &Env, key_id: &str, id: &str) -> StoreResult<bool> {
    let parameters = [text(key_id), text(id)];
    let large = "SELECT id FROM old_messages WHERE conversation_id = ?2 AND key_id = ?1 AND in_r2 = 1";
    let large: Vec<Id> = rows(env, large, &parameters).await?;
    old_large::remove(env, large.into_iter().map(|row| row.id).collect()).await?;
    let database = super::super::database(env)?;
    let run = |sql: &str| statement(&database, sql, &parameters);
    let erased = |items: &str| {
        format!(
            "INSERT OR IGNORE INTO archive_erasures (pack, at, length) SELECT i.value ->> '$.p[0]', i.value ->> '$.p[1]', \
             i.value ->> '$.p[2]' FROM ({items}) AS m, json_each('[' || m.items || ']') AS i \
             WHERE i.value ->> '$.p[0]' IS NOT NULL"
        )
    };
    let of_messages = "SELECT items FROM chat_messages WHERE key_id = ?1 AND conversation_id = ?2";
    let of_conversation = "SELECT items FROM conversations WHERE key_id = ?1 AND id = ?2";
    let statements = vec![
        run(&erased(of_messages))?,
        run(&erased(of_conversation))?,
        run("DELETE FROM chat_messages WHERE key_id = ?1 AND conversation_id = ?2")?,
        run("DELETE FROM old_messages WHERE key_id = ?1 AND conversation_id = ?2")?,
        // That there was a conversation stays in the totals; so does, without content, its row, until its time is over.
        run(
            "UPDATE conversations SET rounds = 0, prompt_tokens = 0, completion_tokens = 0, model_name = '', parent_id = NULL, \
            title = NULL, said = '', items = '', turns = '' WHERE key_id = ?1 AND id = ?2 AND (rounds > 0 OR turns <> '')",
        )?,
    ];
    let archived = "SELECT id FROM conversations WHERE key_id = ?1 AND id = ?2 AND rounds > 0";
    let archived: Vec<Id> = rows(env, archived, &parameters).await?;
    database.batch(statements).await?;
    Ok(!archived.is_empty())
}
