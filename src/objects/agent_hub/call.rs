//! How the Worker and a hub talk: what is asked, and how it is refused.

use nexus_edge_tunnel::tools::name_of;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use worker::{Response, ResponseBuilder, Result};

/// The header of an answer that is a refusal: the code of the error.
pub const CODE_HEADER: &str = "x-hub-code";
/// The header of a refusal that says whether the call was executed.
pub const EXECUTED_HEADER: &str = "x-hub-executed";

/// A connection to be opened; what the ticket says.
#[derive(Serialize, Deserialize)]
pub struct Opening {
    /// The agent.
    pub agent_id: String,
    /// The ticket's id.
    pub ticket: String,
    /// When the ticket expires, in milliseconds.
    pub expires_ms: u64,
    /// When the agent's token was issued, in milliseconds.
    pub issued_ms: u64,
}

/// A call to be made.
#[derive(Serialize, Deserialize)]
pub struct Invoke {
    /// Names it.
    pub id: String,
    /// What is called.
    pub target: Target,
    /// Milliseconds until it must have ended.
    pub timeout_ms: u64,
    /// Whether events are wanted, instead of one answer.
    pub stream: bool,
    /// For whom it is made.
    pub principal: Box<RawValue>,
}

/// What is called.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A tool, by the name that it has in the list of tools.
    Tool {
        /// The name.
        name: String,
        /// Its arguments, an object.
        arguments: Box<RawValue>,
    },
    /// A method of MCP at one server.
    Method {
        /// The server.
        server: String,
        /// The method.
        method: String,
        /// Its parameters.
        params: Box<RawValue>,
    },
}

impl Target {
    /// Bytes of the arguments or parameters.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Tool { arguments: sent, .. } | Self::Method { params: sent, .. } => sent.get().len(),
        }
    }

    /// What is shown of it with the call.
    pub fn shown(&self) -> String {
        match self {
            Self::Tool { name, .. } => name.clone(),
            Self::Method { server, method, params } => {
                let named =
                    serde_json::from_str::<Named>(params.get()).ok().filter(|_| method == "tools/call");
                named.map_or_else(|| method.clone(), |named| name_of(server, &named.name))
            }
        }
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// A refusal.
pub fn refusal(status: u16, code: &str) -> Result<Response> {
    Ok(ResponseBuilder::new().with_status(status).with_header(CODE_HEADER, code)?.empty())
}

/// The status of a refusal.
pub fn status_of(code: &str) -> u16 {
    match code {
        "tool_not_found" | "agent_offline" | "call_not_found" => 404,
        "req_id_reused" | "call_canceled" => 409,
        "arguments_too_large" => 413,
        "agent_busy" => 429,
        "tool_timeout" | "agent_unresponsive" => 504,
        _ => 502,
    }
}
