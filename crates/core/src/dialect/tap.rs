//! Inspecting a stream of events while its bytes pass through.
//!
//! Guarantees:
//! - the output is the input, byte for byte, without the events that the observer withholds;
//! - only complete events are forwarded, so that a truncated stream still parses;
//! - a stream counts as complete only if it contains its end, never because the connection ended;
//! - if the observer withholds nothing, bytes may be forwarded before they are inspected; the beginning of a
//!   truncated event cannot be held back then;
//! - at most [`MAX_EVENT_BYTES`] are held back, and no more than all readers may hold ([`crate::sse::share`]); larger events pass through
//!   without inspection.

use crate::dialect::canonical::{ErrorInfo, MAX_EVENT_BYTES};
use crate::dialect::pipe::{Forward, StreamEnd, StreamFacts, StreamOutcome, StreamPipe};
use crate::sse::writer::KEEP_ALIVE;
use crate::sse::{Event, EventReader, Segment};

/// What an observer knows about the end of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// No end yet.
    Open,
    /// The answer is complete, but the dialect's final event has not arrived.
    Finished,
    /// The stream has ended properly.
    Done,
    /// The stream contains an error of the upstream.
    Error,
}

/// Which choices of an answer have begun, and which of them have ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Choices {
    begun: u128,
    ended: u128,
}

impl Choices {
    /// The most choices of an answer; no service has more. Decoders have the same limit.
    pub const MOST: usize = u128::BITS as usize;

    /// Notes that a choice is spoken of, and whether it ends. False, and nothing is noted, if its number is out of range.
    #[must_use]
    pub fn note(&mut self, number: u64, is_end: bool) -> bool {
        let Some(bit) = u32::try_from(number).ok().and_then(|number| 1_u128.checked_shl(number)) else {
            return false;
        };
        self.begun |= bit;
        if is_end {
            self.ended |= bit;
        }
        true
    }

    /// Whether there is a choice.
    #[must_use]
    pub fn have_begun(&self) -> bool {
        self.begun != 0
    }

    /// Whether every choice that has begun has ended, and there is one.
    #[must_use]
    pub fn have_ended(&self) -> bool {
        self.begun != 0 && self.begun == self.ended
    }
}

/// An observer of the events of one dialect.
pub trait Observer {
    /// Inspects an event; false if it must be withheld from the caller.
    fn observe(&mut self, event: Event<'_>) -> bool;
    /// Whether it may withhold events.
    fn withholds(&self) -> bool {
        false
    }
    /// What it has recorded so far.
    fn facts(&self) -> StreamFacts;
    /// What it knows about the end.
    fn ending(&self) -> Ending;
    /// The dialect's final event, for a complete stream that lacks it.
    fn missing_end(&self) -> &'static [u8];
    /// Whether the data of an event without its blank line is complete.
    fn is_whole(&self, data: &[u8]) -> bool {
        crate::json::lenient::is_whole(data)
    }
    /// The body to be stored for the answer, as soon as it is known.
    fn final_body(&self) -> Option<Vec<u8>> {
        None
    }
    /// See [`StreamPipe::is_at_work`].
    fn is_at_work(&self) -> bool {
        false
    }
    /// A keep-alive in the dialect.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
    /// An error event in the dialect.
    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8>;
}

/// The tap of one stream.
#[derive(Debug)]
pub struct Tap<O> {
    reader: EventReader,
    observer: O,
    withheld_last: bool,
}

impl<O: Observer> Tap<O> {
    /// A tap with this observer.
    #[must_use]
    pub fn new(observer: O) -> Self {
        Self { reader: EventReader::new(MAX_EVENT_BYTES), observer, withheld_last: false }
    }

    /// Processes the end: the bytes of an event without its blank line, and whether its data is complete and to be
    /// forwarded.
    fn take_last(&mut self) -> (Vec<u8>, bool) {
        let raw = self.reader.finish();
        let event = Event::from_raw(&raw);
        let is_whole = event.data().is_some_and(|data| self.observer.is_whole(&data));
        let is_kept = is_whole && self.observer.observe(event);
        (raw, is_kept)
    }
}

/// The bytes that end an event of which these bytes have been sent.
fn end_of(raw: &[u8]) -> &'static [u8] {
    if raw.ends_with(b"\n") { b"\n" } else { EVENT_END }
}

