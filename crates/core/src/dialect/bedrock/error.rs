//! Errors of responses, and exceptions in streams
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>).
//!
//! The body contains only `{"message": "…"}`. The kind of the error is in the header `x-amzn-errortype`, for some
//! services in the body's `__type`, and in a stream in the message's own header.

use serde_json::{Map, Value};

use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::unreadable_error;
use crate::json::lenient::{self, Spare};

/// Longest message that is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 4000;

/// Kind and status of an exception, by its name without regard to the case of its first letter.
fn kind_of(name: &str) -> Option<(ErrorKind, u16)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "validationexception" | "conflictexception" => (ErrorKind::InvalidRequest, 400),
        "servicequotaexceededexception" => (ErrorKind::InsufficientQuota, 400),
        "unrecognizedclientexception"
        | "invalidsignatureexception"
        | "incompletesignature"
        | "missingauthenticationtokenexception"
        | "expiredtokenexception" => (ErrorKind::Authentication, 403),
        "accessdeniedexception" | "optinrequired" | "notauthorized" => (ErrorKind::Permission, 403),
        "resourcenotfoundexception" => (ErrorKind::NotFound, 404),
        "modeltimeoutexception" => (ErrorKind::Timeout, 408),
        "modelerrorexception" | "modelstreamerrorexception" => (ErrorKind::Server, 424),
        "throttlingexception" => (ErrorKind::RateLimit, 429),
        "modelnotreadyexception" => (ErrorKind::Overloaded, 429),
        "internalserverexception" | "internalfailure" => (ErrorKind::Server, 500),
        "serviceunavailableexception" => (ErrorKind::Overloaded, 503),
        _ => return None,
    })
}

/// The content of an error body.
struct Words {
    message: Option<String>,
    name: Option<String>,
}

/// The body of an error response with its type, from a header, added where `decode` looks for it. A body that is
/// not a JSON object is replaced.
#[must_use]
pub fn with_error_type(name: &str, body: &[u8]) -> Vec<u8> {
    let mut fields: Map<String, Value> = lenient::read(body, &Spare::default()).unwrap_or_default();
    fields.entry("__type").or_insert_with(|| name.into());
    serde_json::to_vec(&fields).unwrap_or_default()
}

/// Decodes the body of an error response.
pub fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    let Some(words) = read(body) else {
        return ErrorInfo::of_status(status, unreadable_error(status, body));
    };
    // `com.amazon.coral.service#ValidationException`, `ValidationException:http://…`
    let name = words.name.as_deref().map(|name| {
        let name = name.rsplit('#').next().unwrap_or(name);
        name.split(':').next().unwrap_or(name).to_owned()
    });
    info(Some(status), name.as_deref(), words.message)
}

/// Decodes an exception in a stream, which has no status of its own.
pub fn decode_exception(name: &str, payload: &[u8]) -> ErrorInfo {
    info(None, Some(name), read(payload).and_then(|words| words.message))
}

/// An error in a stream that is not an exception of the service.
pub fn decode_unmodelled(code: Option<&str>, message: Option<&str>) -> ErrorInfo {
    info(None, code, message.map(str::to_owned))
}

fn read(body: &[u8]) -> Option<Words> {
    let spare = Spare::default();
    let fields = lenient::object(body, &spare).ok()?;
    let first = |names: &[&str]| names.iter().find_map(|name| fields.text(name)).map(Into::into);
    Some(Words {
        message: first(&["message", "Message", "originalMessage"]),
        name: first(&["__type", "code"]),
    })
}

fn info(status: Option<u16>, name: Option<&str>, message: Option<String>) -> ErrorInfo {
    let known = name.and_then(kind_of);
    let status = status.or(known.map(|(_, status)| status)).unwrap_or(502);
    let message = match message {
        Some(message) if !message.trim().is_empty() => message.chars().take(MAX_MESSAGE_CHARS).collect(),
        _ => unreadable_error(status, b""),
    };
    let mut kind = known.map_or_else(|| of_status(status, &message), |(kind, _)| kind);
    let mut code = name.filter(|name| !name.is_empty()).map(str::to_owned);
    if kind == ErrorKind::InvalidRequest && is_too_long(&message) {
        code = Some("context_length_exceeded".to_owned());
    }
    if kind == ErrorKind::InvalidRequest && status == 404 {
        kind = ErrorKind::NotFound;
    }
    ErrorInfo { status, kind, message, code, param: None, fault: None }
}

/// The kind by the status only: refused credentials have the status of missing permissions.
fn of_status(status: u16, message: &str) -> ErrorKind {
    let about_credentials = ["security token", "signature", "API Key", "API key", "Bearer Token", "expired"];
    match status {
        403 if about_credentials.iter().any(|words| message.contains(words)) => ErrorKind::Authentication,
        424 => ErrorKind::Server,
        _ => ErrorKind::of_status(status),
    }
}

fn is_too_long(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "too long",
        "context limit",
        "context length",
        "context window",
        "maximum input token",
        "too many input tokens",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_spelling() {
        for (body, kind) in [
            (
                r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"x"}"#,
                ErrorKind::RateLimit,
            ),
            (
                r#"{"__type":"ValidationException:http://internal.amazon.com/","Message":"x"}"#,
                ErrorKind::InvalidRequest,
            ),
            (r#"{"message":"x"}"#, ErrorKind::Server),
        ] {
            let error = decode(500, body.as_bytes());
            assert_eq!((error.kind, error.message.as_str(), error.status), (kind, "x", 500), "{body}");
        }
        assert_eq!(
            decode(403, br#"{"message":"The security token included in the request is invalid."}"#).kind,
            ErrorKind::Authentication
        );
        assert_eq!(
            decode(403, br#"{"message":"You don't have access to the model."}"#).kind,
            ErrorKind::Permission
        );
        assert_eq!(
            decode(400, br#"{"message":"Input is too long for requested model."}"#).code.as_deref(),
            Some("context_length_exceeded")
        );
    }

    #[test]
    fn the_type_of_a_header_counts_where_the_body_has_none() {
        let typed =
            |body: &[u8]| with_error_type("UnrecognizedClientException:http://internal.amazon.com/", body);
        let error = decode(403, &typed(br#"{"message":"x"}"#));
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Authentication, "x"));
        assert_eq!(decode(403, &typed(b"<html>")).code.as_deref(), Some("UnrecognizedClientException"));
        let own = typed(br#"{"__type":"ThrottlingException"}"#);
        assert_eq!(decode(429, &own).kind, ErrorKind::RateLimit);
    }

    #[test]
    fn exceptions_have_the_status_of_their_name() {
        let error = decode_exception("throttlingException", br#"{"message":"Slow down."}"#);
        assert_eq!(
            (error.status, error.kind, error.code.as_deref()),
            (429, ErrorKind::RateLimit, Some("throttlingException"))
        );
        assert_eq!(decode_unmodelled(Some("InternalError"), None).status, 502);
        assert_eq!(decode_exception("modelStreamErrorException", b"").status, 424);
    }
}
