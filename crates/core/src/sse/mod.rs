//! Reading and writing Server-Sent Events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

pub mod reader;
pub mod writer;

pub use reader::{Event, EventReader, Segment};
