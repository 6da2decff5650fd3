//! Turns: how they are accepted, and how they end if their object is evicted.

use std::rc::Rc;

use nexus_edge_core::chat::answer::rest_of;
use nexus_edge_core::chat::event::Event;
use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::protocol::{Ask, MAX_QUEUED_TURNS, Say, queue_full};
use nexus_edge_core::chat::turn::{check_results, set_up};
use nexus_edge_core::error::ApiError;
use serde_json::Value;

use super::attending::{check_config, close_calls};
use super::room::{Room, failed};
use super::store::Turn;
use super::turn::{Queued, Waiting, message_id};
use super::{run, usage};
use crate::platform::promise::Timer;
use crate::platform::{log_error, new_ulid, now_ms};

/// A stopped turn ends as soon as its task is polled; this is how often that is awaited, and the pause in milliseconds.
const STOP_CHECKS: u32 = 200;
const STOP_CHECK_MS: u64 = 10;

/// An accepted turn.
pub struct Accepted {
    /// The turn.
    pub turn_id: String,
    /// Whether the client had sent it before.
    pub is_duplicate: bool,
}

/// Accepts a turn. `provider` is the name of the provider that the client named by its id.
pub fn accept(
    room: &Rc<Room>,
    ask: Ask,
    provider: Option<String>,
    request_id: &str,
) -> Result<Accepted, ApiError> {
    let record = room.open_record()?;
    if let Some(client_id) = &ask.client_id
        && let Some(turn_id) = room.store.turn_of_client(client_id).map_err(failed)?
    {
        return Ok(Accepted { turn_id, is_duplicate: true });
    }
    if room.store.open_turns().map_err(failed)? >= MAX_QUEUED_TURNS as u64 {
        return Err(queue_full());
    }
    let now = now_ms();
    let mut session = record.session.clone();
    set_up(&mut session, &ask, provider)?;
    check_config(&session.config)?;
    let turn_id = new_ulid(now);
    let model = session.requested_model()?;
    let waiting = match ask.say {
        Say::Message(content) => Waiting::Message { id: message_id(now), content },
        Say::ToolResults(results) => {
            let last = room.store.messages_before(None, 1).map_err(failed)?;
            check_results(last.first().map(|(_, message)| message), &results)?;
            Waiting::ToolResults { results }
        }
        Say::Regenerate => {
            if room.store.count_messages().map_err(failed)? == 0
                && room.store.open_turns().map_err(failed)? == 0
            {
                let message = "The session has no answer that could be given anew.";
                return Err(ApiError::invalid("nothing_to_regenerate", "session_id", message));
            }
            Waiting::Regenerate
        }
    };
    let (message, content) = match &waiting {
        Waiting::Message { id, content } => (Some(id.clone()), Some(content.clone())),
        Waiting::ToolResults { results } => (None, Some(pairs(results))),
        Waiting::Regenerate => (None, None),
    };
    let turn = Turn {
        id: turn_id.clone(),
        say: serde_json::to_string(&Queued { input: waiting, agent_tools: ask.agent_tools })
            .map_err(|error| failed(error.into()))?,
        model,
        request_id: request_id.to_owned(),
        prompt_tokens: 0.0,
    };
    room.store.add_turn(&turn, ask.client_id.as_deref()).map_err(failed)?;
    if session != record.session {
        room.save(session)?;
    }
    room.emit(&turn_id, Event::Turn { turn_id: turn_id.clone(), message_id: message, content })?;
    Ok(Accepted { turn_id, is_duplicate: false })
}

/// Results of tools as an event shows them: lists of id and content.
fn pairs(results: &[(String, Value)]) -> Value {
    results.iter().map(|(id, content)| Value::from(vec![Value::from(id.as_str()), content.clone()])).collect()
}

/// Stops a turn: the current one, or a queued one. False if there is none.
pub fn stop(room: &Rc<Room>, turn_id: Option<&str>) -> Result<bool, ApiError> {
    if room.stop_current(turn_id) {
        return Ok(true);
    }
    let Some(turn_id) = turn_id else { return Ok(false) };
    let waits = room.store.turns_in("queued").map_err(failed)?.into_iter().any(|turn| turn.id == turn_id);
    if !waits {
        return Ok(false);
    }
    room.store.set_turn(turn_id, "done").map_err(failed)?;
    let message = "The turn was stopped before it was begun.".to_owned();
    let turn_id = turn_id.to_owned();
    room.emit(&turn_id.clone(), Event::Error { turn_id, status: 409, code: "turn_stopped".into(), message })?;
    Ok(true)
}

/// Stops all turns, and waits until the running one has ended and its caller was told so.
pub async fn stop_all(room: &Rc<Room>) -> Result<(), ApiError> {
    for turn in room.store.turns_in("queued").map_err(failed)? {
        stop(room, Some(&turn.id))?;
    }
    room.stop_current(None);
    for _ in 0..STOP_CHECKS {
        if room.current_turn().is_none() {
            break;
        }
        Timer::after_ms(STOP_CHECK_MS).await;
    }
    Ok(())
}

/// Runs the queued turns, unless that is happening already.
pub fn start(room: &Rc<Room>) {
    if !room.begin_running() {
        return;
    }
    let task = Rc::clone(room);
    room.tasks().wait_until(async move { run::run_queue(&task).await });
}

/// Called at the first event after the object woke. A turn that is marked as running was interrupted by the eviction
/// of the object that ran it: its partial answer is stored, all watchers are notified, and its usage is recorded
/// under the turn's id.
pub fn recover(room: &Rc<Room>) -> Result<(), ApiError> {
    for turn in room.store.turns_in("running").map_err(failed)? {
        let text = room.store.told_text(&turn.id).map_err(failed)?;
        close_calls(room, &turn.id)?;
        // What was said before the last calls of tools is in the history.
        let rest = room.store.text_after_calls(&turn.id).map_err(failed)?;
        let rest = rest_of(&rest);
        if !rest.is_empty() {
            let now = now_ms();
            let mut message =
                StoredMessage::new(message_id(now), &turn.id, "assistant", Value::from(rest), now);
            message.finish_reason = Some("interrupted".into());
            message.model = Some(turn.model.clone());
            room.store.add_message(&message).map_err(failed)?;
        }
        room.store.set_turn(&turn.id, "done").map_err(failed)?;
        let message = "The gateway was restarted in the middle of the answer. What came until then is kept.";
        let event = Event::Error {
            turn_id: turn.id.clone(),
            status: 503,
            code: "turn_interrupted".into(),
            message: message.into(),
        };
        room.emit(&turn.id, event)?;
        usage::record_interrupted(room, turn, text);
    }
    if room.store.open_turns().map_err(failed)? > 0 {
        start(room);
    }
    Ok(())
}

/// Loads the room: reads what is stored, and ends turns that an eviction interrupted.
pub fn wake(room: &Rc<Room>) -> Result<(), ApiError> {
    if room.load()?
        && let Err(error) = recover(room)
    {
        log_error("chat room recovery", &error);
        return Err(error);
    }
    Ok(())
}
