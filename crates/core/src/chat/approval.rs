//! What a person says of a call of a tool that waits for agreement, as a frame of the WebSocket chat and as a body over HTTP.
//!
//! ```json
//! {"type": "approve", "call_id": "call_1", "decision": "once"}
//! ```

use serde::Serialize;
use serde_json::{Map, Value};

use super::fault::text;
use crate::error::ApiError;
use crate::json::error::invalid_value;

/// Longest id of a call, in bytes. Models make them.
const MAX_ID_BYTES: usize = 512;

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// This call may run.
    Once,
    /// This call may run, and in this session the tool as it is now, until results of an open world are part of the conversation.
    Session,
    /// It may not.
    Deny,
}

/// A decision on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Decided {
    /// The call.
    pub call_id: String,
    /// What becomes of it.
    pub decision: Decision,
}

impl Decided {
    /// Reads `call_id` and `decision`.
    ///
    /// # Errors
    /// `missing_required_parameter`, `invalid_type` and `invalid_value`, with the field.
    pub fn read(fields: &Map<String, Value>) -> Result<Self, ApiError> {
        let call_id = call_id(fields)?;
        let decision = match text(fields, "decision")? {
            "once" => Decision::Once,
            "session" => Decision::Session,
            "deny" => Decision::Deny,
            _ => return Err(invalid_value("decision", "must be `once`, `session` or `deny`")),
        };
        Ok(Self { call_id, decision })
    }
}

/// The error for a call that does not wait, or not any more.
#[must_use]
pub fn not_waiting() -> ApiError {
    ApiError::not_found("approval_not_found", "No call with this id waits for agreement.")
        .with_param("call_id")
}

/// Reads the id of a call that waits for a person.
///
/// # Errors
/// As [`Decided::read`].
pub(super) fn call_id(fields: &Map<String, Value>) -> Result<String, ApiError> {
    let call_id = text(fields, "call_id")?;
    if call_id.is_empty() || call_id.len() > MAX_ID_BYTES {
        return Err(invalid_value("call_id", format_args!("must have 1 to {MAX_ID_BYTES} bytes")));
    }
    Ok(call_id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_decision_is_read_or_its_fault_named() {
        let read = |fields: Value| Decided::read(fields.as_object().unwrap());
        for (word, decision) in
            [("once", Decision::Once), ("session", Decision::Session), ("deny", Decision::Deny)]
        {
            let decided = read(json!({ "call_id": "c", "decision": word })).unwrap();
            assert_eq!(decided, Decided { call_id: "c".into(), decision });
            assert_eq!(serde_json::to_value(&decided).unwrap(), json!({ "call_id": "c", "decision": word }));
        }
        for (fields, code, param) in [
            (json!({ "decision": "once" }), "missing_required_parameter", "call_id"),
            (json!({ "call_id": 1, "decision": "once" }), "invalid_type", "call_id"),
            (json!({ "call_id": "", "decision": "once" }), "invalid_value", "call_id"),
            (json!({ "call_id": "c" }), "missing_required_parameter", "decision"),
            (json!({ "call_id": "c", "decision": "always" }), "invalid_value", "decision"),
        ] {
            let error = read(fields.clone()).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{fields}");
        }
    }
}
