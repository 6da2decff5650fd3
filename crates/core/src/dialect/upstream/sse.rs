//! The outer half of a stream decoder: from bytes to events, common to all dialects.
//!
//! Guarantees, for any chunking: the same events; exactly one end; nothing after it. A service that answers a
//! streamed request with one plain JSON document is supported as well.

use crate::dialect::canonical::{
    ChatResponse, ErrorInfo, MAX_EVENT_BYTES, StreamDecoder, StreamEvent, explode,
};
use crate::sse::{Event, EventReader, Segment};

/// The inner half: the meaning of a dialect's events.
pub trait Reading {
    /// Processes an event that [`Repeated`](super::repeated::Repeated) recognises; `false` for one that is to be parsed.
    fn repeated(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) -> bool;
    /// Processes the data of one event. Returns whether the stream has ended, in which case its end has been
    /// appended.
    fn event(&mut self, event: Event<'_>, data: &[u8], events: &mut Vec<StreamEvent>) -> bool;
    /// Whether the answer has begun, so that a ping may be forwarded.
    fn has_begun(&self) -> bool;
    /// Processes the end of the stream and appends its end, which is an error if the answer is incomplete.
    fn end(&mut self, events: &mut Vec<StreamEvent>);
    /// Parses a body that is not a stream.
    fn document(&mut self, body: &[u8]) -> Result<ChatResponse, ErrorInfo>;
}

/// A stream decoder.
pub struct SseDecoder<R> {
    reader: EventReader,
    state: State<R>,
}

struct State<R> {
    reading: R,
    over: bool,
}

impl<R: Reading> SseDecoder<R> {
    /// A decoder at the beginning of a stream.
    pub fn new(reading: R) -> Self {
        Self { reader: EventReader::new(MAX_EVENT_BYTES), state: State { reading, over: false } }
    }

    /// The inner half.
    pub fn reading(&self) -> &R {
        &self.state.reading
    }
}

impl<R: Reading> StreamDecoder for SseDecoder<R> {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let Self { reader, state } = self;
        if state.over {
            return;
        }
        reader.push(chunk, |segment| match segment {
            Segment::Event(event) => state.event(event, events),
            Segment::LineFeed(_) => {}
            Segment::Oversized(_) => state.fail(ErrorInfo::malformed(), events),
        });
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let rest = self.reader.finish();
        let state = &mut self.state;
        if state.over {
            return;
        }
        let text = rest.trim_ascii_start();
        if !state.reading.has_begun() && text.first() == Some(&b'{') {
            state.over = true;
            match state.reading.document(text) {
                Ok(response) => events.extend(explode(response)),
                Err(error) => events.push(StreamEvent::Error(error)),
            }
            return;
        }
        let last = Event::from_raw(&rest);
        // An event cut off in the middle of its JSON is a sign of a broken connection, not of invalid data.
        if last.data().is_some_and(|data| is_whole(&data)) {
            state.event(last, events);
        }
        if !state.over {
            state.over = true;
            state.reading.end(events);
        }
    }
}

/// Whether data is complete: valid JSON, or the word by which streams end.
fn is_whole(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]" || crate::json::lenient::is_whole(data)
}

impl<R: Reading> State<R> {
    fn event(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) {
        if self.over || self.reading.repeated(event, events) {
            return;
        }
        match event.data() {
            Some(data) if data.trim_ascii().is_empty() => {}
            Some(data) => self.over = self.reading.event(event, &data, events),
            // A comment, or an event without data: a keep-alive of the upstream.
            None if self.reading.has_begun() && !event.raw().trim_ascii().is_empty() => {
                events.push(StreamEvent::Ping);
            }
            None => {}
        }
    }

    fn fail(&mut self, error: ErrorInfo, events: &mut Vec<StreamEvent>) {
        if !self.over {
            self.over = true;
            events.push(StreamEvent::Error(error));
        }
    }
}
