//! Backups: reads tables and objects in the order that `nexus_edge_backups` says, packs of some megabytes at a time, and deletes
//! those that are not kept any more.
//!
//! A backup is `backups/<id>/<part>.ndjson.gz`, and at last `backup-manifests/<id>.json`. What the manifest says is noted with it as
//! well, so that the list of backups is one call.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use nexus_edge_backups::dump::{Asks, Dump, Inside, NAMES, Next, Place, Question};
use nexus_edge_backups::line::{Line, lines};
use nexus_edge_backups::manifest::{Manifest, ManifestError, Part, VERSION};
use nexus_edge_backups::retention::kept;
use nexus_edge_backups::tables::{Class, dumped_tables};
use nexus_edge_backups::tally::Tally;
use nexus_edge_core::limits::Subject;
use nexus_edge_packs::builder::Builder;
use nexus_edge_packs::layout::{self, BLOCK_BYTES, Row};
use serde::{Deserialize, Serialize};
use worker::Env;

use crate::objects::copy::{Read, read_object};
use crate::platform::{gzip, now_ms};
use crate::store::jobs::{self, Job};
use crate::store::{StoreError, StoreResult, backups, bucket};

/// The kind of these jobs.
pub const KIND: &str = "backup";
/// Bytes of lines after which a part ends.
const PART_BYTES: usize = 4 << 20;
/// Prefix of manifests.
const MANIFESTS: &str = "backup-manifests/";
/// Prefixes of what is in the object store already: records that have left the database, and contents that are too large for it.
const ELSEWHERE: [&str; 3] = ["packs/", "archive/", "responses/"];

