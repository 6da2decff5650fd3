//! Work that takes several runs of the cron. A run takes a job for a while, so that no two work on it at once, and notes how far
//! it came; a run that is cut off loses what it did since.

use serde::Deserialize;
use worker::Env;

use super::{StoreResult, row, rows, text, unsigned, write};
use crate::platform::{new_ulid, now_ms};

/// The kind of the jobs that restore a backup.
pub const RESTORE: &str = "restore";
/// For how long a run holds a job, in milliseconds.
const HELD_FOR_MS: u64 = 3 * 60 * 1000;

/// A job.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// A ULID.
    pub id: String,
    /// What it does: `export`, `backup`, `restore`.
    pub kind: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// When it was made, in milliseconds since the epoch.
    pub created_at: u64,
    /// When it went on last, in milliseconds since the epoch.
    pub updated_at: u64,
    /// What is to be done, as JSON.
    pub spec: String,
    /// How far it is, as JSON; empty at the beginning.
    pub progress: String,
}

/// Adds a job. With `unless_since`, only if none of its kind was made since then.
pub async fn add(
    env: &Env,
    kind: &str,
    spec: &str,
    unless_since: Option<u64>,
) -> StoreResult<Option<String>> {
    let now = now_ms();
    let id = new_ulid(now);
    let sql = "INSERT INTO jobs (id, kind, state, created_at, updated_at, spec, progress) \
        SELECT ?1, ?2, 'running', ?3, ?3, ?4, '' \
        WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE kind = ?2 AND created_at >= ?5)";
    let since = unless_since.unwrap_or(1 << 52);
    let written =
        write(env, sql, &[text(&id), text(kind), unsigned(now), text(spec), unsigned(since)]).await?;
    Ok((written.changes > 0).then_some(id))
}

/// Takes the oldest job that no run holds, or the one with this id if it is not held.
pub async fn take(env: &Env, id: Option<&str>) -> StoreResult<Option<Job>> {
    let now = now_ms();
    let sql = "UPDATE jobs SET held_until = ?1 WHERE id = (SELECT id FROM jobs WHERE state = 'running' AND held_until < ?2 \
        AND (?3 = '' OR id = ?3) ORDER BY id LIMIT 1) RETURNING *";
    row(env, sql, &[unsigned(now + HELD_FOR_MS), unsigned(now), text(id.unwrap_or_default())]).await
}

/// Notes how far a job is. It stays held while it runs on, and is free for another run otherwise.
pub async fn save(env: &Env, job: &Job, is_held: bool) -> StoreResult<()> {
    let now = now_ms();
    let sql = "UPDATE jobs SET state = ?1, progress = ?2, updated_at = ?3, held_until = ?4 WHERE id = ?5";
    let held_until = if is_held { now + HELD_FOR_MS } else { 0 };
    let parameters =
        [text(&job.state), text(&job.progress), unsigned(now), unsigned(held_until), text(&job.id)];
    write(env, sql, &parameters).await?;
    Ok(())
}

/// The job of this kind with this id.
pub async fn find(env: &Env, kind: &str, id: &str) -> StoreResult<Option<Job>> {
    row(env, "SELECT * FROM jobs WHERE id = ?1 AND kind = ?2", &[text(id), text(kind)]).await
}

/// The newest jobs of a kind.
pub async fn list(env: &Env, kind: &str, limit: u32) -> StoreResult<Vec<Job>> {
    let sql = "SELECT * FROM jobs WHERE kind = ?1 ORDER BY id DESC LIMIT ?2";
    rows(env, sql, &[text(kind), unsigned(limit.into())]).await
}

/// Deletes a job. False if there is none.
pub async fn delete(env: &Env, kind: &str, id: &str) -> StoreResult<bool> {
    let written = write(env, "DELETE FROM jobs WHERE id = ?1 AND kind = ?2", &[text(id), text(kind)]).await?;
    Ok(written.changes > 0)
}

/// Deletes the jobs of a kind that have ended and were made before a time.
pub async fn forget(env: &Env, kind: &str, before: u64) -> StoreResult<()> {
    let sql = "DELETE FROM jobs WHERE kind = ?1 AND state <> 'running' AND created_at < ?2";
    write(env, sql, &[text(kind), unsigned(before)]).await?;
    Ok(())
}
