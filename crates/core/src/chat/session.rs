//! A session: its model and parameters, and its form in the API.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::SessionConfig;
use super::fault::wrong_type;
use crate::error::ApiError;
use crate::json::error::unknown_field;

const MAX_TITLE_CHARS: usize = 200;
const MAX_MODEL_CHARS: usize = 200;
const MAX_AGREED_TOOLS: usize = 200;

/// A session as it is stored and returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// `sess_…`, or the client's own id.
    pub id: String,
    /// Its title; made from the first message unless the client sets it.
    pub title: String,
    /// Whether the client set the title.
    #[serde(default)]
    pub title_is_given: bool,
    /// Name of the provider, if only this one may answer.
    pub ai_provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Its parameters.
    pub config: SessionConfig,
    /// Stands at the top of lists.
    pub pinned: bool,
    /// Left out of lists by default.
    pub archived: bool,
    /// When it was deleted, in milliseconds since the epoch. Its messages stay until it is deleted permanently.
    pub deleted_at: Option<u64>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch of the last change or message.
    pub updated_at: u64,
    /// Number of messages.
    pub message_count: u64,
    /// Tokens of all prompts and answers.
    pub total_tokens: u64,
    /// Tools that may be called without asking again: hashes of their definitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed_tools: Vec<String>,
}

impl Session {
    /// A new, empty session.
    #[must_use]
    pub fn new(id: &str, now_ms: u64) -> Self {
        Self {
            id: id.to_owned(),
            title: "New chat".to_owned(),
            title_is_given: false,
            ai_provider: None,
            model: None,
            config: SessionConfig::default(),
            pinned: false,
            archived: false,
            deleted_at: None,
            created_at: now_ms,
            updated_at: now_ms,
            message_count: 0,
            total_tokens: 0,
            agreed_tools: Vec::new(),
        }
    }

    /// Applies `patch`, the body of a request. On an error nothing is changed.
    pub fn apply(&mut self, patch: &Map<String, Value>) -> Result<(), ApiError> {
        let mut changed = self.clone();
        for (name, value) in patch {
            match name.as_str() {
                "title" => match text(name, value, MAX_TITLE_CHARS)? {
                    Some(title) => (changed.title, changed.title_is_given) = (title, true),
                    None => changed.title_is_given = false,
                },
                "ai_provider" | "provider" => changed.ai_provider = text(name, value, MAX_MODEL_CHARS)?,
                "model" => changed.model = text(name, value, MAX_MODEL_CHARS)?,
                "config" => changed.config.apply(value, "config")?,
                "pinned" => changed.pinned = boolean(name, value)?,
                "archived" => changed.archived = boolean(name, value)?,
                _ => {
                    let known = ["title", "ai_provider", "model", "config", "pinned", "archived"];
                    return Err(unknown_field("", name, &known));
                }
            }
        }
        *self = changed;
        Ok(())
    }

    /// From now on this tool may be called without asking. Of very many the oldest are forgotten.
    pub fn agree_to(&mut self, tool: &str) {
        if self.agreed_tools.iter().any(|known| known == tool) {
            return;
        }
        if self.agreed_tools.len() >= MAX_AGREED_TOOLS {
            self.agreed_tools.remove(0);
        }
        self.agreed_tools.push(tool.to_owned());
    }

    /// The model name to use in a request to the gateway.
    pub fn requested_model(&self) -> Result<String, ApiError> {
        let model = self.model.as_deref().ok_or_else(|| {
            ApiError::invalid(
                "missing_required_parameter",
                "model",
                "The session has no model: name one in `model`.",
            )
        })?;
        Ok(match self.ai_provider.as_deref() {
            Some(provider) => format!("{provider}/{model}"),
            None => model.to_owned(),
        })
    }
}

fn text(name: &str, value: &Value, longest: usize) -> Result<Option<String>, ApiError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => {
            let text = text.trim();
            if text.is_empty() || text.chars().count() > longest || text.chars().any(char::is_control) {
                let message = format!(
                    "`{name}` must have 1 to {longest} characters, none of them a control character."
                );
                return Err(ApiError::invalid("invalid_value", name, message));
            }
            Ok(Some(text.to_owned()))
        }
        _ => Err(wrong_type(name, "a string", value)),
    }
}

fn boolean(name: &str, value: &Value) -> Result<bool, ApiError> {
    value.as_bool().ok_or_else(|| wrong_type(name, "a boolean", value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(session: &mut Session, patch: &Value) -> Result<(), ApiError> {
        session.apply(patch.as_object().unwrap())
    }

    #[test]
    fn a_session_takes_what_it_is_given() {
        let mut session = Session::new("s", 5);
        assert_eq!(session.requested_model().unwrap_err().param.as_deref(), Some("model"));
        apply(&mut session, &json!({ "title": " T ", "ai_provider": "acme", "model": "m", "config": { "top_p": 0.5 }, "pinned": true })).unwrap();
        assert_eq!((session.title.as_str(), session.title_is_given, session.pinned), ("T", true, true));
        assert_eq!(session.requested_model().unwrap(), "acme/m");
        apply(&mut session, &json!({ "ai_provider": null })).unwrap();
        assert_eq!(session.requested_model().unwrap(), "m");
        let stored = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Session>(&stored).unwrap(), session);
    }

    #[test]
    fn what_was_agreed_to_is_remembered() {
        let mut session = Session::new("s", 0);
        for number in 0..=MAX_AGREED_TOOLS {
            session.agree_to(&number.to_string());
            session.agree_to(&number.to_string());
        }
        assert_eq!((session.agreed_tools.len(), session.agreed_tools[0].as_str()), (MAX_AGREED_TOOLS, "1"));
        let stored = serde_json::to_string(&Session::new("s", 0)).unwrap();
        assert!(!stored.contains("agreed_tools"));
    }

    #[test]
    fn faults_are_named_and_change_nothing() {
        for (patch, code, param) in [
            (json!({ "title": 1 }), "invalid_type", "title"),
            (json!({ "title": " " }), "invalid_value", "title"),
            (json!({ "model": "a\nb" }), "invalid_value", "model"),
            (json!({ "pinned": "yes" }), "invalid_type", "pinned"),
            (json!({ "model": "m", "colour": 1 }), "unknown_parameter", "colour"),
            (json!({ "config": { "top_p": 3 } }), "invalid_value", "config.top_p"),
        ] {
            let mut session = Session::new("s", 0);
            let error = apply(&mut session, &patch).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{patch}");
            assert_eq!(session, Session::new("s", 0));
        }
    }
}