/// How far a backup is.
#[derive(Serialize, Deserialize)]
pub struct Progress {
    dump: Dump,
    /// Rows so far.
    pub tally: Tally,
    /// Parts that are written.
    pub parts: Vec<Part>,
    schema: String,
    sequences: BTreeMap<String, u64>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// A backup in the list.
pub struct Listed {
    /// Its id.
    pub id: String,
    /// When it began, in milliseconds since the epoch.
    pub began_at: u64,
    /// Its rows.
    pub rows: u64,
    /// Its bytes, compressed.
    pub bytes: u64,
}

/// Goes on with a backup until it is complete, or until a part ends after this time.
pub async fn run(env: &Env, job: &mut Job, until_ms: u64) -> StoreResult<()> {
    let mut progress: Progress = match serde_json::from_str(&job.progress) {
        Ok(progress) => progress,
        Err(_) => Progress {
            dump: Dump::new(now_ms()),
            tally: Tally::default(),
            parts: Vec::new(),
            schema: backups::schema(env).await?,
            sequences: backups::sequences(env).await?,
            error: None,
        },
    };
    loop {
        let mut found = Vec::new();
        let mut bytes = 0;
        let mut is_over = false;
        while bytes < PART_BYTES && !is_over {
            let before = found.len();
            is_over = !read_next(env, &mut progress, &mut found).await?;
            bytes += found.iter().skip(before).map(String::len).sum::<usize>();
        }
        if !found.is_empty() {
            let part = progress.parts.len();
            progress.parts.push(write_part(env, &job.id, part, progress.dump.began_at, &found).await?);
        }
        if is_over {
            return conclude(env, job, progress).await;
        }
        job.progress = serde_json::to_string(&progress)?;
        let is_held = now_ms() < until_ms;
        jobs::save(env, job, is_held).await?;
        if !is_held {
            return Ok(());
        }
    }
}

/// Reads what comes next. False if that is nothing.
async fn read_next(env: &Env, progress: &mut Progress, found: &mut Vec<String>) -> StoreResult<bool> {
    match progress.dump.next() {
        Next::Nothing => return Ok(false),
        Next::Page(question) => {
            let questions = [question];
            let answers = backups::ask(env, &questions).await?;
            for (question, (came, texts)) in questions.iter().zip(&answers) {
                progress.tally.add(None, question.table.name, came.rows);
                found.extend(lines(None, false, question.table.name, &texts.columns, &texts.rows));
                progress.dump.page_read(question.table, came);
            }
        }
        Next::Snapshot(questions) => snapshot(env, progress, &questions, found).await?,
        Next::Inside(class, Inside { name, from }) => {
            read_one(env, progress, class, name, Some(from), found).await?;
        }
        Next::Objects(class, after) => {
            let names = backups::names(env, class, &after, NAMES).await?;
            if names.is_empty() {
                progress.dump.class_read();
            }
            let mut bytes = 0;
            for name in names {
                let before = found.len();
                let is_whole = read_one(env, progress, class, name, None, found).await?;
                bytes += found.iter().skip(before).map(String::len).sum::<usize>();
                if !is_whole || bytes >= PART_BYTES {
                    break;
                }
            }
        }
    }
    Ok(true)
}

async fn snapshot(
    env: &Env,
    progress: &mut Progress,
    questions: &[Question],
    found: &mut Vec<String>,
) -> StoreResult<()> {
    let at = now_ms();
    let answers = backups::ask(env, questions).await?;
    let came: Vec<_> = answers.iter().map(|(came, _)| came.clone()).collect();
    let kept = progress.dump.snapshot_read(questions, &came, at);
    for ((question, (came, texts)), is_kept) in questions.iter().zip(&answers).zip(kept) {
        if is_kept && question.asks != Asks::Count {
            progress.tally.add(None, question.table.name, came.rows);
            found.extend(lines(None, false, question.table.name, &texts.columns, &texts.rows));
        }
    }
    Ok(())
}

/// Reads an answer of an object. True if it was the last.
async fn read_one(
    env: &Env,
    progress: &mut Progress,
    class: &Class,
    name: String,
    from: Option<Place>,
    found: &mut Vec<String>,
) -> StoreResult<bool> {
    let read = Read { name: object_name(class, &name), from };
    let (text, next) = read_object(env, class, &read).await?;
    for line in text.lines() {
        let read = Line::read(line).map_err(StoreError::Platform)?;
        progress.tally.add_line(&read).map_err(StoreError::Platform)?;
        found.push(line.to_owned());
    }
    let is_whole = next.is_none();
    progress.dump.object_read(&name, next);
    Ok(is_whole)
}

/// The name of the object that the database knows by this name: limits of a model may be stored under another spelling.
pub fn object_name(class: &Class, name: &str) -> String {
    let canonical = (class.binding == "QUOTA").then(|| Subject::from_name(name)).flatten();
    canonical.map_or_else(|| name.to_owned(), |subject| subject.name())
}

async fn write_part(env: &Env, id: &str, part: usize, began_at: u64, lines: &[String]) -> StoreResult<Part> {
    let keys: Vec<String> = (0..lines.len()).map(|place| format!("{place:08}")).collect();
    let rows = keys.iter().zip(lines).map(|(key, line)| Row { key, line });
    let blocks = layout::blocks(rows.collect(), BLOCK_BYTES)
        .map_err(|error| StoreError::Platform(error.to_string()))?;
    let mut builder = Builder::new(KIND, began_at, began_at);
    for block in &blocks {
        let member = gzip::compress(block.text.as_bytes()).await?;
        builder.push(block, &member);
    }
    let pack = builder.finish();
    let object = part_name(id, part);
    bucket::put(env, &object, pack.bytes, HashMap::new()).await?;
    Ok(Part { object, pack: pack.manifest })
}

async fn conclude(env: &Env, job: &mut Job, progress: Progress) -> StoreResult<()> {
    if jobs::list(env, jobs::RESTORE, 1).await?.iter().any(|of| of.updated_at >= progress.dump.began_at) {
        // What was read is partly from before a restore and partly from after it.
        job.progress.clear();
        return jobs::save(env, job, true).await;
    }
    let Progress { dump, tally, parts, schema, sequences, .. } = progress;
    let rows_of = |name: &str| tally.tables.get(name).copied().unwrap_or_default();
    let manifest = Manifest {
        version: VERSION,
        id: job.id.clone(),
        began_at: dump.began_at,
        snapshot_at: dump.snapshot_at,
        finished_at: now_ms(),
        schema,
        tables: dumped_tables().map(|table| (table.name.to_owned(), rows_of(table.name))).collect(),
        objects: tally.objects,
        sequences,
        moved: dump.moved,
        parts,
        elsewhere: ELSEWHERE.map(str::to_owned).to_vec(),
    };
    put_manifest(env, &manifest).await?;
    "done".clone_into(&mut job.state);
    "{}".clone_into(&mut job.progress);
    jobs::save(env, job, false).await?;
    expire(env).await
}

/// Whether this is the name of a record that has left the database.
pub fn is_elsewhere(name: &str) -> bool {
    ELSEWHERE.iter().any(|prefix| name.starts_with(prefix))
}

/// The name of a part.
fn part_name(id: &str, part: usize) -> String {
    format!("{}{part:05}.ndjson.gz", folder(id))
}

/// The beginning of the names of all parts.
pub fn folder(id: &str) -> String {
    format!("backups/{id}/")
}

fn manifest_name(id: &str) -> String {
    format!("{MANIFESTS}{id}.json")
}

/// Writes a manifest.
pub async fn put_manifest(env: &Env, manifest: &Manifest) -> StoreResult<()> {
    let notes = [("began_at", manifest.began_at), ("rows", manifest.rows()), ("bytes", manifest.bytes())];
    let notes: HashMap<String, String> =
        notes.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
    bucket::put(env, &manifest_name(&manifest.id), manifest.to_json().into_bytes(), notes).await
}

/// The manifest of a backup; `None` if there is none. The inner error says why it cannot be trusted.
pub async fn manifest(env: &Env, id: &str) -> StoreResult<Option<Result<Manifest, ManifestError>>> {
    let bytes = bucket::get(env, &manifest_name(id)).await?;
    Ok(bytes.map(|bytes| Manifest::read(&bytes)))
}

/// The complete backups, the newest first.
pub async fn list(env: &Env) -> StoreResult<Vec<Listed>> {
    let mut found: Vec<Listed> = Vec::new();
    for object in bucket::list(env, MANIFESTS).await? {
        let number =
            |name: &str| object.notes.get(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        let id = object.name.strip_prefix(MANIFESTS).and_then(|name| name.strip_suffix(".json"));
        if let Some(id) = id {
            let (began_at, rows, bytes) = (number("began_at"), number("rows"), number("bytes"));
            found.push(Listed { id: id.to_owned(), began_at, rows, bytes });
        }
    }
    found.sort_by_key(|one| Reverse(one.began_at));
    Ok(found)
}

/// Deletes a backup. The manifest goes first: without it the backup is not there.
pub async fn delete(env: &Env, id: &str) -> StoreResult<()> {
    bucket::delete(env, &[manifest_name(id)]).await?;
    let parts: Vec<String> =
        bucket::list(env, &folder(id)).await?.into_iter().map(|object| object.name).collect();
    bucket::delete(env, &parts).await
}

/// Forgets the backups that have ended, and deletes the parts of those that failed.
pub async fn forget(env: &Env, before: u64) -> StoreResult<()> {
    for job in jobs::list(env, KIND, 1_000).await? {
        if job.state == "failed" && job.created_at < before {
            delete(env, &job.id).await?;
        }
    }
    jobs::forget(env, KIND, before).await
}

/// Deletes the backups that are not kept any more.
async fn expire(env: &Env) -> StoreResult<()> {
    let all = list(env).await?;
    let kept = kept(&all.iter().map(|backup| backup.began_at).collect::<Vec<_>>());
    for backup in all.iter().filter(|backup| !kept.contains(&backup.began_at)) {
        delete(env, &backup.id).await?;
    }
    Ok(())
}
