//! How the Worker speaks to a room: requests to the object, with what the Worker knows of the caller in a header that
//! only the Worker can set, because nobody else can reach the object.

use serde::{Deserialize, Serialize};

/// The header of a call.
pub const CALL_HEADER: &str = "x-room-call";
/// The header of a call that opens a connection.
pub const SOCKET_HEADER: &str = "x-room-socket";

/// Who calls, and about which session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// Public id of the caller's key.
    pub key_id: String,
    /// What the key is recognised by.
    pub key_hash: String,
    /// The session.
    pub session_id: String,
    /// The id of the request.
    pub request_id: String,
}

/// A connection that is to be opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SocketCall {
    /// Whether it speaks the second protocol.
    pub is_v2: bool,
    /// The subprotocol to answer with.
    pub subprotocol: Option<String>,
    /// The last frame that the client saw.
    pub last_seq: Option<u64>,
    /// Whether the session is to be created if there is none.
    pub create: bool,
    /// Id of the ticket that was shown.
    pub ticket: Option<String>,
}
