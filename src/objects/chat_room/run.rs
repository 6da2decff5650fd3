//! Runs turns. The upstream request belongs to the room: it continues when connections drop.
//!
//! A turn goes through the same pipeline as any other request, with the session's key, inside the object: without a
//! second hop, without a stored credential, and with the same limits, failover and records. Dropping its future
//! closes the upstream connection, which is how it is stopped.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::chat::answer::Answering;
use nexus_edge_core::chat::event::Event;
use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::prompt::chat_body;
use nexus_edge_core::chat::title::title_of;
use nexus_edge_core::chat::turn::regenerated_from;
use nexus_edge_core::chat::window::window;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ErrorInfo, StreamEvent, explode};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::error::ApiError;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsCast;

use super::attending::Attending;
use super::room::{Room, failed};
use super::store::Turn;
use super::summary;
use super::turn::{Queued, Waiting, message_id};
use crate::exchange::{Attendant, Exchange, InternalRequest};
use crate::pipeline;
use crate::platform::http::{Response, ResponseBody};
use crate::platform::promise::Timer;
use crate::platform::{bytes, log_error, now_ms};
use crate::store::sessions;

/// While turns run, the alarm fires at this interval: it keeps the object alive, and wakes it after an eviction so
/// that the interrupted turn is ended.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Text is sent at once at first, and then at most at this interval, in milliseconds: each frame is a row in the
/// object's database and a message to every watcher.
const TELL_EVERY_MS: u64 = 40;

/// Why a turn failed.
pub struct Failure {
    /// The equivalent HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { status: error.status, code: error.code.to_owned(), message: error.message }
    }
}

impl From<&ErrorInfo> for Failure {
    fn from(error: &ErrorInfo) -> Self {
        Self {
            status: error.status,
            code: error.code.clone().unwrap_or_else(|| "upstream_error".into()),
            message: error.message.clone(),
        }
    }
}

/// Sets the alarm again.
pub async fn set_heartbeat(room: &Room) {
    if let Err(error) = room.state.storage().set_alarm(HEARTBEAT).await {
        log_error("chat room alarm", &error);
    }
}

/// Runs the queued turns, one after the other.
pub async fn run_queue(room: &Rc<Room>) {
    set_heartbeat(room).await;
    loop {
        let next = room.store.turns_in("queued").map(|turns| turns.into_iter().next());
        match next {
            Ok(Some(turn)) => {
                if let Err(error) = run_turn(room, &turn).await {
                    log_error("chat turn", &error);
                    // Not even its failure could be stored; without this it would be retried for ever.
                    let _ = room.store.set_turn(&turn.id, "done");
                    room.abandon(&turn.id);
                    room.end_turn();
                }
            }
            Ok(None) => break,
            Err(error) => {
                log_error("chat room", &error);
                break;
            }
        }
    }
    room.end_running();
    if let Err(error) = room.state.storage().delete_alarm().await {
        log_error("chat room alarm", &error);
    }
    if room.is_running() {
        // A turn was accepted while the alarm was being removed.
        set_heartbeat(room).await;
    }
    publish(room).await;
    summary::roll(room).await;
}

/// Writes the session's row in the list of sessions.
pub async fn publish(room: &Room) {
    let Ok(record) = room.record() else { return };
    if let Err(error) = sessions::put(&room.env, &record.owner.key_id, &record.session).await {
        log_error("the list of sessions", &error);
    }
}

