//! The cron: deletes cached responses, stored responses and archived conversations whose retention has ended, and keeps the packs
//! of the archive in order.

use nexus_edge_core::time::DAY_MS;
use worker::Env;

use crate::platform::{log_error, now_ms};
use crate::settings;
use crate::store::answers::{self, Segment};
use crate::store::archive::{retention, upkeep};
use crate::store::{deletions, issued, responses};

/// Packs in which one run erases texts: each is read and written once.
const ERASED_PACKS: u64 = 100;

/// Runs once a minute.
pub async fn run(env: &Env) {
    if let Err(error) = responses::expire(env).await {
        log_error("retention", &error);
    }
    if let Err(error) = answers::clear(env, &Segment::Expired).await {
        log_error("retention", &error);
    }
    if let Err(error) = issued::expire(env).await {
        log_error("retention of ids", &error);
    }
    if let Err(error) = deletions::expire(env).await {
        log_error("retention of deletions", &error);
    }
    archive(env).await;
}

async fn archive(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    // What was deleted goes first.
    if let Err(error) = upkeep::erase(env, ERASED_PACKS).await {
        log_error("erasing deleted conversations", &error);
    }
    if let Err(error) = upkeep::gather(env).await {
        log_error("packs of the archive", &error);
    }
    if let Err(error) = upkeep::remove_orphans(env).await {
        log_error("packs that nothing refers to", &error);
    }
    let before = now_ms().saturating_sub(u64::from(settings.archive_days) * DAY_MS);
    if let Err(error) = retention::expire(env, before).await {
        log_error("retention of the archive", &error);
    }
}
