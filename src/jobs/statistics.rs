//! The cron: adds minutes up to quarters of an hour, those to hours, and hours to days; makes totals of what was added up; deletes
//! what is older than its retention.

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
    let mut read = 0;
    for _ in 0..TOTALS {
        match statistics::total_next(env).await {
            Ok(Some(rows)) if read + rows < ROWS_OF_TOTALS => read += rows,
            Ok(_) => break,
            Err(error) => {
                log_error("totals of statistics cannot be made", &error);
                break;
            }
        }
    }
    if let Err(error) = statistics::delete_expired(env, statistics::retention(&settings), now, DELETES).await
    {
        log_error("retention of statistics", &error);
    }
}
