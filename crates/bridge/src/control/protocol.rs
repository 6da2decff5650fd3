//! What is asked of a running agent, and its answers: one line of JSON each, over a socket that only its owner may use.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::server::call::Answer;

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// What the agent and its servers do.
    Status,
    /// Read the configuration again.
    Reload,
    /// End.
    Stop,
    /// The calls that wait for an approval.
    Approvals,
    /// Answer one of them.
    Answer {
        /// The call.
        id: String,
        /// The answer.
        answer: Answer,
    },
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// What was asked for.
    Ok(Box<RawValue>),
    /// Why it was not done, for people.
    Error(String),
}

/// What the agent and its servers do.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// `agent.id`; empty if none is configured.
    pub agent_id: String,
    /// The program's version.
    pub version: String,
    /// The number of its process.
    pub pid: u32,
    /// The configuration.
    pub config: String,
    /// The gateway, if one is configured.
    pub gateway: Option<String>,
    /// `off`, `connecting`, `connected`, or `waiting:` and why there is no connection.
    #[serde(default)]
    pub link: String,
    /// All servers.
    pub servers: Vec<ServerStatus>,
}

/// What a server does.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// `off`, `starting`, `probing`, `ready`, `draining`, `stopping`, `backoff` or `failed`.
    pub state: String,
    /// `legacy` or `modern`, once known.
    pub era: Option<String>,
    /// How many tools it has, once known.
    pub tools: Option<usize>,
    /// Whether what is known of it is from an earlier run.
    pub stale: bool,
    /// The number of its process.
    pub pid: Option<u32>,
    /// Calls in flight and waiting.
    pub calls: usize,
    /// Starts since the agent began.
    pub starts: u64,
    /// What was last wrong with it.
    pub last_error: Option<String>,
}
