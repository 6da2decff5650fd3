//! Errors: decoding those of upstreams, and encoding the dialect's own
//! (<https://platform.openai.com/docs/guides/error-codes>).
//!
//! Compatible services, and proxies in front of them, have many error formats; all known ones are decoded, and every
//! other body still gives a message.

use serde::Serialize;

use super::lenient::{items, object, object_at, text};
use super::wire::json;
use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::json::object::{JsonObject, Kind, as_str};

/// Longest message that is passed on, in characters.
const MAX_MESSAGE: usize = 2_000;

/// Whether what should be an answer, or a chunk of one, is an error.
pub(super) fn is_error(reply: &JsonObject<'_>) -> bool {
    // Some services have a code in every answer, which may mean success.
    const SUCCESS: [&str; 4] = ["0", "200", "ok", "success"];
    let says_why = || {
        let code = word_at(reply, "code").map(|code| code.to_ascii_lowercase());
        text(reply, "message").is_some() && code.is_some_and(|code| !SUCCESS.contains(&code.as_str()))
    };
    reply.get_set("error").is_some()
        || text(reply, "object").as_deref() == Some("error")
        || (reply.get_set("choices").is_none() && says_why())
}

/// Decodes the body of an error response.
pub(super) fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    let fallback = || format!("The provider answered with status {status}.");
    let mut info = match found(body) {
        Some(found) => found.into_info(status),
        None => ErrorInfo::of_status(status, plain(body).unwrap_or_else(fallback)),
    };
    if info.message.is_empty() {
        info.message = fallback();
    }
    if info.message.chars().count() > MAX_MESSAGE {
        info.message = info.message.chars().take(MAX_MESSAGE).chain(['…']).collect();
    }
    info
}

/// Decodes an error in a stream. Its status is the one that it contains, if any.
pub(super) fn in_stream(data: &[u8]) -> ErrorInfo {
    let named = found(data).and_then(|found| found.status);
    let mut info = decode(named.unwrap_or(502), data);
    if named.is_none() {
        info.status = match info.kind {
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => 400,
            ErrorKind::Authentication => 401,
            ErrorKind::Permission => 403,
            ErrorKind::NotFound => 404,
            ErrorKind::RequestTooLarge => 413,
            ErrorKind::RateLimit | ErrorKind::InsufficientQuota => 429,
            ErrorKind::Overloaded | ErrorKind::Unavailable => 503,
            ErrorKind::Timeout => 504,
            ErrorKind::Server => 502,
        };
    }
    info
}

/// Decodes an error that is an item of a list, as in Gemini's compatible API.
pub(super) fn find_in_list(data: &[u8]) -> Option<ErrorInfo> {
    data.starts_with(b"[").then(|| found(data)).flatten().map(|_| in_stream(data))
}

/// The content of an error body.
#[derive(Default)]
struct Found {
    message: String,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    status: Option<u16>,
}

fn found(body: &[u8]) -> Option<Found> {
    if let Ok(list) = serde_json::from_slice::<Vec<JsonObject<'_>>>(body) {
        return list.first().and_then(of_object);
    }
    of_object(&serde_json::from_slice(body).ok()?)
}

fn of_object(body: &JsonObject<'_>) -> Option<Found> {
    if let Some(error) = body.get_set("error") {
        if let Some(error) = object(error) {
            return of_detail(&error).or_else(|| Some(Found::default()));
        }
        // In some a string is the message, in others the type of error.
        let mut found = of_detail(body).unwrap_or_default();
        let word = as_str(error).unwrap_or_default().into_owned();
        if found.message.is_empty() {
            found.message = word;
        } else {
            found.kind = found.kind.or(Some(word));
        }
        return Some(found);
    }
    if let Some(first) = body.get_set("errors").and_then(|errors| items(errors).first().copied()) {
        return match object(first) {
            Some(first) => of_detail(&first),
            None => as_str(first).map(|message| Found { message: message.into_owned(), ..Found::default() }),
        };
    }
    if let Some(detail) = body.get_set("detail") {
        return of_fastapi(detail);
    }
    of_detail(body)
}

