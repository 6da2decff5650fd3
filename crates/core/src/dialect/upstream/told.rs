//! What a body says about an error, in any form that services and the proxies before them are known to use.
//!
//! A codec reads the errors of its own service more exactly. This reader is for what no codec knows: an error of
//! another service's form inside of an answer with a success status, and of services that imitate `OpenAI`.
//!
//! ```json
//! {"error": {"message": "…", "type": "…", "code": 429, "param": "…", "metadata": {"raw": "…"}}}
//! {"error": "…"}                                    {"error": {"message": {"text": "…"}}}
//! {"type": "error", "error": {…}}                   {"code": "Throttling", "message": "…"}
//! {"detail": "…"}                                   {"detail": [{"loc": ["body", "n"], "msg": "…"}]}
//! {"errors": [{"code": 10000, "message": "…"}]}     {"error_code": 17, "error_msg": "…"}
//! {"base_resp": {"status_code": 1002, "status_msg": "…"}}
//! ```

use serde_json::{Map, Value};

use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::json::lenient;

/// Names of the message, of the code and of the type, the usual ones first.
const MESSAGES: &[&str] = &[
    "message",
    "msg",
    "error_msg",
    "error_message",
    "errorMessage",
    "status_msg",
    "Message",
    "text",
    "title",
    "reason",
    "description",
];
/// Those that stand beside an answer's own fields, where a message has to be a string.
const OUTER_MESSAGES: usize = 7;
const CODES: &[&str] = &["code", "error_code", "status_code", "statusCode", "status", "__type"];

/// The content of an error.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Told {
    /// The message; empty if there is none.
    pub message: String,
    /// The type.
    pub kind: Option<String>,
    /// The code, unless it is a status.
    pub code: Option<String>,
    /// The path of the invalid field.
    pub param: Option<String>,
    /// The HTTP status that the error names.
    pub status: Option<u16>,
}

/// The error in a body that is known to be no answer; `None` if it says nothing.
#[must_use]
pub fn error_in(body: &[u8]) -> Option<ErrorInfo> {
    let told = read(body)?;
    (!told.message.is_empty() || told.code.is_some() || told.kind.is_some()).then(|| told.in_answer())
}

/// The content of an error body; of the first error, if it is a list.
#[must_use]
pub fn read(body: &[u8]) -> Option<Told> {
    match lenient::tree(body).ok()? {
        Value::Object(body) => of_body(&body),
        Value::Array(list) => of_body(list.first()?.as_object()?),
        _ => None,
    }
}

fn of_body(body: &Map<String, Value>) -> Option<Told> {
    match body.get("error").filter(|error| says_something(error)) {
        Some(Value::Object(error)) => {
            // Beside an error without a message, the message may stand outside of it.
            let mut told = of_detail(error).unwrap_or_default();
            if let Some(outer) = of_outer(body).filter(|_| told.message.is_empty()) {
                told.message = outer.message;
            }
            return Some(told);
        }
        Some(error) => {
            // In some a string is the message, in others the type of error.
            let mut told = of_outer(body).unwrap_or_default();
            let word = words_of(error).unwrap_or_default();
            if told.message.is_empty() {
                told.message = word;
            } else {
                told.kind = told.kind.or(Some(word));
            }
            return Some(told);
        }
        None => {}
    }
    for name in ["errors", "detail"] {
        if let Some(inner) = body.get(name).filter(|inner| says_something(inner)) {
            return of_inner(inner);
        }
    }
    if let Some(Value::Object(base)) = body.get("base_resp") {
        return of_base_resp(base);
    }
    of_outer(body)
}

/// The fields of an error beside each other in the body. A type alone is one of an answer, and so is a message that is an
/// object.
fn of_outer(body: &Map<String, Value>) -> Option<Told> {
    let names = MESSAGES.get(..OUTER_MESSAGES).unwrap_or_default();
    let message = names.iter().find_map(|name| text(body.get(*name)?));
    let has_code = CODES.iter().any(|name| body.get(*name).and_then(word).is_some());
    if message.is_none() && !has_code {
        return None;
    }
    Some(Told { message: message.unwrap_or_default(), ..of_detail(body)? })
}

