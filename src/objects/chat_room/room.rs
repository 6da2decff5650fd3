//! A room in memory: its session, its watchers, and the current turn.
//!
//! Every event is stored, numbered and sent to all watchers in one step ([`Room::emit`]). So a number is never used
//! twice, and a client that received a number can receive everything after it, also from an object that was evicted
//! in between.

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use nexus_edge_core::chat::event::{Event, numbered};
use nexus_edge_core::chat::inbox::Inboxes;
use nexus_edge_core::chat::protocol::{Frame, Refusal};
use nexus_edge_core::chat::session::Session;
use nexus_edge_core::error::ApiError;
use worker::{Env, State};

use super::questions::Questions;
use super::store::{Record, Store};
use crate::exchange::KeyOwner;
use crate::host::Host;
use crate::platform::executor::Tasks;
use crate::platform::log_error;

/// Tag of connections that speak the first protocol.
pub const V1: &str = "v1";
/// Tag of connections that speak the second protocol.
pub const V2: &str = "v2";

/// One session with its state.
pub struct Room {
    /// The object's state.
    pub state: State,
    /// Bindings.
    pub env: Env,
    /// The room's storage.
    pub store: Store,
    /// Frames that have arrived and are not answered yet.
    pub inboxes: Inboxes<Result<Frame, Refusal>>,
    /// What is asked of people at the moment.
    pub questions: Questions,
    live: RefCell<Live>,
}

#[derive(Default)]
struct Live {
    is_loaded: bool,
    record: Option<Rc<Record>>,
    seq: u64,
    is_running: bool,
    current: Option<Current>,
    watchers: Vec<Watcher>,
}

/// The current turn.
struct Current {
    turn_id: String,
    text: String,
    stop: Option<oneshot::Sender<()>>,
}

/// A request over HTTP that waits for the result of a turn.
struct Watcher {
    turn_id: String,
    /// Whether it reads the events as they come.
    is_streamed: bool,
    tell: mpsc::UnboundedSender<Told>,
}

/// An event for a watcher.
#[derive(Clone)]
pub struct Told {
    /// The event.
    pub event: Event,
    /// The event as a frame.
    pub json: String,
}

/// The error that a caller gets when the object's own storage fails.
#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
pub fn failed(error: worker::Error) -> ApiError {
    log_error("chat room", &error);
    ApiError::internal()
}

impl Room {
    /// The room of an object.
    pub fn new(state: State, env: Env) -> Rc<Self> {
        let store = Store::new(state.storage().sql());
        Rc::new(Self {
            state,
            env,
            store,
            inboxes: Inboxes::default(),
            questions: Questions::default(),
            live: RefCell::default(),
        })
    }

    /// The deployment, with the object as what keeps background work alive.
    pub fn host(&self) -> Result<Host, ApiError> {
        Host::new(&self.env, self.tasks())
    }

    /// What keeps the object alive for background work.
    pub fn tasks(&self) -> Tasks {
        Tasks::of_object(&self.state)
    }

    /// Loads what is stored, at the first event after the object woke. True if it was the first.
    pub fn load(&self) -> Result<bool, ApiError> {
        if self.live.borrow().is_loaded {
            return Ok(false);
        }
        let record = self.store.record().map_err(failed)?;
        let seq = if record.is_some() { self.store.last_seq().map_err(failed)? } else { 0 };
        let mut live = self.live.borrow_mut();
        live.record = record.map(Rc::new);
        live.seq = seq;
        live.is_loaded = true;
        Ok(live.record.is_some())
    }

    /// The room's record.
    pub fn record(&self) -> Result<Rc<Record>, ApiError> {
        self.live.borrow().record.clone().ok_or_else(not_found)
    }

    /// The record of a session that was not deleted.
    pub fn open_record(&self) -> Result<Rc<Record>, ApiError> {
        let record = self.record()?;
        if record.session.deleted_at.is_some() {
            return Err(not_found());
        }
        Ok(record)
    }

    /// Creates the session if it does not exist; true if it did not.
    pub fn create(&self, session: Session, owner: KeyOwner) -> Result<bool, ApiError> {
        if self.live.borrow().record.is_some() {
            return Ok(false);
        }
        self.store.create(&session, &owner).map_err(failed)?;
        let record = Record { session, owner, summary: None, summarised: 0 };
        self.live.borrow_mut().record = Some(Rc::new(record));
        Ok(true)
    }

    /// Changes the session.
    pub fn save(&self, session: Session) -> Result<(), ApiError> {
        let record = self.record()?;
        self.store.save(&session).map_err(failed)?;
        let changed = Record {
            session,
            owner: record.owner.clone(),
            summary: record.summary.clone(),
            summarised: record.summarised,
        };
        self.live.borrow_mut().record = Some(Rc::new(changed));
        Ok(())
    }

    /// Stores a summary.
    pub fn save_summary(&self, summary: String, summarised: u64) -> Result<(), ApiError> {
        let record = self.record()?;
        self.store.save_summary(&summary, summarised).map_err(failed)?;
        let changed = Record {
            session: record.session.clone(),
            owner: record.owner.clone(),
            summary: Some(summary),
            summarised,
        };
        self.live.borrow_mut().record = Some(Rc::new(changed));
        Ok(())
    }

