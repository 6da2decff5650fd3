//! The consumer of the usage queue: records events and calls of tools. Nothing is dropped: what cannot be recorded is a dead letter.

use std::ops::Range;
use std::slice;

use nexus_edge_stats::message::Message;
use nexus_edge_stats::recorded::Recorded;
use nexus_edge_stats::tool_calls::ToolCall;
use thiserror::Error;
use worker::wasm_bindgen::JsValue;
use worker::{Env, MessageBatch, MessageExt, RawMessage, js_sys};

use crate::platform::{log_error, now_ms};
use crate::store::usage::Delivery;
use crate::store::{dead_letters, tool_calls, usage};

/// The queue of messages that were delivered too often.
const DEAD: &str = "nexus-edge-usage-dead";

/// Records a batch. A message that is no list of events becomes a dead letter at once, because a new delivery would fail in the
/// same way. If the database refuses the batch, each message is tried by itself, so that one that it always refuses holds up no
/// other; those are delivered again, and become dead letters at last.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    if batch.queue() == DEAD {
        return keep_all(batch, env).await;
    }
    let mut events: Vec<Recorded> = Vec::new();
    // Each message with the place of its events among all.
    let mut readable: Vec<(RawMessage, Range<usize>)> = Vec::new();
    let mut of_tools: Vec<(RawMessage, Vec<ToolCall>)> = Vec::new();
    for message in batch.raw_iter() {
        match read(&message.body()) {
            Ok(Message::Calls(calls)) => of_tools.push((message, calls)),
            Ok(Message::Events(of_message)) => {
                let begin = events.len();
                events.extend(of_message);
                readable.push((message, begin..events.len()));
            }
            Err(reason) => keep(env, &message, &reason.to_string()).await,
        }
    }
    record_calls(env, of_tools).await;
    if readable.is_empty() {
        return;
    }
    let oldest_ms = readable.iter().map(|(message, _)| message.timestamp().as_millis()).min();
    let waited_ms = oldest_ms.map_or(0, |oldest_ms| now_ms().saturating_sub(oldest_ms));
    let whole = Delivery { waited_ms, of: 1 };
    let places: Vec<Range<usize>> = readable.iter().map(|(_, place)| place.clone()).collect();
    let Err(error) = usage::ingest_chunks(env, &events, &places, whole).await else {
        for (message, _) in &readable {
            message.ack();
        }
        return;
    };
    log_error("usage ingest", &error);
    for (message, place) in &readable {
        let single = Delivery { waited_ms, of: readable.len() };
        let again = async || usage::ingest_chunks(env, &events, slice::from_ref(place), single).await;
        if readable.len() > 1 && again().await.is_ok() {
            message.ack();
        } else {
            message.retry();
        }
    }
}

/// Records calls of tools, and delivers their messages again if the database refuses them.
async fn record_calls(env: &Env, messages: Vec<(RawMessage, Vec<ToolCall>)>) {
    let (messages, calls): (Vec<RawMessage>, Vec<Vec<ToolCall>>) = messages.into_iter().unzip();
    let recorded = tool_calls::insert(env, &calls).await;
    if let Err(error) = &recorded {
        log_error("calls of tools", error);
    }
    for message in messages {
        if recorded.is_ok() { message.ack() } else { message.retry() }
    }
}

/// Why a message is none of the queue.
#[derive(Debug, Error)]
enum Unreadable {
    #[error("the message is not text")]
    NotText,
    #[error("no list of usage events: {0}")]
    NotRecords(#[from] serde_json::Error),
}

fn read(body: &JsValue) -> Result<Message, Unreadable> {
    Ok(Message::read(body.as_string().ok_or(Unreadable::NotText)?.as_bytes())?)
}

async fn keep_all(batch: &MessageBatch<String>, env: &Env) {
    for message in batch.raw_iter() {
        keep(env, &message, "the database refused it each time that it was delivered").await;
    }
}

/// Keeps a message as a dead letter. If even that fails, it is delivered again.
async fn keep(env: &Env, message: &RawMessage, reason: &str) {
    log_error("a message of the usage queue is a dead letter", &reason);
    let body = message.body();
    let text = body.as_string().or_else(|| js_sys::JSON::stringify(&body).ok()?.as_string());
    match dead_letters::put(env, text.unwrap_or_default(), reason).await {
        Ok(()) => message.ack(),
        Err(error) => {
            log_error("dead letters", &error);
            message.retry();
        }
    }
}
