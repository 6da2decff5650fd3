//! What a turn begins with while it waits, and the ids of the messages that it adds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::new_ulid;

/// What a turn begins with, as it waits.
#[derive(Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Waiting {
    /// A message of the person.
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
    /// The last answer is wanted anew.
    Regenerate,
}

/// An id for a message.
pub fn message_id(now: u64) -> String {
    format!("msg_{}", new_ulid(now).to_lowercase())
}
