//! How the Worker and the object of a held call talk: one request, and lines of JSON as the answer. The last line is a question or the end.

use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_mcp::notes::Wanted;
use nexus_edge_mcp::rpc::RpcError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// `/begin`: a call to be made.
#[derive(Serialize, Deserialize)]
pub struct Begin {
    /// The server, its secrets sealed.
    pub record: McpServerRecord,
    /// Who calls.
    pub key_id: String,
    /// Whose session it is asked in.
    pub tenant: String,
    /// The method.
    pub method: String,
    /// Its parameters.
    pub params: Box<RawValue>,
    /// `ClientCapabilities`, as far as the server may use them.
    pub capabilities: Box<RawValue>,
    /// What is noted before the end; who hears of it tells on what their own request wants.
    pub wanted: Option<Wanted>,
}

/// `/go-on`: the answer to a question, and the wish to hear more.
#[derive(Serialize, Deserialize)]
pub struct GoOn {
    /// Who called.
    pub key_id: String,
    /// The server that was called.
    pub server: String,
    /// The question.
    pub ask: String,
    /// The answer; without one it is asked again.
    pub response: Option<Box<RawValue>>,
}

/// A line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Something that is told before the end.
    Note {
        /// The method of the notification.
        method: String,
        /// Its parameters.
        params: Option<Box<RawValue>>,
    },
    /// The server asks for input, and the call goes on.
    Asked {
        /// Names the question.
        ask: String,
        /// Parameters of `elicitation/create`.
        params: Option<Box<RawValue>>,
    },
    /// The end, with a result.
    Result(Box<RawValue>),
    /// The end, with an error of the server.
    Error(RpcError),
    /// The end, without either: why the server could not be used.
    Failed(String),
    /// There is no such call, or not any more.
    Gone,
}
