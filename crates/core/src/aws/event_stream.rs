//! `application/vnd.amazon.eventstream`: the binary frames of streamed answers
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html>,
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>).
//!
//! ```text
//! | total length | headers length | CRC of both | headers | payload | CRC of all before |
//! |      4 bytes |        4 bytes |     4 bytes |       … |       … |           4 bytes |
//! ```
//!
//! Guarantees, for any bytes and any chunking: the same messages up to the same error; nothing after an error; memory
//! is bounded by the bytes received, and by one message of the maximum size.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::sse::share::{ALWAYS, Share, append};

/// With tables of 16 KB, which take sixteen bytes at once: with one of 1 KB the checksum took most of the time of a message.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

const PRELUDE_BYTES: usize = 12;
const CRC_BYTES: usize = 4;

/// Why a stream cannot be parsed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The checksum of the lengths is wrong.
    #[error("the lengths of a message are damaged")]
    Prelude,
    /// The lengths contradict each other, or exceed the limit.
    #[error("the lengths of a message are impossible or too large")]
    Length,
    /// The checksum of the message is wrong.
    #[error("a message is damaged")]
    Checksum,
    /// The headers do not match their length, or have an unknown type.
    #[error("the headers of a message cannot be read")]
    Headers,
}

/// A message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    headers: Vec<(&'a str, &'a str)>,
    /// The payload; JSON, if it is an event.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// The header with this name, if it is text. Headers of other types are dropped.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}

/// Parses a stream of messages that arrives in chunks.
#[derive(Debug)]
pub struct MessageReader {
    /// Bytes of the incomplete message.
    held: Vec<u8>,
    max_bytes: usize,
    error: Option<FrameError>,
    /// That of `held`: messages above the limit of all readers together are refused as those above `max_bytes`.
    share: Share,
}

