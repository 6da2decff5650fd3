//! The inputs of a hub's state machine (calls) and its outputs (acts, events, the status of a call).

use serde_json::value::RawValue;

use super::{CallRow, EndRow};
use crate::frame::{Ask, Bye, Down, Note};

/// What is to be done, in this order.
#[derive(Debug, Clone)]
pub enum Act {
    /// The connection that said hello is the one with this epoch from now on.
    Adopt {
        /// The epoch.
        epoch: u64,
    },
    /// The connection that said hello is to be closed.
    Refuse {
        /// Why.
        bye: Bye,
    },
    /// The connection with this epoch, if it is there, is to be closed.
    Close {
        /// The epoch.
        epoch: u64,
        /// Why.
        bye: Bye,
    },
    /// A text frame.
    Send {
        /// The epoch of the connection.
        epoch: u64,
        /// The frame.
        frame: Box<Down>,
    },
    /// A binary frame.
    SendPart {
        /// The epoch of the connection.
        epoch: u64,
        /// The frame.
        frame: Vec<u8>,
    },
    /// What those who wait for a call, or watch the hub, are told.
    Tell(Event),
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The agent has connected.
    Connected,
    /// The agent's connection was lost.
    Disconnected,
    /// The agent named its servers, or a catalogue came.
    Servers,
    /// A call was given to the agent.
    Sent {
        /// The call.
        id: String,
    },
    /// The agent has taken a call.
    Acked {
        /// The call.
        id: String,
    },
    /// Something happened during a call.
    Noted(Box<Note>),
    /// A call waits for a person.
    Asked(Box<Ask>),
    /// A call has ended.
    Ended {
        /// The call.
        row: Box<CallRow>,
        /// Its end.
        end: Box<EndRow>,
    },
}

/// A call to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names it; see [`is_id`](crate::frame::is_id).
    pub id: String,
    /// The server.
    pub server: String,
    /// The method of MCP.
    pub method: String,
    /// Its parameters.
    pub params: Box<RawValue>,
    /// Milliseconds until it must have ended, at most [`MAX_DEADLINE_MS`](crate::limits::MAX_DEADLINE_MS).
    pub timeout_ms: u64,
    /// Whether progress is wanted.
    pub progress: bool,
    /// For whom it is made, for the agent's log and its user.
    pub principal: Option<Box<RawValue>>,
    /// What the caller wants to find again with the call. Opaque.
    pub about: String,
}

/// What became of a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It was sent.
    Sent,
    /// It waits until another call ends.
    Queued,
    /// A call with this id is open: this is the same one.
    Open,
    /// A call with this id has ended.
    Ended(Box<(CallRow, EndRow)>),
}

/// Why a [`Request`] was refused. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The agent is not connected.
    Offline,
    /// Too many calls run and wait.
    Busy,
    /// The id was used for another call.
    IdReused,
    /// The parameters are too long.
    ParamsTooLarge,
}

/// What is known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits to be sent.
    Queued,
    /// It was sent and has no end.
    Open,
    /// It has ended.
    Ended(Box<(CallRow, EndRow)>),
    /// No call with this id was sent in the last 24 hours.
    Unknown,
}
