//! How the Worker calls a room: requests to the object, with the verified caller in a header. Only the Worker can
//! reach the object, so the header can be trusted.
//!
//! ```text
//! x-room-call: {"key_id":"…","key_hash":"…","session_id":"sess_…","request_id":"req_…"}
//! x-room-socket: {"is_v2":true,"subprotocol":"nexus.chat.v2","last_seq":17,"create":false,"ticket":null}
//! ```

use serde::{Deserialize, Serialize};

/// The header of a call.
pub const CALL_HEADER: &str = "x-room-call";
/// The header of a call that opens a connection.
pub const SOCKET_HEADER: &str = "x-room-socket";

/// The caller and the session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// Public id of the caller's key.
    pub key_id: String,
    /// SHA-256 of the caller's key, by which it is looked up.
    pub key_hash: String,
    /// The session.
    pub session_id: String,
    /// The id of the request.
    pub request_id: String,
}

/// A WebSocket connection to be opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SocketCall {
    /// Whether it uses the second protocol.
    pub is_v2: bool,
    /// The subprotocol to answer with.
    pub subprotocol: Option<String>,
    /// Number of the last frame that the client received.
    pub last_seq: Option<u64>,
    /// Whether the session is to be created if there is none.
    pub create: bool,
    /// Id of the ticket that the client presented.
    pub ticket: Option<String>,
}
