//! A turn that is asked for over HTTP: the same input as a frame of the second protocol, with the names of the session API.
//!
//! ```json
//! {"session_id": "sess_…", "message": "Hello", "stream": true, "model": "demo/echo"}
//! ```

use serde_json::{Map, Value};

use super::agent_tools::AgentTools;
use super::config::SessionConfig;
use super::protocol::{Ask, Say, content_of};
use crate::error::ApiError;
use crate::json::error::{missing, unknown_field};

const FIELDS: [&str; 13] = [
    "session_id",
    "message",
    "content",
    "stream",
    "id",
    "model",
    "ai_provider",
    "provider",
    "provider_id",
    "config",
    "bridge_agent_id",
    "bridge_agent_ids",
    "bridge_tool_selections",
];

/// Most characters of a name.
const MAX_NAME: usize = 200;

/// A turn as it is asked for.
#[derive(Debug, PartialEq)]
pub struct HttpTurn {
    /// Its input.
    pub ask: Ask,
    /// Whether its events are wanted while it runs.
    pub stream: bool,
}

impl HttpTurn {
    /// The turn that answers a message.
    ///
    /// # Errors
    /// `missing_required_parameter` without a message; those of [`HttpTurn::read`].
    pub fn of_message(fields: &Map<String, Value>) -> Result<Self, ApiError> {
        let Some(content) = fields.get("message").or_else(|| fields.get("content")) else {
            return Err(missing("message"));
        };
        let say = Say::Message(content_of("message", content)?);
        Self::read(fields, say)
    }

    /// The turn that begins with `say`.
    ///
    /// # Errors
    /// `unknown_parameter`, `invalid_value` and `invalid_type`, with the field.
    pub fn read(fields: &Map<String, Value>, say: Say) -> Result<Self, ApiError> {
        if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(unknown_field("", name, &FIELDS));
        }
        let config = fields.get("config").filter(|config| !config.is_null()).cloned();
        if let Some(config) = &config {
            SessionConfig::default().apply(config, "config")?;
        }
        let provider = match name_in(fields, "ai_provider")? {
            Some(provider) => Some(provider),
            None => name_in(fields, "provider")?,
        };
        let ask = Ask {
            client_id: name_in(fields, "id")?,
            say,
            model: name_in(fields, "model")?,
            provider_id: fields.get("provider_id").and_then(Value::as_i64),
            provider,
            config,
            agent_tools: AgentTools::of(fields)?,
        };
        Ok(Self { ask, stream: fields.get("stream").and_then(Value::as_bool) == Some(true) })
    }
}

fn name_in(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() && text.len() <= MAX_NAME => {
            Ok(Some(text.clone()))
        }
        Some(_) => {
            let message = format!("`{name}` must be a text of 1 to {MAX_NAME} characters.");
            Err(ApiError::invalid("invalid_value", name, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<HttpTurn, (&'static str, Option<String>)> {
        let error = |error: ApiError| (error.code, error.param.as_deref().map(str::to_owned));
        HttpTurn::of_message(body.as_object().unwrap()).map_err(error)
    }

    #[test]
    fn a_turn_is_read_with_the_names_of_both_apis() {
        let turn = read(&json!({
            "session_id": "s", "content": "Hi", "id": "m1", "model": "m", "ai_provider": "a", "provider": "b",
            "provider_id": 3, "stream": true, "config": null,
        }))
        .unwrap();
        assert!(turn.stream);
        assert_eq!(turn.ask.say, Say::Message(json!("Hi")));
        assert_eq!((turn.ask.provider.as_deref(), turn.ask.provider_id), (Some("a"), Some(3)));
        assert_eq!(
            read(&json!({ "message": "Hi", "provider": "b" })).unwrap().ask.provider.as_deref(),
            Some("b")
        );
        assert!(!read(&json!({ "message": "Hi", "stream": "true" })).unwrap().stream);
    }

    #[test]
    fn a_field_at_fault_is_named() {
        for (body, code, param) in [
            (json!({}), "missing_required_parameter", "message"),
            (json!({ "message": " " }), "invalid_value", "message"),
            (json!({ "message": "Hi", "modle": "m" }), "unknown_parameter", "modle"),
            (json!({ "message": "Hi", "model": "" }), "invalid_value", "model"),
            (json!({ "message": "Hi", "id": 3 }), "invalid_value", "id"),
            (json!({ "message": "Hi", "bridge_agent_id": 3 }), "invalid_type", "bridge_agent_id"),
            (json!({ "message": "Hi", "model": "m".repeat(201) }), "invalid_value", "model"),
        ] {
            assert_eq!(read(&body).unwrap_err(), (code, Some(param.to_owned())), "{body}");
        }
        assert!(read(&json!({ "message": "Hi", "config": { "temperature": "x" } })).is_err());
    }
}
