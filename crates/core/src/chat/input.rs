//! What a person answers to a tool that asks for input, as a frame of the WebSocket chat and as a body over HTTP.
//!
//! ```json
//! {"type": "answer", "call_id": "call_1", "action": "accept", "content": {"name": "Ada"}}
//! ```

use nexus_edge_mcp::elicitation::{self, Action, Fault, Mode, Wrong};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::approval::call_id;
use super::fault::{text, wrong_type};
use crate::error::ApiError;
use crate::json::error::{invalid_value, missing, shown, unknown_value};

/// An answer to a question of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The call.
    pub call_id: String,
    /// What the person did.
    pub action: Action,
    /// What was filled in.
    content: Option<Map<String, Value>>,
}

/// What is said of an answer that was taken.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Taken<'a> {
    /// The call.
    pub call_id: &'a str,
    /// `accept`, `decline` or `cancel`.
    pub action: &'static str,
}

impl Given {
    /// Reads `call_id`, `action` and `content`.
    ///
    /// # Errors
    /// `missing_required_parameter`, `invalid_type` and `invalid_value`, with the field.
    pub fn read(fields: &Map<String, Value>) -> Result<Self, ApiError> {
        let call_id = call_id(fields)?;
        let word = text(fields, "action")?;
        let action = Action::parse(word)
            .ok_or_else(|| unknown_value("action", word, &["accept", "decline", "cancel"]))?;
        let content = match fields.get("content") {
            None | Some(Value::Null) => None,
            Some(Value::Object(_)) if action != Action::Accept => {
                return Err(invalid_value("content", "is given only with the action `accept`"));
            }
            Some(Value::Object(content)) => Some(content.clone()),
            Some(other) => return Err(wrong_type("content", "an object", other)),
        };
        Ok(Self { call_id, action, content })
    }

    /// What is said of it.
    #[must_use]
    pub fn taken(&self) -> Taken<'_> {
        Taken { call_id: &self.call_id, action: self.action.as_str() }
    }

    /// The answer as the server of the tool gets it, if it fits the question.
    ///
    /// # Errors
    /// `missing_required_parameter`, `invalid_type`, `invalid_value` and `unknown_parameter`, with the field of `content`.
    pub fn result(&self, mode: &Mode) -> Result<Box<RawValue>, ApiError> {
        let content = match mode {
            _ if self.action != Action::Accept => None,
            Mode::Form(form) => {
                let content = self.content.clone().unwrap_or_default();
                form.check(&content).map_err(|fault| error_of(&fault))?;
                Some(content)
            }
            Mode::Url(_) if self.content.as_ref().is_some_and(|content| !content.is_empty()) => {
                return Err(invalid_value(
                    "content",
                    "is not asked for: the question is answered at its address",
                ));
            }
            Mode::Url(_) => None,
        };
        Ok(elicitation::result(self.action, content.as_ref()))
    }
}

fn error_of(fault: &Fault) -> ApiError {
    let path = format!("content.{}", shown(&fault.field));
    match &fault.wrong {
        Wrong::Missing => missing(path),
        Wrong::Unknown => {
            let message = format!("`{path}` is not a field of the form.");
            ApiError::invalid("unknown_parameter", path, message)
        }
        Wrong::Type(expected) => {
            let message = format!("`{path}` must be {expected}.");
            ApiError::invalid("invalid_type", path, message)
        }
        Wrong::Value(why) => invalid_value(path, why),
    }
}

/// The error for a call that does not wait for input, or not any more.
#[must_use]
pub fn not_waiting() -> ApiError {
    ApiError::not_found("input_not_found", "No call with this id waits for input.").with_param("call_id")
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::elicitation::Elicitation;
    use serde_json::json;

    use super::*;

    fn read(fields: &Value) -> Result<Given, ApiError> {
        Given::read(fields.as_object().unwrap())
    }

    fn mode(params: &Value) -> Mode {
        Elicitation::read(Some(&serde_json::value::to_raw_value(params).unwrap())).unwrap().mode
    }

    #[test]
    fn an_answer_is_read_or_its_fault_named() {
        for (fields, code, param) in [
            (json!({ "action": "accept" }), "missing_required_parameter", "call_id"),
            (json!({ "call_id": "", "action": "accept" }), "invalid_value", "call_id"),
            (json!({ "call_id": "c" }), "missing_required_parameter", "action"),
            (json!({ "call_id": "c", "action": "yes" }), "invalid_value", "action"),
            (json!({ "call_id": "c", "action": "accept", "content": 1 }), "invalid_type", "content"),
            (json!({ "call_id": "c", "action": "decline", "content": {} }), "invalid_value", "content"),
        ] {
            let error = read(&fields).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{fields}");
        }
        let given = read(&json!({ "call_id": "c", "action": "decline", "content": null })).unwrap();
        assert_eq!(
            serde_json::to_value(given.taken()).unwrap(),
            json!({ "call_id": "c", "action": "decline" })
        );
    }

    #[test]
    fn content_fits_the_form_or_the_field_is_named() {
        let schema = json!({
            "type": "object", "properties": { "name": { "type": "string", "minLength": 2 } }, "required": ["name"],
        });
        let form = mode(&json!({ "message": "Who?", "requestedSchema": schema }));
        let of = |content: Value| {
            read(&json!({ "call_id": "c", "action": "accept", "content": content })).unwrap().result(&form)
        };
        assert_eq!(
            of(json!({ "name": "Ada" })).unwrap().get(),
            r#"{"action":"accept","content":{"name":"Ada"}}"#
        );
        for (content, code, param) in [
            (Value::Null, "missing_required_parameter", "content.name"),
            (json!({ "name": 1 }), "invalid_type", "content.name"),
            (json!({ "name": "A" }), "invalid_value", "content.name"),
            (json!({ "name": "Ada", "age": 3 }), "unknown_parameter", "content.age"),
        ] {
            let error = of(content).unwrap_err();
            assert_eq!((error.status, error.code, error.param.as_deref()), (400, code, Some(param)));
        }
        let refused = read(&json!({ "call_id": "c", "action": "decline" })).unwrap();
        assert_eq!(refused.result(&form).unwrap().get(), r#"{"action":"decline"}"#);
    }

    #[test]
    fn an_address_takes_no_content() {
        let url = mode(
            &json!({ "mode": "url", "message": "Sign in", "url": "https://a.example/", "elicitationId": "1" }),
        );
        let of = |fields: Value| read(&fields).unwrap().result(&url);
        let accepted = of(json!({ "call_id": "c", "action": "accept" })).unwrap();
        assert_eq!(accepted.get(), r#"{"action":"accept"}"#);
        let error = of(json!({ "call_id": "c", "action": "accept", "content": { "a": 1 } })).unwrap_err();
        assert_eq!((error.code, error.param.as_deref()), ("invalid_value", Some("content")));
    }
}
