//! Frames from a hub to its agent.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Bye, Checked, frames, id, ids, server, sha256, short};
use crate::limits::{Limits, MAX_DEADLINE_MS, MAX_SERVERS};

frames! {
    /// A frame from the hub.
    Down {
        /// The answer to `hello`.
        Welcome(Welcome) = "welcome",
        /// Servers whose catalogues the hub does not have.
        Want(Want) = "want",
        /// A call.
        Call(Call) = "call",
        /// Asks for an `ack` of each of these calls: the hub lost what it knew of them.
        Check(Check) = "check",
        /// Results that the hub has stored, or does not need.
        ResultAck(Ids) = "result_ack",
        /// Results to be sent again from their beginning.
        Send(Ids) = "send",
        /// More parts may be sent.
        Credit(Credit) = "credit",
        /// A call is to be cancelled.
        Cancel(Cancel) = "cancel",
        /// The answer to an `ask`.
        Answer(Answer) = "answer",
        /// The hub closes the connection.
        Bye(Bye) = "bye",
    }
}

/// See [`Down::Welcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Counts the connections that the hub has taken.
    pub epoch: u64,
    /// What the agent must keep to.
    pub limits: Limits,
    /// Servers whose catalogues the hub does not have.
    #[serde(default)]
    pub want: Vec<String>,
    /// Calls that go on.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Calls that are over for the hub: to be cancelled and forgotten.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Calls whose results are to be sent.
    #[serde(default)]
    pub send: Vec<String>,
}

/// See [`Down::Want`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// The servers.
    pub servers: Vec<String>,
}

/// See [`Down::Call`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// Names the call.
    pub id: String,
    /// Its number in the headers of parts.
    pub n: u32,
    /// The server that is called.
    pub server: String,
    /// The method of MCP.
    pub method: String,
    /// Its parameters, unless they came in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Box<RawValue>>,
    /// Bytes of the parameters in parts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: usize,
    /// SHA-256 of the parameters in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Milliseconds from now until the call must have ended.
    pub deadline_ms: u64,
    /// Whether progress is wanted.
    #[serde(default)]
    pub progress: bool,
    /// For whom the call is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Box<RawValue>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(bytes: &usize) -> bool {
    *bytes == 0
}

/// See [`Down::Check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The calls.
    pub ids: Vec<String>,
}

/// A list of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The calls.
    pub ids: Vec<String>,
}

/// See [`Down::Credit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The call's number.
    pub n: u32,
    /// How many bytes more.
    pub bytes: usize,
}

/// See [`Down::Cancel`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The call.
    pub id: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// See [`Down::Answer`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The call.
    pub id: String,
    /// The question.
    pub ask: String,
    /// The answer.
    pub body: Box<RawValue>,
}

impl Checked for Welcome {
    fn check(&self) -> Result<(), &'static str> {
        if self.limits.part_bytes == 0 || self.limits.window_bytes < self.limits.part_bytes {
            return Err("the limits allow no part");
        }
        for list in [&self.keep, &self.drop, &self.send] {
            ids(list)?;
        }
        names(&self.want)
    }
}

fn names(list: &[String]) -> Result<(), &'static str> {
    if list.len() > MAX_SERVERS {
        return Err("too many servers");
    }
    list.iter().try_for_each(|name| server(name))
}

impl Checked for Want {
    fn check(&self) -> Result<(), &'static str> {
        names(&self.servers)
    }
}

impl Checked for Call {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)?;
        server(&self.server)?;
        short(&self.method)?;
        if self.deadline_ms > MAX_DEADLINE_MS {
            return Err("the deadline is too late");
        }
        match (&self.params, self.bytes, &self.sha256) {
            (_, 0, None) => Ok(()),
            (None, 1.., Some(sum)) => sha256(sum),
            _ => Err("parameters are in `params` or in parts"),
        }
    }
}

impl Checked for Check {
    fn check(&self) -> Result<(), &'static str> {
        ids(&self.ids)
    }
}

impl Checked for Ids {
    fn check(&self) -> Result<(), &'static str> {
        ids(&self.ids)
    }
}

impl Checked for Credit {
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl Checked for Cancel {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)?;
        short(&self.reason)
    }
}

impl Checked for Answer {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)?;
        id(&self.ask)
    }
}
