//! An incremental reader that splits a byte stream into events without changing a byte.
//!
//! Guarantees, for any way in which the stream is split into chunks:
//! - the returned segments, followed by [`EventReader::finish`], concatenate to exactly the input;
//! - the events are the same;
//! - an event is returned as soon as the byte that completes it has arrived, also where lines end in a lone CR;
//! - no more than `limit` bytes are held back, and no more than [`TOGETHER`](crate::share::TOGETHER) by all readers: beyond these an event is
//!   [`Segment::Oversized`]. While the readers hold so much, which events above [`ALWAYS`] are depends on how they arrive.
//!
//! Framing works on bytes, so a chunk may end inside a UTF-8 character.

use std::borrow::Cow;

use memchr::memchr2;

use crate::share::{ALWAYS, Share, append};

/// A complete event with its original bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    raw: &'a [u8],
}

/// The output of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment<'a> {
    /// A complete event, its closing blank line included. Comments and empty lines alone make an event without data.
    Event(Event<'a>),
    /// The LF of a CR LF whose CR completed the previous event; it belongs to that event.
    LineFeed(&'a [u8]),
    /// Part of an event that is larger than the limit. It can be forwarded, but not parsed.
    Oversized(&'a [u8]),
}

/// Splits a stream into [`Segment`]s.
#[derive(Debug)]
pub struct EventReader {
    /// Bytes of the incomplete event.
    held: Vec<u8>,
    /// Start of the incomplete line in `held`.
    line_start: usize,
    /// The byte before the next one was a CR, so an LF belongs to the same line end.
    after_cr: bool,
    /// The current event has been found to be larger than `limit`, or than there is room for.
    oversized: bool,
    limit: usize,
    /// That of `held`.
    share: Share,
}

impl<'a> Event<'a> {
    /// Treats bytes as an event: the last one of a stream that ended before its blank line.
    #[must_use]
    pub fn from_raw(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The original bytes of the event.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The bytes without the byte order mark with which a stream may begin.
    fn text(&self) -> &'a [u8] {
        self.raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(self.raw)
    }

    /// The values of the `data` fields, joined by LF; `None` if the event has none.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        let mut joined: Option<Cow<'a, [u8]>> = None;
        for line in lines(self.text()) {
            let Some(value) = field_value(line, b"data") else { continue };
            joined = Some(match joined {
                None => Cow::Borrowed(value),
                Some(earlier) => {
                    let mut text = earlier.into_owned();
                    text.push(b'\n');
                    text.extend_from_slice(value);
                    Cow::Owned(text)
                }
            });
        }
        joined
    }

    /// The last `event` field, which names the type of the event.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        self.last(b"event")
    }

    /// The last `id` field, after which a stream that ended goes on.
    #[must_use]
    pub fn id(&self) -> Option<&'a [u8]> {
        self.last(b"id").filter(|id| !id.contains(&0))
    }

    /// The last `retry` field: how long to wait before a stream that ended is asked for again, in ms.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        let digits = self.last(b"retry").filter(|value| value.iter().all(u8::is_ascii_digit))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn last(&self, name: &[u8]) -> Option<&'a [u8]> {
        lines(self.text()).filter_map(|line| field_value(line, name)).last()
    }
}

/// The lines of an event, without their ends.
fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    // A CR LF yields an empty line in between, which carries no field and so does no harm.
    let mut rest = Some(raw);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = memchr2(b'\n', b'\r', bytes) else { return rest.take() };
        rest = bytes.get(end + 1..);
        bytes.get(..end)
    })
}

/// The value of the line's field if it has this name. One space after the colon is not part of the value.
fn field_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