/// The object with message, type, code and parameter.
fn of_detail(detail: &JsonObject<'_>) -> Option<Found> {
    let message = ["message", "msg", "error_msg", "error_message", "errorMessage", "title"]
        .into_iter()
        .find_map(|name| text(detail, name));
    let code = ["code", "error_code", "status"].into_iter().find_map(|name| word_at(detail, name));
    let kind = text(detail, "type").or_else(|| text(detail, "status"));
    if message.is_none() && code.is_none() && kind.is_none() {
        return None;
    }
    let status =
        code.as_ref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status));
    let mut message = message.unwrap_or_default();
    // OpenRouter has the provider's own message inside its own.
    let raw = object_at(detail, "metadata").and_then(|metadata| text(&metadata, "raw"));
    if let Some(raw) = raw.filter(|raw| !message.contains(raw.as_str())) {
        message = if message.is_empty() { raw } else { format!("{message}: {raw}") };
    }
    Some(Found {
        message,
        kind,
        code: code.filter(|_| status.is_none()),
        param: text(detail, "param"),
        status,
    })
}

/// `FastAPI`: a message, or a list of invalid fields.
fn of_fastapi(detail: &serde_json::value::RawValue) -> Option<Found> {
    match Kind::of(detail) {
        Kind::String => {
            as_str(detail).map(|message| Found { message: message.into_owned(), ..Found::default() })
        }
        Kind::Object => object(detail).and_then(|detail| of_object(&detail)),
        _ => {
            let first = items(detail).first().copied().and_then(object)?;
            let place: Vec<String> =
                first.get_set("loc").map(items).unwrap_or_default().into_iter().skip(1).map(word).collect();
            let param = (!place.is_empty()).then(|| place.join("."));
            let fault = text(&first, "msg").unwrap_or_default();
            let message = match &param {
                Some(param) => format!("{param}: {fault}"),
                None => fault,
            };
            Some(Found { message, param, ..Found::default() })
        }
    }
}

fn word_at(detail: &JsonObject<'_>, name: &str) -> Option<String> {
    detail.get_set(name).map(word).filter(|word| !word.is_empty())
}

fn word(value: &serde_json::value::RawValue) -> String {
    as_str(value).map_or_else(|| value.get().to_owned(), std::borrow::Cow::into_owned)
}

impl Found {
    fn into_info(self, status: u16) -> ErrorInfo {
        let words = [self.code.as_deref(), self.kind.as_deref()];
        let told = words.into_iter().flatten().find_map(kind_of_word);
        let by_status = ErrorKind::of_status(status);
        let kind = match (by_status, told) {
            // The message is more specific than these statuses.
            (ErrorKind::InvalidRequest | ErrorKind::Server | ErrorKind::RateLimit, Some(told)) => told,
            (by_status, _) => by_status,
        };
        ErrorInfo { status, kind, message: self.message, code: self.code, param: self.param, fault: None }
    }
}

/// The kind of a type or code.
fn kind_of_word(word: &str) -> Option<ErrorKind> {
    let word = word.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    Some(if has(&["insufficient_quota", "insufficient_balance", "billing", "arrearage"]) {
        ErrorKind::InsufficientQuota
    } else if has(&["rate_limit", "ratelimit", "throttling", "resource_exhausted", "too_many_requests"]) {
        ErrorKind::RateLimit
    } else if has(&["authentication", "invalid_api_key", "invalidapikey", "unauthorized", "unauthenticated"])
    {
        ErrorKind::Authentication
    } else if has(&["permission", "forbidden", "access_denied"]) {
        ErrorKind::Permission
    } else if has(&["not_found", "notfound"]) {
        ErrorKind::NotFound
    } else if has(&["overloaded", "unavailable"]) {
        ErrorKind::Overloaded
    } else if has(&["timeout", "deadline_exceeded"]) {
        ErrorKind::Timeout
    } else if has(&["too_large"]) {
        ErrorKind::RequestTooLarge
    } else if has(&["invalid_request", "invalid_argument", "context_length", "badrequest", "bad_request"]) {
        ErrorKind::InvalidRequest
    } else {
        return None;
    })
}

