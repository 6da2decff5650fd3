//! A call of a server: what goes in, what is heard meanwhile, and what it comes to.

use std::fmt;
use std::time::Duration;

use nexus_edge_mcp::progress::Progress;
use nexus_edge_mcp::rpc::{RpcError, code};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

/// One request to one server.
#[derive(Debug)]
pub struct Call {
    /// Unique among the calls in flight; names the call in [`super::ServerHandle::cancel`] and in logs.
    pub id: String,
    /// The server, by its name in the configuration.
    pub server: String,
    /// Such as `tools/call`.
    pub method: String,
    /// The parameters as the caller gave them.
    pub params: Option<Box<RawValue>>,
    /// How long the call may take in all, queueing and start of the server included.
    pub deadline: Duration,
    /// Where the call comes from: it decides the default policy.
    pub origin: Origin,
    /// Where progress and log lines go. What does not fit is dropped.
    pub notes: Option<mpsc::Sender<Note>>,
    /// Who is asked when the call needs an approval or input. `None`: there is none to ask, and such a call is refused.
    pub asks: Option<mpsc::Sender<Ask>>,
}

/// Where a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client on this machine, which asks its user itself before it calls.
    Local,
    /// The gateway.
    Gateway,
}

/// What is heard of a call before its end.
#[derive(Debug, Clone)]
pub enum Note {
    /// How far it is. The token is the agent's, not the caller's.
    Progress(Progress),
    /// The parameters of `notifications/message`.
    Log(Box<RawValue>),
}

/// What a person, or the session that called, is asked. An answer that is dropped is a refusal.
#[derive(Debug)]
pub enum Ask {
    /// Whether a tool may run.
    Approval {
        /// What is to run.
        approval: Approval,
        /// The answer.
        answer: oneshot::Sender<Answer>,
    },
    /// A request of the server to its client: `elicitation/create`, `sampling/createMessage`, `roots/list`.
    Input {
        /// The method.
        method: String,
        /// Its parameters.
        params: Option<Box<RawValue>>,
        /// The result, or the error, for the server.
        answer: oneshot::Sender<Result<Box<RawValue>, RpcError>>,
    },
}

/// What an approval is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Approval {
    /// The call.
    pub id: String,
    /// The server.
    pub server: String,
    /// The tool, as the server calls it.
    pub tool: String,
    /// Its arguments, as the caller gave them.
    pub arguments: Option<Box<RawValue>>,
    /// Why it is asked for.
    pub why: String,
}

/// The answer to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This call may run.
    Once,
    /// This tool may run until the agent ends, as long as it does not change.
    Session,
    /// This tool may run, as long as it does not change.
    Always,
    /// This call may not run.
    Deny,
}

/// What a call came to: the result as the server wrote it, or why there is none.
pub type CallResult = Result<Box<RawValue>, CallError>;

/// Why a call has no result.
#[derive(Debug, Clone)]
pub struct CallError {
    /// What happened, for programs.
    pub kind: CallFault,
    /// What happened, for people. Without secrets.
    pub message: String,
    /// The error that the server itself answered.
    pub rpc: Option<RpcError>,
}

/// Kinds of [`CallError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// The server answered with an error.
    Refused,
    /// There is no server, tool or resource of this name.
    NotFound,
    /// A rule forbids the call, or it was not approved.
    NotAllowed,
    /// The tool is not the one that was accepted.
    Changed,
    /// The server cannot be started.
    Unavailable,
    /// The server ended while the call was in flight: whether it was executed is not known.
    Crashed,
    /// No answer in time. The server was told to stop.
    Timeout,
    /// The caller gave the call up.
    Canceled,
    /// Too many calls.
    Busy,
    /// The parameters cannot be sent.
    Invalid,
}

impl CallFault {
    /// The stable word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "tool_call_failed",
            Self::NotFound => "tool_not_found",
            Self::NotAllowed => "tool_not_allowed",
            Self::Changed => "tool_changed",
            Self::Unavailable => "server_unavailable",
            Self::Crashed => "server_crashed",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Busy => "agent_busy",
            Self::Invalid => "invalid_payload",
        }
    }
}

impl CallError {
    /// An error of the agent.
    #[must_use]
    pub fn new(kind: CallFault, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), rpc: None }
    }

    /// The error that a server answered.
    #[must_use]
    pub fn answered(error: RpcError) -> Self {
        Self { kind: CallFault::Refused, message: error.message.clone(), rpc: Some(error) }
    }

    /// As an error of JSON-RPC: that of the server as it is, ours with the word in `data.code`.
    #[must_use]
    pub fn to_rpc(&self) -> RpcError {
        if let Some(rpc) = &self.rpc {
            return rpc.clone();
        }
        let number = match self.kind {
            CallFault::NotFound | CallFault::Invalid => code::INVALID_PARAMS,
            _ => code::INTERNAL,
        };
        RpcError::new(number, self.message.clone())
            .with_data(&serde_json::json!({ "code": self.kind.as_str() }))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}
