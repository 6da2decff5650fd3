//! Reading messages.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Id, Message, Notification, Outcome, Request, Response, RpcError, code};
use crate::json::depth;

/// How large and how deep a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Nesting of arrays and objects.
    pub depth: usize,
    /// Messages of a batch.
    pub batch: usize,
}

impl Default for Limits {
    /// 16 MiB, 64 levels, 100 messages.
    fn default() -> Self {
        Self { bytes: 16 * 1024 * 1024, depth: 64, batch: 100 }
    }
}

/// Whether arrays of messages are read: only the version 2025-03-26 has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batches {
    /// They are.
    Read,
    /// They are an invalid request.
    Refuse,
}

/// One message, or several in an array.
#[derive(Debug, Clone)]
pub enum Frame {
    /// One message.
    One(Message),
    /// An array. An item that is no message is refused by itself.
    Batch(Vec<Result<Message, Malformed>>),
}

/// A text that is no message: the error to answer with, and the id of the request where it could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Malformed {
    /// The id, if any.
    pub id: Option<Id>,
    /// What is wrong.
    pub error: RpcError,
}

impl From<Malformed> for Response {
    fn from(malformed: Malformed) -> Self {
        Self::error(malformed.id, malformed.error)
    }
}

/// Reads a text that is one message, or an array of them.
///
/// # Errors
/// The text is too large, too deep, no JSON, no message, or an array where none is read.
pub fn parse(text: &[u8], limits: Limits, batches: Batches) -> Result<Frame, Malformed> {
    let text = checked(text, limits)?;
    if !text.trim_start().starts_with('[') {
        return message(text).map(Frame::One);
    }
    if batches == Batches::Refuse {
        return Err(invalid(None, "batches of messages are not supported in this version"));
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| unreadable("not valid JSON"))?;
    if items.is_empty() {
        return Err(invalid(None, "a batch must not be empty"));
    }
    if items.len() > limits.batch {
        return Err(invalid(None, format!("a batch may have at most {} messages", limits.batch)));
    }
    Ok(Frame::Batch(items.into_iter().map(|item| message(item.get())).collect()))
}

/// Reads a text that is one message.
///
/// # Errors
/// As of [`parse`].
pub fn parse_message(text: &[u8], limits: Limits) -> Result<Message, Malformed> {
    message(checked(text, limits)?)
}

fn checked(text: &[u8], limits: Limits) -> Result<&str, Malformed> {
    if text.len() > limits.bytes {
        return Err(invalid(id_of(text), format!("a message may have at most {} bytes", limits.bytes)));
    }
    if depth(text) > limits.depth {
        return Err(invalid(id_of(text), format!("a message may be at most {} levels deep", limits.depth)));
    }
    std::str::from_utf8(text).map_err(|_| unreadable("not UTF-8"))
}

/// The id of a request whose other members are not read. Values are skipped without recursion, however deep they are.
fn id_of(text: &[u8]) -> Option<Id> {
    #[derive(Deserialize)]
    struct Outline {
        id: Id,
        #[serde(rename = "method")]
        _method: IgnoredAny,
    }
    serde_json::from_slice::<Outline>(text).ok().map(|outline| outline.id)
}

fn unreadable(message: &str) -> Malformed {
    Malformed { id: None, error: RpcError::new(code::PARSE, format!("Parse error: {message}")) }
}

fn invalid(id: Option<Id>, message: impl std::fmt::Display) -> Malformed {
    Malformed { id, error: RpcError::new(code::INVALID_REQUEST, format!("Invalid request: {message}")) }
}

