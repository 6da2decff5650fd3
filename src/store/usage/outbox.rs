//! Usage events on their way: into the queue, from there into D1, and into R2 if neither accepts them.
//!
//! A message of the queue is a JSON list of events; an object in R2, `parked-usage/<id>`, is the same list:
//!
//! ```json
//! [{"id": "01M7…", "key_id": "…", "model": "gpt-5", "outcome": "completed", "prompt_tokens": 20, "completion_tokens": 4}]
//! ```
//!
//! Calls of tools are messages of their own ([`super::super::tool_calls`]).
//!
//! All fields: `nexus_edge_core::stats::UsageEvent`; `kept` is what the archive gets of the request
//! (`nexus_edge_core::conversation::kept::Kept`).

use std::cell::RefCell;

use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::outbox::{Departure, Full, Outbox};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_stats::message::Message;
use nexus_edge_stats::recorded::{self, Recorded};
use worker::Env;

use super::super::archive::packs;
use super::super::usage_queue::{self, PARKED_PREFIX, enqueue};
use super::super::{StoreResult, tool_calls};
use super::ingest::{DIRECT, ingest, ingest_chunks};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms, rarely};

/// Most parked objects that one run of the cron records.
const REPLAY_BATCH: usize = 100;
/// Most events in one message.
const MESSAGE_EVENTS: usize = 64;
/// Most bytes of one message: a queue accepts 128 KB.
const MESSAGE_BYTES: usize = 120_000;
/// Texts of as many bytes, as JSON, are put into R2 before their event is sent.
const LARGE_BYTES: usize = 90_000;
/// Events whose texts are so many bytes together leave at once: as much memory an isolate spends on those that wait.
const WAITING_BYTES: usize = 1 << 20;

thread_local! {
    static OUTBOX: RefCell<Outbox<Recorded>> = const { RefCell::new(Outbox::new()) };
}

/// Events of this isolate that wait to be sent.
pub fn waiting() -> usize {
    OUTBOX.with_borrow(Outbox::len)
}

/// Hands an event over to be recorded, with what is kept of its request. Never fails: what the queue refuses goes to D1, what D1
/// refuses goes to R2.
pub async fn record(env: &Env, event: UsageEvent, kept: Option<Kept>) {
    let recorded = Recorded { event, kept: kept.map(Box::new) };
    let bytes = recorded.text_bytes();
    let full = Full { entries: MESSAGE_EVENTS, weight: WAITING_BYTES };
    let departure = OUTBOX.with_borrow_mut(|outbox| outbox.add_weighing([recorded], bytes, full, now_ms()));
    let Some(departure) = departure else { return };
    if let Departure::AfterMs(ms) = departure {
        Timer::after_ms(ms).await;
    }
    let mut recorded = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    if let Err(error) = put_large(env, &mut recorded).await {
        log_error("large texts are not archived", &error);
    }
    // Events that share a pack are a message of their own: they are recorded together, or none is.
    let (large, others): (Vec<_>, Vec<_>) = recorded.into_iter().partition(|one| one.place().is_some());
    for recorded in [large, others] {
        send_all(env, &recorded).await;
    }
}

async fn send_all(env: &Env, recorded: &[Recorded]) {
    let messages = match recorded::messages(recorded, MESSAGE_EVENTS, MESSAGE_BYTES) {
        Ok(messages) => messages,
        Err(error) => return log_error("usage events cannot be written", &error),
    };
    for message in messages {
        send(env, message.json, recorded.get(message.events).unwrap_or_default()).await;
    }
}

/// Puts texts that are too large for a message into a pack.
async fn put_large(env: &Env, recorded: &mut [Recorded]) -> StoreResult<()> {
    let lines = recorded.iter().map(|one| one.large_line(LARGE_BYTES));
    let lines: Vec<Option<String>> = lines.collect::<Result<_, _>>()?;
    if lines.iter().all(Option::is_none) {
        return Ok(());
    }
    for (one, place) in recorded.iter_mut().zip(rarely(packs::put_large(env, lines)).await?) {
        if let Some(place) = place {
            one.moved_to(place);
        }
    }
    Ok(())
}

async fn send(env: &Env, message: String, recorded: &[Recorded]) {
    let Err(error) = enqueue(env, message).await else { return };
    log_error("usage queue", &error);
    let Err(error) = rarely(ingest(env, recorded)).await else { return };
    log_error("usage ingest", &error);
    if let Err(error) = rarely(park(env, recorded)).await {
        log_error("usage events are lost", &error);
    }
}

/// Parks a chunk of events as one object, so that it stays the chunk that it is.
async fn park(env: &Env, recorded: &[Recorded]) -> StoreResult<()> {
    let Some(first) = recorded.first() else { return Ok(()) };
    usage_queue::park(env, &first.event.id, serde_json::to_vec(recorded)?).await
}

/// Records the parked events, oldest first.
pub async fn replay_parked(env: &Env) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    let listed =
        bucket.list().prefix(PARKED_PREFIX).limit(u32::try_from(REPLAY_BATCH).unwrap_or(1)).execute().await?;
    let names: Vec<String> = listed.objects().iter().map(worker::Object::key).collect();
    let (mut events, mut chunks) = (Vec::new(), Vec::with_capacity(names.len()));
    for name in &names {
        let Some(object) = bucket.get(name).execute().await? else { continue };
        let Some(body) = object.body() else { continue };
        let begin = events.len();
        match Message::read_parked(&body.bytes().await?) {
            Ok(Message::Calls(calls)) => tool_calls::insert(env, &[calls]).await?,
            Ok(Message::Events(chunk)) => events.extend(chunk),
            Err(error) => log_error("a parked object is no list of usage events", &error),
        }
        chunks.push(begin..events.len());
    }
    ingest_chunks(env, &events, &chunks, DIRECT).await?;
    for name in names {
        bucket.delete(name).await?;
    }
    Ok(())
}
