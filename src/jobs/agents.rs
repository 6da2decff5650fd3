//! The cron: ends the connections of agents whose owners may not use the gateway any more.

use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::store::bridge;

/// Runs once a minute. Where an owner is deactivated or deleted, the same is done at once.
pub async fn run(env: &Env) {
    if let Err(error) = bridge::end_inactive(env, now_ms()).await {
        log_error("agents of inactive owners", &error);
    }
}