impl EventReader {
    /// A reader that holds back at most `limit` bytes of an incomplete event.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            held: Vec::new(),
            line_start: 0,
            after_cr: false,
            oversized: false,
            limit,
            share: Share::default(),
        }
    }

    /// Whether part of the current event has been returned already because it is too large to be held back.
    #[must_use]
    pub fn in_oversized_event(&self) -> bool {
        self.oversized
    }

    /// Whether all input has been returned and the last event was complete.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.held.is_empty() && !self.oversized
    }

    /// Takes a chunk and passes every segment that it completes to `sink`.
    pub fn push(&mut self, chunk: &[u8], mut sink: impl FnMut(Segment<'_>)) {
        if self.held.is_empty() {
            let consumed = self.cut(chunk, 0, &mut sink);
            self.hold(chunk.get(consumed..).unwrap_or_default(), &mut sink);
        } else {
            let mut buffer = std::mem::take(&mut self.held);
            let searched = buffer.len();
            append(&mut buffer, chunk, self.limit);
            let consumed = self.cut(&buffer, searched, &mut sink);
            buffer.drain(..consumed);
            self.held = buffer;
            self.hold(&[], &mut sink);
        }
    }

    /// The bytes of an event that the end of the stream left incomplete.
    pub fn finish(&mut self) -> Vec<u8> {
        self.line_start = 0;
        self.share.hold(0);
        std::mem::take(&mut self.held)
    }

    /// Passes on the complete events of `bytes`, which begin where the current event begins, and returns their length
    /// in bytes. The first `searched` bytes are known to end no further line, so that a long line which arrives in
    /// many chunks is searched once. Leaves `line_start` relative to the remaining bytes.
    fn cut(&mut self, bytes: &[u8], searched: usize, sink: &mut impl FnMut(Segment<'_>)) -> usize {
        let mut event_start = 0;
        let mut cursor = self.line_start;
        loop {
            if self.after_cr && cursor < bytes.len() {
                self.after_cr = false;
                if bytes.get(cursor) == Some(&b'\n') {
                    cursor += 1;
                    if cursor - 1 == event_start && !self.oversized {
                        sink(Segment::LineFeed(bytes.get(event_start..cursor).unwrap_or_default()));
                        event_start = cursor;
                    }
                }
            }
            let from = cursor.max(searched);
            let Some(found) = memchr2(b'\n', b'\r', bytes.get(from..).unwrap_or_default()) else { break };
            let line_end = from + found;
            let is_cr = bytes.get(line_end) == Some(&b'\r');
            let is_crlf = is_cr && bytes.get(line_end + 1) == Some(&b'\n');
            let next_line = line_end + if is_crlf { 2 } else { 1 };
            self.after_cr = is_cr && !is_crlf;
            if line_end == cursor {
                let raw = bytes.get(event_start..next_line).unwrap_or_default();
                // Also one that arrived at once, so that what is an event does not depend on the chunks.
                let is_oversized = self.oversized || line_end - event_start > self.limit;
                sink(if is_oversized { Segment::Oversized(raw) } else { Segment::Event(Event { raw }) });
                self.oversized = false;
                event_start = next_line;
            }
            cursor = next_line;
        }
        self.line_start = cursor - event_start;
        event_start
    }

    /// Holds the start of an incomplete event, or passes it on if it exceeds the limit.
    fn hold(&mut self, rest: &[u8], sink: &mut impl FnMut(Segment<'_>)) {
        append(&mut self.held, rest, self.limit);
        self.shrink();
        let has_room = self.share.hold(self.held.capacity());
        let too_large = self.oversized || self.held.len() > self.limit || !has_room;
        if too_large && !self.held.is_empty() {
            self.oversized = true;
            // Whether the current line has content decides if the next line end is a blank line; one byte of it is
            // held for that.
            let keep = usize::from(self.held.len() > self.line_start);
            let passed = self.held.len() - keep;
            sink(Segment::Oversized(self.held.get(..passed).unwrap_or_default()));
            self.held.drain(..passed);
            self.line_start = 0;
            self.shrink();
            self.share.hold(self.held.capacity());
        }
    }

    /// Gives back the memory of a large event that has been passed on.
    fn shrink(&mut self) {
        if self.held.capacity() > ALWAYS && self.held.len() <= ALWAYS / 2 {
            self.held.shrink_to(ALWAYS / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    #[derive(Debug, PartialEq, Eq)]
    struct Outcome {
        output: Vec<u8>,
        data: Vec<Option<Vec<u8>>>,
    }

    fn read<'a>(limit: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let mut reader = EventReader::new(limit);
        let mut outcome = Outcome { output: Vec::new(), data: Vec::new() };
        for chunk in chunks {
            reader.push(chunk, |segment| match segment {
                Segment::Event(event) => {
                    outcome.output.extend_from_slice(event.raw());
                    outcome.data.push(event.data().map(Cow::into_owned));
                }
                Segment::LineFeed(raw) | Segment::Oversized(raw) => outcome.output.extend_from_slice(raw),
            });
        }
        outcome.output.extend(reader.finish());
        outcome
    }

    fn data(stream: &[u8]) -> Vec<Option<String>> {
        read(LIMIT, [stream])
            .data
            .into_iter()
            .map(|data| data.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            .collect()
    }

    #[test]
    fn line_ends_spaces_comments_and_joined_data() {
        let expected = vec![Some("a".to_owned()), Some("b".to_owned())];
        for stream in ["data: a\n\ndata: b\n\n", "data:a\r\n\r\ndata:b\r\n\r\n", "data: a\r\rdata: b\r\r"] {
            assert_eq!(data(stream.as_bytes()), expected, "{stream:?}");
        }
        assert_eq!(data(b"\xEF\xBB\xBFdata: a\n\n"), [Some("a".to_owned())]);
        assert_eq!(data(b": ping\n\n"), [None]);
        assert_eq!(data(b": ping\ndata: a\ndata: b\n\n"), [Some("a\nb".to_owned())]);
        assert_eq!(data(b"data:  two spaces\n\n"), [Some(" two spaces".to_owned())]);
        assert_eq!(data(b"data\n\n"), [Some(String::new())]);
        assert_eq!(data(b"dataset: x\n\n"), [None]);
        assert_eq!(data(b"data: unfinished\n"), []);
    }

    #[test]
    fn the_name_of_an_event() {
        let mut names = Vec::new();
        EventReader::new(LIMIT).push(b"event: ping\ndata: {}\n\ndata: {}\n\n", |segment| {
            if let Segment::Event(event) = segment {
                names.push(event.name().map(<[u8]>::to_vec));
            }
        });
        assert_eq!(names, [Some(b"ping".to_vec()), None]);
    }

    #[test]
    fn an_event_is_handed_out_with_its_last_byte() {
        for stream in ["data: a\n\n", "data: a\r\n\r\n", "data: a\r\r"] {
            let mut reader = EventReader::new(LIMIT);
            let mut seen = 0;
            // In CR LF streams the CR of the blank line already completes the event.
            reader
                .push(stream.as_bytes(), |segment| seen += usize::from(matches!(segment, Segment::Event(_))));
            assert_eq!(seen, 1, "{stream:?}");
            assert!(reader.at_boundary());
        }
    }

    #[test]
    fn an_oversized_event_passes_in_pieces_and_the_next_one_is_seen_again() {
        let mut stream = b"data: ".to_vec();
        stream.extend(vec![b'x'; 100]);
        stream.extend_from_slice(b"\nid: 1\n\ndata: next\n\n");
        for size in [1, 7, 64] {
            let outcome = read(16, stream.chunks(size));
            assert_eq!(outcome.output, stream);
            assert_eq!(outcome.data.last(), Some(&Some(b"next".to_vec())));
        }
    }

    #[test]
    fn an_event_says_where_its_stream_goes_on() {
        let event = Event::from_raw(b"id: 7\nretry: 250\ndata: x\n\n");
        assert_eq!((event.id(), event.retry_ms()), (Some(&b"7"[..]), Some(250)));
        let other = Event::from_raw(b"id: a\0b\nretry: 1s\ndata: x\n\n");
        assert_eq!((other.id(), other.retry_ms()), (None, None));
    }

    fn sse_like() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"data: ".to_vec()),
            Just(b"data:".to_vec()),
            Just(b": c".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(b"\r\n\r\n".to_vec()),
            Just("{\"x\":\"é漢🎉\"}".as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    fn split(stream: &[u8], cuts: &[proptest::sample::Index]) -> Vec<Vec<u8>> {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        at.windows(2).map(|pair| stream[pair[0]..pair[1]].to_vec()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_split_gives_the_same_bytes_and_events(stream in sse_like(), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12)) {
            let whole = read(LIMIT, [stream.as_slice()]);
            prop_assert_eq!(&whole.output, &stream);
            let pieces = split(&stream, &cuts);
            prop_assert_eq!(&read(LIMIT, pieces.iter().map(Vec::as_slice)), &whole);
            prop_assert_eq!(&read(LIMIT, stream.chunks(1)), &whole);
        }

        #[test]
        fn bytes_survive_any_limit(stream in sse_like(), limit in 0_usize..20, size in 1_usize..9) {
            let pieces = read(limit, stream.chunks(size));
            prop_assert_eq!(&pieces.output, &stream);
            prop_assert_eq!(pieces, read(limit, [stream.as_slice()]));
        }
    }
}
