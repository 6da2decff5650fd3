//! Writing events.

/// A comment, which every reader skips; sent as a keep-alive so that no proxy closes a quiet connection.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The event by which `OpenAI` streams end.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends one event with `data`, a JSON text.
pub fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(b"data: ");
    let start = out.len();
    out.extend_from_slice(data);
    end_data(out, start);
}

/// Ends the event whose data, a JSON text, begins at `start`. Line breaks in it, which JSON has only between tokens
/// (a raw value may contain them), become spaces, because they would end the field.
pub fn end_data(out: &mut Vec<u8>, start: usize) {
    for byte in out.get_mut(start..).unwrap_or_default() {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_several_lines_stay_one_event() {
        let mut out = Vec::new();
        write_data(&mut out, b"{\"a\":\r\n 1}");
        assert_eq!(out, b"data: {\"a\":   1}\n\n");
    }
}
