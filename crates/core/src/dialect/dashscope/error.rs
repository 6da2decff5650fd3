//! Errors (<https://www.alibabacloud.com/help/en/model-studio/error-code>): `{"code","message","request_id"}`, as a body,
//! as a body framed like an event, or as an event in a stream.

use super::wire::Reply;
use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::unreadable_error;
use crate::json::lenient::{self, Spare};
use crate::sse::Event;

/// Decodes the body of an error response.
pub fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    let read = |json: &[u8]| {
        let reply: Reply = lenient::read(json, &Spare::default()).ok()?;
        of_reply(status, &reply)
    };
    // If a stream was requested, the service frames errors as an event, with the content type JSON.
    let framed = || Event::from_raw(body).data().and_then(|data| read(&data));
    read(body).or_else(framed).unwrap_or_else(|| ErrorInfo::of_status(status, unreadable_error(status, body)))
}

/// The error in a reply, if it is one.
pub fn of_reply(status: u16, reply: &Reply) -> Option<ErrorInfo> {
    let text = |code: Option<&serde_json::Value>| match code? {
        serde_json::Value::String(code) => Some(code.clone()).filter(|code| !code.is_empty()),
        serde_json::Value::Number(code) => Some(code.to_string()),
        _ => None,
    };
    let (code, message, param) = match &reply.error {
        Some(error) => (
            text(error.code.as_ref()).or_else(|| error.r#type.clone()),
            error.message.clone(),
            error.param.clone(),
        ),
        None => (text(reply.code.as_ref()), reply.message.clone(), None),
    };
    let message = message.filter(|message| !message.is_empty());
    if code.is_none() && (message.is_none() || reply.output.is_some()) {
        return None;
    }
    let kind = code.as_deref().and_then(kind_of).unwrap_or_else(|| ErrorKind::of_status(status));
    let message = message.unwrap_or_else(|| code.clone().unwrap_or_default());
    Some(ErrorInfo { status, kind, message, code, param, fault: None })
}

/// The error in an event of a stream: the status is in a comment of the event.
pub fn of_event(event: Event<'_>, reply: &Reply) -> Option<ErrorInfo> {
    let stated = status_comment(event.raw()).filter(|status| *status >= 400);
    let mut error = of_reply(stated.unwrap_or(502), reply)?;
    let named = error.code.as_deref().and_then(|code| code.parse().ok());
    match named.filter(|status| (400..600).contains(status)) {
        // A gateway before the service has a status as the code.
        Some(status) => {
            (error.status, error.kind, error.code) = (status, ErrorKind::of_status(status), None);
        }
        None if stated.is_none() => error.status = status_of(error.kind),
        None => {}
    }
    Some(error)
}

/// `:HTTP_STATUS/400`
fn status_comment(raw: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(raw);
    let line = text.lines().find_map(|line| line.strip_prefix(":HTTP_STATUS/"))?;
    line.trim().parse().ok()
}

/// The kinds of error codes, more specific than the status. Codes may have a specific part after a dot.
fn kind_of(code: &str) -> Option<ErrorKind> {
    let family = code.split('.').next().unwrap_or_default();
    Some(match (family, code) {
        (
            _,
            "Arrearage" | "insufficient_quota" | "AllocationQuota.FreeTierOnly" | "CommodityNotPurchased",
        ) => ErrorKind::InsufficientQuota,
        ("InvalidApiKey" | "invalid_api_key" | "InvalidAccessKeyId", _) => ErrorKind::Authentication,
        ("AccessDenied" | "access_denied", _) | (_, "Model.AccessDenied" | "App.AccessDenied") => {
            ErrorKind::Permission
        }
        (
            "Throttling" | "LimitRequests" | "limit_requests" | "limit_burst_rate" | "rate_limit_exceeded",
            _,
        ) => ErrorKind::RateLimit,
        ("ModelNotFound" | "model_not_found" | "WorkSpaceNotFound" | "NotFound", _) => ErrorKind::NotFound,
        ("RequestTimeOut" | "ResponseTimeout", _) | (_, "InternalError.Timeout") => ErrorKind::Timeout,
        (_, "BadRequest.TooLarge") => ErrorKind::RequestTooLarge,
        ("ServiceUnavailable" | "ModelUnavailable" | "ModelServingError" | "ModelServiceFailed", _) => {
            ErrorKind::Overloaded
        }
        ("InvalidParameter" | "DataInspectionFailed" | "data_inspection_failed" | "BadRequest", _) => {
            ErrorKind::InvalidRequest
        }
        ("InternalError" | "SystemError", _) if !code.contains("InvalidParameter") => ErrorKind::Server,
        _ => return None,
    })
}

/// The status that an error would have had before the stream.
fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::InsufficientQuota => 400,
        ErrorKind::Authentication => 401,
        ErrorKind::Permission => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::RequestTooLarge => 413,
        ErrorKind::RateLimit => 429,
        ErrorKind::Overloaded | ErrorKind::Unavailable => 503,
        ErrorKind::Timeout => 504,
        ErrorKind::Server => 502,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_in_all_their_forms() {
        let plain = br#"{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r"}"#;
        let framed = [b"id:1\nevent:error\n:HTTP_STATUS/401\ndata:".as_slice(), plain, b"\n\n"].concat();
        for body in [plain.as_slice(), &framed] {
            let error = decode(401, body);
            assert_eq!((error.status, error.kind), (401, ErrorKind::Authentication));
            assert_eq!(error.code.as_deref(), Some("InvalidApiKey"));
            assert_eq!(error.message, "Invalid API-key provided.");
        }
        let error = decode(
            404,
            br#"{"error":{"code":"model_not_found","message":"no","type":"invalid_request_error"}}"#,
        );
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "no"));
        for body in [b"".as_slice(), b"<html>", b"null", b"[]", b"data:{", b"\xff"] {
            assert_eq!(decode(503, body).kind, ErrorKind::Overloaded);
        }
    }

    #[test]
    fn codes_say_more_than_the_status() {
        for (status, code, kind) in [
            (400, "Arrearage", ErrorKind::InsufficientQuota),
            (403, "AllocationQuota.FreeTierOnly", ErrorKind::InsufficientQuota),
            (429, "Throttling.AllocationQuota", ErrorKind::RateLimit),
            (403, "Model.AccessDenied", ErrorKind::Permission),
            (400, "DataInspectionFailed", ErrorKind::InvalidRequest),
            (500, "InternalError.Algo", ErrorKind::Server),
            (400, "InternalError.Algo.InvalidParameter", ErrorKind::InvalidRequest),
            (500, "RequestTimeOut", ErrorKind::Timeout),
            (418, "Unheard.Of", ErrorKind::InvalidRequest),
        ] {
            let body = format!(r#"{{"code":"{code}","message":"m"}}"#);
            assert_eq!(decode(status, body.as_bytes()).kind, kind, "{code}");
        }
    }
}
