//! What the cron does with the archive: makes objects of packs that wait in the database, erases the texts of deleted
//! conversations, removes objects that no committed batch refers to, and everything whose retention has ended.
//!
//! Each step is bounded, and a step that is cut off leaves nothing that the next run does not find: an object is written before
//! the database refers to it, and removed after the database has stopped to.

use nexus_edge_core::id::{ULID_RANDOM_BYTES, time_of, ulid};
use nexus_edge_core::time::DAY_MS;
use nexus_edge_packs::blank;
use nexus_edge_packs::name::HOUR_MS;
use serde::{Deserialize, Serialize};
use worker::{Bucket, Conditional, D1Database, Env};

use super::super::{StoreResult, row, rows, statement, text, unsigned, write};
use super::old_large;
use super::packs::{self, Whereabouts};
use crate::platform::{new_ulid, now_ms};

/// Packs that wait become an object when they have waited for so long, or are so many bytes in base64.
const WAITS_MS: u64 = HOUR_MS;
const WAITING_BYTES: usize = 512 << 10;
/// Packs of one object, and objects of one run.
const PACKS_OF_OBJECT: u64 = 64;
const OBJECTS_AT_ONCE: usize = 10;
/// A batch commits within this time of making its pack, or not at all: messages are delivered again after it at the latest.
const COMMITTED_WITHIN_MS: u64 = 2 * HOUR_MS;
/// Objects that one run compares with the table of packs.
const COMPARED_AT_ONCE: u32 = 500;
/// Conversations that one statement looks at, and statements of one run: enough for 1,000 new conversations a second.
const CONVERSATIONS_OF_PAGE: u64 = 2_000;
const PAGES: usize = 40;
/// Rows that one statement deletes, so that none holds the database for long, and statements of one run.
const DELETED_AT_ONCE: u64 = 2_000;
const DELETES: usize = 40;
/// Lists of a thousand objects that one run deletes.
const OBJECT_PAGES: usize = 10;

const PREFIX: &str = "packs/archive/";

fn earliest_id(ms: u64) -> String {
    ulid(ms, [0; ULID_RANDOM_BYTES])
}

async fn progress(env: &Env, name: &str) -> StoreResult<String> {
    #[derive(Deserialize)]
    struct Value {
        value: String,
    }
    let found: Option<Value> =
        row(env, "SELECT value FROM archive_progress WHERE name = ?1", &[text(name)]).await?;
    Ok(found.map(|row| row.value).unwrap_or_default())
}

async fn note_progress(env: &Env, name: &str, value: &str) -> StoreResult<()> {
    let sql = "INSERT INTO archive_progress (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value \
        WHERE value <> excluded.value";
    write(env, sql, &[text(name), text(value)]).await?;
    Ok(())
}

/// Makes objects of packs that wait in the database.
pub async fn gather(env: &Env) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Waiting {
        name: String,
        staged: String,
    }
    let now = now_ms();
    let from = progress(env, "gathered").await?;
    let mut after = from.clone();
    for _ in 0..OBJECTS_AT_ONCE {
        let sql = "SELECT name, staged FROM archive_packs WHERE name > ?1 AND staged IS NOT NULL ORDER BY name LIMIT ?2";
        let found: Vec<Waiting> = rows(env, sql, &[text(&after), unsigned(PACKS_OF_OBJECT)]).await?;
        let bytes: usize = found.iter().map(|pack| pack.staged.len()).sum();
        let oldest = found.first().and_then(|pack| time_of(&pack.name)).unwrap_or(now);
        let is_full = bytes >= WAITING_BYTES || found.len() as u64 == PACKS_OF_OBJECT;
        if !is_full && oldest + WAITS_MS > now {
            // What commits late must not be left out: the mark stays behind.
            let settled = earliest_id(now.saturating_sub(COMMITTED_WITHIN_MS));
            let first = found.first().map_or(settled.as_str(), |pack| &pack.name);
            let before_first = if first < settled.as_str() { after.as_str() } else { settled.as_str() };
            return note_progress(env, "gathered", before_first.max(from.as_str())).await;
        }
        let packs: Vec<(String, String)> = found.into_iter().map(|pack| (pack.name, pack.staged)).collect();
        if let Some((last, _)) = packs.last() {
            after.clone_from(last);
        }
        make_object(env, &packs).await?;
    }
    let settled = earliest_id(now.saturating_sub(COMMITTED_WITHIN_MS));
    note_progress(env, "gathered", after.min(settled).as_str().max(from.as_str())).await
}

/// Makes one object of packs, each with its name and its bytes in base64. If one of them has changed meanwhile, nothing refers to
/// the object, and it is removed later.
async fn make_object(env: &Env, packs: &[(String, String)]) -> StoreResult<()> {
    #[derive(Serialize)]
    struct Moved<'a> {
        name: &'a str,
        staged: &'a str,
        base: usize,
    }
    let (mut bytes, mut moved) = (Vec::new(), Vec::with_capacity(packs.len()));
    for (name, staged) in packs {
        moved.push(Moved { name, staged, base: bytes.len() });
        bytes.extend(packs::decode(staged).unwrap_or_default());
    }
    let name = new_ulid(now_ms());
    let object = packs::object_of(&name);
    env.bucket("BUCKET")?.put(&object, bytes).execute().await?;
    let database = super::super::database(env)?;
    let moved = text(&serde_json::to_string(&moved)?);
    let unchanged = "SELECT json(CASE WHEN (SELECT COUNT(*) FROM json_each(?1) AS e CROSS JOIN archive_packs AS p \
        WHERE p.name = e.value ->> 'name' AND p.staged = e.value ->> 'staged') = ?2 THEN '1' ELSE 'a pack has changed' END)";
    let update = "UPDATE archive_packs SET staged = NULL, object = ?2, base = e.value ->> 'base' FROM json_each(?1) AS e \
        WHERE archive_packs.name = e.value ->> 'name'";
    let register = "INSERT INTO archive_packs (name) VALUES (?1)";
    let statements = vec![
        statement(&database, unchanged, &[moved.clone(), unsigned(packs.len() as u64)])?,
        statement(&database, update, &[moved, text(&object)])?,
        statement(&database, register, &[text(&name)])?,
    ];
    database.batch(statements).await?;
    Ok(())
}

