//! A message of a session as it is stored and returned.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::tokens::estimate_tokens;

/// Tokens that the framing of a message costs in most models' templates.
const TOKENS_AROUND: u64 = 4;
/// Estimated tokens of an image or file.
const TOKENS_OF_MEDIA: u64 = 800;

/// A message. Its content has `OpenAI`'s form: a text, or a list of parts.
///
/// ```json
/// {"id": "msg_…", "turn_id": "01M7…", "role": "assistant", "content": "Hello", "tokens_count": 2,
///  "timestamp": 1795200203000, "model": "demo/echo", "provider": "demo", "finish_reason": "stop"}
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct StoredMessage {
    /// `msg_…`
    pub id: String,
    /// The turn that it belongs to: a question and its answer.
    pub turn_id: String,
    /// `user`, `assistant` or `tool`.
    pub role: String,
    /// A text, a list of parts, or null where the model only called tools.
    pub content: Value,
    /// The calls that the model made, in `OpenAI`'s form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Value>,
    /// The call that a tool's message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Estimated tokens; of an answer, the reported ones.
    pub tokens_count: u64,
    /// Milliseconds since the epoch.
    pub timestamp: u64,
    /// Of an answer, the model that was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Why the answer ended; `stopped` and `interrupted` are the gateway's own values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
}

impl StoredMessage {
    /// A message with nothing but its content.
    #[must_use]
    pub fn new(id: String, turn_id: &str, role: &str, content: Value, timestamp: u64) -> Self {
        let tokens_count = estimate_content(&content);
        Self {
            id,
            turn_id: turn_id.to_owned(),
            role: role.to_owned(),
            content,
            tool_calls: None,
            tool_call_id: None,
            tokens_count,
            timestamp,
            model: None,
            provider: None,
            finish_reason: None,
        }
    }

    /// What a model said when it called tools, as a message of Chat Completions; `None` if it is none.
    #[must_use]
    pub fn of_calls(id: String, turn_id: &str, said: &str, timestamp: u64) -> Option<Self> {
        let Ok(Value::Object(mut said)) = serde_json::from_str(said) else { return None };
        let content = said.remove("content").unwrap_or_default();
        let mut message = StoredMessage::new(id, turn_id, "assistant", content, timestamp);
        message.tool_calls = said.remove("tool_calls");
        message.finish_reason = Some("tool_calls".to_owned());
        Some(message)
    }

    /// All text in it.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(&self.content)
    }

    /// Its estimated tokens in a prompt.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        let calls = self.tool_calls.as_ref().map_or(0, |calls| estimate_tokens(&calls.to_string()));
        estimate_content(&self.content) + calls + TOKENS_AROUND
    }

    /// The message as part of a request to a model.
    #[must_use]
    pub fn to_request(&self) -> Value {
        let mut message = json!({ "role": self.role, "content": self.content });
        if let Some(object) = message.as_object_mut() {
            if let Some(calls) = &self.tool_calls {
                object.insert("tool_calls".into(), calls.clone());
            }
            if let Some(id) = &self.tool_call_id {
                object.insert("tool_call_id".into(), json!(id));
            }
        }
        message
    }
}

/// All text of a content.
#[must_use]
pub fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

fn estimate_content(content: &Value) -> u64 {
    match content {
        Value::String(text) => estimate_tokens(text),
        Value::Array(parts) => parts
            .iter()
            .map(|part| match part.get("text").and_then(Value::as_str) {
                Some(text) => estimate_tokens(text),
                None => TOKENS_OF_MEDIA,
            })
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_openais() {
        let mut message = StoredMessage::new("m".into(), "t", "assistant", Value::Null, 5);
        message.tool_calls = Some(json!([{ "id": "c" }]));
        assert_eq!(
            message.to_request(),
            json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "c" }] })
        );
        let stored = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<StoredMessage>(&stored).unwrap(), message);
    }

    #[test]
    fn what_was_said_with_calls_is_kept_as_it_was() {
        let said = r#"{"role":"assistant","content":"I look.","tool_calls":[{"id":"c","function":{"name":"f"},"extra_content":{"s":1}}]}"#;
        let message = StoredMessage::of_calls("m".into(), "t", said, 5).unwrap();
        assert_eq!(message.to_request(), serde_json::from_str::<Value>(said).unwrap());
        assert_eq!(StoredMessage::of_calls("m".into(), "t", "[]", 5), None);
    }

    #[test]
    fn text_is_found_in_both_forms() {
        assert_eq!(text_of(&json!("a")), "a");
        let parts =
            json!([{ "type": "text", "text": "a" }, { "type": "image_url", "image_url": { "url": "x" } }]);
        assert_eq!(text_of(&parts), "a");
        assert!(StoredMessage::new("m".into(), "t", "user", parts, 0).prompt_tokens() > TOKENS_OF_MEDIA);
    }
}
