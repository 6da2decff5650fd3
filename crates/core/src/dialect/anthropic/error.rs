//! Errors, both ways (<https://platform.claude.com/docs/en/api/errors>).
//!
//! Every error response of an upstream gives a meaningful error: its own shape, the shapes of services that imitate
//! it, an HTML page, an empty body. Markup never reaches the caller.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::told;
use crate::json::lenient::{self, Object, Spare, string};

/// Characters of an upstream's message that are passed on.
const MAX_MESSAGE_CHARS: usize = 2000;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    error: Detail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Detail<'a> {
    r#type: &'static str,
    message: &'a str,
}

/// Encodes the body of an error response, and the data of an `error` event.
pub fn encode(error: &ErrorInfo, request_id: &str) -> Vec<u8> {
    let body = Body {
        r#type: "error",
        error: Detail { r#type: type_of(error.kind), message: &error.message },
        request_id: Some(request_id).filter(|id| !id.is_empty()),
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

fn type_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => "invalid_request_error",
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::RequestTooLarge => "request_too_large",
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::InsufficientQuota => "billing_error",
        ErrorKind::Overloaded | ErrorKind::Unavailable => "overloaded_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Server => "api_error",
    }
}

/// The kind of an error type, and its status.
fn kind_of(name: &str) -> Option<(ErrorKind, u16)> {
    Some(match name {
        "invalid_request_error" => (ErrorKind::InvalidRequest, 400),
        "authentication_error" => (ErrorKind::Authentication, 401),
        "billing_error" => (ErrorKind::InsufficientQuota, 402),
        "permission_error" => (ErrorKind::Permission, 403),
        "not_found_error" => (ErrorKind::NotFound, 404),
        "request_too_large" => (ErrorKind::RequestTooLarge, 413),
        "rate_limit_error" => (ErrorKind::RateLimit, 429),
        "api_error" => (ErrorKind::Server, 500),
        "timeout_error" => (ErrorKind::Timeout, 504),
        "overloaded_error" => (ErrorKind::Overloaded, 529),
        _ => return None,
    })
}

/// Decodes the body of an error response.
pub fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    read(body).map_or_else(
        || ErrorInfo::of_status(status, format!("The provider answered with status {status}.")),
        |words| words.into_info(Some(status)),
    )
}

/// Decodes an `error` event, or the same with a success status: it has no status of its own.
pub fn decode_event(body: &[u8]) -> ErrorInfo {
    match read(body) {
        Some(words) if words.message.is_some() && words.is_known() => words.into_info(None),
        _ => told::error_in(body)
            .unwrap_or_else(|| ErrorInfo::in_stream("upstream_error", "The provider reported an error.")),
    }
}

/// The content of an error body.
#[derive(Deserialize, Default)]
struct Words {
    r#type: Option<String>,
    message: Option<String>,
}

impl Words {
    /// Whether the type is one of this dialect.
    fn is_known(&self) -> bool {
        self.r#type.as_deref().and_then(kind_of).is_some()
    }

    fn into_info(self, status: Option<u16>) -> ErrorInfo {
        let known = self.r#type.as_deref().and_then(kind_of);
        let status = status.or(known.map(|(_, status)| status)).unwrap_or(502);
        let mut kind = known.map_or_else(|| ErrorKind::of_status(status), |(kind, _)| kind);
        let message = match self.message {
            Some(message) if !message.trim().is_empty() => message.chars().take(MAX_MESSAGE_CHARS).collect(),
            _ => format!("The provider answered with status {status}."),
        };
        let mut code = self.r#type.filter(|name| name != "error");
        // Two errors that other dialects distinguish are plain invalid requests here.
        if kind == ErrorKind::InvalidRequest {
            if message.contains("prompt is too long") || message.contains("exceed context limit") {
                code = Some("context_length_exceeded".to_owned());
            } else if message.contains("credit balance is too low") {
                kind = ErrorKind::InsufficientQuota;
                code = Some("insufficient_quota".to_owned());
            }
        }
        ErrorInfo { status, kind, message, code, param: None, fault: None }
    }
}

/// The message of a JSON body in any of the known shapes.
fn read(body: &[u8]) -> Option<Words> {
    let spare = Spare::default();
    let fields = lenient::object(body, &spare).ok()?;
    let inner = match fields.get_set("error") {
        Some(error) => match string(error) {
            Some(message) => Words { r#type: None, message: Some(message.into_owned()) },
            None => words(error),
        },
        None => Words::default(),
    };
    let own_message =
        || ["message", "detail"].into_iter().find_map(|name| string(fields.get_set(name)?)).map(Into::into);
    let message = inner.message.or_else(own_message);
    (message.is_some() || inner.r#type.is_some()).then_some(Words { r#type: inner.r#type, message })
}

fn words(error: &RawValue) -> Words {
    let Some(fields) = Object::of(error) else { return Words::default() };
    let text = |name| fields.get_set(name).and_then(string).map(Into::into);
    Words { r#type: text("type"), message: text("message") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_goes_out_and_comes_back() {
        use ErrorKind as K;
        for (kind, status) in [
            (K::InvalidRequest, 400),
            (K::Authentication, 401),
            (K::Permission, 403),
            (K::NotFound, 404),
            (K::RequestTooLarge, 413),
            (K::RateLimit, 429),
            (K::InsufficientQuota, 402),
            (K::Overloaded, 529),
            (K::Timeout, 504),
            (K::Server, 500),
        ] {
            let error = ErrorInfo { status, kind, message: "x".into(), code: None, param: None, fault: None };
            let back = decode(status, &encode(&error, "req_1"));
            assert_eq!((back.kind, back.status, back.message.as_str()), (kind, status, "x"));
            assert_eq!(
                decode_event(&encode(&error, "")).status,
                status,
                "the event has the status of its type"
            );
        }
    }

    #[test]
    fn the_shape_of_an_error() {
        let error = ErrorInfo::of_status(404, "no such model");
        let value: serde_json::Value = serde_json::from_slice(&encode(&error, "req_1")).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"type": "error", "request_id": "req_1",
                "error": {"type": "not_found_error", "message": "no such model"}})
        );
        assert!(!String::from_utf8(encode(&error, "")).unwrap().contains("request_id"));
    }

    #[test]
    fn other_shapes_give_a_sentence_and_no_markup() {
        for (body, message) in [
            (r#"{"error":{"message":"quota"}}"#, "quota"),
            (r#"{"error":"bad key"}"#, "bad key"),
            (r#"{"message":"gone"}"#, "gone"),
            (r#"{"error":{"message":5}}"#, "The provider answered with status 502."),
            ("<html><body>Bad gateway</body></html>", "The provider answered with status 502."),
            ("", "The provider answered with status 502."),
            ("[]", "The provider answered with status 502."),
        ] {
            let info = decode(502, body.as_bytes());
            assert_eq!((info.message.as_str(), info.status), (message, 502), "{body}");
        }
        assert_eq!(decode(529, b"").kind, ErrorKind::Overloaded);
    }

    #[test]
    fn errors_that_hide_among_invalid_requests() {
        let body = |message: &str| {
            format!(r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{message}"}}}}"#)
        };
        let long = decode(400, body("prompt is too long: 300000 tokens > 200000 maximum").as_bytes());
        assert_eq!(long.code.as_deref(), Some("context_length_exceeded"));
        let broke = decode(400, body("Your credit balance is too low to access the API").as_bytes());
        assert_eq!(broke.kind, ErrorKind::InsufficientQuota);
        assert_eq!(decode(400, body("no").as_bytes()).code.as_deref(), Some("invalid_request_error"));
    }
}
