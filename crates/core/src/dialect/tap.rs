//! Looking at a stream of events while its bytes pass.
//!
//! Guarantees:
//! - what is forwarded is what came in, byte for byte, less the events that the observer withholds;
//! - only whole events are forwarded, so that a cut leaves the caller with a stream that still parses;
//! - a stream counts as complete only if it said so itself, never because it ended;
//! - where the observer withholds nothing, the bytes may go on before they are looked at; what cannot be held back then is
//!   the beginning of an event that breaks off;
//! - at most [`MAX_EVENT_BYTES`] are held back; larger events pass through unseen.

use crate::dialect::canonical::ErrorInfo;
use crate::dialect::pipe::{Forward, StreamEnd, StreamFacts, StreamOutcome, StreamPipe};
use crate::sse::writer::KEEP_ALIVE;
use crate::sse::{Event, EventReader, Segment};

/// Largest event that is held back until it is complete.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// What an observer has learnt of the end of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing yet.
    Open,
    /// The answer is whole, but the event by which the dialect ends a stream has not come.
    Finished,
    /// The stream has ended as it should.
    Done,
    /// The stream carries an error of the upstream's own.
    Error,
}

/// What looks at the events of one dialect.
pub trait Observer {
    /// Notes what the event says; false if it is to be withheld from the caller.
    fn observe(&mut self, event: Event<'_>) -> bool;
    /// Whether it may withhold an event.
    fn withholds(&self) -> bool {
        false
    }
    /// What is known so far.
    fn facts(&self) -> StreamFacts;
    /// What is known of the end.
    fn ending(&self) -> Ending;
    /// The event that ends a stream of the dialect, for one that is finished without it.
    fn missing_end(&self) -> &'static [u8];
    /// Whether the data of an event that came without its blank line are whole.
    fn is_whole(&self, data: &[u8]) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
    }
    /// What is to be kept of the answer, as soon as that is known.
    fn final_body(&self) -> Option<Vec<u8>> {
        None
    }
    /// See [`StreamPipe::is_at_work`].
    fn is_at_work(&self) -> bool {
        false
    }
    /// A sign of life in the dialect.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
    /// An error as an event of the dialect.
    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8>;
}

/// The tap on one stream.
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

    /// Takes in the end: the bytes of an event that did not end, and whether its data are whole and to be passed on.
    fn take_last(&mut self) -> (Vec<u8>, bool) {
        let raw = self.reader.finish();
        let event = Event::from_raw(&raw);
        let is_whole = event.data().is_some_and(|data| self.observer.is_whole(&data));
        let is_kept = is_whole && self.observer.observe(event);
        (raw, is_kept)
    }
}

/// What ends an event of which these bytes have come.
fn end_of(raw: &[u8]) -> &'static [u8] {
    if raw.ends_with(b"\n") { b"\n" } else { EVENT_END }
}

/// Ends an event, wherever in it.
const EVENT_END: &[u8] = b"\n\n";

impl<O: Observer> StreamPipe for Tap<O> {
    fn push(&mut self, chunk: &[u8]) -> Forward {
        let (observer, withheld_last) = (&mut self.observer, &mut self.withheld_last);
        let mut kept = Vec::new();
        let mut kept_all = self.reader.at_boundary();
        // While everything has been kept so far, nothing is copied: `kept_bytes` stands for the bytes.
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
                // A reader of events discards one that did not end.
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
                // After a piece of an event it would make an event of that. Without it, a reader discards the piece.
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
        // Held bytes have not been sent yet, so only an oversized event under way is in the way.
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
