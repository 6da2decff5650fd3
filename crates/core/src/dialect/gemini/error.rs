//! Errors: `{"error":{"code","message","status","details":[…]}}`
//! (<https://cloud.google.com/apis/design/errors>).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::told;
use crate::json::lenient::{self, Spare};

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    code: Option<Value>,
    message: Option<String>,
    status: Option<String>,
    details: Option<Vec<Value>>,
}

/// The service's name of a kind of error.
fn status_of(error: &ErrorInfo) -> &'static str {
    match error.kind {
        ErrorKind::InvalidRequest if error.status == 409 => "ABORTED",
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::RequestTooLarge => "INVALID_ARGUMENT",
        ErrorKind::Authentication => "UNAUTHENTICATED",
        ErrorKind::Permission => "PERMISSION_DENIED",
        ErrorKind::NotFound => "NOT_FOUND",
        ErrorKind::RateLimit | ErrorKind::InsufficientQuota => "RESOURCE_EXHAUSTED",
        ErrorKind::Overloaded | ErrorKind::Unavailable => "UNAVAILABLE",
        ErrorKind::Timeout => "DEADLINE_EXCEEDED",
        ErrorKind::Server if matches!(error.status, 502 | 503 | 529) => "UNAVAILABLE",
        ErrorKind::Server => "INTERNAL",
    }
}

fn kind_of(status: &str) -> Option<ErrorKind> {
    Some(match status {
        "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE"
        | "ALREADY_EXISTS"
        | "ABORTED"
        | "CANCELLED"
        | "UNIMPLEMENTED" => ErrorKind::InvalidRequest,
        "UNAUTHENTICATED" => ErrorKind::Authentication,
        "PERMISSION_DENIED" => ErrorKind::Permission,
        "NOT_FOUND" => ErrorKind::NotFound,
        "RESOURCE_EXHAUSTED" => ErrorKind::RateLimit,
        "UNAVAILABLE" => ErrorKind::Overloaded,
        "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => ErrorKind::Server,
        _ => return None,
    })
}

/// Encodes an error response; `retry_after_s` becomes a `RetryInfo`.
#[must_use]
pub fn encode(error: &ErrorInfo, request_id: &str, retry_after_s: Option<u32>) -> Vec<u8> {
    let mut details = Vec::new();
    if let Some(code) = &error.code {
        details.push(json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code}));
    }
    if let Some(param) = &error.param {
        let violation = json!({"field": param, "description": error.message});
        details.push(
            json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}),
        );
    }
    if let Some(seconds) = retry_after_s {
        let delay = format!("{seconds}s");
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}));
    }
    if !request_id.is_empty() {
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request_id}));
    }
    let body = json!({"error": {"code": error.status, "message": error.message,
        "status": status_of(error), "details": details}});
    body.to_string().into_bytes()
}

/// Decodes the body of an error response with this HTTP status. In a stream without `alt=sse` it is an array of one.
#[must_use]
pub fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    let Some(detail) = detail(body) else {
        let text = String::from_utf8_lossy(body.trim_ascii());
        // An HTML page does not belong into a message.
        let readable = !text.is_empty() && !text.starts_with('<') && text.len() <= 500;
        let message =
            if readable { text.into_owned() } else { format!("The provider answered with status {status}.") };
        return ErrorInfo::of_status(status, message);
    };
    let stated = detail.code.as_ref().and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = stated.filter(|code| (400..600).contains(code)).unwrap_or(status);
    let details = detail.details.unwrap_or_default();
    let reason = details.iter().find_map(|detail| detail.get("reason")?.as_str());
    let param = details.iter().find_map(|detail| {
        detail.get("fieldViolations")?.get(0)?.get("field")?.as_str().filter(|field| !field.is_empty())
    });
    let kind = match (reason, detail.status.as_deref().and_then(kind_of)) {
        // For the service a wrong key is an invalid argument.
        (Some("API_KEY_INVALID" | "API_KEY_EXPIRED"), _) => ErrorKind::Authentication,
        (_, Some(kind)) => kind,
        (_, None) => ErrorKind::of_status(status),
    };
    ErrorInfo {
        status,
        kind,
        message: detail
            .message
            .filter(|message| !message.trim().is_empty())
            .unwrap_or_else(|| format!("The provider answered with status {status}.")),
        code: reason.map(str::to_owned).or(detail.status),
        param: param.map(str::to_owned),
        fault: None,
    }
}

/// Decodes an error inside of an answer with a success status.
#[must_use]
pub fn decode_in_answer(body: &[u8]) -> ErrorInfo {
    match detail(body) {
        Some(Detail { message: Some(message), .. }) if !message.trim().is_empty() => decode(502, body),
        _ => told::error_in(body).unwrap_or_else(|| decode(502, body)),
    }
}

/// The service's retry delay in seconds, rounded up.
#[must_use]
pub fn retry_after_s(body: &[u8]) -> Option<u32> {
    let details = detail(body)?.details?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a day")]
    let whole = seconds.ceil().clamp(0.0, 86_400.0) as u32;
    Some(whole)
}

fn detail(body: &[u8]) -> Option<Detail> {
    // An array would be accepted as an object with its fields in order.
    if body.trim_ascii_start().first() == Some(&b'{') {
        return lenient::read::<Body>(body, &Spare::default()).ok().map(|body| body.error);
    }
    let spare = Spare::default();
    lenient::array(body, &spare).first().copied().and_then(lenient::nested::<Body>).map(|body| body.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUOTA: &str = r#"{"error":{"code":429,"message":"Slow down.","status":"RESOURCE_EXHAUSTED","details":[
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"12.4s"}]}}"#;

    #[test]
    fn kinds_codes_and_fields_are_read() {
        let error = decode(429, QUOTA.as_bytes());
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::RateLimit, Some("RESOURCE_EXHAUSTED")));
        assert_eq!(retry_after_s(QUOTA.as_bytes()), Some(13));
        assert_eq!(decode(429, format!("[{QUOTA}]").as_bytes()), error);
        let key = decode(
            400,
            br#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
        );
        assert_eq!((key.kind, key.status), (ErrorKind::Authentication, 400));
        let field = decode(
            400,
            br#"{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"contents"}]}]}}"#,
        );
        assert_eq!(field.param.as_deref(), Some("contents"));
    }

    #[test]
    fn anything_else_is_told_by_its_status() {
        for body in ["", "<html>Bad gateway</html>", "{\"error\":\"x\"}", "[]"] {
            let error = decode(503, body.as_bytes());
            assert_eq!((error.status, error.kind), (503, ErrorKind::Overloaded), "{body}");
            assert!(!error.message.contains('<') && !error.message.is_empty());
        }
        assert_eq!(retry_after_s(b"{}"), None);
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        for (status, kind) in [
            (400, ErrorKind::InvalidRequest),
            (401, ErrorKind::Authentication),
            (403, ErrorKind::Permission),
            (404, ErrorKind::NotFound),
            (429, ErrorKind::RateLimit),
            (500, ErrorKind::Server),
            (503, ErrorKind::Overloaded),
            (504, ErrorKind::Timeout),
        ] {
            let error = ErrorInfo {
                status,
                kind,
                message: "m".into(),
                code: Some("some_code".into()),
                param: Some("a.b".into()),
                fault: None,
            };
            let body = encode(&error, "req1", Some(7));
            assert_eq!(decode(418, &body), error);
            assert_eq!(retry_after_s(&body), Some(7));
        }
    }

    proptest! {
        #[test]
        fn never_panics(status in any::<u16>(), bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = (decode(status, &bytes), retry_after_s(&bytes));
        }
    }
}
