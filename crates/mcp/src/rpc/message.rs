//! The four kinds of messages, and how they are written.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Id, RpcError};

/// A request: it expects one response with its id.
#[derive(Debug, Clone)]
pub struct Request {
    /// Unique among the requests of the sender that have no response yet.
    pub id: Id,
    /// Such as `tools/call`.
    pub method: String,
    /// An object, byte for byte.
    pub params: Option<Box<RawValue>>,
}

/// A message without a response.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Such as `notifications/progress`.
    pub method: String,
    /// An object, byte for byte.
    pub params: Option<Box<RawValue>>,
}

/// What a request came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its result, byte for byte.
    Result(Box<RawValue>),
    /// Its error.
    Error(RpcError),
}

/// The response to a request.
#[derive(Debug, Clone)]
pub struct Response {
    /// The id of the request; `None` in errors about a request whose id could not be read.
    pub id: Option<Id>,
    /// What it came to.
    pub outcome: Outcome,
}

/// Any message.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A notification.
    Notification(Notification),
    /// A response.
    Response(Response),
}

impl Response {
    /// A result.
    #[must_use]
    pub fn result(id: Id, result: Box<RawValue>) -> Self {
        Self { id: Some(id), outcome: Outcome::Result(result) }
    }

    /// An error.
    #[must_use]
    pub fn error(id: Option<Id>, error: RpcError) -> Self {
        Self { id, outcome: Outcome::Error(error) }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Notification> for Message {
    fn from(notification: Notification) -> Self {
        Self::Notification(notification)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum WrittenId<'a> {
    Known(&'a Id),
    /// Of an error about an unreadable request: `null`, as JSON-RPC demands; the schema calls it optional.
    Unknown,
}

#[derive(Serialize)]
struct Written<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<WrittenId<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
}

impl Message {
    /// The message as one line of JSON, without the line feed. Line breaks of values that are kept as they came, which
    /// JSON has only between tokens, become spaces.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut written =
            Written { jsonrpc: "2.0", id: None, method: None, params: None, result: None, error: None };
        match self {
            Self::Request(request) => {
                written.id = Some(WrittenId::Known(&request.id));
                written.method = Some(&request.method);
                written.params = request.params.as_deref();
            }
            Self::Notification(notification) => {
                written.method = Some(&notification.method);
                written.params = notification.params.as_deref();
            }
            Self::Response(response) => {
                written.id = Some(response.id.as_ref().map_or(WrittenId::Unknown, WrittenId::Known));
                match &response.outcome {
                    Outcome::Result(result) => written.result = Some(result),
                    Outcome::Error(error) => written.error = Some(error),
                }
            }
        }
        let line = serde_json::to_string(&written).unwrap_or_default();
        if line.contains(['\n', '\r']) { line.replace(['\n', '\r'], " ") } else { line }
    }
}
