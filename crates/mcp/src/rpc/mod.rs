//! JSON-RPC 2.0 as the Model Context Protocol uses it (<https://modelcontextprotocol.io/specification/2026-07-28/basic>).
//!
//! Guarantees: parameters, results and the data of errors are kept byte for byte; what is written is one line; a message
//! that is too large, too deep or ambiguous is refused before anything of it is used.

mod error;
mod id;
mod message;
mod parse;

pub use error::{RpcError, code};
pub use id::Id;
pub use message::{Message, Notification, Outcome, Request, Response};
pub use parse::{Batches, Frame, Limits, Malformed, parse, parse_message};
