//! Restores: empties objects and tables, then writes a backup part by part. Every stage can be repeated.

use nexus_edge_backups::dump::{NAMES, PAGE};
use nexus_edge_backups::line::{Line, lines};
use nexus_edge_backups::manifest::{Manifest, Part};
use nexus_edge_backups::restore::{Stage, compared_until, deletions, is_replaced};
use nexus_edge_backups::tables::{CLASSES, class, table};
use nexus_edge_backups::tally::Tally;
use nexus_edge_packs::damage::Damage;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;
use worker::Env;

use super::backups::{self as made, object_name};
use crate::objects::copy::{clear_object, write_object};
use crate::platform::gzip::GzipError;
use crate::platform::{gzip, now_ms};
use crate::store::archive::upkeep;
use crate::store::jobs::{self, Job};
use crate::store::{StoreError, StoreResult, backups, bucket, request_log, snapshot, statistics};

/// How long before the tables were read charges are compared with the request log again, in milliseconds: longer than the
/// queue holds back an event.
const COMPARED_BEFORE_MS: u64 = 10 * 60 * 1000;
/// The kind of these jobs.
pub const KIND: &str = jobs::RESTORE;

/// What is to be restored.
#[derive(Serialize, Deserialize)]
pub struct Spec {
    /// The id of the backup.
    pub backup: String,
    /// Whether the database had rows: then its own history goes on.
    pub goes_on: bool,
}

/// How far a restore is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The stage that comes next.
    pub stage: Stage,
    /// All parts.
    pub parts: usize,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// Reads all of a backup, and compares it with its manifest: lengths, checksums, numbers of rows. What differs.
pub async fn verify(env: &Env, manifest: &Manifest) -> StoreResult<Option<String>> {
    let mut tally = Tally::default();
    for part in &manifest.parts {
        let blocks = match read_part(env, part).await? {
            Ok(blocks) => blocks,
            Err(damage) => return Ok(Some(damage.to_string())),
        };
        for line in blocks.iter().flat_map(|text| text.lines()) {
            let counted = Line::read(line).and_then(|line| tally.add_line(&line));
            if let Err(reason) = counted {
                return Ok(Some(format!("{}: {reason}", part.object)));
            }
        }
    }
    Ok(tally.difference(manifest))
}

/// What is wrong with a part. As text it begins with the name of its object.
#[derive(Debug, Error)]
enum PartError {
    #[error("{0} is missing")]
    Missing(String),
    #[error("{0}: {1}")]
    Damaged(String, Damage),
    #[error("{0}: {1}")]
    NotGzip(String, GzipError),
}

/// The text of each block of a part.
async fn read_part(env: &Env, part: &Part) -> StoreResult<Result<Vec<String>, PartError>> {
    let Some(bytes) = bucket::get(env, &part.object).await? else {
        return Ok(Err(PartError::Missing(part.object.clone())));
    };
    let damaged = |damage: Damage| Ok(Err(PartError::Damaged(part.object.clone(), damage)));
    if let Err(damage) = part.pack.check(&bytes) {
        return damaged(damage);
    }
    let mut blocks = Vec::new();
    for block in &part.pack.blocks {
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let end = place(block.offset).saturating_add(place(block.length));
        let member = bytes.get(place(block.offset)..end).unwrap_or_default();
        let text = match gzip::decompress(member, block.text_bytes).await {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => return Ok(Err(PartError::NotGzip(part.object.clone(), error))),
        };
        if let Err(damage) = block.lines(&text) {
            return damaged(damage);
        }
        blocks.push(text);
    }
    Ok(Ok(blocks))
}

/// Goes on with a restore until it is complete, or until a stage ends after this time.
pub async fn run(env: &Env, job: &mut Job, until_ms: u64) -> StoreResult<()> {
    let spec: Spec = serde_json::from_str(&job.spec)?;
    let manifest = made::manifest(env, &spec.backup)
        .await?
        .ok_or_else(|| StoreError::Platform("the backup is gone".to_owned()))?
        .map_err(|error| StoreError::Platform(error.to_string()))?;
    let mut progress: Progress = serde_json::from_str(&job.progress).unwrap_or(Progress {
        stage: Stage::first(),
        parts: manifest.parts.len(),
        error: None,
    });
    while progress.stage != Stage::Finished {
        progress.stage = advance(env, &manifest, spec.goes_on, progress.stage).await?;
        if progress.stage == Stage::Finished {
            "done".clone_into(&mut job.state);
        }
        job.progress = serde_json::to_string(&progress)?;
        let is_held = progress.stage != Stage::Finished && now_ms() < until_ms;
        jobs::save(env, job, is_held).await?;
        if !is_held {
            break;
        }
    }
    Ok(())
}

