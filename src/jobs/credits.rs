//! The cron: daily top-ups of accounts.

use worker::Env;

use crate::platform::log_error;
use crate::settings;
use crate::store::credits;

/// Runs once a minute; the rule of each account is applied once a day (UTC).
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    if let Err(error) = credits::auto_top_up(env, &settings).await {
        log_error("automatic top-up", &error);
    }
}
