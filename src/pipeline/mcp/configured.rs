//! Which servers, sets of tools and agents there are: in the isolate for three seconds, else in D1.
//!
//! Guarantees: what was written more than [`HELD_FOR_MS`] ago holds for every request that begins, in every isolate; what this isolate
//! wrote holds at once, because each write calls [`changed`].

use std::cell::{Cell, RefCell};
use std::hash::Hash;
use std::rc::Rc;
use std::thread::LocalKey;

use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::toolset::Toolset;

use crate::host::Host;
use crate::platform::now_ms;
use crate::store::{StoreResult, bridge, table, toolsets};

/// Milliseconds for which an isolate does not look into D1: as long as for the rest of the configuration.
const HELD_FOR_MS: u64 = 3_000;
/// Most sets, and most owners whose agents are held.
const MAX_HELD: usize = 200;

/// Those that are enabled, by their ids.
type Servers = Rc<[Rc<McpServerRecord>]>;
/// An owner, and the name of a set.
type SetName = (Option<String>, String);

thread_local! {
    static SERVERS: Places<(), Servers> = Places::new(1);
    static TOOLSETS: Places<SetName, Option<Rc<Toolset>>> = Places::new(MAX_HELD);
    static AGENTS: Places<String, Rc<[String]>> = Places::new(MAX_HELD);
    /// Raised by each write of this isolate: what was read before it is not held after it.
    static WRITES: Cell<u64> = const { Cell::new(0) };
}

/// What is held, by what it is asked by.
struct Places<K, V>(RefCell<BoundedMap<K, Held<V>>>);

struct Held<V> {
    value: V,
    until: u64,
}

impl<K: Eq + Hash + Clone, V: Clone> Places<K, V> {
    fn new(most: usize) -> Self {
        Self(RefCell::new(BoundedMap::new(most)))
    }

    fn get(&self, key: &K, now: u64) -> Option<V> {
        self.0.borrow().get(key).filter(|held| now < held.until).map(|held| held.value.clone())
    }

    fn put(&self, key: K, value: V, until: u64) {
        let now = now_ms();
        self.0.borrow_mut().insert(key, Held { value, until }, |held| Worth::until(held.until, now));
    }

    fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// What is held, or what `read` finds, which is held from the moment on in which it began.
async fn held<K: Eq + Hash + Clone + 'static, V: Clone + 'static>(
    places: &'static LocalKey<Places<K, V>>,
    key: K,
    read: impl Future<Output = StoreResult<V>>,
) -> Result<V, ApiError> {
    let (now, writes) = (now_ms(), WRITES.get());
    if let Some(value) = places.with(|places| places.get(&key, now)) {
        return Ok(value);
    }
    let value = read.await?;
    if writes == WRITES.get() {
        places.with(|places| places.put(key, value.clone(), now + HELD_FOR_MS));
    }
    Ok(value)
}

/// The servers of the gateway that are enabled, by their ids.
///
/// # Errors
/// Those of the store.
pub(super) async fn servers(host: &Host) -> Result<Servers, ApiError> {
    let read = async {
        let mut records: Vec<McpServerRecord> = table::list(&host.env).await?;
        records.retain(|record| record.enabled);
        records.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(records.into_iter().map(Rc::new).collect())
    };
    held(&SERVERS, (), read).await
}

/// The tools of the set of this name that the keys of an owner have.
///
/// # Errors
/// Those of the store.
pub(super) async fn toolset(
    host: &Host,
    owner: Option<&str>,
    name: &str,
) -> Result<Option<Rc<Toolset>>, ApiError> {
    let read = async {
        let found = toolsets::named(&host.env, owner, name).await?;
        Ok(found.map(|record| Rc::new(record.tools)))
    };
    held(&TOOLSETS, (owner.map(str::to_owned), name.to_owned()), read).await
}

/// The ids of the agents of an owner.
///
/// # Errors
/// Those of the store.
pub(super) async fn agents(host: &Host, owner: &str) -> Result<Rc<[String]>, ApiError> {
    let read = async {
        let found = bridge::list(&host.env, owner).await?;
        Ok(found.into_iter().map(|agent| agent.agent_id).collect())
    };
    held(&AGENTS, owner.to_owned(), read).await
}

/// A server, a set or an agent was written: none is held any more.
pub fn changed() {
    WRITES.set(WRITES.get() + 1);
    SERVERS.with(Places::clear);
    TOOLSETS.with(Places::clear);
    AGENTS.with(Places::clear);
}
