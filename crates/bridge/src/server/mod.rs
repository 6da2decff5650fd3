//! One MCP server: a handle to its task, which starts and stops its child and carries calls to it.

mod actor;
pub mod call;
mod command;
pub mod connection;
mod gathering;
pub mod remote;
pub mod settings;
mod streams;
mod table;
mod unanswered;
pub mod view;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use self::call::{Call, CallError, CallFault, CallResult};
use self::command::Command;
use self::settings::Settings;
use self::streams::Surroundings;
use self::view::{Known, View};
use crate::log::Log;
use crate::machine::supervision::State;
use crate::masking::Masking;
use crate::process::ring::Ring;

/// How many events of a child may wait; a child that writes faster is slowed down.
const EVENTS: usize = 64;

/// A server that runs as a task.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    commands: mpsc::UnboundedSender<Command>,
    view: watch::Receiver<View>,
    ring: Arc<Mutex<Ring>>,
}

impl ServerHandle {
    /// Begins a server. `known` is what an earlier child said.
    #[must_use]
    pub fn begin(
        name: &str,
        settings: Settings,
        masking: Arc<Masking>,
        log: Log,
        known: Option<Known>,
    ) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (events, heard) = mpsc::channel(EVENTS);
        let (answers, answered) = mpsc::unbounded_channel();
        let (show, view) = watch::channel(View::new(known));
        let ring = Arc::new(Mutex::new(Ring::default()));
        let around = Surroundings { name: name.to_owned(), events, ring: ring.clone(), log, masking };
        let actor = actor::Actor::new(settings, around, show, answers);
        tokio::spawn(actor.run(inbox, heard, answered));
        Self { commands, view, ring }
    }

    /// The server as it is now, and its changes.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// The newest lines of its stderr, oldest first.
    #[must_use]
    pub fn stderr(&self, count: usize) -> Vec<String> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).last(count)
    }

    /// Calls it. A call whose future is dropped is cancelled at the server.
    pub async fn call(&self, call: Call) -> CallResult {
        let (done, ended) = oneshot::channel();
        let id = call.id.clone();
        let gone = || Err(CallError::new(CallFault::Unavailable, "the server was stopped"));
        if self.commands.send(Command::Call(call, done)).is_err() {
            return gone();
        }
        let mut guard = GivenUp { handle: self, id: Some(id) };
        let result = ended.await;
        guard.id = None;
        result.unwrap_or_else(|_| gone())
    }

    /// Gives a call up: the server is told, and the call ends as canceled.
    pub fn cancel(&self, id: &str, reason: &str) {
        let _ = self.commands.send(Command::Cancel(id.to_owned(), reason.to_owned()));
    }

    /// Starts the server if it does not run, and waits until it has said what it has: what an earlier child said may have
    /// changed.
    ///
    /// # Errors
    /// It cannot be started, or not within this time.
    pub async fn ready(&self, within: Duration) -> Result<(), CallError> {
        let mut view = self.view();
        let starts = {
            let now = view.borrow();
            if now.state == State::Ready && !now.stale {
                return Ok(());
            }
            now.starts
        };
        self.wake();
        let waited = timeout(
            within,
            view.wait_for(|now| {
                let ready = now.state == State::Ready && !now.stale;
                ready || now.state == State::Failed || (now.state == State::Off && now.starts > starts)
            }),
        );
        match waited.await {
            Ok(Ok(now)) if now.state == State::Ready => Ok(()),
            Ok(Ok(now)) => {
                let said =
                    now.last_error.clone().unwrap_or_else(|| "the server cannot be started".to_owned());
                Err(CallError::new(CallFault::Unavailable, said))
            }
            Ok(Err(_)) => Err(CallError::new(CallFault::Unavailable, "the server was stopped")),
            Err(_) => Err(CallError::new(CallFault::Timeout, "the server was not ready in time")),
        }
    }

    /// Starts the server if it does not run.
    pub fn wake(&self) {
        let _ = self.commands.send(Command::Wake);
    }

    /// Starts a server again that has failed.
    pub fn retry(&self) {
        let _ = self.commands.send(Command::Retry);
    }

    /// Starts a server again if it has failed; what a new configuration does for those that it keeps.
    pub fn retry_if_failed(&self) {
        if self.view.borrow().state == State::Failed {
            self.retry();
        }
    }

    /// Watches these resources, and no others: their changes are told by [`Settings::note_updated`]. A server with watched
    /// resources runs, and is told of them again after each start.
    pub fn watch(&self, uris: BTreeSet<String>) {
        let _ = self.commands.send(Command::Watch(uris));
    }

    /// Other settings for the same child.
    pub fn change(&self, settings: Settings) {
        let _ = self.commands.send(Command::Change(Box::new(settings)));
    }

    /// No new calls; the child ends when those in flight have ended, after 30 s at the latest.
    pub fn drain(&self) {
        let _ = self.commands.send(Command::Drain);
    }

    /// Ends the child now.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    /// Whether its task, and with it the child, has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.commands.is_closed()
    }

    /// Waits until its task, and with it the child, has ended.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }
}

struct GivenUp<'a> {
    handle: &'a ServerHandle,
    id: Option<String>,
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.handle.cancel(id, "the caller has gone");
        }
    }
}
