//! The events of a streamed answer: Server-Sent Events, or the items of one growing JSON list.

use nexus_edge_core::sse::share::{ALWAYS, Share, append};
use nexus_edge_core::sse::{Event, EventReader, Segment};

/// Largest event that is searched. A stream with a larger one, or one for which all readers have no room, is not passed on further.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// A part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Bytes between events, a comment, or an event without data.
    Between(&'a [u8]),
    /// An event with its bytes and its data.
    Event(Event<'a>, Vec<u8>),
    /// An item of a list.
    Item(&'a [u8]),
    /// Part of an event that is too large.
    TooLarge,
}

/// Splits a stream into its parts.
pub enum Framing {
    /// Server-Sent Events.
    Events(EventReader),
    /// A JSON list.
    List(ListReader),
}

impl Framing {
    /// The framing of Server-Sent Events, or with `is_list` of a JSON list.
    #[must_use]
    pub fn new(is_list: bool) -> Self {
        if is_list {
            Self::List(ListReader::default())
        } else {
            Self::Events(EventReader::new(MAX_EVENT_BYTES))
        }
    }

    /// Takes a chunk and passes every part that it completes to `sink`.
    pub fn push(&mut self, chunk: &[u8], mut sink: impl FnMut(Part<'_>)) {
        match self {
            Self::Events(reader) => reader.push(chunk, |segment| match segment {
                Segment::Event(event) => match event.data() {
                    Some(data) => sink(Part::Event(event, data.into_owned())),
                    None => sink(Part::Between(event.raw())),
                },
                Segment::LineFeed(raw) => sink(Part::Between(raw)),
                Segment::Oversized(_) => sink(Part::TooLarge),
            }),
            Self::List(reader) => reader.push(chunk, sink),
        }
    }

    /// The bytes of a part that the end of the stream left incomplete.
    pub fn finish(&mut self) -> Vec<u8> {
        match self {
            Self::Events(reader) => reader.finish(),
            Self::List(reader) => {
                reader.share.hold(0);
                std::mem::take(&mut reader.held)
            }
        }
    }

    /// Whether a keep-alive may be written now.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        match self {
            // What is incomplete has not been passed on.
            Self::Events(_) => true,
            Self::List(reader) => reader.depth == 0,
        }
    }
}

/// Finds the objects that are the items of a list.
#[derive(Default)]
pub struct ListReader {
    held: Vec<u8>,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// That of `held`.
    share: Share,
}

impl ListReader {
    fn push(&mut self, chunk: &[u8], mut sink: impl FnMut(Part<'_>)) {
        for byte in chunk {
            let was_inside = self.depth > 0;
            self.read(*byte);
            if was_inside || self.depth > 0 {
                let capacity = self.held.capacity();
                append(&mut self.held, std::slice::from_ref(byte), MAX_EVENT_BYTES);
                let has_room = self.held.capacity() == capacity || self.share.hold(self.held.capacity());
                if self.depth == 0 {
                    sink(Part::Item(&self.held));
                    self.clear();
                } else if self.held.len() > MAX_EVENT_BYTES || !has_room {
                    self.clear();
                    sink(Part::TooLarge);
                }
            } else {
                sink(Part::Between(std::slice::from_ref(byte)));
            }
        }
    }

    /// Forgets an item, and gives back the memory of a large one.
    fn clear(&mut self) {
        self.held.clear();
        if self.held.capacity() > ALWAYS {
            self.held = Vec::new();
            self.share.hold(0);
        }
    }

    /// Only braces count: the brackets of the list itself are between its items.
    fn read(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.in_string => self.is_escaped = true,
            b'"' if self.depth > 0 => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' => self.depth += 1,
            b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_list_are_found_in_any_pieces() {
        let stream = br#"[{"a":"}","b":{"c":1}},
{"d":2}]"#;
        for size in 1..stream.len() {
            let (mut reader, mut items, mut all) = (ListReader::default(), Vec::new(), Vec::new());
            for chunk in stream.chunks(size) {
                reader.push(chunk, |part| match part {
                    Part::Item(item) => {
                        items.push(String::from_utf8(item.to_vec()).unwrap());
                        all.extend_from_slice(item);
                    }
                    Part::Between(bytes) => all.extend_from_slice(bytes),
                    _ => {}
                });
            }
            assert_eq!(items, [r#"{"a":"}","b":{"c":1}}"#, r#"{"d":2}"#]);
            assert_eq!(all, stream);
        }
    }
}
