//! Calls of tools: into the queue of usage events, from there into D1, and into R2 if neither accepts them. A call is one row, written
//! by the consumer of the queue; calls of an isolate that end within [`LINGER_MS`] share a message, `{"tool_calls": […]}`.

use std::cell::RefCell;

use nexus_edge_core::id::ulid;
use nexus_edge_core::outbox::{Departure, Outbox};
use nexus_edge_core::time::DAY_MS;
use nexus_edge_stats::message::Calls;
use nexus_edge_stats::scan::SCANNED;
use nexus_edge_stats::tool_calls::{DELETE_OLD, INSERT, ToolCall, Wanted};
use serde::Deserialize;
use worker::Env;

use super::usage_queue::{enqueue, park};
use super::{StoreResult, statement, text, unsigned, write};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Milliseconds for which a call that has ended waits for others: a request runs several at a time.
const LINGER_MS: u64 = 200;
/// Most calls of a message: with the longest names they fit in one.
const MESSAGE_CALLS: usize = 64;
/// Rows that one statement deletes, and statements of one run.
const DELETED_AT_ONCE: u64 = 2_000;
const DELETES: usize = 40;

thread_local! {
    static OUTBOX: RefCell<Outbox<ToolCall>> = const { RefCell::new(Outbox::lingering(LINGER_MS)) };
}

/// Hands a call over to be recorded. Never fails: what the queue refuses goes to D1, what D1 refuses goes to R2.
pub async fn record(env: &Env, call: ToolCall) {
    let departure = OUTBOX.with_borrow_mut(|outbox| outbox.add([call], MESSAGE_CALLS, now_ms()));
    let Some(departure) = departure else { return };
    if let Departure::AfterMs(ms) = departure {
        Timer::after_ms(ms).await;
    }
    let calls = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    for calls in calls.chunks(MESSAGE_CALLS) {
        send(env, calls).await;
    }
}

async fn send(env: &Env, calls: &[ToolCall]) {
    let message = match serde_json::to_string(&Calls { tool_calls: calls }) {
        Ok(message) => message,
        Err(error) => return log_error("calls of tools cannot be written", &error),
    };
    let Err(error) = enqueue(env, message.clone()).await else { return };
    log_error("usage queue", &error);
    let Err(error) = insert(env, &[calls]).await else { return };
    log_error("calls of tools", &error);
    let Some(first) = calls.first() else { return };
    if let Err(error) = park(env, &first.id, message.into_bytes()).await {
        log_error("calls of tools are lost", &error);
    }
}

/// Writes the calls of several messages in one transaction. Those that are there stay as they are.
pub async fn insert(env: &Env, messages: &[impl AsRef<[ToolCall]>]) -> StoreResult<()> {
    let database = super::database(env)?;
    let adding = |calls: &[ToolCall]| statement(&database, INSERT, &[text(&serde_json::to_string(calls)?)]);
    let statements = messages.iter().map(|calls| adding(calls.as_ref())).collect::<StoreResult<Vec<_>>>()?;
    if !statements.is_empty() {
        database.batch(statements).await?;
    }
    Ok(())
}

/// A page of calls, the newest first, and the cursor of the next page.
pub async fn page(env: &Env, wanted: &Wanted, limit: u64) -> StoreResult<(Vec<ToolCall>, Option<String>)> {
    #[derive(Deserialize)]
    struct Scanned {
        scanned_to: Option<String>,
        rows: u64,
    }
    let found: Vec<ToolCall> = super::run(env, &wanted.page(limit)).await?;
    if found.len() as u64 == limit {
        let next = found.last().map(|last| last.id.clone());
        return Ok((found, next));
    }
    let scanned: Vec<Scanned> = super::run(env, &wanted.scanned()).await?;
    let next = scanned.into_iter().find(|of| of.rows == SCANNED).and_then(|of| of.scanned_to);
    Ok((found, next))
}

/// Deletes calls that are older than so many days.
pub async fn expire(env: &Env, days: u32, now_ms: u64) -> StoreResult<()> {
    let before = text(&ulid(now_ms.saturating_sub(u64::from(days) * DAY_MS), [0; 10]));
    for _ in 0..DELETES {
        let deleted = write(env, DELETE_OLD, &[before.clone(), unsigned(DELETED_AT_ONCE)]).await?.changes;
        if (deleted as u64) < DELETED_AT_ONCE {
            break;
        }
    }
    Ok(())
}