/// All members that a message may have. A repeated one is an error of serde.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// A member that is there, also as `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn message(text: &str) -> Result<Message, Malformed> {
    // First whether it is JSON at all: what is not has another code.
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return Err(unreadable("not valid JSON"));
    }
    let wire: Wire<'_> = serde_json::from_str(text)
        .map_err(|_| invalid(None, "not an object with the members of a message, each of them once"))?;
    let id = match wire.id {
        None => None,
        Some(raw) if raw.get() == "null" => None,
        Some(raw) => Some(
            serde_json::from_str::<Id>(raw.get())
                .map_err(|_| invalid(None, "`id` must be a string or an integer"))?,
        ),
    };
    if wire.jsonrpc.as_deref() != Some("2.0") {
        return Err(invalid(id, "`jsonrpc` must be \"2.0\""));
    }
    if let Some(method) = wire.method {
        if wire.result.is_some() || wire.error.is_some() {
            return Err(invalid(id, "a request has neither `result` nor `error`"));
        }
        if wire.params.is_some_and(|params| !params.get().starts_with('{')) {
            let error = RpcError::invalid_params("`params` must be an object");
            return Err(Malformed { id, error });
        }
        let (method, params) = (method.into_owned(), wire.params.map(ToOwned::to_owned));
        return match (id, wire.id) {
            (Some(id), _) => Ok(Message::Request(Request { id, method, params })),
            (None, None) => Ok(Message::Notification(Notification { method, params })),
            (None, Some(_)) => Err(invalid(None, "the `id` of a request must not be null")),
        };
    }
    let outcome = match (wire.result, wire.error) {
        (Some(result), None) => Outcome::Result(result.to_owned()),
        (None, Some(error)) => Outcome::Error(
            serde_json::from_str(error.get())
                .map_err(|_| invalid(id.clone(), "`error` must have an integer `code`"))?,
        ),
        _ => return Err(invalid(id, "neither a request nor a notification nor a response")),
    };
    Ok(Message::Response(Response { id, outcome }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Result<Message, Malformed> {
        parse_message(text.as_bytes(), Limits::default())
    }

    #[test]
    fn parameters_and_results_are_kept_byte_for_byte() {
        for line in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{ "a" : 1.0e1, "\u0062": [ ] }}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":0.10}}"#,
            r#"{"jsonrpc":"2.0","id":"x","result":{ "n" : 12345678901234567890123 }}"#,
            r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32022,"message":"no","data":{ "supported" : [] }}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
        ] {
            assert_eq!(one(line).unwrap().to_line(), line);
        }
    }

    #[test]
    fn a_message_is_one_line_whatever_its_values_contain() {
        let pretty =
            "{\"jsonrpc\":\"2.0\",\n\"id\":1,\"method\":\"a\",\"params\":{\r\n \"text\": \"\\n\"\n}}";
        let line = one(pretty).unwrap().to_line();
        assert!(!line.contains(['\n', '\r']) && line.contains("\\n"), "{line}");
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_code_for_it() {
        for (text, code) in [
            ("", code::PARSE),
            ("{", code::PARSE),
            ("1", code::INVALID_REQUEST),
            ("[]", code::INVALID_REQUEST),
            (r#"{"id":1,"method":"a"}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"a"}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1}"#, code::INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, code::INVALID_PARAMS),
            (r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, code::INVALID_REQUEST),
        ] {
            assert_eq!(one(text).unwrap_err().error.code, code, "{text}");
        }
        let known = one(r#"{"jsonrpc":"2.0","id":7,"method":"a","params":"x"}"#).unwrap_err();
        assert_eq!(known.id, Some(Id::Number(7)));
    }

    #[test]
    fn size_depth_and_batches_have_limits() {
        let limits = Limits { bytes: 100, depth: 3, batch: 2 };
        let deep = r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":[[1]]}}"#;
        assert_eq!(parse_message(deep.as_bytes(), limits).unwrap_err().id, Some(Id::Number(1)));
        assert!(parse_message(format!("{:200}", "{}").as_bytes(), limits).is_err());
        let ping = r#"{"jsonrpc":"2.0","method":"p"}"#;
        let batch = |count: usize| format!("[{}]", vec![ping; count].join(","));
        assert!(parse(batch(2).as_bytes(), limits, Batches::Read).is_ok());
        assert!(parse(batch(3).as_bytes(), limits, Batches::Read).is_err());
        assert!(parse(batch(1).as_bytes(), limits, Batches::Refuse).is_err());
        let mixed = format!("[{ping},1]");
        let Frame::Batch(items) = parse(mixed.as_bytes(), limits, Batches::Read).unwrap() else { panic!() };
        assert!(items[0].is_ok() && items[1].is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_read_is_written_and_read_again(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes, Limits::default(), Batches::Read);
        }

        #[test]
        fn a_written_message_reads_back_as_itself(id in prop_oneof![any::<i64>().prop_map(Id::Number), any::<String>().prop_map(Id::Text)],
                                                  method in any::<String>(), text in any::<String>()) {
            let params = crate::json::to_raw(&serde_json::json!({ "text": text }));
            let line = Message::from(Request { id, method, params: Some(params) }).to_line();
            prop_assert_eq!(one(&line).unwrap().to_line(), line);
        }
    }
}
