//! The calls of tools that the gateway runs in a turn: they are kept in the history as they come, shown to all who watch the session, and
//! run after a person has agreed where that is needed. What tools ask for while they run is asked here, too.
//!
//! Guarantee: every call in the history has a result in it, also of a turn that was stopped or interrupted ([`close_calls`]), because
//! most providers refuse a call without one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, ready, select};
use nexus_edge_core::chat::answer::Answering;
use nexus_edge_core::chat::approval::Decision;
use nexus_edge_core::chat::config::SessionConfig;
use nexus_edge_core::chat::event::{Asked, Event};
use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::turn::unanswered;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::elicitation::{self, Action, Elicitation};
use nexus_edge_mcp::progress::Progress;
use nexus_edge_toolloop::machine::Job;
use nexus_edge_toolloop::named;
use nexus_edge_toolloop::note::Note;
use nexus_edge_toolloop::tool::{Consent, Shown};
use serde_json::value::RawValue;

use super::room::{Room, failed};
use super::store::Turn;
use super::turn::message_id;
use crate::exchange::{Asker, Attendant};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// How long a call waits for a person's answer, in milliseconds.
const PATIENCE_MS: u64 = 10 * 60 * 1000;
/// Progress of a call is told at most at this interval, in milliseconds: each frame is a row and a message to every watcher.
const PROGRESS_EVERY_MS: u64 = 500;
/// Longest text of a progress, in characters.
const MAX_PROGRESS_CHARS: usize = 500;
/// Messages among which a turn's calls are looked for: more than the loop can make in a turn.
const TURN_MESSAGES: u64 = 200;

/// Attends one turn.
pub struct Attending {
    room: Rc<Room>,
    turn: Turn,
    answering: Rc<RefCell<Answering>>,
    provider: Rc<RefCell<Option<String>>>,
    /// The tools of calls, by the ids of these.
    shown: RefCell<BTreeMap<String, Shown>>,
    progress_ms: Cell<u64>,
    /// Calls whose open question is one of which the end is told.
    asking: Rc<RefCell<Vec<String>>>,
}

/// Checks what the parameters of a session say of tools of the gateway.
///
/// # Errors
/// `invalid_value`, `invalid_type` (400) with the field.
pub fn check_config(config: &SessionConfig) -> Result<(), ApiError> {
    config.mcp.as_ref().map_or(Ok(()), |mcp| named::check(mcp.to_string().as_bytes(), "config.mcp"))
}

/// Gives calls of a turn that was ended in the middle of them a result that says so.
pub fn close_calls(room: &Room, turn_id: &str) -> Result<(), ApiError> {
    let messages = room.store.messages_before(None, TURN_MESSAGES).map_err(failed)?;
    for call_id in unanswered(&messages, turn_id) {
        let text =
            "The turn was ended before this call was. Whether the tool has done its work is not known.";
        add_result(room, turn_id, call_id, text)?;
    }
    Ok(())
}

fn add_result(room: &Room, turn_id: &str, call_id: String, text: &str) -> Result<(), ApiError> {
    let now = now_ms();
    let mut message = StoredMessage::new(message_id(now), turn_id, "tool", text.into(), now);
    message.tool_call_id = Some(call_id);
    room.store.add_message(&message).map_err(failed)
}

impl Attending {
    /// Attends this turn, whose answer and provider are filled in by what runs it.
    pub fn new(
        room: &Rc<Room>,
        turn: &Turn,
        answering: &Rc<RefCell<Answering>>,
        provider: &Rc<RefCell<Option<String>>>,
    ) -> Self {
        Self {
            room: Rc::clone(room),
            turn: turn.clone(),
            answering: Rc::clone(answering),
            provider: Rc::clone(provider),
            shown: RefCell::default(),
            progress_ms: Cell::default(),
            asking: Rc::default(),
        }
    }

    /// The turn is over, and what is left of its answer is about to be kept. Calls of a turn that was stopped are dropped a moment later.
    pub fn close(&self) -> Result<(), ApiError> {
        self.room.questions.clear();
        for call_id in self.asking.take() {
            self.tell(Event::ToolAnswered { turn_id: self.turn.id.clone(), id: call_id });
        }
        if self.shown.borrow().is_empty() {
            return Ok(());
        }
        close_calls(&self.room, &self.turn.id)
    }

    fn take(&self, note: Note) -> Result<(), ApiError> {
        let (room, turn_id) = (&self.room, &self.turn.id);
        match note {
            Note::Calls { said, calls } => {
                let untold = self.answering.borrow_mut().events();
                for event in untold {
                    room.emit(turn_id, event)?;
                }
                let now = now_ms();
                for said in said {
                    let Some(mut message) = StoredMessage::of_calls(message_id(now), turn_id, &said, now)
                    else {
                        continue;
                    };
                    message.model = Some(self.turn.model.clone());
                    message.provider.clone_from(&self.provider.borrow());
                    room.store.add_message(&message).map_err(failed)?;
                }
                self.answering.borrow_mut().keep();
                let made = calls.into_iter().map(|made| (made.call_id, made.shown));
                self.shown.borrow_mut().extend(made);
                Ok(())
            }
            Note::Result { call_id, text, is_error } => {
                add_result(room, turn_id, call_id.clone(), &text)?;
                let Shown { server, name } = self.shown_of(&call_id);
                let event = Event::ToolEnd {
                    turn_id: turn_id.clone(),
                    id: call_id,
                    server,
                    name,
                    content: text,
                    is_error,
                };
                room.emit(turn_id, event)
            }
        }
    }

    fn shown_of(&self, call_id: &str) -> Shown {
        let unknown = || Shown { server: String::new(), name: String::new() };
        self.shown.borrow().get(call_id).cloned().unwrap_or_else(unknown)
    }

