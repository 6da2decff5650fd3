//! The input of a queued turn, and the ids of the messages that it adds.

use nexus_edge_core::chat::agent_tools::AgentTools;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::new_ulid;

/// A turn while it is queued, stored as JSON.
#[derive(Serialize, Deserialize)]
pub struct Queued {
    /// Its input.
    #[serde(flatten)]
    pub input: Waiting,
    /// Tools of agents for it, instead of those of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_tools: Option<AgentTools>,
}

/// The input of a queued turn.
#[derive(Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Waiting {
    /// A message of the user.
    Message {
        /// Its id.
        id: String,
        /// What it says.
        content: Value,
    },
    /// Results of tools: id of the call, and content.
    ToolResults {
        /// The results.
        results: Vec<(String, Value)>,
    },
    /// Regenerate the last answer.
    Regenerate,
}

/// An id for a message.
pub fn message_id(now: u64) -> String {
    format!("msg_{}", new_ulid(now).to_lowercase())
}
