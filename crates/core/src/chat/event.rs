//! What happens in a session, as everybody who watches it is told.
//!
//! An event is kept as JSON without its number; the number is put in when it is sent ([`numbered`]).

use serde::Serialize;
use serde_json::{Value, json};

use crate::tokens::TokenUsage;

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A turn was accepted; its question. Turns are answered one after the other.
    Turn {
        /// Names the turn.
        turn_id: String,
        /// The message that asks; absent where an answer is only wanted anew.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        /// What was asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<Value>,
    },
    /// More of the answer.
    Delta {
        /// The turn.
        turn_id: String,
        /// The text to be added.
        content: String,
    },
    /// More of what the model thinks.
    Thinking {
        /// The turn.
        turn_id: String,
        /// The text to be added.
        content: String,
    },
    /// The model calls a tool. It comes whole.
    ToolCall {
        /// The turn.
        turn_id: String,
        /// Names the call, for its result.
        id: String,
        /// Name of the tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// The turn is over.
    Done {
        /// The turn.
        turn_id: String,
        /// The message that holds the answer.
        message_id: String,
        /// `stop`, `length`, `tool_calls`, `stopped` …
        finish_reason: String,
        /// Tokens used.
        usage: Usage,
        /// The model that was asked.
        model: String,
        /// The provider that answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
    },
    /// The turn failed. What came of the answer until then is in the history.
    Error {
        /// The turn.
        turn_id: String,
        /// The HTTP status that says the same.
        status: u16,
        /// Stable; see the API reference.
        code: String,
        /// A sentence for a person.
        message: String,
    },
    /// Title, model or settings of the session changed.
    Session {
        /// The title.
        title: String,
    },
}

/// Token counts in `OpenAI`'s words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, the history included.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        Self { prompt_tokens: usage.prompt, completion_tokens: usage.completion, total_tokens: usage.total() }
    }
}

impl Event {
    /// The event as JSON, without a number.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether it ends its turn.
    #[must_use]
    pub fn ends_turn(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error { .. })
    }

    /// The event for a client of the first protocol, which knows texts that grow, an end and errors; `None` if it
    /// knows no such thing. `so_far`: the answer up to and including this event.
    #[must_use]
    pub fn to_v1(&self, so_far: &str) -> Option<String> {
        match self {
            Self::Delta { .. } => Some(json!({ "type": "message", "content": so_far }).to_string()),
            Self::Done { usage, finish_reason, .. } => {
                Some(json!({ "type": "done", "usage": usage, "finish_reason": finish_reason }).to_string())
            }
            Self::Error { code, message, .. } => Some(json!({ "error": message, "code": code }).to_string()),
            _ => None,
        }
    }
}

/// An event's JSON with its number in it.
#[must_use]
pub fn numbered(seq: u64, event_json: &str) -> String {
    match event_json.strip_prefix('{') {
        Some(rest) => format!("{{\"seq\":{seq},{rest}"),
        None => event_json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_events_are_json() {
        let event = Event::Delta { turn_id: "t".into(), content: "\"a\"".into() };
        let value: Value = serde_json::from_str(&numbered(7, &event.to_json())).unwrap();
        assert_eq!(value, json!({ "seq": 7, "type": "delta", "turn_id": "t", "content": "\"a\"" }));
    }

    #[test]
    fn the_first_protocol_gets_growing_texts() {
        let delta = Event::Delta { turn_id: "t".into(), content: "b".into() };
        assert_eq!(delta.to_v1("ab").unwrap(), r#"{"content":"ab","type":"message"}"#);
        let thinking = Event::Thinking { turn_id: "t".into(), content: "b".into() };
        assert_eq!(thinking.to_v1("ab"), None);
    }
}
