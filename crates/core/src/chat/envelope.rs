//! The envelope of all answers of the session API, errors included:
//!
//! ```json
//! {"success": true, "data": {}, "message": "ok", "timestamp": "2026-11-21T12:00:00.000Z",
//!  "request_id": "req_01…", "error_code": null}
//! ```

use serde::Serialize;

use crate::error::ApiError;
use crate::time::rfc3339_ms;

/// An answer of the session API.
#[derive(Debug, Serialize)]
pub struct Envelope<'a, T> {
    success: bool,
    data: Option<T>,
    message: &'a str,
    timestamp: String,
    request_id: &'a str,
    error_code: Option<String>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
}

impl<'a, T: Serialize> Envelope<'a, T> {
    /// The envelope of a success.
    #[must_use]
    pub fn success(data: T, message: &'a str, now_ms: u64, request_id: &'a str) -> Self {
        Self {
            success: true,
            data: Some(data),
            message,
            timestamp: rfc3339_ms(now_ms),
            request_id,
            error_code: None,
            param: None,
        }
    }
}

impl<'a> Envelope<'a, ()> {
    /// The envelope of an error.
    #[must_use]
    pub fn failure(error: &'a ApiError, now_ms: u64, request_id: &'a str) -> Self {
        Self {
            success: false,
            data: None,
            message: &error.message,
            timestamp: rfc3339_ms(now_ms),
            request_id,
            error_code: Some(error_code(error)),
            param: error.param.as_deref(),
        }
    }

    /// The envelope of a turn that failed, whose code may be the upstream's own.
    #[must_use]
    pub fn turn_failure(code: &str, message: &'a str, now_ms: u64, request_id: &'a str) -> Self {
        Self {
            success: false,
            data: None,
            message,
            timestamp: rfc3339_ms(now_ms),
            request_id,
            error_code: Some(code.to_ascii_uppercase()),
            param: None,
        }
    }
}

/// The error code of the session API: the predecessor's where it had one, else the gateway's own in upper case.
#[must_use]
pub fn error_code(error: &ApiError) -> String {
    let known = match error.code {
        "missing_api_key" => "MISSING_AUTH_HEADER",
        "invalid_api_key" | "api_key_disabled" | "api_key_expired" => "INVALID_TOKEN",
        "rate_limited" => "RATE_LIMIT_EXCEEDED",
        "invalid_json" => "INVALID_JSON",
        "missing_required_parameter" => "MISSING_FIELDS",
        "session_not_found" => "INVALID_SESSION",
        other => return other.to_ascii_uppercase(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_envelopes_have_the_same_fields() {
        let success = serde_json::to_value(Envelope::success(1, "ok", 0, "r")).unwrap();
        let error = ApiError::invalid("missing_required_parameter", "model", "No model.");
        let failure = serde_json::to_value(Envelope::failure(&error, 0, "r")).unwrap();
        for field in ["success", "data", "message", "timestamp", "request_id", "error_code"] {
            assert!(success.get(field).is_some() && failure.get(field).is_some(), "{field}");
        }
        assert_eq!(failure["error_code"], "MISSING_FIELDS");
        assert_eq!(failure["param"], "model");
        assert_eq!(error_code(&ApiError::model_not_found("x")), "MODEL_NOT_FOUND");
    }
}
