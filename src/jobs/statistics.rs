//! The cron: adds minutes up to quarters of an hour, those to hours, and hours to days; makes totals of what was added up; merges rows of
//! totals where much came late; deletes what is older than its retention.

use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::settings;
use crate::store::statistics;

/// Most spans that one run adds up.
const SPANS: usize = 30;
/// Most spans of which one run makes totals: those that it has added up, and some older ones that have none.
const TOTALS: usize = 20;
/// With as many rows of series read it makes no further ones.
const ROWS_OF_TOTALS: u64 = 40_000;
/// Most spans of a grain of which one run merges rows of totals.
const MERGED: u64 = 10;
/// Most statements of one run that delete, of 2000 rows each: enough for 1,000 requests a second.
const DELETES: usize = 40;

/// Runs once a minute.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    let now = now_ms();
    for _ in 0..SPANS {
        match statistics::compact_next(env, now).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                log_error("statistics cannot be added up", &error);
                break;
            }
        }
    }
    make_totals(env).await;
    if let Err(error) = statistics::merge_totals(env, statistics::retention(&settings), now, MERGED).await {
        log_error("totals of statistics cannot be merged", &error);
    }
    if let Err(error) = statistics::delete_expired(env, statistics::retention(&settings), now, DELETES).await
    {
        log_error("retention of statistics", &error);
    }
}

/// Makes totals. A grain of which a step fails is left out for the rest of the run, so that the others go on.
async fn make_totals(env: &Env) {
    let (mut read, mut left_out) = (0, Vec::new());
    for _ in 0..TOTALS {
        let step = match statistics::next_totals(env, &left_out).await {
            Ok(Some(step)) => step,
            Ok(None) => break,
            Err(error) => {
                log_error("totals of statistics cannot be made", &error);
                break;
            }
        };
        match statistics::total(env, step).await {
            Ok(Some(rows)) => read += rows,
            // Rows of that span came at the same time.
            Ok(None) => left_out.push(step.grain),
            Err(error) => {
                log_error("totals of statistics cannot be made", &error);
                left_out.push(step.grain);
            }
        }
        if read >= ROWS_OF_TOTALS {
            break;
        }
    }
}
