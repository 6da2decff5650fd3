//! Errors: decoding those of upstreams, and encoding the dialect's own
//! (<https://platform.openai.com/docs/guides/error-codes>).
//!
//! Compatible services, and proxies in front of them, have many error formats; all known ones are decoded, and every
//! other body still gives a message.

use serde::Serialize;
use serde_json::value::RawValue;

use super::lenient::{items, object, object_at, text};
use super::wire::json;
use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::{told, verdict};
use crate::json::lenient::{Object, string};
use crate::json::object::Kind;

/// Longest message that is passed on, in characters.
const MAX_MESSAGE: usize = 2_000;

/// Whether what should be an answer, or a chunk of one, is an error.
pub(in crate::dialect::openai) fn is_error(reply: &Object<'_>) -> bool {
    // Some services have a code in every answer, which may mean success.
    const SUCCESS: [&str; 5] = ["0", "200", "ok", "success", "20000"];
    let is_no_answer = || reply.get_set("choices").is_none();
    let says_why = || {
        let code = ["code", "error_code"].iter().find_map(|name| word_at(reply, name));
        let code = code.map(|code| code.to_ascii_lowercase());
        let words = ["message", "msg", "error_msg"].iter().find_map(|name| text(reply, name));
        words.is_some() && code.is_some_and(|code| !SUCCESS.contains(&code.as_str()))
    };
    reply.get_set("error").is_some_and(|error| is_said(error, is_no_answer()))
        || matches!(text(reply, "object").as_deref(), Some("error"))
        || matches!(text(reply, "type").as_deref(), Some("error"))
        || reply.get_set("base_resp").and_then(object).is_some_and(|base| {
            // MiniMax has this in every answer.
            word_at(&base, "status_code").is_some_and(|code| code != "0")
        })
        || (is_no_answer() && (says_why() || reply.get_set("detail").is_some() || has_errors(reply)))
}

fn has_errors(reply: &Object<'_>) -> bool {
    reply.get_set("errors").is_some_and(|errors| !items(errors).is_empty())
}

/// Whether the value of `error` is an error: services write an empty one into good answers. An empty object is one
/// only where there is no answer.
pub(in crate::dialect::openai) fn is_said(error: &RawValue, is_no_answer: bool) -> bool {
    match Kind::of(error) {
        Kind::Null => false,
        Kind::Boolean => error.get() == "true",
        Kind::Number => error.get() != "0",
        Kind::String => string(error).is_none_or(|words| !words.trim().is_empty()),
        Kind::Array => !items(error).is_empty(),
        Kind::Object => is_no_answer || object(error).is_none_or(|fields| !fields.is_empty()),
    }
}

/// The error of one choice: `OpenRouter` reports a failure of the provider there, with or without the details.
pub(super) fn of_choice(choice: &Object<'_>) -> Option<ErrorInfo> {
    if let Some(error) = choice.get_set("error").filter(|error| is_said(error, false)) {
        return Some(in_stream(format!("{{\"error\":{}}}", error.get()).as_bytes()));
    }
    let word = text(choice, "finish_reason").or_else(|| text(choice, "native_finish_reason"))?;
    let details = object_at(choice, "message").or_else(|| object_at(choice, "delta"));
    let details = details.and_then(|message| message.get_set("error").map(RawValue::get));
    match details.filter(|_| word == "error") {
        Some(details) => Some(in_stream(format!("{{\"error\":{details}}}").as_bytes())),
        None => verdict::abnormal_word(&word, None).filter(|_| text(choice, "finish_reason").is_some()),
    }
}

/// Decodes the body of an error response.
pub(super) fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    let fallback = || format!("The provider answered with status {status}.");
    let mut info = match told::read(body) {
        Some(told) => told.into_info(status),
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

/// Decodes an error in a stream, or in an answer with a success status. Its status is the one that it contains, if
/// any.
pub(in crate::dialect::openai) fn in_stream(data: &[u8]) -> ErrorInfo {
    let named = told::read(data).and_then(|told| told.status);
    let mut info = decode(named.unwrap_or(502), data);
    if named.is_none() {
        info.status = told::status_of(info.kind);
    }
    info
}

/// Decodes an error that is an item of a list, as in Gemini's compatible API.
pub(super) fn find_in_list(data: &[u8]) -> Option<ErrorInfo> {
    data.starts_with(b"[").then(|| told::read(data)).flatten().map(|_| in_stream(data))
}

fn word_at(detail: &Object<'_>, name: &str) -> Option<String> {
    detail.get_set(name).map(word).filter(|word| !word.is_empty())
}

fn word(value: &RawValue) -> String {
    string(value).map_or_else(|| value.get().to_owned(), std::borrow::Cow::into_owned)
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
