//! Frames from an agent to its hub.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Bye, Checked, frames, id, ids, is_agent_id, server, sha256, short};
use crate::limits::{MAX_CATALOG_BYTES, MAX_SERVERS};

frames! {
    /// A frame from the agent.
    Up {
        /// The first frame of a connection.
        Hello(Hello) = "hello",
        /// The agent's servers, after a change of them.
        Announce(Announce) = "servers",
        /// The catalogue of a server that the hub asked for.
        Catalog(CatalogFrame) = "catalog",
        /// The agent has, or has not, taken a call.
        Ack(Ack) = "ack",
        /// What happens during a call. May be left out, the newest counts.
        Note(Note) = "note",
        /// A call waits for an answer of a person.
        Ask(Ask) = "ask",
        /// How a call ended.
        Result(ResultFrame) = "result",
        /// Whether a call is being cancelled.
        CancelAck(CancelAck) = "cancel_ack",
        /// The agent leaves.
        Bye(Bye) = "bye",
    }
}

/// A server of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name in the agent's configuration.
    pub name: String,
    /// What it is doing: `off`, `starting`, `ready`, `failed`, …
    #[serde(default)]
    pub state: String,
    /// The era of MCP that it speaks: `modern` or `legacy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub era: Option<String>,
    /// SHA-256 of its catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_sha256: Option<String>,
}

/// Calls that an agent remembers from before the connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Those that run.
    #[serde(default)]
    pub running: Vec<String>,
    /// Those whose results the hub has not acknowledged.
    #[serde(default)]
    pub done: Vec<String>,
}

/// See [`Up::Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The agent.
    pub agent_id: String,
    /// Names this run of the agent's program.
    pub instance: String,
    /// The program's version.
    #[serde(default)]
    pub version: String,
    /// The operating system.
    #[serde(default)]
    pub os: String,
    /// Whether another instance, if one is connected, is to be sent away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takeover: bool,
    /// Its servers.
    #[serde(default)]
    pub servers: Vec<Server>,
    /// Calls from before.
    #[serde(default)]
    pub resume: Resume,
}

/// See [`Up::Announce`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// All servers of the agent.
    pub servers: Vec<Server>,
}

/// See [`Up::Catalog`]. The catalogue itself stands in `body`, or came in the parts with number `n`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CatalogFrame {
    /// The server.
    pub server: String,
    /// SHA-256 of the catalogue's bytes.
    pub sha256: String,
    /// The catalogue, if it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    /// Number of its parts.
    #[serde(default)]
    pub n: u32,
    /// Bytes in parts.
    #[serde(default)]
    pub bytes: usize,
}

/// See [`Up::Ack`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The call.
    pub id: String,
    /// Whether it runs, or has run.
    pub accepted: bool,
    /// Why not: `busy`, `unknown_id`, `already_ended`, `bad_params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Kind of a [`Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Progress of the call.
    Progress,
    /// A log message of the server.
    Log,
    /// What the server wrote to its standard error.
    Stderr,
}

/// See [`Up::Note`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// The call.
    pub id: String,
    /// Counts the notes of the agent.
    pub seq: u64,
    /// Kind.
    pub kind: NoteKind,
    /// What it says.
    pub data: Box<RawValue>,
    /// Bytes of notes that were left out before this one.
    #[serde(default)]
    pub dropped_bytes: u64,
    /// Number of notes that were left out before this one.
    #[serde(default)]
    pub dropped_lines: u64,
}

/// Kind of an [`Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// Whether the call may run.
    Approval,
    /// Input that the server asks for.
    InputRequired,
}

/// See [`Up::Ask`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// The call.
    pub id: String,
    /// Names the question.
    pub ask: String,
    /// Kind.
    pub kind: AskKind,
    /// What is asked.
    pub body: Box<RawValue>,
}

/// See [`Up::Result`]. The result stands in `body`, or came in `parts` parts with the number `n`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResultFrame {
    /// The call.
    pub id: String,
    /// The call's number.
    pub n: u32,
    /// Whether the body is a result; otherwise it is an error.
    pub ok: bool,
    /// The body, if it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    /// Bytes in parts.
    #[serde(default)]
    pub bytes: usize,
    /// Number of parts.
    #[serde(default)]
    pub parts: u32,
    /// SHA-256 of what is in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// See [`Up::CancelAck`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelAck {
    /// The call.
    pub id: String,
    /// Whether it is being cancelled; otherwise it has ended, or is not known.
    pub will_cancel: bool,
}

fn servers(list: &[Server]) -> Result<(), &'static str> {
    if list.len() > MAX_SERVERS {
        return Err("too many servers");
    }
    list.iter().try_for_each(|one| {
        server(&one.name)?;
        short(&one.state)?;
        short(one.era.as_deref().unwrap_or_default())?;
        one.catalog_sha256.as_deref().map_or(Ok(()), sha256)
    })
}

impl Checked for Hello {
    fn check(&self) -> Result<(), &'static str> {
        if !is_agent_id(&self.agent_id) {
            return Err("an agent's id has 3 to 64 letters, digits, `_` and `-`");
        }
        id(&self.instance)?;
        short(&self.version)?;
        short(&self.os)?;
        ids(&self.resume.running)?;
        ids(&self.resume.done)?;
        servers(&self.servers)
    }
}

impl Checked for Announce {
    fn check(&self) -> Result<(), &'static str> {
        servers(&self.servers)
    }
}

impl Checked for CatalogFrame {
    fn check(&self) -> Result<(), &'static str> {
        server(&self.server)?;
        sha256(&self.sha256)?;
        match (&self.body, self.bytes) {
            (Some(_), 0) | (None, 1..=MAX_CATALOG_BYTES) => Ok(()),
            _ => Err("a catalogue is in `body` or in parts"),
        }
    }
}

impl Checked for Ack {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)?;
        short(self.reason.as_deref().unwrap_or_default())
    }
}

impl Checked for Note {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)
    }
}

impl Checked for Ask {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)?;
        id(&self.ask)
    }
}

impl Checked for ResultFrame {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)?;
        match (&self.body, self.parts, self.bytes, &self.sha256) {
            (Some(_), 0, 0, None) => Ok(()),
            (None, 1.., 1.., Some(sum)) => sha256(sum),
            _ => Err("a result is in `body` or in parts"),
        }
    }
}

impl Checked for CancelAck {
    fn check(&self) -> Result<(), &'static str> {
        id(&self.id)
    }
}
