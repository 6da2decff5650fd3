//! What the cron does with packs: makes objects of those that wait in the database, erases the texts of deleted conversations,
//! and removes objects that no committed batch refers to.
//!
//! Each step is bounded, and a step that is cut off leaves nothing that the next run does not find: an object is written before
//! the database refers to it, and removed after the database has stopped to.

use nexus_edge_core::id::{ULID_RANDOM_BYTES, ulid};
use nexus_edge_packs::blank;
use nexus_edge_packs::name::{HOUR_MS, Name};
use serde::{Deserialize, Serialize};
use worker::{Bucket, Conditional, D1Database, Env};

use super::super::origin::NOTED_FOR_MS;
use super::super::{StoreResult, row, rows, statement, text, unsigned, write};
use super::packs::{self, Whereabouts};
use crate::platform::{new_ulid, now_ms};

/// Packs that wait become an object when they have waited for so long, or are so many bytes in base64.
const WAITS_MS: u64 = HOUR_MS;
const WAITING_BYTES: usize = 512 << 10;
/// Packs of one object, and objects of one run.
const PACKS_OF_OBJECT: u64 = 64;
const OBJECTS_AT_ONCE: usize = 10;
/// A batch commits within this time of making its pack, or not at all: another delivery makes another pack.
const COMMITTED_WITHIN_MS: u64 = 2 * HOUR_MS;
/// Kinds of packs, and after which time one without a row has been left behind. An event may wait as a dead letter; of one that
/// is recorded later than a deletion is noted nothing is archived.
pub(super) const KINDS: [(&str, u64); 2] =
    [(packs::KIND, COMMITTED_WITHIN_MS), (packs::LARGE_KIND, NOTED_FOR_MS)];
/// Objects that one run compares with the table of packs.
const COMPARED_AT_ONCE: u32 = 500;

/// What the names of objects of a kind begin with.
pub(super) fn prefix_of(kind: &str) -> String {
    format!("packs/{kind}/")
}

/// The smallest id of a time, in milliseconds since the epoch.
pub(super) fn earliest_id(ms: u64) -> String {
    ulid(ms, [0; ULID_RANDOM_BYTES])
}

/// How far a job has come; empty if it has not begun.
pub(super) async fn progress(env: &Env, name: &str) -> StoreResult<String> {
    #[derive(Deserialize)]
    struct Value {
        value: String,
    }
    let found: Option<Value> =
        row(env, "SELECT value FROM archive_progress WHERE name = ?1", &[text(name)]).await?;
    Ok(found.map(|row| row.value).unwrap_or_default())
}

/// Notes how far a job has come.
pub(super) async fn note_progress(env: &Env, name: &str, value: &str) -> StoreResult<()> {
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
        let oldest = found.first().and_then(|pack| packs::time_of(&pack.name)).unwrap_or(now);
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
    for (kind, after_ms) in KINDS {
        remove_orphans_of(env, kind, now_ms().saturating_sub(after_ms)).await?;
    }
    Ok(())
}

/// Leaves objects from before this time alone, in milliseconds since the epoch: after a restore the table does not know those
/// that were made since its backup, and another backup may need them. They go when their retention ends.
pub async fn spare_before(env: &Env, now_ms: u64) -> StoreResult<()> {
    for (kind, _) in KINDS {
        let object = Name::new(kind, now_ms, &earliest_id(now_ms)).pack();
        note_progress(env, &compared_mark(kind), &object).await?;
    }
    Ok(())
}

/// The name under which is noted up to which object those of a kind have been compared with the table.
fn compared_mark(kind: &str) -> String {
    format!("compared {kind}")
}

async fn remove_orphans_of(env: &Env, kind: &str, settled_ms: u64) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    let mark = compared_mark(kind);
    let from = progress(env, &mark).await?;
    let mut listing = bucket.list().prefix(prefix_of(kind)).limit(COMPARED_AT_ONCE);
    if !from.is_empty() {
        listing = listing.start_after(&from);
    }
    let listed = listing.execute().await?;
    let objects: Vec<(String, String)> = listed
        .objects()
        .iter()
        .map(worker::Object::key)
        .map_while(|object| {
            let name = pack_of(&object)?.to_owned();
            (packs::time_of(&name)? < settled_ms).then_some((object, name))
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
    note_progress(env, &mark, last).await
}

/// The pack in the name of an object.
pub(super) fn pack_of(object: &str) -> Option<&str> {
    object.rsplit('/').next()?.strip_suffix(".ndjson.gz")
}