/// Does a stage, and says which is next.
async fn advance(env: &Env, manifest: &Manifest, goes_on: bool, stage: Stage) -> StoreResult<Stage> {
    match stage {
        Stage::Objects { class, after } => clear_objects(env, class, &after).await,
        Stage::Tables => {
            backups::run_all(env, &deletions(manifest, goes_on)).await?;
            Ok(Stage::after_parts(0, manifest.parts.len()))
        }
        Stage::Parts(number) => {
            if let Some(part) = manifest.parts.get(number) {
                write_part(env, manifest, part, goes_on).await?;
            }
            Ok(Stage::after_parts(number + 1, manifest.parts.len()))
        }
        Stage::Count | Stage::Finished => {
            count(env, manifest, goes_on).await?;
            backups::conclude(env, &manifest.sequences).await?;
            statistics::forget_totals(env).await?;
            request_log::recover(env, manifest.snapshot_at).await?;
            upkeep::spare_before(env, now_ms()).await?;
            snapshot::republish(env).await?;
            Ok(Stage::Finished)
        }
    }
}

/// Empties some of the objects that the database knows.
async fn clear_objects(env: &Env, place: usize, after: &str) -> StoreResult<Stage> {
    let Some(class) = CLASSES.get(place) else { return Ok(Stage::Tables) };
    let names = backups::names(env, class, after, NAMES).await?;
    for name in &names {
        clear_object(env, class.binding, &object_name(class, name)).await?;
    }
    Ok(match names.last() {
        Some(last) => Stage::Objects { class: place, after: last.clone() },
        None => Stage::after_class(place),
    })
}

async fn write_part(env: &Env, manifest: &Manifest, part: &Part, goes_on: bool) -> StoreResult<()> {
    let compared_at = manifest.snapshot_at.saturating_sub(COMPARED_BEFORE_MS);
    let blocks = read_part(env, part).await?.map_err(|error| StoreError::Platform(error.to_string()))?;
    let columns = backups::columns(env).await?;
    for text in &blocks {
        let mut of_tables = Vec::new();
        for text in text.lines() {
            let line = Line::read(text).map_err(StoreError::Platform)?;
            match line.owner() {
                None => {
                    if table(&line.table).is_some_and(|table| is_replaced(table, manifest, goes_on)) {
                        of_tables.push(line);
                    }
                }
                Some(owner) if class(owner.class).is_some() => {
                    // What another life of the object has left, of which the database knew nothing.
                    if line.first {
                        clear_object(env, owner.class, owner.name).await?;
                    }
                    let again = (line.table == "compared")
                        .then(|| compared_until(&line.columns, line.rows.get(), compared_at))
                        .flatten();
                    let again = again.map(|rows| {
                        let columns = serde_json::to_string(&line.columns).unwrap_or_default();
                        let rows: Vec<&RawValue> = serde_json::from_str(&rows).unwrap_or_default();
                        let rows: Vec<String> = rows.iter().map(|row| row.get().to_owned()).collect();
                        lines(line.owner(), false, &line.table, &columns, &rows).concat()
                    });
                    write_object(env, owner.class, owner.name, again.as_deref().unwrap_or(text)).await?;
                }
                Some(_) => {}
            }
        }
        backups::write_lines(env, &of_tables, &columns).await?;
    }
    Ok(())
}

/// Compares the numbers of rows. A row of a long table that was changed while the table was read is in the backup twice, and in
/// the table once.
async fn count(env: &Env, manifest: &Manifest, goes_on: bool) -> StoreResult<()> {
    for (name, rows) in &manifest.tables {
        let Some(table) = table(name).filter(|table| is_replaced(table, manifest, goes_on)) else { continue };
        let found = backups::count(env, name).await?;
        let are_once = *rows < PAGE || table.changed.is_none();
        if found < *rows && (are_once || found == 0) {
            let reason = format!("the table {name} has {found} rows instead of {rows}");
            return Err(StoreError::Platform(reason));
        }
    }
    Ok(())
}
