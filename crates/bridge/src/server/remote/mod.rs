//! A server with an address: messages as requests of HTTP, what it answers as the events of a child.
//!
//! Streamable HTTP in both eras, and the older transport HTTP+SSE. Every message is a request of its own; several may be under
//! way. What is answered is told in the order in which it came, and each request is told an end exactly once, unless it is
//! cancelled. Nothing is sent twice, except after a redirect to another path of the same server.
//!
//! Sources: *Transports* 2024-11-05 (HTTP with SSE), 2025-11-25 (streamable HTTP), *Streamable HTTP* 2026-07-28.

mod answer;
mod exchange;
mod shared;
mod stream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_edge_mcp::method::INITIALIZED;
use nexus_edge_mcp::progress::cancelled_request;
use nexus_edge_mcp::rpc::{Id, Message};
use nexus_edge_mcp::version::{Era, Version};
use tokio::sync::watch;

use self::shared::{Endpoint, Shared, lock};
pub use self::shared::{Kind, Target};
use super::streams::{Surroundings, What};
use crate::http::client::Client;

/// How long the end of a session may take to be told.
const FAREWELL: Duration = Duration::from_secs(5);

/// A connection to a server.
pub struct Remote {
    shared: Arc<Shared>,
    has_ended: bool,
}

impl Remote {
    /// Begins a connection. Nothing is sent yet.
    #[must_use]
    pub fn begin(target: &Target, generation: u64, around: &Surroundings) -> Self {
        let shared = Shared {
            client: Client::new(target.address.clone()),
            target: target.clone(),
            generation,
            around: around.clone(),
            agreed: Mutex::default(),
            running: Mutex::default(),
            others: Mutex::default(),
        };
        let mut remote = Self { shared: Arc::new(shared), has_ended: false };
        if target.kind == Kind::EventStream {
            remote.open_event_stream();
        }
        remote
    }

    /// Which one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation
    }

    /// The version that is spoken from now on.
    pub fn speaks(&self, version: Version) {
        lock(&self.shared.agreed).version = Some(version);
    }

    /// What is agreed on is forgotten: the next message begins anew.
    pub fn begin_anew(&self) {
        let mut agreed = lock(&self.shared.agreed);
        (agreed.version, agreed.session, agreed.gate) = (None, None, None);
    }

    /// Goes on with the transport HTTP+SSE. False: that is not wanted, or done already.
    pub fn open_event_stream(&mut self) -> bool {
        let mut agreed = lock(&self.shared.agreed);
        if self.shared.target.kind == Kind::Streamable || agreed.endpoint.is_some() {
            return false;
        }
        let (show, endpoint) = watch::channel(Endpoint::Unknown);
        agreed.endpoint = Some(endpoint);
        drop(agreed);
        let task = tokio::spawn(stream::open(self.shared.clone(), show));
        lock(&self.shared.others).push(task.abort_handle());
        true
    }

    /// Sends a message. `besides` are headers that repeat parameters of a call.
    pub fn send(&self, message: &Message, besides: Vec<(String, String)>) {
        match message {
            Message::Request(request) => {
                let Id::Number(number) = request.id else { return };
                let headers = self.shared.headers_of(request, besides);
                let asking = exchange::ask(self.shared.clone(), number, message.to_line(), headers);
                let task = tokio::spawn(Box::pin(asking));
                lock(&self.shared.running).insert(number, task.abort_handle());
            }
            Message::Notification(notification) => {
                if let Some(Id::Number(number)) = cancelled_request(notification) {
                    // In the newer era the end of the answer's stream is the cancellation.
                    if let Some(task) = lock(&self.shared.running).remove(&number) {
                        task.abort();
                    }
                    if self.era() == Some(Era::Modern) {
                        return;
                    }
                }
                let is_last_of_handshake = notification.method == INITIALIZED;
                let (opened, gate) = watch::channel(false);
                if is_last_of_handshake {
                    lock(&self.shared.agreed).gate = Some(gate);
                }
                self.tell(message, is_last_of_handshake.then_some(opened));
            }
            Message::Response(_) => self.tell(message, None),
        }
    }

    /// Ends the connection, and reports that.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.shared.abort();
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(FAREWELL, exchange::farewell(&shared)).await;
            shared.report(What::Exited(None)).await;
        });
    }

    fn era(&self) -> Option<Era> {
        lock(&self.shared.agreed).version.map(Version::era)
    }

    /// Sends what has no response.
    fn tell(&self, message: &Message, opened: Option<watch::Sender<bool>>) {
        let (shared, line) = (self.shared.clone(), message.to_line());
        let task = tokio::spawn(async move {
            exchange::tell(&shared, line).await;
            if let Some(opened) = opened {
                opened.send_replace(true);
                // What a server of the older era says unasked comes over a stream of its own.
                stream::listen(&shared).await;
            }
        });
        let mut others = lock(&self.shared.others);
        others.retain(|task| !task.is_finished());
        others.push(task.abort_handle());
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.shared.abort();
    }
}