/// An error as the value of `errors` or `detail`: words, an error, or a list of them. `FastAPI` lists invalid fields.
fn of_inner(inner: &Value) -> Option<Told> {
    match inner {
        Value::Object(inner) => of_body(inner),
        Value::Array(list) => {
            let first = list.first()?;
            let Some(fields) = first.as_object() else { return of_inner(first) };
            let Some(Value::Array(place)) = fields.get("loc") else { return of_body(fields) };
            let place: Vec<String> = place.iter().skip(1).filter_map(word).collect();
            let param = (!place.is_empty()).then(|| place.join("."));
            let fault = fields.get("msg").and_then(words_of).unwrap_or_default();
            let message = match &param {
                Some(param) => format!("{param}: {fault}"),
                None => fault,
            };
            Some(Told { message, param, ..Told::default() })
        }
        inner => Some(Told { message: words_of(inner)?, ..Told::default() }),
    }
}

/// `MiniMax` (<https://platform.minimax.io/docs/api-reference/errorcode>): a number of its own instead of a status.
fn of_base_resp(base: &Map<String, Value>) -> Option<Told> {
    let code = base.get("status_code").and_then(word)?;
    let status = match code.as_str() {
        "0" => return None,
        "1002" | "1041" | "2045" | "2056" => Some(429),
        "1004" | "2049" => Some(401),
        "1008" => Some(402),
        "1026" | "1027" | "1039" | "1042" | "2013" | "20132" => Some(400),
        "1001" => Some(504),
        _ => None,
    };
    let message = base.get("status_msg").and_then(words_of).unwrap_or_default();
    Some(Told { message, status, code: Some(code), ..Told::default() })
}

/// The object with message, type, code and parameter.
fn of_detail(detail: &Map<String, Value>) -> Option<Told> {
    let message = MESSAGES.iter().find_map(|name| words_of(detail.get(*name)?));
    let code = CODES.iter().find_map(|name| word(detail.get(*name)?));
    let kind = ["type", "status"].iter().find_map(|name| text(detail.get(*name)?));
    if message.is_none() && code.is_none() && kind.is_none() {
        return None;
    }
    let status = code.as_ref().and_then(|code| code.parse().ok());
    let status = status.filter(|status| (400..600).contains(status));
    let mut message = message.unwrap_or_default();
    // OpenRouter has the provider's own message inside its own.
    let raw = detail.get("metadata").and_then(|metadata| words_of(metadata.get("raw")?));
    if let Some(raw) = raw.filter(|raw| !message.contains(raw.as_str())) {
        message = if message.is_empty() { raw } else { format!("{message}: {raw}") };
    }
    let param = ["param", "field"].iter().find_map(|name| text(detail.get(*name)?));
    Some(Told { message, kind, code: code.filter(|_| status.is_none()), param, status })
}

/// Whether the value of a field for errors is one: not `null`, `false`, `0`, `""`, `{}` or `[]`.
#[must_use]
pub fn says_something(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(words) => !words.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// The words of a message: a string, or the words inside of an object or a list; otherwise its JSON.
fn words_of(message: &Value) -> Option<String> {
    match message {
        Value::Null | Value::Bool(_) => None,
        Value::String(_) => text(message),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => items.iter().find_map(words_of),
        Value::Object(fields) => MESSAGES
            .iter()
            .chain(&["error", "detail"])
            .find_map(|name| words_of(fields.get(*name)?))
            .or_else(|| (!fields.is_empty()).then(|| message.to_string())),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        value => text(value),
    }
}

impl Told {
    /// The error, with the status of its response.
    #[must_use]
    pub fn into_info(self, status: u16) -> ErrorInfo {
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

    /// The error inside of an answer with a success status: its own status, or that of its kind.
    #[must_use]
    pub fn in_answer(self) -> ErrorInfo {
        let named = self.status;
        let code = self.code.clone().or_else(|| self.kind.clone());
        let mut info = self.into_info(named.unwrap_or(502));
        if named.is_none() {
            info.status = status_of(info.kind);
        }
        if info.message.is_empty() {
            info.message = format!(
                "The provider answered with the error {}.",
                code.as_deref().unwrap_or("status of a failure")
            );
        }
        info
    }
}

/// The status of an error of this kind that names none.
#[must_use]
pub fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => 400,
        ErrorKind::Authentication => 401,
        ErrorKind::Permission => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::RequestTooLarge => 413,
        ErrorKind::RateLimit | ErrorKind::InsufficientQuota => 429,
        ErrorKind::Overloaded | ErrorKind::Unavailable => 503,
        ErrorKind::Timeout => 504,
        ErrorKind::Server => 502,
    }
}

