//! What others see of a server.

use nexus_edge_mcp::catalogue::Catalogue;
use nexus_edge_mcp::client::Peer;
use nexus_edge_mcp::version::{Era, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use std::sync::Arc;

use crate::machine::supervision::State;

/// A server as it is now.
#[derive(Debug, Clone)]
pub struct View {
    /// Where it is in its life.
    pub state: State,
    /// Its era, from this child or an earlier one.
    pub era: Option<Era>,
    /// The version that this child speaks.
    pub version: Option<&'static str>,
    /// What it said, to this child or an earlier one.
    pub known: Option<Arc<Known>>,
    /// Whether that was said by an earlier child.
    pub stale: bool,
    /// The process of its child.
    pub pid: Option<u32>,
    /// Calls in flight and waiting.
    pub calls: usize,
    /// Children since the agent began.
    pub starts: u64,
    /// What was last wrong with it, without secrets.
    pub last_error: Option<String>,
}

impl View {
    /// A server that was not started yet, with what an earlier agent knew of it.
    #[must_use]
    pub fn new(known: Option<Known>) -> Self {
        Self {
            state: State::Off,
            era: known.as_ref().and_then(|known| Version::parse(&known.version)).map(Version::era),
            version: None,
            stale: known.is_some(),
            known: known.map(Arc::new),
            pid: None,
            calls: 0,
            starts: 0,
            last_error: None,
        }
    }
}

/// What a server said of itself and has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Known {
    /// The version of the protocol.
    pub version: String,
    /// `Implementation`, as it was written.
    pub info: Option<Box<RawValue>>,
    /// `ServerCapabilities`, as they were written.
    pub capabilities: Box<RawValue>,
    /// What it wants models to know.
    pub instructions: Option<String>,
    /// Its lists.
    pub catalogue: Catalogue,
    /// The SHA-256 of its lists.
    pub sha256: String,
}

impl Known {
    /// What a server said.
    #[must_use]
    pub fn new(peer: &Peer, catalogue: Catalogue) -> Self {
        Self {
            version: peer.version.as_str().to_owned(),
            info: peer.info.clone(),
            capabilities: peer.capabilities.clone(),
            instructions: peer.instructions.clone(),
            sha256: catalogue.sha256(),
            catalogue,
        }
    }
}
