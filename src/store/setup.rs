//! What of the deployment can be seen in the database, and the note that the cron runs.

use serde::Deserialize;
use worker::Env;

use super::{StoreError, StoreResult, row, unsigned, write};
use crate::platform::now_ms;

/// Milliseconds within which the cron does not note anew that it runs: that is a row of the database.
const NOTED_MS: u64 = 5 * 60_000;

/// What is there.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// When the cron was seen last, in milliseconds since the epoch.
    pub cron_at: Option<u64>,
    /// 1 if there is a provider besides the embedded one.
    pub providers: u64,
    /// 1 if there is an API key.
    pub keys: u64,
    /// 1 if a request was ever answered.
    pub answered: u64,
    /// When a request was answered last, in milliseconds since the epoch, if it was in the last days.
    pub answered_at: Option<u64>,
}

/// What is there: a handful of rows is read, however large the tables are.
pub async fn seen(env: &Env) -> StoreResult<Seen> {
    // Which minutes had a complete answer is in the statistics, wherever the rows of requests are.
    let sql = "SELECT (SELECT at FROM heartbeats WHERE name = 'cron') AS cron_at, \
        EXISTS (SELECT 1 FROM providers WHERE uid <> 'demo' AND enabled = 1) AS providers, \
        EXISTS (SELECT 1 FROM api_keys WHERE enabled = 1) AS keys, \
        EXISTS (SELECT 1 FROM stat_series WHERE status = 'ok') AS answered, \
        (SELECT r.start FROM stat_rows AS r JOIN stat_series AS s ON s.id = r.series WHERE r.grain = 'm' \
         AND s.status = 'ok' ORDER BY r.start DESC LIMIT 1) AS answered_at";
    row(env, sql, &[]).await?.ok_or_else(|| StoreError::Platform("no row".to_owned()))
}

/// Notes that the cron runs.
pub async fn note_cron(env: &Env) -> StoreResult<()> {
    let sql = "INSERT INTO heartbeats (name, at) VALUES ('cron', ?1) \
        ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE at <= excluded.at - ?2";
    write(env, sql, &[unsigned(now_ms()), unsigned(NOTED_MS)]).await?;
    Ok(())
}
