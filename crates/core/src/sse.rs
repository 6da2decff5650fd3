//! Server-Sent Events, which `crates/sse` reads and writes: it knows nothing of the gateway and is used without it.

pub use nexus_edge_sse::{Event, EventReader, Segment, is_stream, reader, share, writer};