impl MessageReader {
    /// For messages of at most so many bytes.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { held: Vec::new(), max_bytes, error: None, share: Share::default() }
    }

    /// Processes the next bytes and calls `take` with each message that they complete. After an error all input is
    /// ignored.
    pub fn push(&mut self, chunk: &[u8], mut take: impl FnMut(&Message<'_>)) -> Result<(), FrameError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        append(&mut self.held, chunk, self.max_bytes);
        let mut rest = self.held.as_slice();
        let result = loop {
            match next(rest, self.max_bytes) {
                Ok(Some((message, after))) => {
                    take(&message);
                    rest = after;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let read = self.held.len() - rest.len();
        self.held.drain(..read);
        if self.held.is_empty() && self.held.capacity() > ALWAYS {
            self.held = Vec::new();
        }
        let has_room = self.share.hold(self.held.capacity());
        let result = if has_room { result } else { result.and(Err(FrameError::Length)) };
        if let Err(error) = result {
            self.error = Some(error);
            self.held = Vec::new();
            self.share.hold(0);
        }
        result
    }

    /// Whether the stream may end here: no message is incomplete.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        self.held.is_empty() && self.error.is_none()
    }
}

type Next<'a> = Option<(Message<'a>, &'a [u8])>;

/// The first message and the bytes after it; `None` if it is incomplete.
fn next(bytes: &[u8], max_bytes: usize) -> Result<Next<'_>, FrameError> {
    let Some((prelude, _)) = bytes.split_first_chunk::<PRELUDE_BYTES>() else { return Ok(None) };
    let [t0, t1, t2, t3, h0, h1, h2, h3, checksum @ ..] = *prelude;
    if CRC.checksum(&[t0, t1, t2, t3, h0, h1, h2, h3]) != u32::from_be_bytes(checksum) {
        return Err(FrameError::Prelude);
    }
    let total = length([t0, t1, t2, t3])?;
    let headers_length = length([h0, h1, h2, h3])?;
    let room = total.checked_sub(PRELUDE_BYTES + CRC_BYTES).ok_or(FrameError::Length)?;
    if total > max_bytes || headers_length > room {
        return Err(FrameError::Length);
    }
    let Some((message, after)) = bytes.split_at_checked(total) else { return Ok(None) };
    let Some((covered, checksum)) = message.split_last_chunk::<CRC_BYTES>() else {
        return Err(FrameError::Length);
    };
    if CRC.checksum(covered) != u32::from_be_bytes(*checksum) {
        return Err(FrameError::Checksum);
    }
    let body = covered.get(PRELUDE_BYTES..).ok_or(FrameError::Length)?;
    let (headers, payload) = body.split_at_checked(headers_length).ok_or(FrameError::Length)?;
    Ok(Some((Message { headers: read_headers(headers)?, payload }, after)))
}

fn length(bytes: [u8; 4]) -> Result<usize, FrameError> {
    usize::try_from(u32::from_be_bytes(bytes)).map_err(|_| FrameError::Length)
}

/// The headers with text values; others are skipped.
fn read_headers(mut bytes: &[u8]) -> Result<Vec<(&str, &str)>, FrameError> {
    let mut headers = Vec::new();
    while let Some((name_length, rest)) = bytes.split_first() {
        let (name, rest) = split(rest, usize::from(*name_length))?;
        let (kind, rest) = rest.split_first().ok_or(FrameError::Headers)?;
        let (value, rest) = match kind {
            // Booleans have their value in the type.
            0 | 1 => split(rest, 0)?,
            2 => split(rest, 1)?,
            3 => split(rest, 2)?,
            4 => split(rest, 4)?,
            // 64-bit integers and times.
            5 | 8 => split(rest, 8)?,
            6 | 7 => {
                let (length, rest) = rest.split_first_chunk::<2>().ok_or(FrameError::Headers)?;
                split(rest, usize::from(u16::from_be_bytes(*length)))?
            }
            // UUIDs.
            9 => split(rest, 16)?,
            _ => return Err(FrameError::Headers),
        };
        if *kind == 7 {
            headers.push((text(name)?, text(value)?));
        }
        bytes = rest;
    }
    Ok(headers)
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), FrameError> {
    bytes.split_at_checked(at).ok_or(FrameError::Headers)
}

fn text(bytes: &[u8]) -> Result<&str, FrameError> {
    std::str::from_utf8(bytes).map_err(|_| FrameError::Headers)
}

/// Encodes a message with text headers: used by tests and test upstreams. `None` if a length does not fit its field.
#[must_use]
pub fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Option<Vec<u8>> {
    let mut header_bytes = Vec::new();
    for (name, value) in headers {
        header_bytes.push(u8::try_from(name.len()).ok()?);
        header_bytes.extend_from_slice(name.as_bytes());
        header_bytes.push(7);
        header_bytes.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        header_bytes.extend_from_slice(value.as_bytes());
    }
    let total = PRELUDE_BYTES + header_bytes.len() + payload.len() + CRC_BYTES;
    let mut message = Vec::with_capacity(total);
    message.extend_from_slice(&u32::try_from(total).ok()?.to_be_bytes());
    message.extend_from_slice(&u32::try_from(header_bytes.len()).ok()?.to_be_bytes());
    message.extend_from_slice(&CRC.checksum(&message).to_be_bytes());
    message.extend_from_slice(&header_bytes);
    message.extend_from_slice(payload);
    message.extend_from_slice(&CRC.checksum(&message).to_be_bytes());
    Some(message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    const MAX: usize = 1 << 20;

    /// Messages as the vendor's own library frames them.
    #[derive(Deserialize)]
    struct Case {
        name: String,
        hex: String,
        strings: BTreeMap<String, String>,
        payload_hex: String,
    }

    fn cases() -> Vec<Case> {
        serde_json::from_str(include_str!("../../tests/fixtures/aws/event_stream.json")).unwrap()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    type Read = Vec<(BTreeMap<String, String>, Vec<u8>)>;

    /// The messages of a stream that arrives in these chunks, and how it ended.
    fn read<'a>(max: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Read, Result<bool, FrameError>) {
        let mut reader = MessageReader::new(max);
        let mut messages = Vec::new();
        let mut result = Ok(());
        for piece in pieces {
            result = reader.push(piece, |message| {
                let headers = message.headers.iter();
                let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                messages.push((headers.collect(), message.payload.to_vec()));
            });
        }
        (messages, result.map(|()| reader.is_at_boundary()))
    }

    fn flip(bytes: &[u8], at: usize, bit: u32) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << bit;
        bytes
    }

    #[test]
    fn messages_are_read_as_the_vendors_library_writes_them() {
        let cases = cases();
        assert!(cases.len() >= 6);
        let stream: Vec<u8> = cases.iter().flat_map(|case| bytes(&case.hex)).collect();
        let expected: Read =
            cases.iter().map(|case| (case.strings.clone(), bytes(&case.payload_hex))).collect();
        for size in [1, 2, 3, 11, 64, stream.len()] {
            assert_eq!(read(MAX, stream.chunks(size)), (expected.clone(), Ok(true)), "pieces of {size}");
        }
        assert_eq!(expected[0].0[":event-type"], "messageStart");
    }

    #[test]
    fn messages_are_written_as_the_vendors_library_writes_them() {
        for case in cases().iter().filter(|case| case.name.starts_with("an e")) {
            let names = [
                ":event-type",
                ":exception-type",
                ":content-type",
                ":message-type",
                ":error-code",
                ":error-message",
            ];
            let headers: Vec<(&str, &str)> =
                names.iter().filter_map(|name| Some((*name, case.strings.get(*name)?.as_str()))).collect();
            assert_eq!(
                encode(&headers, &bytes(&case.payload_hex)).unwrap(),
                bytes(&case.hex),
                "{}",
                case.name
            );
        }
    }

    #[test]
    fn a_damaged_bit_anywhere_is_an_error_or_leaves_the_message_unfinished() {
        let message = bytes(&cases()[0].hex);
        for at in 0..message.len() {
            for bit in 0..8 {
                let (read, end) = read(MAX, [flip(&message, at, bit).as_slice()]);
                assert!(read.is_empty(), "byte {at}");
                assert!(end.is_err(), "byte {at}: {end:?}");
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_errors_before_the_bytes_come() {
        for (total, headers, error) in [
            (0_u32, 0_u32, FrameError::Length),
            (15, 0, FrameError::Length),
            (16, 1, FrameError::Length),
            (32, u32::MAX, FrameError::Length),
            (u32::MAX, 0, FrameError::Length),
            (u32::try_from(MAX).unwrap() + 1, 0, FrameError::Length),
        ] {
            let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            prelude.extend(CRC.checksum(&prelude).to_be_bytes());
            prelude.extend([0; 64]);
            assert_eq!(read(MAX, [prelude.as_slice()]), (Vec::new(), Err(error)), "{total} {headers}");
        }
    }

    #[test]
    fn an_unknown_type_or_a_header_beyond_its_place_is_an_error() {
        for headers in
            [&[1, b'a', 10][..], &[1, b'a', 7, 0, 9, b'x'], &[9, b'a'], &[1, b'a'], &[1, 0xff, 7, 0, 0]]
        {
            let mut message = Vec::new();
            message.extend(u32::try_from(16 + headers.len()).unwrap().to_be_bytes());
            message.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
            message.extend(CRC.checksum(&message).to_be_bytes());
            message.extend(headers);
            message.extend(CRC.checksum(&message).to_be_bytes());
            assert_eq!(read(MAX, [message.as_slice()]).1, Err(FrameError::Headers), "{headers:?}");
        }
    }

    #[test]
    fn nothing_follows_an_error_and_nothing_is_held() {
        let good = bytes(&cases()[0].hex);
        let mut reader = MessageReader::new(MAX);
        assert_eq!(reader.push(&flip(&good, 20, 0), |_| {}), Err(FrameError::Checksum));
        assert_eq!(reader.push(&good, |_| panic!("a message after an error")), Err(FrameError::Checksum));
        assert!(!reader.is_at_boundary() && reader.held.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            messages in proptest::collection::vec(
                (
                    proptest::collection::btree_map("[:a-z-]{1,20}", "\\PC{0,20}", 0..4),
                    proptest::collection::vec(any::<u8>(), 0..200),
                ),
                0..6,
            ),
            cuts in proptest::collection::vec(1_usize..40, 1..20),
        ) {
            let stream: Vec<u8> = messages
                .iter()
                .flat_map(|(headers, payload)| {
                    let headers: Vec<_> =
                        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    encode(&headers, payload).unwrap()
                })
                .collect();
            let mut rest = stream.as_slice();
            let mut lengths = cuts.iter().cycle();
            let pieces = std::iter::from_fn(|| {
                let at = (*lengths.next()?).min(rest.len());
                let (piece, after) = rest.split_at(at);
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            let (read, end) = read(MAX, pieces);
            prop_assert_eq!(end, Ok(true));
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn any_bytes_give_the_same_in_one_piece_and_in_many(
            message in 0_usize..6,
            flips in proptest::collection::vec((0_usize..400, 0_u32..8), 0..3),
            tail in proptest::collection::vec(any::<u8>(), 0..40),
            max in 0_usize..200,
        ) {
            let mut stream = bytes(&cases()[message].hex);
            stream.extend(tail);
            for (at, bit) in flips {
                if at < stream.len() {
                    stream = flip(&stream, at, bit);
                }
            }
            let whole = read(max, [stream.as_slice()]);
            prop_assert_eq!(&whole, &read(max, stream.chunks(1)));
            prop_assert_eq!(&whole, &read(max, stream.chunks(7)));
        }
    }
}
