//! Whether the deployment is sound, and how far its operator has come with setting it up.

use nexus_edge_api::setup::{Check, Outcome, Subject};
use nexus_edge_core::error::ApiError;
use worker::Env;

use super::answer_list;
use crate::exchange::Exchange;
use crate::platform::http::Response;
use crate::platform::{kv, log_error, now_ms};
use crate::store::bucket;
use crate::store::setup::{self, Seen};

/// Milliseconds after which a cron that was not seen counts as one that does not run: it runs once a minute and notes it every
/// five.
const CRON_SEEN_MS: u64 = 10 * 60_000;
/// The name of a value that does not exist.
const NOTHING: &str = "setup/checks";

/// `GET /setup/checks`
pub async fn checks(exchange: &Exchange) -> Result<Response, ApiError> {
    let env = &exchange.env;
    let complaints = exchange.settings.complaints.join("; ");
    let settings = if complaints.is_empty() {
        check(Subject::Settings, Outcome::Ok, None)
    } else {
        check(Subject::Settings, Outcome::Failed, Some(format!("A setting cannot be used: {complaints}.")))
    };
    let seen = setup::seen(env).await.map_err(|error| log_error("checks: database", &error)).ok();
    let mut checks = vec![settings, database(seen.as_ref())];
    checks.extend(bindings(env).await);
    if let Some(seen) = &seen {
        checks.extend(steps(seen));
    }
    answer_list("checks", &checks)
}

fn database(seen: Option<&Seen>) -> Check {
    let advice = "The database does not answer, or lacks tables of this version: run `npm run deploy`, which applies the migrations.";
    match seen {
        Some(_) => check(Subject::Database, Outcome::Ok, None),
        None => check(Subject::Database, Outcome::Failed, Some(advice.to_owned())),
    }
}

/// The stores and the queue that the deployment is bound to.
async fn bindings(env: &Env) -> [Check; 3] {
    let kv = kv::get(env, NOTHING).await.is_ok();
    let bucket = bucket::get(env, NOTHING).await.is_ok();
    [
        (Subject::Kv, kv, "KV"),
        (Subject::Bucket, bucket, "BUCKET"),
        (Subject::Queue, env.queue("USAGE_QUEUE").is_ok(), "USAGE_QUEUE"),
    ]
    .map(|(subject, works, binding)| {
        let advice = format!("The binding `{binding}` is missing or does not answer: see wrangler.toml.");
        if works { check(subject, Outcome::Ok, None) } else { check(subject, Outcome::Failed, Some(advice)) }
    })
}

/// The cron, and what an operator does first.
fn steps(seen: &Seen) -> [Check; 4] {
    let now = now_ms();
    let cron = seen.cron_at.filter(|at| now < at + CRON_SEEN_MS);
    let step = |subject, is_done: bool, advice: &str| {
        if is_done {
            check(subject, Outcome::Ok, None)
        } else {
            check(subject, Outcome::Missing, Some(advice.to_owned()))
        }
    };
    let cron = Check {
        at: seen.cron_at,
        ..step(
            Subject::Cron,
            cron.is_some(),
            "The cron was not seen in the last minutes: see `[triggers]` in wrangler.toml.",
        )
    };
    let request =
        step(Subject::Request, seen.answered > 0, "Send a request with an API key, or use the playground.");
    [
        cron,
        step(Subject::Provider, seen.providers > 0, "Add a provider: its key is all that most need."),
        step(Subject::Key, seen.keys > 0, "Make an API key for a client."),
        Check { at: seen.answered_at, ..request },
    ]
}

fn check(subject: Subject, outcome: Outcome, advice: Option<String>) -> Check {
    Check { subject, outcome, advice, at: None }
}
