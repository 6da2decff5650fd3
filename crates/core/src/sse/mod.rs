//! Server-Sent Events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), byte by byte.

pub mod reader;
pub mod writer;

pub use reader::{Event, EventReader, Segment};
