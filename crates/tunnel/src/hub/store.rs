//! The state of a hub that survives evictions, and the storage that it needs.
//!
//! The machine writes in an order in which it may be cut off anywhere: a call is stored before it is sent, a result before
//! it is acknowledged.

use serde::{Deserialize, Serialize};

use crate::frame::Server;

/// The connection that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Counts the connections that were taken; 0 before the first.
    pub epoch: u64,
    /// The run of the agent's program that has the connection.
    pub instance: String,
    /// Since when, in milliseconds since the epoch of time.
    pub since_ms: u64,
    /// When it was lost; `None` while it is there.
    pub lost_ms: Option<u64>,
    /// The program's version.
    pub version: String,
    /// The agent's operating system.
    pub os: String,
}

/// A call that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    /// Names the call.
    pub id: String,
    /// Its number in the headers of parts.
    pub n: u32,
    /// SHA-256 of server, method and parameters: what is asked again under the same id must be the same.
    pub fingerprint: String,
    /// The server that is called.
    pub server: String,
    /// The method of MCP.
    pub method: String,
    /// What the caller wants to find again with the call. Opaque.
    pub about: String,
    /// When it was sent, in milliseconds.
    pub sent_ms: u64,
    /// When it must have ended, in milliseconds.
    pub deadline_ms: u64,
    /// The connection that it was sent on.
    pub epoch: u64,
    /// The instance that it was given to.
    pub instance: String,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The agent sent a result.
    Result,
    /// The agent sent an error.
    Error,
    /// The deadline has passed.
    Timeout,
    /// It was cancelled.
    Canceled,
    /// The agent's connection, or the agent itself, was lost.
    AgentLost,
    /// The agent did not acknowledge it.
    AgentUnresponsive,
    /// It waited for an agent that did not come back.
    AgentOffline,
    /// The agent did not take it.
    Rejected,
    /// What came as a result does not agree with its checksum.
    BadResult,
    /// The result is too large.
    ResultTooLarge,
}

/// Whether a call was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executed {
    /// It was.
    Yes,
    /// It was not, and will not be.
    No,
    /// It may have been, or may still be.
    Unknown,
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRow {
    /// How.
    pub end: End,
    /// Whether the call was executed.
    pub executed: Executed,
    /// When, in milliseconds.
    pub ended_ms: u64,
    /// What the agent said, where it did not take the call.
    pub reason: Option<String>,
    /// The result or error, if it is not in pieces.
    pub body: Option<String>,
    /// Length of the result or error in bytes.
    pub bytes: usize,
    /// Number of pieces that it is stored in.
    pub pieces: u32,
    /// Whether a result came after this end, and was thrown away.
    pub late: bool,
}

/// The storage of one hub. A write is durable before anything is sent that follows it.
pub trait Store {
    /// Why the storage failed.
    type Error;

    /// The connection that counts.
    fn link(&self) -> Result<Link, Self::Error>;
    /// Replaces it.
    fn set_link(&mut self, link: &Link) -> Result<(), Self::Error>;
    /// The calls without an end.
    fn open_calls(&self) -> Result<Vec<CallRow>, Self::Error>;
    /// A call that has ended.
    fn ended(&self, id: &str) -> Result<Option<(CallRow, EndRow)>, Self::Error>;
    /// Adds a call.
    fn add(&mut self, row: &CallRow) -> Result<(), Self::Error>;
    /// Ends a call. Adds it, if it was never sent.
    fn end(&mut self, row: &CallRow, end: &EndRow) -> Result<(), Self::Error>;
    /// Notes that a result came after the end.
    fn mark_late(&mut self, id: &str) -> Result<(), Self::Error>;
    /// Stores a piece of a result, in the place of one with the same index; the pieces of a result count from 0. After an
    /// eviction, pieces with higher indices may be left of an earlier attempt: a result consists of the first
    /// [`EndRow::pieces`] of them.
    fn put_piece(&mut self, id: &str, index: u32, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Deletes the pieces of a result.
    fn clear_pieces(&mut self, id: &str) -> Result<(), Self::Error>;
    /// The servers that the agent named last.
    fn servers(&self) -> Result<Vec<Server>, Self::Error>;
    /// Replaces them.
    fn set_servers(&mut self, servers: &[Server]) -> Result<(), Self::Error>;
    /// SHA-256 of the stored catalogue of a server.
    fn catalog_sum(&self, server: &str) -> Result<Option<String>, Self::Error>;
    /// Stores a catalogue.
    fn put_catalog(&mut self, server: &str, sha256: &str, body: &str) -> Result<(), Self::Error>;
}
