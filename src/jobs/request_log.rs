//! The cron: moves rows of the request log to R2, merges small packs, and deletes what is older than its retention, calls of tools
//! included.

use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::settings;
use crate::store::{request_log, tool_calls};

/// Runs once a minute.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    let now = now_ms();
    if let Err(error) = request_log::leave(env, request_log::ages(&settings), now).await {
        log_error("retention of the request log", &error);
    }
    if let Err(error) = request_log::merge(env, now).await {
        log_error("packs of the request log", &error);
    }
    if let Err(error) = tool_calls::expire(env, settings.request_log_days, now).await {
        log_error("retention of calls of tools", &error);
    }
    if let Err(error) = request_log::sink::forget(env, now).await {
        log_error("deliveries that are noted", &error);
    }
}
