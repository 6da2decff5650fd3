//! What the tasks of one connection share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_edge_mcp::version::Version;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::http::address::Address;
use crate::http::client::Client;
use crate::server::streams::{Event, Surroundings, What};
use crate::server::unanswered::Unanswered;

/// Which transport is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Streamable HTTP, or HTTP+SSE if the server does not know that.
    #[default]
    Auto,
    /// Streamable HTTP only.
    Streamable,
    /// HTTP+SSE only.
    EventStream,
}

/// A server to connect to. Not `Debug`: address and headers may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub address: Address,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// Which transport is spoken.
    pub kind: Kind,
}

/// Where the messages of the transport HTTP+SSE go.
#[derive(Debug, Clone)]
pub(super) enum Endpoint {
    /// It was not said yet.
    Unknown,
    /// There.
    At(Address),
    /// There is no stream.
    None(Unanswered),
}

/// What was agreed on.
#[derive(Default)]
pub(super) struct Agreed {
    pub(super) version: Option<Version>,
    pub(super) session: Option<String>,
    /// Set in the transport HTTP+SSE.
    pub(super) endpoint: Option<watch::Receiver<Endpoint>>,
    /// Opens once the notification that ends the handshake was taken.
    pub(super) gate: Option<watch::Receiver<bool>>,
}

pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) client: Client,
    pub(super) generation: u64,
    pub(super) around: Surroundings,
    pub(super) agreed: Mutex<Agreed>,
    pub(super) running: Mutex<HashMap<i64, AbortHandle>>,
    pub(super) others: Mutex<Vec<AbortHandle>>,
}

impl Shared {
    pub(super) fn abort(&self) {
        let running = std::mem::take(&mut *lock(&self.running));
        let others = std::mem::take(&mut *lock(&self.others));
        for task in running.into_values().chain(others) {
            task.abort();
        }
    }

    pub(super) async fn report(&self, what: What) {
        let _ = self.around.events.send(Event { generation: self.generation, what }).await;
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
