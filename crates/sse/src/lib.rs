//! Reading and writing Server-Sent Events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

pub mod reader;
pub mod share;
pub mod writer;

pub use reader::{Event, EventReader, Segment};

/// Whether a body is a stream of events: it begins with one of their fields, or a comment.
#[must_use]
pub fn is_stream(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| body.starts_with(field))
}

#[cfg(test)]
mod tests {
    use super::is_stream;

    #[test]
    fn streams_are_told_by_how_they_begin() {
        for body in ["data: {}", "\n\nevent: x\ndata: {}", ": ping\n\n", "id:1\n", "\u{feff}data:{}"] {
            assert!(is_stream(body.as_bytes()), "{body}");
        }
        for body in ["", "{\"data\":1}", "[]", "database", "<html>"] {
            assert!(!is_stream(body.as_bytes()), "{body}");
        }
    }
}
