//! A configuration after it was read: the seed's keys and ours, with their defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_edge_mcp::client::Preference;
use nexus_edge_mcp::trust::{Decision, Strictness};

/// A whole configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The gateway, if one is named. Without it the agent serves this machine only.
    pub server: Option<Gateway>,
    /// This agent.
    pub agent: Agent,
    /// Who decides about calls.
    pub policy: Policy,
    /// The MCP servers, in the order of the file. Names are unique.
    pub servers: Vec<Server>,
}

/// Where the gateway is.
#[derive(Clone, PartialEq, Eq)]
pub struct Gateway {
    /// `wss://…` (or `ws://` on a loopback address).
    pub url: String,
    /// The agent's key. May hold references to secrets.
    pub token: String,
    /// The first wait before another try to connect.
    pub reconnect_initial: Duration,
    /// The longest wait before another try to connect.
    pub reconnect_max: Duration,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What the agent says of itself, and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// `[A-Za-z0-9][A-Za-z0-9_-]{2,63}`. Empty if not given.
    pub id: String,
    /// For people. Empty if not given.
    pub label: String,
    /// Bytes of notes about a call that may wait to be sent.
    pub chunk_buffer_bytes: u64,
    /// Bytes of one frame that carries notes.
    pub chunk_max_frame_bytes: u64,
    /// Calls in flight, over all servers.
    pub max_calls: u32,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            id: String::new(),
            label: String::new(),
            chunk_buffer_bytes: 4 * 1024 * 1024,
            chunk_max_frame_bytes: 64 * 1024,
            max_calls: 32,
        }
    }
}

/// What happens to a call that no rule of its server speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// `None` if the file does not say: then calls of the gateway are asked about, and those of a client on this machine,
    /// which asks its user itself, are not.
    pub default: Option<Decision>,
    /// Who may answer what is asked.
    pub confirm: Confirm,
}

/// Who may approve a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirm {
    /// Only a person at this machine.
    Local,
    /// Only the session that called.
    Remote,
    /// The first answer counts.
    #[default]
    Either,
}

/// One MCP server.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Unique in the file.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// When it starts.
    pub start: Start,
    /// How long it may be unused before it is stopped. Zero: never.
    pub idle_stop: Duration,
    /// How long a call may be silent. Progress begins the wait anew.
    pub timeout: Duration,
    /// How long a call may take in all.
    pub max_timeout: Duration,
    /// Which era of the protocol it speaks.
    pub era: Preference,
    /// Calls in flight at this server.
    pub concurrency: u32,
    /// Patterns of tools that may be seen. Empty: all.
    pub allow: Vec<String>,
    /// Patterns of tools that may not be seen, whatever `allow` says.
    pub deny: Vec<String>,
    /// What is decided for single tools.
    pub tools: BTreeMap<String, Decision>,
    /// What happens when a tool is not the one that was accepted.
    pub pins: Strictness,
    /// Whether tools that call themselves read-only run without being asked about.
    pub trust_hints: bool,
    /// The line in the file, from 1.
    pub line: usize,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// How a server is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// A child process that speaks over stdin and stdout.
    Command {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment, beside the few variables that every child gets. May hold references to secrets.
        env: BTreeMap<String, String>,
        /// Its working directory; relative ones start at the folder of the configuration's project.
        cwd: Option<String>,
    },
    /// A server with an address.
    Remote {
        /// Which transport it speaks.
        kind: RemoteKind,
        /// Where it is. May hold references to secrets.
        url: String,
        /// Sent with every request. May hold references to secrets.
        headers: BTreeMap<String, String>,
    },
}

/// Which transport a server with an address speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteKind {
    /// Streamable HTTP, or HTTP+SSE if the server does not know that.
    #[default]
    Auto,
    /// Streamable HTTP.
    Streamable,
    /// HTTP+SSE (2024-11-05).
    EventStream,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command { command, .. } => {
                f.debug_struct("Command").field("command", command).finish_non_exhaustive()
            }
            Self::Remote { kind, .. } => f.debug_struct("Remote").field("kind", kind).finish_non_exhaustive(),
        }
    }
}

/// When a server starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// At the first call, if its catalogue is known.
    #[default]
    Lazy,
    /// With the agent.
    Eager,
}

impl Server {
    /// A server with every default.
    #[must_use]
    pub fn new(name: String, transport: Transport, line: usize) -> Self {
        Self {
            name,
            transport,
            start: Start::default(),
            idle_stop: Duration::from_mins(15),
            timeout: Duration::from_mins(1),
            max_timeout: Duration::from_mins(10),
            era: Preference::default(),
            concurrency: 8,
            allow: Vec::new(),
            deny: Vec::new(),
            tools: BTreeMap::new(),
            pins: Strictness::default(),
            trust_hints: false,
            line,
        }
    }
}
