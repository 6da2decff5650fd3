//! The cron: disables keys that have expired, and keys whose requests mostly fail by the caller's fault.

use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::store::keys;

/// How far back requests are counted, in milliseconds.
const LOOK_BACK_MS: u64 = 15 * 60 * 1000;

/// Runs once a minute. Isolates notice it like any other change of keys.
pub async fn run(env: &Env) {
    let now = now_ms();
    if let Err(error) = keys::disable_failing(env, now, now.saturating_sub(LOOK_BACK_MS)).await {
        log_error("key health", &error);
    }
}
