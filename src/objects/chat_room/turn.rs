//! The input of a queued turn, and the ids of the messages that it adds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::new_ulid;

/// The input of a turn while it is queued, stored as JSON.
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
