//! The rolling summary: history that no longer fits into the window is given to the model as a summary that it wrote
//! itself.
//!
//! It is made after the answer, so that it delays none. If it fails, the oldest turns are left out without a summary,
//! and it is tried again after the next answer.

use std::rc::Rc;

use nexus_edge_core::chat::answer::Answering;
use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::prompt::{summary_body, summary_of};
use nexus_edge_core::chat::window::window;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::error::ApiError;

use super::room::{Room, failed};
use crate::exchange::{Exchange, InternalRequest};
use crate::pipeline;
use crate::platform::{log_error, new_ulid, now_ms};

/// A summary is made when the history exceeds this share of the window, so that the next question still fits.
const FILLED_PERCENT: u64 = 80;
/// It covers all but what fits into this share, so that it is not needed after every turn.
const KEPT_PERCENT: u64 = 50;

/// Makes a new summary if the history has outgrown the window.
pub async fn roll(room: &Rc<Room>) {
    if let Err(error) = try_roll(room).await {
        log_error("summary", &error);
    }
}

async fn try_roll(room: &Rc<Room>) -> Result<(), ApiError> {
    let record = room.record()?;
    let Ok(model) = record.session.requested_model() else { return Ok(()) };
    let numbered = room.store.messages_after(record.summarised).map_err(failed)?;
    let messages: Vec<StoredMessage> = numbered.iter().map(|(_, message)| message.clone()).collect();
    let budget = record.session.config.window_tokens();
    let total: u64 = messages.iter().map(StoredMessage::prompt_tokens).sum();
    if total <= budget * FILLED_PERCENT / 100 {
        return Ok(());
    }
    let start = window(&messages, budget * KEPT_PERCENT / 100).start;
    let Some((covered, _)) = start.checked_sub(1).and_then(|last| numbered.get(last)) else { return Ok(()) };
    let old = messages.get(..start).unwrap_or_default();
    let body = summary_body(&model, record.summary.as_deref(), old);
    let internal = InternalRequest {
        body,
        ..InternalRequest::new(&record.owner, new_ulid(now_ms()), summary_of(&record.session.id))
    };
    let request_id = format!("req_{}", new_ulid(now_ms()));
    let exchange = Exchange::internal(internal, room.host()?, request_id);
    let response = pipeline::chat_completion(&exchange, None).await?;
    if response.status() >= 400 {
        return Err(ApiError::bad_gateway("upstream_error", "The model refused to write a summary."));
    }
    let body = response.into_body().read().await.map_err(|error| failed(error.into()))?;
    let mut decoder = registry::upstream(CallerDialect::OpenaiChat).stream_decoder();
    let mut events = Vec::new();
    decoder.push(&body, &mut events);
    decoder.finish(&mut events);
    let mut answer = Answering::new("summary");
    answer.take_in(events);
    let text = answer.text().trim();
    if text.is_empty() || !matches!(answer.end(), Some(Ok(()))) {
        return Err(ApiError::bad_gateway("upstream_invalid_response", "The summary is not whole."));
    }
    room.save_summary(text.to_owned(), *covered)
}
