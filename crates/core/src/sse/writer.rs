//! Writing events.

/// A comment, which every reader skips; sent so that nobody on the way takes a quiet connection for a dead one.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The event by which `OpenAI` streams end.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends one event carrying `data`, which must not contain line ends (JSON never does).
pub fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}
