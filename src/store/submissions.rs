//! Submissions of providers in D1. A step changes the submission and its provider together or not at all.

use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::lifecycle::submission::SubmissionRecord;
use nexus_edge_core::row::table;
use worker::Env;

use super::table::prepare;
use super::{StoreError, StoreResult, database, integer, nullable, rows, statement, text, unsigned};

/// Most submissions that one run of the cron checks.
pub const MAX_DUE: u32 = 3;

/// Makes the whole batch fail unless the provider and the submission are still at the versions that were read.
const UNCHANGED: &str = "SELECT json(CASE WHEN \
    (?1 IS NULL OR EXISTS (SELECT 1 FROM providers WHERE id = ?1 AND updated_at = ?2)) AND \
    (?3 IS NULL OR EXISTS (SELECT 1 FROM provider_submissions WHERE id = ?3 AND updated_at = ?4)) \
    THEN '1' ELSE 'it has changed' END)";

/// What a step began from and what it makes of it.
pub struct Step<'a, R> {
    /// The version that was read; `None`: it is new.
    pub read_at: Option<u64>,
    /// The changed record.
    pub record: &'a R,
}

/// Writes a step; false if one of the records has changed since it was read.
pub async fn write(
    env: &Env,
    submission: &Step<'_, SubmissionRecord>,
    provider: Option<&Step<'_, ProviderRecord>>,
) -> StoreResult<bool> {
    let database = database(env)?;
    let guard = [
        nullable(provider.map(|step| step.record.id), integer),
        nullable(provider.and_then(|step| step.read_at), unsigned),
        nullable(submission.read_at.map(|_| submission.record.id.as_str()), text),
        nullable(submission.read_at, unsigned),
    ];
    let mut statements = vec![statement(&database, UNCHANGED, &guard)?];
    let changed = match submission.read_at {
        None => table::insert(submission.record, &[]),
        Some(read_at) => table::update(submission.record, read_at),
    };
    statements.push(prepare(&database, &changed)?);
    if let Some(Step { read_at: Some(read_at), record }) = provider {
        statements.push(prepare(&database, &table::update(*record, *read_at))?);
    }
    match database.batch(statements).await {
        Ok(_) => Ok(true),
        Err(error) => {
            let error = StoreError::from(error);
            let reason = error.to_string();
            // Another submission of the provider was first, or a record has changed.
            if reason.contains("malformed JSON") || reason.contains("UNIQUE constraint failed") {
                return Ok(false);
            }
            Err(error)
        }
    }
}

/// How many submissions an owner has made since a time.
pub async fn count_since(env: &Env, owner: &str, since_ms: u64) -> StoreResult<u32> {
    #[derive(serde::Deserialize)]
    struct Count {
        count: u32,
    }
    // Ids begin with their time.
    let since = nexus_edge_core::id::ulid(since_ms, [0; 10]);
    let sql = "SELECT COUNT(*) AS count FROM provider_submissions WHERE owner = ?1 AND id >= ?2";
    let found: Option<Count> = super::row(env, sql, &[text(owner), text(&since)]).await?;
    Ok(found.map(|found| found.count).unwrap_or_default())
}

/// The id of the latest submission of a provider.
pub async fn latest(env: &Env, owner: &str, provider_id: i64) -> StoreResult<Option<String>> {
    #[derive(serde::Deserialize)]
    struct Found {
        id: String,
    }
    let sql =
        "SELECT id FROM provider_submissions WHERE owner = ?1 AND provider_id = ?2 ORDER BY id DESC LIMIT 1";
    let found: Option<Found> = super::row(env, sql, &[text(owner), integer(provider_id)]).await?;
    Ok(found.map(|found| found.id))
}

/// A page of submissions, the newest first, and the cursor of the next one. `owners`: only theirs.
pub async fn page(
    env: &Env,
    owners: Option<&[String]>,
    state: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
) -> StoreResult<(Vec<SubmissionRecord>, Option<String>)> {
    let owners = owners.map(serde_json::to_string).transpose()?;
    let sql = "SELECT * FROM provider_submissions WHERE id < ?1 AND (?2 IS NULL OR state = ?2) \
        AND (?3 IS NULL OR owner IN (SELECT value FROM json_each(?3))) ORDER BY id DESC LIMIT ?4";
    // `~` sorts after every ULID.
    let parameters = [
        text(cursor.unwrap_or("~")),
        nullable(state, text),
        nullable(owners.as_deref(), text),
        unsigned(limit.into()),
    ];
    let found: Vec<SubmissionRecord> = rows(env, sql, &parameters).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().map(|last| last.id.clone()).filter(|_| is_full);
    Ok((found, next))
}

/// Those that wait for their checks, the oldest first.
pub async fn due(env: &Env) -> StoreResult<Vec<SubmissionRecord>> {
    // The index of open submissions is found by its own condition.
    let sql = "SELECT * FROM provider_submissions WHERE state IN ('submitted', 'tested') AND state = 'submitted' \
        ORDER BY id LIMIT ?1";
    rows(env, sql, &[unsigned(MAX_DUE.into())]).await
}
