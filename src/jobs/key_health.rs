//! The cron: disables keys that have expired and keys that are used wrongly most of the time.

use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::store::keys;

/// How far back requests are looked at, in milliseconds.
const LOOK_BACK_MS: u64 = 15 * 60 * 1000;

/// Runs once a minute. Isolates learn of it as of any other change of keys.
pub async fn run(env: &Env) {
    let now = now_ms();
    if let Err(error) = keys::disable_failing(env, now, now.saturating_sub(LOOK_BACK_MS)).await {
        log_error("key health", &error);
    }
}
