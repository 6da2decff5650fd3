//! What the task of a server needs to know, with all secrets resolved.

use std::sync::Arc;
use std::time::Duration;

use nexus_edge_mcp::client::Preference;
use nexus_edge_mcp::envelope::ClientIdentity;

use super::connection::Endpoint;
use super::view::Known;

/// Told of a child: the number of its process and its program.
pub type OnChild = Arc<dyn Fn(u32, &str) + Send + Sync>;
/// Told of what a server said.
pub type OnKnown = Arc<dyn Fn(&Known) + Send + Sync>;

/// Told of the address of a resource that has changed.
pub type OnUpdated = Arc<dyn Fn(&str) + Send + Sync>;

/// Settings of one server. Not `Debug`: the environment holds secrets.
#[derive(Clone)]
pub struct Settings {
    /// What is started, or connected to.
    pub endpoint: Endpoint,
    /// Whether it starts with the agent and is never stopped for being unused.
    pub eager: bool,
    /// How long it may be unused. Zero: for ever.
    pub idle_stop: Duration,
    /// How long a call may be silent.
    pub timeout: Duration,
    /// How long a call may take.
    pub max_timeout: Duration,
    /// Which era is tried.
    pub era: Preference,
    /// Calls in flight.
    pub concurrency: u32,
    /// Who the agent says that it is.
    pub identity: ClientIdentity,
    /// A random number from 0 to 1.
    pub chance: fn() -> f64,
    /// Told of every child: the number of its process and its program.
    pub note_child: OnChild,
    /// Told of every catalogue that a server gave.
    pub note_known: OnKnown,
    /// Told of every resource that has changed and is watched.
    pub note_updated: OnUpdated,
}