/// The message in a body that is not JSON: the title of a page, or short text.
fn plain(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body.get(..8192).unwrap_or(body));
    let body = body.trim();
    if body.starts_with('<') {
        let lower = body.to_ascii_lowercase();
        let start = lower.find("<title")?;
        let start = start + lower.get(start..)?.find('>')? + 1;
        let title = body.get(start..start + lower.get(start..)?.find("</title")?)?.trim();
        return (!title.is_empty()).then(|| format!("The provider answered with a page titled \"{title}\"."));
    }
    // JSON without a message is not a message.
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
    (!body.is_empty() && !is_json).then(|| body.to_owned())
}

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// Whose words an error is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// The gateway's own error.
    Own,
    /// An error that was translated.
    Translated,
    /// An error in a stream that is passed through: fewer types.
    PassedThrough,
}

/// `error.type`.
fn type_of(kind: ErrorKind, status: u16, words: Words) -> &'static str {
    match (kind, words) {
        (ErrorKind::Permission, Words::PassedThrough)
        | (
            ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::NotFound
            | ErrorKind::RequestTooLarge,
            _,
        ) => "invalid_request_error",
        (ErrorKind::Authentication, _) => "authentication_error",
        (ErrorKind::Permission, _) => "permission_error",
        (ErrorKind::InsufficientQuota, Words::Own | Words::Translated) => "insufficient_quota",
        (ErrorKind::RateLimit | ErrorKind::InsufficientQuota, _) => "rate_limit_error",
        (ErrorKind::Timeout, _) => "timeout_error",
        (ErrorKind::Overloaded, Words::Translated) => "overloaded",
        (ErrorKind::Overloaded, _) | (_, Words::PassedThrough) => "upstream_error",
        (ErrorKind::Server, _) if status == 502 => "upstream_error",
        (ErrorKind::Server | ErrorKind::Unavailable, _) => "server_error",
    }
}

