//! The agent: all servers of a configuration, and the one way to call them.
//!
//! This is what the local server, the control socket and the link to the gateway are built on. A handle is cheap to clone;
//! the servers end with [`Agent::stop`].

pub mod book;
pub mod cache;
mod calls;
pub mod desk;
pub mod gate;
pub mod place;
pub mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::envelope::ClientIdentity;
use nexus_edge_mcp::trust::Decision;
use tokio::sync::{Semaphore, broadcast, watch};

use self::desk::Desk;
use self::place::Place;
use self::shelf::Shelf;
use crate::config::diff::{self, Difference};
use crate::config::schema::{Config, Server, Start};
use crate::files::Home;
use crate::log::Log;
use crate::masking::Masking;
use crate::process::leftovers::Instance;
use crate::server::ServerHandle;
use crate::server::call::Origin;
use crate::server::connection::Endpoint;
use crate::server::settings::Settings;
use crate::server::view::{Known, View};

/// What the agent can do for the servers that it calls.
const CAPABILITIES: &str = r#"{"elicitation":{},"sampling":{}}"#;

/// A running agent.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    home: Home,
    log: Log,
    instance: Arc<Mutex<Instance>>,
    held: Mutex<Held>,
    changes: Arc<watch::Sender<u64>>,
    updates: broadcast::Sender<Update>,
    calls: Semaphore,
    shelf: Arc<Shelf>,
    desk: Desk,
}

struct Held {
    config: Config,
    servers: BTreeMap<String, Child>,
    /// Servers of earlier configurations whose children still end.
    leaving: Vec<ServerHandle>,
}

struct Child {
    handle: ServerHandle,
    endpoint: Endpoint,
}

/// A resource that has changed: its server and its address.
pub type Update = (String, String);

/// Updates that may wait for one that reads slowly; the oldest are lost then.
const UPDATES: usize = 256;

/// Why an agent, or a new configuration, cannot be used. The text is for people.
#[derive(Debug)]
pub struct Unusable(pub String);

impl Agent {
    /// Starts the servers of a configuration, as far as they start with the agent or were never asked what they have.
    ///
    /// # Errors
    /// A secret of the configuration has no value.
    pub fn begin(
        home: Home,
        place: &Place,
        config: Config,
        instance: Instance,
        log: Log,
    ) -> Result<Self, Unusable> {
        let (changes, _) = watch::channel(0);
        let most = usize::try_from(config.agent.max_calls).unwrap_or(1);
        let inner = Inner {
            shelf: Arc::new(Shelf::new(home.pins())),
            desk: Desk::default(),
            home,
            log,
            instance: Arc::new(Mutex::new(instance)),
            held: Mutex::new(Held {
                config: Config::default(),
                servers: BTreeMap::new(),
                leaving: Vec::new(),
            }),
            changes: Arc::new(changes),
            updates: broadcast::channel(UPDATES).0,
            calls: Semaphore::new(most),
        };
        let agent = Self { inner: Arc::new(inner) };
        agent.reload(place, config)?;
        Ok(agent)
    }

    /// Uses another configuration: only servers that differ are restarted, after the calls in flight.
    ///
    /// # Errors
    /// A secret of the configuration has no value. Then nothing was changed.
    pub fn reload(&self, place: &Place, config: Config) -> Result<Difference, Unusable> {
        let mut prepared = BTreeMap::new();
        for server in &config.servers {
            let mut secrets = Vec::new();
            let instance = lock(&self.inner.instance).id.clone();
            let endpoint = place.endpoint(server, &instance, &mut secrets);
            let endpoint = endpoint.map_err(|said| Unusable(format!("server `{}`: {said}", server.name)))?;
            prepared.insert(server.name.clone(), (self.settings(place, server, endpoint), secrets));
        }
        let mut held = lock(&self.inner.held);
        let mut difference = diff::between(&held.config, &config);
        // A secret may have another value while the file says the same.
        let same = |name: &String| match (held.servers.get(name), prepared.get(name)) {
            (Some(child), Some((settings, _))) => child.endpoint == settings.endpoint,
            _ => true,
        };
        let moved = difference.kept.extract_if(.., |name| !same(name));
        let moved: Vec<String> = moved.chain(difference.changed.extract_if(.., |name| !same(name))).collect();
        difference.restarted.extend(moved);
        held.leaving.retain(|handle| !handle.has_ended());
        for name in difference.removed.iter().chain(&difference.restarted) {
            if let Some(child) = held.servers.remove(name) {
                child.handle.drain();
                held.leaving.push(child.handle);
            }
        }
        for server in &config.servers {
            let Some((settings, secrets)) = prepared.remove(&server.name) else { continue };
            if let Some(child) = held.servers.get(&server.name) {
                child.handle.change(settings);
                child.handle.retry_if_failed();
                continue;
            }
            let known = cache::read(&self.inner.home.catalogue(&place.hash(server)));
            let masking = Arc::new(Masking::new(secrets));
            let endpoint = settings.endpoint.clone();
            let handle = ServerHandle::begin(&server.name, settings, masking, self.inner.log, known);
            tokio::spawn(forward(handle.view(), self.inner.changes.clone()));
            held.servers.insert(server.name.clone(), Child { handle, endpoint });
        }
        held.config = config;
        drop(held);
        self.inner.changes.send_modify(|version| *version += 1);
        Ok(difference)
    }

