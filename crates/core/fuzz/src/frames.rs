//! Streams of Bedrock as their fixtures write them: one event a line, `{"<event>":<payload>}`, which is how the vendor's
//! library shows events, and what can be read in a diff.

use nexus_edge_core::aws::event_stream::encode;

/// The frames of these lines. What is no such line becomes an event with whatever it says, for the sake of mutants.
pub fn framed(lines: &[u8]) -> Vec<u8> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.flat_map(frame).collect()
}

fn frame(line: &[u8]) -> Vec<u8> {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (head, rest) = line.split_at(colon);
    let name = String::from_utf8_lossy(head).replace(['{', '"'], "");
    let payload = rest.strip_prefix(b":").unwrap_or(rest);
    let payload = payload.strip_suffix(b"}").unwrap_or(payload);
    let (kind, name_header) =
        if name.ends_with("Exception") { ("exception", ":exception-type") } else { ("event", ":event-type") };
    let headers =
        [(name_header, name.as_str()), (":content-type", "application/json"), (":message-type", kind)];
    // A mutant's name may be longer than any header's value.
    encode(&headers, payload).unwrap_or_else(|| payload.to_vec())
}
