//! A call that goes on while its client is asked for input.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::asking::Waiting;
use crate::server::call::{Ask, CallResult, Note};

/// A call that runs in a task of its own. It is cancelled with the value.
pub struct Held {
    /// The task.
    pub task: JoinHandle<CallResult>,
    /// What it asks.
    pub asks: mpsc::Receiver<Ask>,
    /// How it goes.
    pub notes: mpsc::Receiver<Note>,
    /// Who waits for the client's answer.
    pub waiting: Option<Waiting>,
    /// Names its request: what is answered must belong to it.
    pub fingerprint: String,
    /// When the client was asked.
    pub since: Instant,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.task.abort();
    }
}