async fn run_turn(room: &Rc<Room>, turn: &Turn) -> Result<(), ApiError> {
    let record = room.record()?;
    let queued: Queued = serde_json::from_str(&turn.say).map_err(|error| failed(error.into()))?;
    let wants_anew = begin(room, turn, queued.input)?;
    let messages: Vec<StoredMessage> = room
        .store
        .messages_after(record.summarised)
        .map_err(failed)?
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    // For a regenerated answer this is an earlier turn.
    let asked_by = messages.last().map_or(&turn.id, |message| &message.turn_id).clone();
    let shown = window(&messages, record.session.config.window_tokens());
    room.store.note_prompt(&turn.id, shown.tokens).map_err(failed)?;
    let shown = messages.get(shown.start..).unwrap_or_default();
    let config = record.session.config.of_turn(queued.agent_tools);
    let body = chat_body(&turn.model, &config, record.summary.as_deref(), shown);

    let answering = Rc::new(RefCell::new(Answering::new(&turn.id)));
    let provider = Rc::new(RefCell::new(None));
    let stopped = room.begin_turn(&turn.id);
    let attending = Rc::new(Attending::new(room, turn, &answering, &provider));
    let internal = InternalRequest {
        asked_by: Some(asked_by),
        wants_anew,
        attendant: Some(Rc::clone(&attending) as Rc<dyn Attendant>),
        body,
        ..InternalRequest::new(&record.owner, turn.id.clone(), record.session.id.clone())
    };
    let asking = Box::pin(ask(room, turn, internal, Rc::clone(&answering), Rc::clone(&provider)));
    let outcome = match select(asking, stopped).await {
        Either::Left((outcome, _)) => outcome.map(|()| false),
        // This drops the answer's stream, and with it the connection to the upstream.
        Either::Right(_) => Ok(true),
    };
    let provider = provider.borrow_mut().take();
    attending.close()?;
    let ended = end(room, turn, &mut answering.borrow_mut(), provider, outcome);
    room.end_turn();
    ended
}

