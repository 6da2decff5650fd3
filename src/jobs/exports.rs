//! Exports as jobs: parts of some megabytes, an object each, so that a run that is cut off writes its part again and nothing of an
//! export is ever in memory as a whole.

use std::collections::HashMap;

use nexus_edge_api::exports::Kind;
use nexus_edge_core::time::DAY_MS;
use nexus_edge_exports::format::Format;
use nexus_edge_exports::writer::{Suspended, Writer};
use serde::{Deserialize, Serialize};
use worker::{Env, Url};

use crate::exports::{Asked, Source};
use crate::platform::now_ms;
use crate::store::jobs::{self, Job};
use crate::store::{StoreError, StoreResult, bucket};

/// The kind of these jobs.
pub const KIND: &str = "export";
/// Bytes of a part.
const PART_BYTES: usize = 8 << 20;
/// For how long an export is kept, in milliseconds.
pub const KEPT_FOR_MS: u64 = 7 * DAY_MS;

/// What is to be exported.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The name of a [`Kind`].
    pub kind: String,
    /// The format.
    pub format: Format,
    /// Whether CSV begins with a byte order mark.
    pub bom: bool,
    /// The filters, as a query string.
    pub filters: String,
}

/// How far an export is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// From where it goes on.
    pub cursor: Option<String>,
    /// The state of its writer; `None` at the beginning and at the end.
    pub writer: Option<Suspended>,
    /// Parts that are written.
    pub parts: u32,
    /// Rows that are written.
    pub rows: u64,
    /// Bytes that are written.
    pub bytes: u64,
    /// The SHA-256 of the file, at the end.
    pub sha256: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Spec {
    /// The rows that are asked for, from a place on.
    ///
    /// # Errors
    /// Those of [`Source::read`].
    pub fn source(&self, cursor: Option<&str>) -> Result<Source, nexus_edge_core::error::ApiError> {
        let given = |name: &str| {
            if name == "cursor" && cursor.is_some() {
                return cursor.map(str::to_owned);
            }
            let url = Url::parse(&format!("http://export/?{}", self.filters)).ok()?;
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        Source::read(&Asked { kind: self.kind(), key: None, given: &given })
    }

    fn kind(&self) -> Kind {
        let found = Kind::NAMES.iter().find(|(name, _)| *name == self.kind);
        found.map_or(Kind::Requests, |(_, kind)| *kind)
    }
}

/// The name of a part.
pub fn part_name(id: &str, part: u32) -> String {
    format!("exports/{id}/{part:06}")
}

/// Goes on with an export until it is complete, or until a part ends after this time.
pub async fn run(env: &Env, job: &mut Job, until_ms: u64) -> StoreResult<()> {
    let spec: Spec = serde_json::from_str(&job.spec)?;
    let mut progress: Progress = serde_json::from_str(&job.progress).unwrap_or_default();
    let mut source =
        spec.source(progress.cursor.as_deref()).map_err(|error| StoreError::Platform(error.message))?;
    let sheet = source.sheet();
    let resumed = progress.writer.as_ref().and_then(|state| Writer::resumed(spec.format, sheet, state));
    let mut writer = resumed.unwrap_or_else(|| {
        progress = Progress::default();
        Writer::new(spec.format, sheet, spec.bom)
    });
    loop {
        let next = source.write(env, &mut writer).await?;
        if next.is_some() && writer.waiting() < PART_BYTES && now_ms() < until_ms {
            continue;
        }
        let Some(next) = next else {
            let file = writer.finish(None);
            (progress.rows, progress.bytes) = (file.rows, file.bytes);
            (progress.sha256, progress.writer, progress.cursor) = (Some(file.sha256), None, None);
            bucket::put(env, &part_name(&job.id, progress.parts), file.last, HashMap::new()).await?;
            progress.parts += 1;
            "done".clone_into(&mut job.state);
            job.progress = serde_json::to_string(&progress)?;
            return jobs::save(env, job, false).await;
        };
        let bytes = writer.take();
        progress.rows = writer.rows();
        progress.bytes += bytes.len() as u64;
        (progress.writer, progress.cursor) = (Some(writer.suspended()), Some(next));
        bucket::put(env, &part_name(&job.id, progress.parts), bytes, HashMap::new()).await?;
        progress.parts += 1;
        job.progress = serde_json::to_string(&progress)?;
        let is_held = now_ms() < until_ms;
        jobs::save(env, job, is_held).await?;
        if !is_held {
            return Ok(());
        }
    }
}

/// Deletes an export with its parts. False if there is none.
pub async fn delete(env: &Env, id: &str) -> StoreResult<bool> {
    let Some(job) = jobs::find(env, KIND, id).await? else { return Ok(false) };
    let progress: Progress = serde_json::from_str(&job.progress).unwrap_or_default();
    // A part may be there whose run could not note it.
    let names: Vec<String> = (0..=progress.parts).map(|part| part_name(id, part)).collect();
    bucket::delete(env, &names).await?;
    jobs::delete(env, KIND, id).await
}

/// Deletes the exports whose time is over.
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = now_ms().saturating_sub(KEPT_FOR_MS);
    for job in jobs::list(env, KIND, 1_000).await? {
        if job.created_at < before {
            delete(env, &job.id).await?;
        }
    }
    Ok(())
}