/// The kind of a type or code.
#[must_use]
pub fn kind_of_word(word: &str) -> Option<ErrorKind> {
    let word = word.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    Some(if has(&["insufficient_quota", "insufficient_balance", "billing", "arrearage"]) {
        ErrorKind::InsufficientQuota
    } else if has(&[
        "rate_limit",
        "ratelimit",
        "throttling",
        "resource_exhausted",
        "too_many_requests",
        "toomanyrequests",
    ]) {
        ErrorKind::RateLimit
    } else if has(&["authentication", "invalid_api_key", "invalidapikey", "unauthorized", "unauthenticated"])
    {
        ErrorKind::Authentication
    } else if has(&["permission", "forbidden", "access_denied", "accessdenied"]) {
        ErrorKind::Permission
    } else if has(&["not_found", "notfound"]) {
        ErrorKind::NotFound
    } else if has(&["overloaded", "unavailable"]) {
        ErrorKind::Overloaded
    } else if has(&["timeout", "deadline_exceeded"]) {
        ErrorKind::Timeout
    } else if has(&["too_large"]) {
        ErrorKind::RequestTooLarge
    } else if has(&[
        "invalid_request",
        "invalid_argument",
        "context_length",
        "badrequest",
        "bad_request",
        "validationexception",
        "invalid_prompt",
    ]) {
        ErrorKind::InvalidRequest
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_every_form() {
        for (body, status, code, message) in [
            (r#"{"error":{"message":"m","code":429,"type":"rate_limit"}}"#, 429, None, "m"),
            (r#"{"error":{"message":{"text":"m"},"code":"c"}}"#, 502, Some("c"), "m"),
            (r#"{"error":{"message":{"a":1}}}"#, 502, None, r#"{"a":1}"#),
            (r#"{"error":{"message":["m","n"]}}"#, 502, None, "m"),
            (r#"{"error":{"code":"c"},"message":"m"}"#, 502, Some("c"), "m"),
            (r#"{"error":"m"}"#, 502, None, "m"),
            (r#"{"error":"overloaded","message":"m"}"#, 503, None, "m"),
            (r#"{"error":true,"message":"m"}"#, 502, None, "m"),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}"#,
                503,
                None,
                "m",
            ),
            (r#"{"code":"Throttling.RateQuota","message":"m"}"#, 429, Some("Throttling.RateQuota"), "m"),
            (r#"{"code":500,"msg":"m"}"#, 500, None, "m"),
            (r#"{"detail":"m"}"#, 502, None, "m"),
            (r#"{"detail":{"error":{"message":"m","code":503}}}"#, 503, None, "m"),
            (r#"{"detail":[{"loc":["body","n"],"msg":"m"}]}"#, 502, None, "n: m"),
            (r#"{"errors":[{"code":10000,"message":"m"}],"success":false}"#, 502, Some("10000"), "m"),
            (r#"{"errors":["m"]}"#, 502, None, "m"),
            (r#"{"error_code":17,"error_msg":"m"}"#, 502, Some("17"), "m"),
            (r#"{"choices":null,"base_resp":{"status_code":1002,"status_msg":"m"}}"#, 429, Some("1002"), "m"),
            (r#"{"statusCode":401,"message":"m"}"#, 401, None, "m"),
            (r#"{"__type":"ThrottlingException","Message":"m"}"#, 429, Some("ThrottlingException"), "m"),
            (r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#, 400, None, "m"),
        ] {
            let info = error_in(body.as_bytes()).unwrap_or_else(|| panic!("{body}"));
            assert_eq!(
                (info.status, info.code.as_deref(), info.message.as_str()),
                (status, code, message),
                "{body}"
            );
        }
        for body in ["", "{}", "[]", "7", r#"{"error":null}"#, r#"{"base_resp":{"status_code":0}}"#] {
            assert_eq!(error_in(body.as_bytes()), None, "{body}");
        }
    }
}
