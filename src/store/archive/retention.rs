//! Removes from the archive what is older than its retention. Every step is bounded, so that no statement holds the database for
//! long, and goes on in the next run where it stopped.

use nexus_edge_core::time::DAY_MS;
use serde::{Deserialize, Serialize};
use worker::Env;

use super::super::{StoreResult, row, rows, statement, text, unsigned, write};
use super::upkeep::{KINDS, earliest_id, note_progress, pack_of, prefix_of, progress};
use super::{old_large, packs};

/// Conversations that one statement looks at, and statements of one run: enough for 1,000 new conversations a second.
const CONVERSATIONS_OF_PAGE: u64 = 2_000;
const PAGES: usize = 40;
/// Rows that one statement deletes, so that none holds the database for long, and statements of one run.
const DELETED_AT_ONCE: u64 = 2_000;
const DELETES: usize = 40;
/// Lists of a thousand objects that one run deletes.
const OBJECT_PAGES: usize = 10;

/// Removes what is older than a time, in milliseconds since the epoch: conversations that ended before it, entries of older
/// requests in the others, packs, and messages of earlier releases.
pub async fn expire(env: &Env, before_ms: u64) -> StoreResult<()> {
    expire_conversations(env, before_ms).await?;
    expire_packs(env, before_ms).await?;
    let first_kept = earliest_id(before_ms);
    expire_old_messages(env, &first_kept).await
}

/// Key and id of a conversation.
#[derive(Serialize, Deserialize)]
struct Id(String, String);

async fn expire_conversations(env: &Env, before_ms: u64) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Aged {
        key_id: String,
        id: String,
    }
    let first_kept = earliest_id(before_ms);
    let (begin, mut after) = (progress(env, "expired").await?, Id(String::new(), String::new()));
    if let Ok(id) = serde_json::from_str(&begin) {
        after = id;
    }
    let mut is_end = false;
    for _ in 0..PAGES {
        let page = "FROM conversations WHERE (key_id, id) > (?1, ?2) ORDER BY key_id, id LIMIT";
        let aged = format!(
            "SELECT key_id, id FROM (SELECT key_id, id, first_seen {page} {CONVERSATIONS_OF_PAGE}) WHERE first_seen < ?3"
        );
        let last = format!("SELECT key_id, id {page} 1 OFFSET {}", CONVERSATIONS_OF_PAGE - 1);
        let (key_id, id) = (text(&after.0), text(&after.1));
        let aged: Vec<Aged> = rows(env, &aged, &[key_id.clone(), id.clone(), unsigned(before_ms)]).await?;
        // Before these are deleted: it is counted from the beginning of the page.
        let last: Option<Aged> = row(env, &last, &[key_id, id]).await?;
        let aged: Vec<Id> = aged.into_iter().map(|one| Id(one.key_id, one.id)).collect();
        delete_aged(env, &aged, before_ms, &first_kept).await?;
        let Some(last) = last else {
            is_end = true;
            break;
        };
        after = Id(last.key_id, last.id);
    }
    let reached = if is_end { String::new() } else { serde_json::to_string(&after)? };
    if reached == begin { Ok(()) } else { note_progress(env, "expired", &reached).await }
}

async fn delete_aged(env: &Env, aged: &[Id], before_ms: u64, first_kept: &str) -> StoreResult<()> {
    if aged.is_empty() {
        return Ok(());
    }
    let these = "(SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
    let entries =
        format!("DELETE FROM chat_messages WHERE (key_id, conversation_id) IN {these} AND last_id < ?2");
    let shortened = format!(
        "UPDATE conversations SET said = '', items = COALESCE((SELECT group_concat(i.value, ',') \
         FROM json_each('[' || items || ']') AS i WHERE i.value ->> 'r' >= ?2), '') WHERE (key_id, id) IN {these} \
         AND last_seen >= ?3 AND EXISTS (SELECT 1 FROM json_each('[' || items || ']') AS i WHERE i.value ->> 'r' < ?2)"
    );
    let ended = format!("DELETE FROM conversations WHERE (key_id, id) IN {these} AND last_seen < ?2");
    let database = super::super::database(env)?;
    let (aged, first_kept, before) =
        (text(&serde_json::to_string(aged)?), text(first_kept), unsigned(before_ms));
    let statements = vec![
        statement(&database, &entries, &[aged.clone(), first_kept.clone()])?,
        statement(&database, &shortened, &[aged.clone(), first_kept, before.clone()])?,
        statement(&database, &ended, &[aged, before])?,
    ];
    database.batch(statements).await?;
    Ok(())
}

async fn expire_packs(env: &Env, before_ms: u64) -> StoreResult<()> {
    for (kind, _) in KINDS {
        expire_objects(env, kind, before_ms).await?;
    }
    // A pack may be part of an object that was made later.
    let before = earliest_id(before_ms.saturating_sub(DAY_MS));
    let sql = "DELETE FROM archive_packs WHERE name IN (SELECT name FROM archive_packs WHERE name < ?1 ORDER BY name LIMIT ?2)";
    for _ in 0..DELETES {
        let deleted = write(env, sql, &[text(&before), unsigned(DELETED_AT_ONCE)]).await?.changes;
        if (deleted as u64) < DELETED_AT_ONCE {
            break;
        }
    }
    Ok(())
}

async fn expire_objects(env: &Env, kind: &str, before_ms: u64) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    for _ in 0..OBJECT_PAGES {
        let listed = bucket.list().prefix(prefix_of(kind)).execute().await?;
        // Names sort by time.
        let expired: Vec<String> = listed
            .objects()
            .iter()
            .map(worker::Object::key)
            .take_while(|object| {
                pack_of(object).and_then(packs::time_of).is_some_and(|made| made < before_ms)
            })
            .collect();
        let is_last = expired.len() < listed.objects().len() || !listed.truncated();
        if !expired.is_empty() {
            bucket.delete_multiple(expired).await?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

async fn expire_old_messages(env: &Env, first_kept: &str) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Old {
        id: String,
    }
    // An id begins with its time.
    let oldest = "SELECT id FROM old_messages WHERE id < ?1 ORDER BY id LIMIT ?2";
    let large = format!("SELECT id FROM old_messages WHERE in_r2 = 1 AND id IN ({oldest})");
    let delete = format!("DELETE FROM old_messages WHERE id IN ({oldest})");
    let parameters = [text(first_kept), unsigned(DELETED_AT_ONCE)];
    for _ in 0..DELETES {
        let found: Vec<Old> = rows(env, &large, &parameters).await?;
        for ids in found.chunks(1_000) {
            old_large::remove(env, ids.iter().map(|row| row.id.clone()).collect()).await?;
        }
        let deleted = write(env, &delete, &parameters).await?.changes;
        if (deleted as u64) < DELETED_AT_ONCE {
            break;
        }
    }
    Ok(())
}
