//! The cron: continues exports, backups and restores, begins the backup of the hour, and deletes what has expired.

use std::cell::Cell;

use worker::Env;

use super::{backups, exports, restores};
use crate::host::Host;
use crate::platform::{log_error, now_ms};
use crate::settings;
use crate::store::StoreResult;
use crate::store::jobs::{self, Job};

/// For how long a run works, in milliseconds: a part that was begun is ended after it.
const RUN_MS: u64 = 20_000;
/// For how long the request that began a job works on it afterwards: the platform allows for 30 seconds.
const AFTER_REQUEST_MS: u64 = 10_000;
const HOUR_MS: u64 = 3_600_000;
/// For how long backups and restores that have ended are remembered as jobs, in milliseconds.
const REMEMBERED_FOR_MS: u64 = 7 * 24 * HOUR_MS;

thread_local! {
    /// The hour whose beginning this isolate has dealt with.
    static HOUR: Cell<u64> = const { Cell::new(0) };
}

/// Runs once a minute.
pub async fn run(env: &Env) {
    let now = now_ms();
    if HOUR.replace(now / HOUR_MS) != now / HOUR_MS
        && let Err(error) = begin_hour(env, now).await
    {
        log_error("the jobs of an hour", &error);
        HOUR.set(0);
    }
    while now_ms() < now + RUN_MS {
        match work(env, None, now + RUN_MS).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                log_error("jobs", &error);
                break;
            }
        }
    }
}

async fn begin_hour(env: &Env, now: u64) -> StoreResult<()> {
    exports::expire(env).await?;
    let before = now.saturating_sub(REMEMBERED_FOR_MS);
    backups::forget(env, before).await?;
    jobs::forget(env, restores::KIND, before).await?;
    if settings::get(env).is_ok_and(|settings| settings.backup_hourly) {
        // One for all isolates: only if none was begun in this hour.
        jobs::add(env, backups::KIND, "{}", Some(now / HOUR_MS * HOUR_MS)).await?;
    }
    Ok(())
}

/// Goes on with a job while the answer to the request that began it is on its way.
pub fn go_on(host: &Host, id: String) {
    let env = host.env.clone();
    host.tasks.wait_until(async move {
        if let Err(error) = work(&env, Some(&id), now_ms() + AFTER_REQUEST_MS).await {
            log_error("jobs", &error);
        }
    });
}

/// Goes on with a job: this one, or the oldest that no other run works on. False if there is none.
pub async fn work(env: &Env, id: Option<&str>, until_ms: u64) -> StoreResult<bool> {
    let Some(mut job) = jobs::take(env, id).await? else { return Ok(false) };
    let done = match job.kind.as_str() {
        exports::KIND => exports::run(env, &mut job, until_ms).await,
        backups::KIND => backups::run(env, &mut job, until_ms).await,
        restores::KIND => restores::run(env, &mut job, until_ms).await,
        _ => Ok(()),
    };
    if let Err(error) = done {
        log_error(&format!("the job {} of kind {}", job.id, job.kind), &error);
        fail(env, &mut job, &error.to_string()).await?;
    }
    Ok(true)
}

/// Notes a failure. The job is tried again by later runs, and fails after [`TRIES`] of them.
async fn fail(env: &Env, job: &mut Job, reason: &str) -> StoreResult<()> {
    let mut progress: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&job.progress).unwrap_or_default();
    let failures = progress.get("failures").and_then(serde_json::Value::as_u64).unwrap_or_default() + 1;
    if failures >= TRIES {
        "failed".clone_into(&mut job.state);
    }
    progress.insert("failures".to_owned(), failures.into());
    progress.insert("error".to_owned(), reason.into());
    job.progress = serde_json::to_string(&progress)?;
    // Held on, so that the next run that tries it is one of the next minutes.
    jobs::save(env, job, failures < TRIES).await
}

/// Failures after which a job is given up.
const TRIES: u64 = 3;
