//! What the tasks of one client share: its output, what was agreed on with it, and what it was asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nexus_edge_mcp::catalogue::Kind;
use nexus_edge_mcp::envelope::Freshness;
use nexus_edge_mcp::json::to_raw;
use nexus_edge_mcp::rpc::{Id, Message, Outcome, Request, Response, RpcError, code};
use nexus_edge_mcp::server::{Handshake, ServerIdentity};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::held::Held;
use super::offer::{Names, Offer, Source};
use crate::agent::Agent;
use crate::server::call::Origin;

/// How long the first list waits for servers of which nothing is known yet.
const SETTLE: Duration = Duration::from_secs(10);
/// How long a client has to answer what it is asked.
const ANSWER: Duration = Duration::from_mins(10);
/// What is said of the lists' age: they are made anew whenever they are asked for.
const FRESHNESS: Freshness = Freshness { ttl_ms: 30_000, public: false };
/// What the program can do.
const CAPABILITIES: &str = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"completions":{},"logging":{}}"#;

/// What the client was asked: the last number, and who waits for each answer.
#[derive(Default)]
struct Asked {
    last: i64,
    waiting: HashMap<i64, oneshot::Sender<Result<Box<RawValue>, RpcError>>>,
}

/// A subscription of the newer era.
pub struct Listener {
    /// The request that it was begun with.
    pub id: Id,
    /// The lists whose changes it is told.
    pub kinds: Vec<Kind>,
    /// The resources whose changes it is told.
    pub uris: BTreeSet<String>,
}

/// A client.
pub struct Session {
    /// What it is served from.
    pub agent: Agent,
    /// What the program says of itself.
    pub identity: ServerIdentity,
    /// What was agreed on, in the older era.
    pub handshake: Mutex<Option<Handshake>>,
    /// The names that were given.
    pub names: Mutex<Names>,
    /// Whether a client of the older era asked for log lines.
    pub logging: Mutex<bool>,
    /// Requests that are being served.
    pub running: Mutex<HashMap<Id, AbortHandle>>,
    /// Calls that wait for input, by what the client was told to send back.
    pub held: Mutex<HashMap<String, Held>>,
    /// Subscriptions of the newer era.
    pub listening: Mutex<Vec<Listener>>,
    /// Resources that a client of the older era watches.
    pub watched: Mutex<BTreeSet<String>>,
    output: mpsc::UnboundedSender<String>,
    asked: Mutex<Asked>,
}

impl Session {
    /// A client whose output is this.
    #[must_use]
    pub fn new(agent: Agent, output: mpsc::UnboundedSender<String>) -> Self {
        let info = serde_json::json!({
            "name": "nexus-bridge", "title": "Nexus Bridge", "version": env!("CARGO_PKG_VERSION"),
        });
        let capabilities = nexus_edge_mcp::json::raw(CAPABILITIES.to_owned());
        let identity = ServerIdentity {
            info: to_raw(&info),
            capabilities: capabilities.unwrap_or_else(|| to_raw(&serde_json::json!({}))),
            instructions: None,
            freshness: FRESHNESS,
        };
        Self {
            agent,
            identity,
            handshake: Mutex::default(),
            names: Mutex::default(),
            logging: Mutex::default(),
            running: Mutex::default(),
            held: Mutex::default(),
            listening: Mutex::default(),
            watched: Mutex::default(),
            output,
            asked: Mutex::default(),
        }
    }

    /// Sends a message.
    pub fn send(&self, message: &Message) {
        let _ = self.output.send(message.to_line());
    }

    /// Asks the client something and waits for its answer.
    ///
    /// # Errors
    /// Its error, or that it did not answer.
    pub async fn ask(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, RpcError> {
        let (answer, answered) = oneshot::channel();
        let number = {
            let mut asked = lock(&self.asked);
            asked.last += 1;
            let number = asked.last;
            asked.waiting.insert(number, answer);
            number
        };
        self.send(&Request { id: Id::Number(number), method: method.to_owned(), params }.into());
        let silent = || Err(RpcError::new(code::INTERNAL, "the client did not answer"));
        tokio::time::timeout(ANSWER, answered)
            .await
            .map_or_else(|_| silent(), |answer| answer.unwrap_or_else(|_| silent()))
    }

    /// An answer of the client.
    pub fn answered(&self, response: Response) {
        let Some(Id::Number(number)) = response.id else { return };
        if let Some(waiting) = lock(&self.asked).waiting.remove(&number) {
            let _ = waiting.send(match response.outcome {
                Outcome::Result(result) => Ok(result),
                Outcome::Error(error) => Err(error),
            });
        }
    }

    /// The servers of which something is known, in the order of the configuration.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let config = self.agent.config();
        let named = config.servers.iter().map(|server| &server.name);
        let sources = named.filter_map(|name| {
            let known = self.agent.server(name)?.view().borrow().known.clone()?;
            Some(Source { server: name.clone(), tools: self.agent.tools(name, Origin::Local), known })
        });
        sources.collect()
    }

    /// What all servers offer.
    #[must_use]
    pub fn offer(&self) -> Offer {
        Offer::of(&self.sources(), &mut lock(&self.names))
    }

    /// Waits until something is known of every server that can be started, but not for long.
    pub async fn settle(&self) {
        let mut changes = self.agent.changes();
        let settled = async {
            loop {
                let servers = self.agent.servers();
                if servers.iter().all(|(_, view)| view.known.is_some() || view.last_error.is_some()) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(SETTLE, settled).await;
    }
}

/// The value under a lock. A task that panicked while it held the lock has left it as it was.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