    /// Drops everything in memory, after the storage was emptied.
    pub fn forget(&self) {
        self.questions.clear();
        *self.live.borrow_mut() = Live { is_loaded: true, ..Live::default() };
    }

    /// Drops everything in memory, after the storage was replaced: the next event loads it.
    pub fn reload(&self) {
        self.questions.clear();
        *self.live.borrow_mut() = Live::default();
    }

    /// Number of the last frame.
    pub fn seq(&self) -> u64 {
        self.live.borrow().seq
    }

    /// Number of connections.
    pub fn connections(&self) -> usize {
        self.state.get_websockets().len()
    }

    /// Stores an event, numbers it, and sends it to all watchers.
    pub fn emit(&self, turn_id: &str, event: Event) -> Result<(), ApiError> {
        let plain = event.to_json();
        let seq = self.live.borrow().seq + 1;
        let json = numbered(seq, &plain);
        self.store.add_frame(seq, turn_id, event.kind(), &json).map_err(failed)?;
        let so_far = {
            let mut live = self.live.borrow_mut();
            live.seq = seq;
            let current = live.current.as_mut().filter(|current| current.turn_id == turn_id);
            match (current, &event) {
                (Some(current), Event::Delta { content, .. }) => {
                    current.text.push_str(content);
                    event.to_v1(&current.text)
                }
                _ => event.to_v1(""),
            }
        };
        for socket in self.state.get_websockets_with_tag(V2) {
            // The platform reports closed connections itself.
            let _ = socket.send_with_str(&json);
        }
        if let Some(text) = so_far {
            for socket in self.state.get_websockets_with_tag(V1) {
                let _ = socket.send_with_str(&text);
            }
        }
        let told = Told { event, json };
        let mut live = self.live.borrow_mut();
        live.watchers.retain(|watcher| {
            watcher.turn_id != turn_id || watcher.tell.unbounded_send(told.clone()).is_ok()
        });
        if told.event.ends_turn() {
            live.watchers.retain(|watcher| watcher.turn_id != turn_id);
        }
        Ok(())
    }

    /// A receiver of all further events of a turn. It ends with the turn.
    pub fn watch(&self, turn_id: &str, is_streamed: bool) -> mpsc::UnboundedReceiver<Told> {
        let (tell, told) = mpsc::unbounded();
        self.live.borrow_mut().watchers.push(Watcher { turn_id: turn_id.to_owned(), is_streamed, tell });
        told
    }

    /// Whether a person can be asked in this turn. Not one who waits for a whole answer or speaks the first protocol, unless another
    /// connection is open; one whose connection is cut may come back.
    pub fn can_ask(&self, turn_id: &str) -> bool {
        let live = self.live.borrow();
        let mut of_turn = live.watchers.iter().filter(|watcher| watcher.turn_id == turn_id).peekable();
        let is_alone = of_turn.peek().is_none() && self.state.get_websockets_with_tag(V1).is_empty();
        is_alone
            || of_turn.any(|watcher| watcher.is_streamed)
            || !self.state.get_websockets_with_tag(V2).is_empty()
    }

    /// Releases those who wait for a turn that emits no more events.
    pub fn abandon(&self, turn_id: &str) {
        self.live.borrow_mut().watchers.retain(|watcher| watcher.turn_id != turn_id);
    }

    /// Marks the queue as being processed; false if it was already.
    pub fn begin_running(&self) -> bool {
        !std::mem::replace(&mut self.live.borrow_mut().is_running, true)
    }

    /// Marks the queue as empty.
    pub fn end_running(&self) {
        self.live.borrow_mut().is_running = false;
    }

    /// Whether the queue is being processed.
    pub fn is_running(&self) -> bool {
        self.live.borrow().is_running
    }

    /// Marks a turn as the current one; the receiver fires when it is to be stopped.
    pub fn begin_turn(&self, turn_id: &str) -> oneshot::Receiver<()> {
        let (stop, stopped) = oneshot::channel();
        self.live.borrow_mut().current =
            Some(Current { turn_id: turn_id.to_owned(), text: String::new(), stop: Some(stop) });
        stopped
    }

    /// Marks that no turn is current.
    pub fn end_turn(&self) {
        self.live.borrow_mut().current = None;
        self.questions.clear();
    }

    /// The current turn.
    pub fn current_turn(&self) -> Option<String> {
        self.live.borrow().current.as_ref().map(|current| current.turn_id.clone())
    }

    /// Stops the current turn, if it is this one. False if it is not.
    pub fn stop_current(&self, meant: Option<&str>) -> bool {
        let mut live = self.live.borrow_mut();
        let current = live.current.as_mut().filter(|current| meant.is_none_or(|id| id == current.turn_id));
        // The receiver is gone only if the turn has just ended.
        current.and_then(|current| current.stop.take()).is_some_and(|stop| stop.send(()).is_ok())
    }
}

/// The error for a session that does not exist, or not for this caller.
pub fn not_found() -> ApiError {
    ApiError::not_found("session_not_found", "There is no session with this id.").with_param("session_id")
}
