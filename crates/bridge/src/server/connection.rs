//! How a server is reached, and the connection to one: a child process, or an address.

use nexus_edge_mcp::client::Transport;
use nexus_edge_mcp::rpc::Message;
use nexus_edge_mcp::version::Version;

use super::remote::{Remote, Target};
use super::streams::Running;
use crate::process::child::Launch;

/// How a server is reached. Not `Debug`: it holds secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A process that is started.
    Process(Launch),
    /// A server with an address.
    Http(Target),
}

/// A connection to a server.
pub enum Connection {
    /// To a child.
    Child(Running),
    /// To a server with an address.
    Remote(Remote),
}

impl Connection {
    /// Which one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        match self {
            Self::Child(child) => child.generation,
            Self::Remote(remote) => remote.generation(),
        }
    }

    /// The number of the process, if there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Child(child) => Some(child.pid),
            Self::Remote(_) => None,
        }
    }

    /// What a probe must know of it.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self {
            Self::Child(_) => Transport::Stdio,
            Self::Remote(_) => Transport::Http,
        }
    }

    /// Whether the server has an address.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Sends a message. What becomes of it is reported.
    pub fn send(&self, message: &Message) {
        self.send_with(message, Vec::new());
    }

    /// Sends a message, over HTTP with these headers.
    pub fn send_with(&self, message: &Message, headers: Vec<(String, String)>) {
        match self {
            Self::Child(child) => child.send(message),
            Self::Remote(remote) => remote.send(message, headers),
        }
    }

    /// The version that is spoken from now on.
    pub fn speaks(&self, version: Version) {
        if let Self::Remote(remote) = self {
            remote.speaks(version);
        }
    }

    /// Forgets what was agreed on.
    pub fn begin_anew(&self) {
        if let Self::Remote(remote) = self {
            remote.begin_anew();
        }
    }

    /// Goes on with the transport HTTP+SSE. False: that cannot be.
    pub fn open_event_stream(&mut self) -> bool {
        match self {
            Self::Child(_) => false,
            Self::Remote(remote) => remote.open_event_stream(),
        }
    }

    /// Ends it, and reports that.
    pub fn end(&mut self) {
        match self {
            Self::Child(child) => child.end(),
            Self::Remote(remote) => remote.end(),
        }
    }
}
