//! The cron: writes a signed head of the audit log, once an hour.

use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::settings;
use crate::store::audit_heads;

/// Runs once a minute: a read of R2 and one of D1.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    if let Err(error) = audit_heads::write_if_due(env, &settings, now_ms()).await {
        log_error("audit heads", &error);
    }
}