/// Adds the input of the turn to the history. True if it asks for regeneration.
fn begin(room: &Room, turn: &Turn, input: Waiting) -> Result<bool, ApiError> {
    room.store.set_turn(&turn.id, "running").map_err(failed)?;
    let now = now_ms();
    match input {
        Waiting::Message { id, content } => {
            let message = StoredMessage::new(id, &turn.id, "user", content, now);
            room.store.add_message(&message).map_err(failed)?;
        }
        Waiting::ToolResults { results } => {
            for (call_id, content) in results {
                let mut message = StoredMessage::new(message_id(now), &turn.id, "tool", content, now);
                message.tool_call_id = Some(call_id);
                room.store.add_message(&message).map_err(failed)?;
            }
        }
        Waiting::Regenerate => {
            let messages = room.store.messages_before(None, 1000).map_err(failed)?;
            if let Some(first) = regenerated_from(&messages) {
                room.store.cut_messages(first).map_err(failed)?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends the request to the pipeline, and emits the answer as it arrives.
async fn ask(
    room: &Rc<Room>,
    turn: &Turn,
    internal: InternalRequest,
    answering: Rc<RefCell<Answering>>,
    provider: Rc<RefCell<Option<String>>>,
) -> Result<(), Failure> {
    let exchange = Exchange::internal(internal, room.host()?, turn.request_id.clone());
    let response = pipeline::chat_completion(&exchange, None).await?;
    let answering_provider = response.headers().get("x-nexus-provider");
    if let Some(name) = &answering_provider {
        room.store.note_provider(&turn.id, name).map_err(failed)?;
    }
    *provider.borrow_mut() = answering_provider;
    let status = response.status();
    let is_stream =
        response.headers().get("content-type").is_some_and(|value| value.starts_with("text/event-stream"));
    if !is_stream {
        return take_whole(room, turn, response, status, &answering).await;
    }
    let body = response.into_body();
    let mut decoder = registry::upstream(CallerDialect::OpenaiChat).stream_decoder();
    let stream = match body {
        ResponseBody::Stream(stream) => stream,
        // A cached response arrives all at once.
        body => {
            let body = body.read().await.map_err(|error| failed(error.into()))?;
            if body.is_empty() {
                return Err(Failure::from(&ErrorInfo::malformed()));
            }
            let mut events: Vec<StreamEvent> = Vec::new();
            decoder.push(&body, &mut events);
            decoder.finish(&mut events);
            answering.borrow_mut().take_in(events);
            tell(room, turn, &answering)?;
            return ended(&answering);
        }
    };
    let mut chunks = bytes::into_chunks(stream);
    let mut scratch = Vec::new();
    let mut told_ms = 0;
    loop {
        let mut events: Vec<StreamEvent> = Vec::new();
        let due_ms = told_ms + TELL_EVERY_MS;
        let next = if answering.borrow().has_untold() {
            let wait = Timer::after_ms(due_ms.saturating_sub(now_ms()).max(1));
            match select(chunks.next(), wait).await {
                Either::Left((next, _)) => Some(next),
                Either::Right(_) => None,
            }
        } else {
            Some(chunks.next().await)
        };
        match next {
            Some(Some(Ok(chunk))) => {
                scratch.clear();
                bytes::append(&mut scratch, chunk.unchecked_ref::<Uint8Array>());
                decoder.push(&scratch, &mut events);
            }
            Some(Some(Err(_)) | None) => decoder.finish(&mut events),
            None => {}
        }
        answering.borrow_mut().take_in(events);
        let is_over = answering.borrow().end().is_some();
        if is_over || now_ms() >= due_ms {
            tell(room, turn, &answering)?;
            told_ms = now_ms();
        }
        if is_over {
            return ended(&answering);
        }
    }
}

/// Why a finished answer ended.
fn ended(answering: &RefCell<Answering>) -> Result<(), Failure> {
    match answering.borrow().end() {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

fn tell(room: &Room, turn: &Turn, answering: &RefCell<Answering>) -> Result<(), Failure> {
    let events = answering.borrow_mut().events();
    for event in events {
        room.emit(&turn.id, event)?;
    }
    Ok(())
}

/// Handles an answer that is not streamed: an error, or a complete answer.
async fn take_whole(
    room: &Room,
    turn: &Turn,
    response: Response,
    status: u16,
    answering: &RefCell<Answering>,
) -> Result<(), Failure> {
    let body = response.into_body().read().await.map_err(|error| failed(error.into()))?;
    let dialect = registry::upstream(CallerDialect::OpenaiChat);
    if status >= 400 {
        return Err(Failure::from(&dialect.decode_error(status, &body)));
    }
    let whole = dialect.decode_response(&body).map_err(|error| Failure::from(&error))?;
    answering.borrow_mut().take_in(explode(whole));
    tell(room, turn, answering)
}

/// Stores the result of the turn and emits its end; `Ok(true)` for a turn that was stopped.
fn end(
    room: &Room,
    turn: &Turn,
    answering: &mut Answering,
    provider: Option<String>,
    outcome: Result<bool, Failure>,
) -> Result<(), ApiError> {
    for event in answering.events() {
        room.emit(&turn.id, event)?;
    }
    let now = now_ms();
    let usage = answering.usage();
    let (content, tool_calls) = answering.message();
    let finish_reason = match &outcome {
        Ok(false) => answering.finish_reason().to_owned(),
        Ok(true) => "stopped".to_owned(),
        Err(_) => "error".to_owned(),
    };
    let id = message_id(now);
    if !answering.rest().is_empty() || tool_calls.is_some() {
        let mut message = StoredMessage::new(id.clone(), &turn.id, "assistant", content, now);
        message.tool_calls = tool_calls;
        if usage.completion_tokens > 0 {
            message.tokens_count = usage.completion_tokens;
        }
        message.model = Some(turn.model.clone());
        message.provider.clone_from(&provider);
        message.finish_reason = Some(finish_reason.clone());
        room.store.add_message(&message).map_err(failed)?;
    }
    let mut session = room.record()?.session.clone();
    session.updated_at = now;
    session.message_count = room.store.count_messages().map_err(failed)?;
    session.total_tokens += usage.total_tokens;
    let title = if session.title_is_given || session.title != "New chat" { None } else { title(room)? };
    if let Some(title) = &title {
        session.title.clone_from(title);
    }
    room.save(session)?;
    room.store.set_turn(&turn.id, "done").map_err(failed)?;
    if let Some(title) = title {
        room.emit(&turn.id, Event::Session { title })?;
    }
    let turn_id = turn.id.clone();
    let event = match outcome {
        Ok(_) => {
            Event::Done { turn_id, message_id: id, finish_reason, usage, model: turn.model.clone(), provider }
        }
        Err(Failure { status, code, message }) => Event::Error { turn_id, status, code, message },
    };
    room.emit(&turn.id, event)?;
    room.store.prune_frames(room.seq()).map_err(failed)
}

fn title(room: &Room) -> Result<Option<String>, ApiError> {
    let first = room.store.messages_before(Some(100), 100).map_err(failed)?;
    Ok(first
        .iter()
        .find(|(_, message)| message.role == "user")
        .and_then(|(_, message)| title_of(&message.text())))
}
