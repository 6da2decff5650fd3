//! What is attached to a connection, so that it outlives the object's memory.

use serde::{Deserialize, Serialize};
use worker::WebSocket;

use crate::platform::log_error;

/// The attachment of a connection. Numbers are floats, as in JavaScript.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attached {
    /// Its epoch; 0 before it was adopted.
    epoch: f64,
    agent_id: String,
}

impl Attached {
    /// That of a new connection of an agent.
    pub fn new(agent_id: &str) -> Self {
        Self { epoch: 0.0, agent_id: agent_id.to_owned() }
    }

    /// The agent that its ticket was for.
    pub fn agent_id(&self) -> &str {
        &self.agent_id
    }

    /// That of a connection.
    pub fn of(socket: &WebSocket) -> Option<Self> {
        socket.deserialize_attachment().ok().flatten()
    }

    /// The epoch, once the connection has one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, below 2^53")]
    pub fn epoch(&self) -> Option<u64> {
        (self.epoch > 0.0).then_some(self.epoch as u64)
    }

    /// Gives a connection its epoch.
    #[expect(clippy::cast_precision_loss, reason = "a count, below 2^53")]
    pub fn adopt(socket: &WebSocket, epoch: u64) {
        if let Some(attached) = Self::of(socket)
            && let Err(error) = socket.serialize_attachment(Self { epoch: epoch as f64, ..attached })
        {
            log_error("agent connection", &error);
        }
    }
}

/// Closes a connection.
pub fn close(socket: &WebSocket, code: u16, reason: &str) {
    let _ = socket.close(Some(code), Some(reason));
}
