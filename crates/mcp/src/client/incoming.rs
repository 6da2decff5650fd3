//! A server's stream of events: the messages in it, and where the transport HTTP+SSE wants messages posted.
//!
//! Guarantee: no more than the bytes that are allowed are taken, and no longer event is held.

use nexus_edge_sse::{EventReader, Segment};

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Messages are to be posted there; as it was written.
    Endpoint(String),
    /// A message, not read yet.
    Message(Vec<u8>),
}

/// More bytes have come than are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more bytes than are allowed")]
pub struct TooLong;

/// A stream as far as it has been read.
#[derive(Debug)]
pub struct Incoming {
    reader: EventReader,
    left: usize,
}

impl Incoming {
    /// A stream of which `bytes` are allowed so far. No event may have more than `longest` bytes.
    #[must_use]
    pub fn new(bytes: usize, longest: usize) -> Self {
        Self { reader: EventReader::new(longest), left: bytes }
    }

    /// So many bytes may come from now on.
    pub const fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Takes what has come. An event without data, such as a keep-alive, says nothing.
    ///
    /// # Errors
    /// The stream, or an event of it, is too long.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<Said>, TooLong> {
        self.left = self.left.checked_sub(chunk.len()).ok_or(TooLong)?;
        let (mut said, mut is_too_long) = (Vec::new(), false);
        self.reader.push(chunk, |segment| match segment {
            Segment::Event(event) => {
                let Some(data) = event.data() else { return };
                said.push(match event.name() {
                    Some(b"endpoint") => Said::Endpoint(String::from_utf8_lossy(&data).into_owned()),
                    _ => Said::Message(data.into_owned()),
                });
            }
            Segment::LineFeed(_) => {}
            Segment::Oversized(_) => is_too_long = true,
        });
        if is_too_long { Err(TooLong) } else { Ok(said) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] =
        b": hello\n\nevent: endpoint\ndata: /m?s=1\n\nevent: message\ndata: {\"a\":\ndata: 1}\n\nevent: ping\n\ndata: {}\r\n\r\n";

    fn expected() -> Vec<Said> {
        let message = |text: &str| Said::Message(text.as_bytes().to_vec());
        vec![Said::Endpoint("/m?s=1".to_owned()), message("{\"a\":\n1}"), message("{}")]
    }

    #[test]
    fn no_more_is_taken_than_is_allowed() {
        let mut incoming = Incoming::new(STREAM.len(), 100);
        assert_eq!(incoming.push(STREAM), Ok(expected()));
        assert_eq!(incoming.push(b":"), Err(TooLong));
        incoming.allow(1);
        assert_eq!(incoming.push(b":"), Ok(Vec::new()));
        let mut short = Incoming::new(1_000, 20);
        assert_eq!(short.push(b"data: 1234567890123456789012345"), Err(TooLong));
    }

    proptest! {
        #[test]
        fn it_is_the_same_however_it_is_cut(at in 0..STREAM.len(), to in 0..STREAM.len()) {
            let mut incoming = Incoming::new(10_000, 10_000);
            let (one, other) = (at.min(to), at.max(to));
            let mut said = Vec::new();
            for piece in [&STREAM[..one], &STREAM[one..other], &STREAM[other..]] {
                said.extend(incoming.push(piece).unwrap());
            }
            prop_assert_eq!(said, expected());
        }
    }
}