    fn settings(&self, place: &Place, server: &Server, endpoint: Endpoint) -> Settings {
        let path: PathBuf = self.inner.home.catalogue(&place.hash(server));
        let instance = self.inner.instance.clone();
        let (book, log, name) = (self.inner.shelf.clone(), self.inner.log, server.name.clone());
        let on_known = move |known: &Known| {
            cache::write(&path, known);
            note(&book, log, &name, known);
        };
        let (updates, owner) = (self.inner.updates.clone(), server.name.clone());
        let on_updated = move |uri: &str| {
            let _ = updates.send((owner.clone(), uri.to_owned()));
        };
        Settings {
            endpoint,
            eager: server.start == Start::Eager,
            idle_stop: server.idle_stop,
            timeout: server.timeout,
            max_timeout: server.max_timeout,
            era: server.era,
            concurrency: server.concurrency,
            identity: ClientIdentity::new("nexus-bridge", env!("CARGO_PKG_VERSION"), CAPABILITIES),
            chance,
            note_child: Arc::new(move |pid, program| lock(&instance).note(pid, program)),
            note_known: Arc::new(on_known),
            note_updated: Arc::new(on_updated),
        }
    }

    /// The configuration that is in use.
    #[must_use]
    pub fn config(&self) -> Config {
        lock(&self.inner.held).config.clone()
    }

    /// All servers as they are now, in the order of their names.
    #[must_use]
    pub fn servers(&self) -> Vec<(String, View)> {
        let held = lock(&self.inner.held);
        held.servers
            .iter()
            .map(|(name, child)| (name.clone(), child.handle.view().borrow().clone()))
            .collect()
    }

    /// One server.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<ServerHandle> {
        lock(&self.inner.held).servers.get(name).map(|child| child.handle.clone())
    }

    /// A number that rises whenever [`Self::servers`] answers something else.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// The watched resources that change from now on.
    #[must_use]
    pub fn updates(&self) -> broadcast::Receiver<Update> {
        self.inner.updates.subscribe()
    }

    /// Watches these resources of a server, and no others.
    pub fn watch(&self, server: &str, uris: BTreeSet<String>) {
        if let Some(handle) = self.server(server) {
            handle.watch(uris);
        }
    }

    /// The tools of a server that may be shown: accepted, and not forbidden. Empty while nothing is known of it.
    #[must_use]
    pub fn tools(&self, name: &str, origin: Origin) -> Vec<Item> {
        let config = self.config();
        let server = config.servers.iter().find(|server| server.name == name);
        let known = self.server(name).and_then(|handle| handle.view().borrow().known.clone());
        let (Some(server), Some(known)) = (server, known) else { return Vec::new() };
        let policy = gate::policy(server, &config.policy, origin);
        let shown = self.inner.shelf.look(|book| {
            let open = |tool: &&Item| {
                book.gate(name, tool).is_open(server.pins) && policy.decide(tool) != Decision::Deny
            };
            known.catalogue.tools.iter().filter(open).cloned().collect()
        });
        shown.unwrap_or_else(|damaged| {
            self.inner.log.error("the accepted tools cannot be read", &[("why", &damaged.0)]);
            Vec::new()
        })
    }

    /// The calls that wait for a person at this machine.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    /// The book of accepted tools.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.inner.shelf
    }

    /// Gives a call up, at whichever server it is.
    pub fn cancel(&self, id: &str, reason: &str) {
        for child in lock(&self.inner.held).servers.values() {
            child.handle.cancel(id, reason);
        }
    }

    /// Ends all servers and waits until the last child has ended.
    pub async fn stop(&self) {
        let (servers, leaving) = {
            let mut held = lock(&self.inner.held);
            (std::mem::take(&mut held.servers), std::mem::take(&mut held.leaving))
        };
        let handles: Vec<ServerHandle> =
            servers.into_values().map(|child| child.handle).chain(leaving).collect();
        for handle in &handles {
            handle.stop();
        }
        for handle in &handles {
            handle.ended().await;
        }
    }
}

/// Accepts what a new server has, and says what an old one has changed.
fn note(shelf: &Shelf, log: Log, name: &str, known: &Known) {
    let seen = shelf.change(|book| book.see(name, &known.catalogue));
    let changed = seen.and_then(|()| shelf.look(|book| book.changes(name, &known.catalogue).len()));
    match changed {
        Ok(0) => {}
        Ok(count) => {
            let said = "a server's tools are not those that were accepted: `nexus-bridge tools pins`";
            log.warn(said, &[("server", name), ("tools", &count.to_string())]);
        }
        Err(damaged) => log.error("the accepted tools cannot be read", &[("why", &damaged.0)]),
    }
}

/// Tells the changes of one server on.
async fn forward(mut view: watch::Receiver<View>, changes: Arc<watch::Sender<u64>>) {
    while view.changed().await.is_ok() {
        changes.send_modify(|version| *version += 1);
    }
    changes.send_modify(|version| *version += 1);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A random number from 0 to 1. If the system has no randomness, servers start at the same time.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

/// A new name of an agent that runs: 16 hexadecimal digits.
#[must_use]
pub fn new_instance() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())))
}
