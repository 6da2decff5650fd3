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

/// `/wait`: what has become of a call.
#[derive(Serialize, Deserialize)]
pub struct Wait {
    /// The call.
    pub id: String,
    /// Whether events are wanted, instead of one answer.
    pub stream: bool,
    /// Whether the events end where the call asks for input, and the call goes on.
    #[serde(default)]
    pub until_asked: bool,
}

/// `/result`: a call as it is.
#[derive(Serialize, Deserialize)]
pub struct Named {
    /// The call.
    pub id: String,
}

/// `/cancel`
#[derive(Serialize, Deserialize)]
pub struct Cancel {
    /// The call.
    pub id: String,
    /// What the agent is told.
    pub reason: String,
}

/// `/approve`: the answer to a question of a call.
#[derive(Serialize, Deserialize)]
pub struct Approve {
    /// The question.
    pub ask: String,
    /// The answer.
    pub body: Box<RawValue>,
}

/// `/events`
#[derive(Serialize, Deserialize)]
pub struct Watch {
    /// The agent, as events name it.
    pub agent_id: String,
    /// Whether what concerns no call is left out.
    pub only_tools: bool,
    /// The last event that the watcher has seen, as it was named to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// `/revoke`: closes all connections.
#[derive(Serialize, Deserialize)]
pub struct Revoke {
    /// Tokens that were issued before are not good any more, in milliseconds.
    pub not_before_ms: u64,
    /// Whether everything else that is stored is deleted.
    pub wipe: bool,
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
    /// Whether the events end where the call asks for input, and the call goes on.
    #[serde(default)]
    pub until_asked: bool,
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
                    serde_json::from_str::<ToolParams>(params.get()).ok().filter(|_| method == "tools/call");
                named.map_or_else(|| method.clone(), |named| name_of(server, &named.name))
            }
        }
    }
}

#[derive(Deserialize)]
struct ToolParams {
    name: String,
}

/// A refusal.
pub fn refusal(status: u16, code: &str) -> Result<Response> {
    Ok(ResponseBuilder::new().with_status(status).with_header(CODE_HEADER, code)?.empty())
}
