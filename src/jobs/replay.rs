//! The cron: records events that were parked in R2 because neither queue nor database accepted them.

use worker::Env;

use crate::platform::log_error;
use crate::store::usage;

/// Runs once a minute.
pub async fn run(env: &Env) {
    if let Err(error) = usage::replay_parked(env).await {
        log_error("usage replay", &error);
    }
}
