//! The events of a session, as all of its connections receive them.
//!
//! An event is stored as JSON without its number; [`numbered`] adds it when the event is sent:
//!
//! ```json
//! {"seq": 12, "type": "delta", "turn_id": "01M7…", "content": "Hel"}
//! ```

use nexus_edge_mcp::elicitation::Mode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::tokens::TokenUsage;

/// An event of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A turn was accepted; its question. Turns are answered one after the other.
    Turn {
        /// Id of the turn.
        turn_id: String,
        /// The user's message; absent for a regeneration.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        /// Its content.
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
    /// More of the model's reasoning.
    Thinking {
        /// The turn.
        turn_id: String,
        /// The text to be added.
        content: String,
    },
    /// A complete tool call.
    ToolCall {
        /// The turn.
        turn_id: String,
        /// Id of the call, for its result.
        id: String,
        /// Name of the tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// A call of a tool waits until a person agrees to it.
    ToolApproval {
        /// The turn.
        turn_id: String,
        /// Id of the call, for the answer.
        id: String,
        /// The server of the tool.
        server: String,
        /// The name of the tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// A call of a tool that runs waits for a person's input.
    ToolInput {
        /// The turn.
        turn_id: String,
        /// Id of the call, for the answer.
        id: String,
        /// The server of the tool.
        server: String,
        /// The name of the tool.
        name: String,
        /// What the server says of it.
        message: String,
        /// How it is answered.
        #[serde(flatten)]
        asked: Asked,
    },
    /// A question of a call that runs is not open any more: it was answered, from any connection or elsewhere, or it came to nothing.
    ToolAnswered {
        /// The turn.
        turn_id: String,
        /// Id of the call.
        id: String,
    },
    /// The gateway runs a call of a tool.
    ToolStart {
        /// The turn.
        turn_id: String,
        /// Id of the call.
        id: String,
        /// The server of the tool.
        server: String,
        /// The name of the tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// The tool says how far it is. The numbers are its own.
    ToolProgress {
        /// The turn.
        turn_id: String,
        /// Id of the call.
        id: String,
        /// How far it is.
        progress: f64,
        /// What `progress` is at the end.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<f64>,
        /// What it does.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A call of a tool has its result, which may say why it did not run.
    ToolEnd {
        /// The turn.
        turn_id: String,
        /// Id of the call.
        id: String,
        /// The server of the tool.
        server: String,
        /// The name of the tool.
        name: String,
        /// What the model is told.
        content: String,
        /// Whether it is an error.
        is_error: bool,
    },
    /// The turn has ended.
    Done {
        /// The turn.
        turn_id: String,
        /// The message with the answer.
        message_id: String,
        /// `stop`, `length`, `tool_calls`, `stopped` …
        finish_reason: String,
        /// Tokens used.
        usage: Usage,
        /// The model that was requested.
        model: String,
        /// The provider that answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
    },
    /// The turn failed. The partial answer is in the history.
    Error {
        /// The turn.
        turn_id: String,
        /// The equivalent HTTP status.
        status: u16,
        /// Stable; see the API reference.
        code: String,
        /// A sentence for people.
        message: String,
    },
    /// Title, model or settings of the session changed.
    Session {
        /// The title.
        title: String,
    },
}

/// How a question of a tool is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Asked {
    /// With values for the fields of a form.
    Form {
        /// Its JSON Schema: a flat object.
        requested_schema: Map<String, Value>,
    },
    /// At an address that the person opens, beside the protocol.
    Url {
        /// The address.
        url: String,
    },
}

impl From<&Mode> for Asked {
    fn from(mode: &Mode) -> Self {
        match mode {
            Mode::Form(form) => Self::Form { requested_schema: form.schema().clone() },
            Mode::Url(url) => Self::Url { url: url.clone() },
        }
    }
}

/// Token counts under `OpenAI`'s names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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

    /// What it is to a room that was evicted and resumes: text of the answer, a call of a tool, or something else.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Delta { .. } => "delta",
            Self::ToolApproval { .. }
            | Self::ToolInput { .. }
            | Self::ToolAnswered { .. }
            | Self::ToolStart { .. }
            | Self::ToolProgress { .. }
            | Self::ToolEnd { .. } => "tool",
            _ => "other",
        }
    }

    /// Whether it ends its turn.
    #[must_use]
    pub fn ends_turn(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error { .. })
    }

    /// The event for a client of the first protocol, which has only accumulated texts, an end and errors; `None` for
    /// other events. `so_far`: the answer up to and including this event.
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

/// An event's JSON with its number added.
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
    fn a_question_says_how_it_is_answered() {
        let asked = |asked| Event::ToolInput {
            turn_id: "t".into(),
            id: "c".into(),
            server: "crm".into(),
            name: "find".into(),
            message: "Who?".into(),
            asked,
        };
        let url = asked(Asked::from(&Mode::Url("https://a.example/".to_owned())));
        let expected = json!({
            "type": "tool_input", "turn_id": "t", "id": "c", "server": "crm", "name": "find", "message": "Who?",
            "mode": "url", "url": "https://a.example/",
        });
        assert_eq!(serde_json::from_str::<Value>(&url.to_json()).unwrap(), expected);
        let form = asked(Asked::Form { requested_schema: Map::new() });
        let form: Value = serde_json::from_str(&form.to_json()).unwrap();
        assert_eq!((&form["mode"], &form["requested_schema"]), (&json!("form"), &json!({})));
        assert_eq!((url.kind(), url.to_v1("")), ("tool", None));
    }

    #[test]
    fn the_first_protocol_gets_growing_texts() {
        let delta = Event::Delta { turn_id: "t".into(), content: "b".into() };
        assert_eq!(delta.to_v1("ab").unwrap(), r#"{"content":"ab","type":"message"}"#);
        let ended = Event::ToolEnd {
            turn_id: "t".into(),
            id: "c".into(),
            server: "fs".into(),
            name: "read".into(),
            content: "x".into(),
            is_error: false,
        };
        assert_eq!((ended.to_v1("ab"), ended.kind(), delta.kind()), (None, "tool", "delta"));
        let expected = json!({ "type": "tool_end", "turn_id": "t", "id": "c", "server": "fs", "name": "read", "content": "x", "is_error": false });
        assert_eq!(serde_json::from_str::<Value>(&ended.to_json()).unwrap(), expected);
        let thinking = Event::Thinking { turn_id: "t".into(), content: "b".into() };
        assert_eq!(thinking.to_v1("ab"), None);
    }
}
