//! The cron: deletes cached responses, stored responses and archived messages whose retention has ended.

use worker::Env;

use crate::platform::log_error;
use crate::store::answers::{self, Segment};
use crate::store::{archive, deletions, issued, responses};

/// Runs once a minute.
pub async fn run(env: &Env) {
    if let Err(error) = responses::expire(env).await {
        log_error("retention", &error);
    }
    if let Err(error) = answers::clear(env, &Segment::Expired).await {
        log_error("retention", &error);
    }
    if let Err(error) = archive::expire(env).await {
        log_error("retention of messages", &error);
    }
    if let Err(error) = issued::expire(env).await {
        log_error("retention of ids", &error);
    }
    if let Err(error) = deletions::expire(env).await {
        log_error("retention of deletions", &error);
    }
}
