//! Errors in `OpenAI`'s form: the body of an error response, and the error of a failed response.
//!
//! <https://platform.openai.com/docs/guides/error-codes>

use serde::Serialize;

use crate::dialect::canonical::{ErrorInfo, ErrorKind};

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
}

/// The error as in answers and `error` events.
#[derive(Debug, Serialize)]
pub(super) struct Detail<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'a str,
}

impl<'a> Detail<'a> {
    /// The error in this dialect.
    pub(super) fn of(error: &'a ErrorInfo) -> Self {
        Self {
            message: &error.message,
            r#type: type_of(error.kind),
            param: error.param.as_deref(),
            code: code_of(error),
        }
    }
}

/// The body of an error answer.
pub(super) fn encode(error: &ErrorInfo) -> Vec<u8> {
    serde_json::to_vec(&Body { error: Detail::of(error) }).unwrap_or_default()
}

/// The upstream's own code, or the usual one of the kind. Coding agents use it to decide whether to retry.
pub(super) fn code_of(error: &ErrorInfo) -> &str {
    error.code.as_deref().unwrap_or(match error.kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => "invalid_prompt",
        ErrorKind::Authentication => "invalid_api_key",
        ErrorKind::Permission => "permission_denied",
        ErrorKind::NotFound => "not_found",
        ErrorKind::RequestTooLarge => "request_too_large",
        ErrorKind::RateLimit => "rate_limit_exceeded",
        ErrorKind::InsufficientQuota => "insufficient_quota",
        ErrorKind::Overloaded | ErrorKind::Unavailable => "server_is_overloaded",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Server => "server_error",
    })
}

fn type_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::NotFound
        | ErrorKind::RequestTooLarge => "invalid_request_error",
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::InsufficientQuota => "insufficient_quota",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::Server => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_has_the_openai_shape() {
        let mut error = ErrorInfo::of_status(429, "Slow down.");
        let body: serde_json::Value = serde_json::from_slice(&encode(&error)).unwrap();
        assert_eq!(
            body,
            json!({"error": {
                "message": "Slow down.", "type": "rate_limit_error", "param": null, "code": "rate_limit_exceeded",
            }})
        );
        (error.code, error.param) = (Some("budget_exceeded".into()), Some("model".into()));
        let body: serde_json::Value = serde_json::from_slice(&encode(&error)).unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["param"]),
            (&json!("budget_exceeded"), &json!("model"))
        );
    }

    #[test]
    fn every_kind_has_a_type_and_a_code() {
        for (status, kind, code) in [
            (400, "invalid_request_error", "invalid_prompt"),
            (401, "authentication_error", "invalid_api_key"),
            (402, "insufficient_quota", "insufficient_quota"),
            (403, "permission_error", "permission_denied"),
            (404, "invalid_request_error", "not_found"),
            (413, "invalid_request_error", "request_too_large"),
            (504, "timeout_error", "timeout"),
            (529, "server_error", "server_is_overloaded"),
            (500, "server_error", "server_error"),
        ] {
            let error = ErrorInfo::of_status(status, "x");
            let detail = Detail::of(&error);
            assert_eq!((detail.r#type, detail.code), (kind, code), "{status}");
        }
    }
}
