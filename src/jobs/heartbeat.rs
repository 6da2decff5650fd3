//! The cron: notes that it runs, for the checks of the deployment.

use worker::Env;

use crate::platform::log_error;
use crate::store::setup;

/// Runs once a minute.
pub async fn run(env: &Env) {
    if let Err(error) = setup::note_cron(env).await {
        log_error("heartbeat", &error);
    }
}