/// Erases texts of deleted conversations, in at most so many packs.
pub async fn erase(env: &Env, packs: u64) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Wanted {
        pack: String,
        parts: String,
    }
    let sql = "SELECT pack, json_group_array(json_array(at, length)) AS parts FROM \
        (SELECT pack, at, length FROM archive_erasures WHERE pack IN (SELECT DISTINCT pack FROM archive_erasures ORDER BY pack LIMIT ?1)) \
        GROUP BY pack";
    let wanted: Vec<Wanted> = rows(env, sql, &[unsigned(packs)]).await?;
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = wanted.iter().map(|one| one.pack.as_str()).collect();
    let found = packs::find(env, &names).await?;
    let (database, bucket) = (super::super::database(env)?, env.bucket("BUCKET")?);
    for Wanted { pack, parts } in &wanted {
        let erased = match found.get(pack) {
            Some(place) => erase_in(&database, &bucket, pack, place, &serde_json::from_str(parts)?).await?,
            // It has expired.
            None => true,
        };
        if erased {
            let done = "DELETE FROM archive_erasures WHERE pack = ?1 AND at IN (SELECT value ->> 0 FROM json_each(?2))";
            write(env, done, &[text(pack), text(parts)]).await?;
        }
    }
    Ok(())
}

/// Erases parts of a pack. False if it was changed at the same time: then a later run tries again.
async fn erase_in(
    database: &D1Database,
    bucket: &Bucket,
    pack: &str,
    place: &Whereabouts,
    parts: &Vec<(u64, u64)>,
) -> StoreResult<bool> {
    let blank = |bytes: &mut [u8], base: u64| {
        for (at, length) in parts {
            // What is not within the pack is not there.
            let _ = blank::erase(bytes, base + at, *length);
        }
    };
    if let (Some(staged), Some(mut bytes)) = (&place.staged, place.staged_bytes()) {
        blank(&mut bytes, 0);
        let sql = "UPDATE archive_packs SET staged = ?1 WHERE name = ?2 AND staged = ?3";
        let parameters = [text(&packs::encode(&bytes)), text(pack), text(staged)];
        let meta = statement(database, sql, &parameters)?.run().await?.meta()?;
        return Ok(meta.and_then(|meta| meta.changes).unwrap_or_default() > 0);
    }
    let (name, base) = place.object();
    let Some(object) = bucket.get(&name).execute().await? else { return Ok(true) };
    let Some(body) = object.body() else { return Ok(true) };
    let mut bytes = body.bytes().await?;
    blank(&mut bytes, base);
    let unchanged = Conditional {
        etag_matches: Some(object.etag()),
        etag_does_not_match: None,
        uploaded_before: None,
        uploaded_after: None,
    };
    Ok(bucket.put(&name, bytes).only_if(unchanged).execute().await?.is_some())
}

/// Removes objects that no batch refers to, because it failed after it had put its pack.
pub async fn remove_orphans(env: &Env) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    let from = progress(env, "compared").await?;
    let mut list = bucket.list().prefix(PREFIX).limit(COMPARED_AT_ONCE);
    if !from.is_empty() {
        list = list.start_after(&from);
    }
    let settled = now_ms().saturating_sub(COMMITTED_WITHIN_MS);
    let listed = list.execute().await?;
    let objects: Vec<(String, String)> = listed
        .objects()
        .iter()
        .map(worker::Object::key)
        .map_while(|object| {
            let name = pack_of(&object)?.to_owned();
            (time_of(&name)? < settled).then_some((object, name))
        })
        .collect();
    let Some((last, _)) = objects.last() else { return Ok(()) };
    let names: Vec<&str> = objects.iter().map(|(_, name)| name.as_str()).collect();
    let known = packs::find(env, &names).await?;
    let orphans: Vec<&str> = objects
        .iter()
        .filter(|(_, name)| !known.contains_key(name))
        .map(|(object, _)| object.as_str())
        .collect();
    if !orphans.is_empty() {
        bucket.delete_multiple(orphans).await?;
    }
    note_progress(env, "compared", last).await
}

/// The pack in the name of an object.
fn pack_of(object: &str) -> Option<&str> {
    object.strip_prefix(PREFIX)?.rsplit('/').next()?.strip_suffix(".ndjson.gz")
}

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
        match last {
            Some(last) => after = Id(last.key_id, last.id),
            None => {
                is_end = true;
                break;
            }
        }
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
    let bucket = env.bucket("BUCKET")?;
    for _ in 0..OBJECT_PAGES {
        let listed = bucket.list().prefix(PREFIX).execute().await?;
        // Names sort by time.
        let expired: Vec<String> = listed
            .objects()
            .iter()
            .map(worker::Object::key)
            .take_while(|object| pack_of(object).and_then(time_of).is_some_and(|made| made < before_ms))
            .collect();
        let is_last = expired.len() < listed.objects().len() || !listed.truncated();
        if !expired.is_empty() {
            bucket.delete_multiple(expired).await?;
        }
        if is_last {
            break;
        }
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