    /// Whether the turn goes on.
    fn is_current(&self) -> bool {
        self.room.current_turn().as_ref() == Some(&self.turn.id)
    }

    fn opened(&self, call_id: String, is_told: bool) -> Open {
        if is_told {
            self.asking.borrow_mut().push(call_id.clone());
        }
        let (room, asking) = (Rc::clone(&self.room), Rc::clone(&self.asking));
        Open { room, asking, turn_id: self.turn.id.clone(), call_id }
    }

    fn tell(&self, event: Event) {
        if let Err(error) = self.room.emit(&self.turn.id, event) {
            log_error("a call of a tool in a session", &error.message);
        }
    }
}

impl Attendant for Attending {
    fn note(&self, note: Note) {
        if let Err(error) = self.take(note) {
            log_error("a call of a tool in a session", &error.message);
        }
    }

    fn begins(&self, job: &Job) {
        let Shown { server, name } = job.shown.clone();
        // A call that was found by a search is shown as that of the tool.
        self.shown.borrow_mut().insert(job.call_id.clone(), job.shown.clone());
        self.tell(Event::ToolStart {
            turn_id: self.turn.id.clone(),
            id: job.call_id.clone(),
            server,
            name,
            arguments: job.arguments.clone(),
        });
    }

    fn progresses(&self, job: &Job, said: &Progress) {
        let now = now_ms();
        if now.saturating_sub(self.progress_ms.get()) < PROGRESS_EVERY_MS {
            return;
        }
        self.progress_ms.set(now);
        let short = |text: &String| text.chars().take(MAX_PROGRESS_CHARS).collect();
        self.tell(Event::ToolProgress {
            turn_id: self.turn.id.clone(),
            id: job.call_id.clone(),
            progress: said.progress,
            total: said.total,
            message: said.message.as_ref().map(short),
        });
    }

    fn can_ask(&self) -> bool {
        self.is_current() && self.room.can_ask(&self.turn.id)
    }

    fn asked(&self, job: &Job, tool: &str, by: Asker) -> LocalBoxFuture<'static, Result<(), &'static str>> {
        let (room, turn_id, tool) = (Rc::clone(&self.room), &self.turn.id, tool.to_owned());
        let is_agreed = room.record().is_ok_and(|record| record.session.agreed_tools.contains(&tool));
        if is_agreed && job.consent != Consent::ToCall {
            return ready(Ok(())).boxed_local();
        }
        if !self.can_ask() {
            return ready(Err("The user must agree to this call, and cannot be asked here.")).boxed_local();
        }
        let (call_id, Shown { server, name }) = (job.call_id.clone(), job.shown.clone());
        self.shown.borrow_mut().insert(call_id.clone(), job.shown.clone());
        let event = Event::ToolApproval {
            turn_id: turn_id.clone(),
            id: call_id.clone(),
            server,
            name,
            arguments: job.arguments.clone(),
        };
        let decided = room.questions.ask(&call_id, event.clone());
        let open = self.opened(call_id, by == Asker::Agent);
        self.tell(event);
        async move {
            let decision = answered(decided).await;
            drop(open);
            match decision {
                Some(Decision::Once) => Ok(()),
                Some(Decision::Session) => {
                    if let Err(error) = remember(&room, &tool) {
                        log_error("an agreement to a tool", &error.message);
                    }
                    Ok(())
                }
                Some(Decision::Deny) => Err("The user did not agree to this call."),
                None => Err("The user was asked to agree to this call, and did not answer in time."),
            }
        }
        .boxed_local()
    }

    fn asked_for_input(&self, job: &Job, question: Elicitation) -> LocalBoxFuture<'static, Box<RawValue>> {
        if !self.is_current() {
            return ready(elicitation::result(Action::Cancel, None)).boxed_local();
        }
        let (call_id, Shown { server, name }) = (job.call_id.clone(), job.shown.clone());
        let Elicitation { message, mode } = question;
        let event = Event::ToolInput {
            turn_id: self.turn.id.clone(),
            id: call_id.clone(),
            server,
            name,
            message,
            asked: Asked::from(&mode),
        };
        let given = self.room.questions.ask_for_input(&call_id, event.clone(), mode);
        let open = self.opened(call_id, true);
        self.tell(event);
        async move {
            let given = answered(given).await;
            drop(open);
            given.unwrap_or_else(|| elicitation::result(Action::Cancel, None))
        }
        .boxed_local()
    }
}

/// A question that is open until this is dropped, or its turn is over.
struct Open {
    room: Rc<Room>,
    asking: Rc<RefCell<Vec<String>>>,
    turn_id: String,
    call_id: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.room.current_turn().as_ref() != Some(&self.turn_id) {
            return;
        }
        self.room.questions.withdraw(&self.call_id);
        let at = self.asking.borrow().iter().position(|call_id| *call_id == self.call_id);
        let Some(at) = at else { return };
        self.asking.borrow_mut().remove(at);
        let event = Event::ToolAnswered { turn_id: self.turn_id.clone(), id: self.call_id.clone() };
        if let Err(error) = self.room.emit(&self.turn_id, event) {
            log_error("a call of a tool in a session", &error.message);
        }
    }
}

/// The answer, if it comes in time.
async fn answered<T>(answer: oneshot::Receiver<T>) -> Option<T> {
    match select(answer, Timer::after_ms(PATIENCE_MS)).await {
        Either::Left((answer, _)) => answer.ok(),
        Either::Right(_) => None,
    }
}

fn remember(room: &Room, tool: &str) -> Result<(), ApiError> {
    let mut session = room.record()?.session.clone();
    session.agree_to(tool);
    room.save(session)
}