fn write(error: &ErrorInfo, words: Words, code: Option<&str>) -> Vec<u8> {
    let r#type = type_of(error.kind, error.status, words);
    let detail = Detail { message: &error.message, r#type, param: error.param.as_deref(), code };
    json(&Body { error: detail })
}

/// Encodes the body of an error response, which is also the error event of a stream.
pub(in crate::dialect::openai) fn encode(error: &ErrorInfo) -> Vec<u8> {
    write(error, Words::Translated, error.code.as_deref())
}

/// The same for pass-through callers: only the types of the gateway's own errors, and always a code.
pub(in crate::dialect) fn encode_passthrough(error: &ErrorInfo) -> Vec<u8> {
    write(error, Words::PassedThrough, Some(error.code.as_deref().unwrap_or("upstream_error")))
}

/// The same for an error of the gateway's own.
pub(in crate::dialect) fn encode_own(error: &ErrorInfo) -> Vec<u8> {
    write(error, Words::Own, error.code.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body, and the expected kind, message, code and parameter.
    type Case<'a> = (u16, &'a str, ErrorKind, &'a str, Option<&'a str>, Option<&'a str>);

    fn check(cases: &[Case<'_>]) {
        for (status, body, kind, message, code, param) in cases {
            let info = decode(*status, body.as_bytes());
            let found = (info.kind, info.message.as_str(), info.code.as_deref(), info.param.as_deref());
            assert_eq!(found, (*kind, *message, *code, *param), "{body}");
            assert_eq!(info.status, *status);
        }
    }

    #[test]
    fn errors_of_the_documented_shape() {
        check(&[
            (
                401,
                r#"{"error":{"message":"bad key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                ErrorKind::Authentication,
                "bad key",
                Some("invalid_api_key"),
                None,
            ),
            (
                429,
                r#"{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                ErrorKind::InsufficientQuota,
                "pay",
                Some("insufficient_quota"),
                None,
            ),
            (
                429,
                r#"{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}"#,
                ErrorKind::RateLimit,
                "slow",
                Some("rate_limit_exceeded"),
                None,
            ),
            (
                400,
                r#"{"error":{"message":"no","param":"messages[0]","code":400}}"#,
                ErrorKind::InvalidRequest,
                "no",
                None,
                Some("messages[0]"),
            ),
        ]);
    }

    #[test]
    fn errors_of_other_shapes() {
        check(&[
            (
                400,
                r#"{"error":"model is required"}"#,
                ErrorKind::InvalidRequest,
                "model is required",
                None,
                None,
            ),
            (
                404,
                r#"{"error":"not_found","message":"no such model"}"#,
                ErrorKind::NotFound,
                "no such model",
                None,
                None,
            ),
            (
                422,
                r#"{"detail":[{"loc":["body","messages",0,"role"],"msg":"field required","type":"value_error"}]}"#,
                ErrorKind::InvalidRequest,
                "messages.0.role: field required",
                None,
                Some("messages.0.role"),
            ),
            (400, r#"{"detail":"no thanks"}"#, ErrorKind::InvalidRequest, "no thanks", None, None),
            (
                400,
                r#"{"object":"error","message":"too long","type":"BadRequestError","code":400}"#,
                ErrorKind::InvalidRequest,
                "too long",
                None,
                None,
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"API key not valid","status":"UNAUTHENTICATED"}}]"#,
                ErrorKind::Authentication,
                "API key not valid",
                None,
                None,
            ),
            (
                502,
                r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"oops"}}}"#,
                ErrorKind::Server,
                "Provider returned error: oops",
                None,
                None,
            ),
            (
                403,
                r#"{"errors":[{"code":10000,"message":"Authentication error"}],"success":false}"#,
                ErrorKind::Permission,
                "Authentication error",
                Some("10000"),
                None,
            ),
            (
                200,
                r#"{"error_code":17,"error_msg":"daily limit"}"#,
                ErrorKind::Server,
                "daily limit",
                Some("17"),
                None,
            ),
            (
                503,
                "<html><head><TITLE> Busy </TITLE></head></html>",
                ErrorKind::Overloaded,
                "The provider answered with a page titled \"Busy\".",
                None,
                None,
            ),
            (502, "<!doctype html>", ErrorKind::Server, "The provider answered with status 502.", None, None),
            (500, "upstream connect error", ErrorKind::Server, "upstream connect error", None, None),
            (500, "", ErrorKind::Server, "The provider answered with status 500.", None, None),
            (500, "{}", ErrorKind::Server, "The provider answered with status 500.", None, None),
            (500, r#"{"error":{}}"#, ErrorKind::Server, "The provider answered with status 500.", None, None),
        ]);
        assert_eq!(decode(500, &[0xff; 10_000]).message.chars().count(), MAX_MESSAGE + 1);
    }

    #[test]
    fn errors_in_streams_have_a_status() {
        for (body, status, kind) in [
            (r#"{"error":{"message":"x","code":429}}"#, 429, ErrorKind::RateLimit),
            (r#"{"error":{"message":"x","type":"overloaded_error"}}"#, 503, ErrorKind::Overloaded),
            (r#"{"error":{"message":"x"}}"#, 502, ErrorKind::Server),
            (r#"{"error":{"message":"x","type":"invalid_request_error"}}"#, 400, ErrorKind::InvalidRequest),
        ] {
            let info = in_stream(body.as_bytes());
            assert_eq!((info.status, info.kind), (status, kind), "{body}");
        }
    }

    #[test]
    fn every_kind_has_its_type() {
        for (status, expected) in [
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (402, "insufficient_quota"),
            (403, "permission_error"),
            (404, "invalid_request_error"),
            (429, "rate_limit_error"),
            (500, "server_error"),
            (502, "upstream_error"),
            (503, "overloaded"),
            (504, "timeout_error"),
        ] {
            let body: serde_json::Value =
                serde_json::from_slice(&encode(&ErrorInfo::of_status(status, "m"))).unwrap();
            assert_eq!(body["error"]["type"], expected, "{status}");
            assert_eq!((&body["error"]["message"], body["error"]["code"].is_null()), (&"m".into(), true));
        }
    }
}
