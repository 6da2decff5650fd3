//! A server's side: who asks in which era, and what every server answers by itself.

mod admit;
mod status;

pub use admit::{Admitted, Caller, Channel, Handshake, ServerIdentity, admit};
pub use status::{error_for, http_status};