/// Ends an event at any point.
const EVENT_END: &[u8] = b"\n\n";

impl<O: Observer> StreamPipe for Tap<O> {
    fn push(&mut self, chunk: &[u8]) -> Forward {
        let (observer, withheld_last) = (&mut self.observer, &mut self.withheld_last);
        let mut kept = Vec::new();
        let mut kept_all = self.reader.at_boundary();
        // While nothing has been withheld, nothing is copied: `kept_bytes` stands for the bytes.
        let mut kept_bytes = 0;
        self.reader.push(chunk, |segment| {
            let (raw, keep) = match segment {
                Segment::Event(event) => {
                    let keep = observer.observe(event);
                    *withheld_last = !keep;
                    (event.raw(), keep)
                }
                Segment::LineFeed(raw) => (raw, !*withheld_last),
                Segment::Oversized(raw) => (raw, true),
            };
            if keep && kept_all {
                kept_bytes += raw.len();
                return;
            }
            if kept_all {
                kept.extend_from_slice(chunk.get(..kept_bytes).unwrap_or_default());
                kept_all = false;
            }
            if keep {
                kept.extend_from_slice(raw);
            }
        });
        match kept_all {
            true if kept_bytes == chunk.len() => Forward::Unchanged,
            true => Forward::Replaced(chunk.get(..kept_bytes).unwrap_or_default().to_vec()),
            false => Forward::Replaced(kept),
        }
    }

    fn finish(&mut self) -> StreamEnd {
        let (raw, is_kept) = self.take_last();
        let mut tail = Vec::new();
        if is_kept {
            tail.extend_from_slice(&raw);
            tail.extend_from_slice(end_of(&raw));
        }
        let outcome = match self.observer.ending() {
            Ending::Error => StreamOutcome::UpstreamError,
            Ending::Done => StreamOutcome::Complete,
            Ending::Finished => {
                tail.extend_from_slice(self.observer.missing_end());
                StreamOutcome::Complete
            }
            Ending::Open => {
                // An SSE reader discards an event without its blank line.
                tail.clear();
                StreamOutcome::Truncated
            }
        };
        StreamEnd { tail, outcome }
    }

    fn is_verbatim(&self) -> bool {
        !self.observer.withholds()
    }

    fn finish_verbatim(&mut self) -> StreamEnd {
        let is_under_way = !self.reader.at_boundary();
        let (raw, is_whole) = self.take_last();
        let mut tail = Vec::new();
        if is_whole {
            tail.extend_from_slice(end_of(&raw));
        }
        let outcome = match self.observer.ending() {
            Ending::Error => StreamOutcome::UpstreamError,
            Ending::Done => StreamOutcome::Complete,
            Ending::Finished => {
                // After part of an event it would complete that event. Without it, a reader discards the part.
                if is_whole || !is_under_way {
                    tail.extend_from_slice(self.observer.missing_end());
                }
                StreamOutcome::Complete
            }
            Ending::Open => {
                if is_under_way && !is_whole {
                    tail.extend_from_slice(EVENT_END);
                }
                StreamOutcome::Truncated
            }
        };
        StreamEnd { tail, outcome }
    }

    fn event_end(&self) -> &'static [u8] {
        if self.reader.at_boundary() { b"" } else { EVENT_END }
    }

    fn facts(&self) -> StreamFacts {
        self.observer.facts()
    }

    fn is_complete(&self) -> bool {
        self.observer.ending() == Ending::Done
    }

    fn at_boundary(&self) -> bool {
        // Held bytes have not been sent yet, so only an oversized event in progress matters.
        !self.reader.in_oversized_event()
    }

    fn is_at_work(&self) -> bool {
        self.observer.is_at_work()
    }

    fn keep_alive(&self) -> &'static [u8] {
        self.observer.keep_alive()
    }

    fn final_body(&self) -> Option<Vec<u8>> {
        self.observer.final_body()
    }

    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8> {
        self.observer.encode_error(error)
    }
}
