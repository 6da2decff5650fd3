//! A look at a streamed chat completion while its bytes pass.
//!
//! Guarantees:
//! - what is forwarded is what came in, byte for byte, less the usage chunk that only the gateway had asked for;
//! - only whole events are forwarded, so that a cut leaves the caller with a stream that still parses;
//! - a stream counts as complete only if it said so itself (`[DONE]` or a finish reason), never because it ended;
//! - at most [`MAX_EVENT_BYTES`] are held back; larger events pass through unseen.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage;
use crate::dialect::json_object::as_str;
use crate::sse::{Event, EventReader, Segment};
use crate::tokens::{TokenUsage, estimate_tokens};

/// Largest event that is held back until it is complete.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// What to do with the chunk that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub enum Forward {
    /// Send the chunk on exactly as it is.
    Unchanged,
    /// Send these bytes instead; they may be empty.
    Replaced(Vec<u8>),
}

/// How the stream ended.
#[derive(Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// Bytes that are still to be sent: a last event without its blank line, and `[DONE]` if only that was missing.
    pub tail: Vec<u8>,
    /// Whether the answer is whole.
    pub outcome: StreamOutcome,
}

/// Whether a stream said what it had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOutcome {
    /// It ended as it should.
    Complete,
    /// It carried an error event of the upstream's own, which the caller has received.
    UpstreamError,
    /// It broke off.
    Truncated,
}

/// The observer of one stream.
#[derive(Debug)]
pub struct StreamTap {
    reader: EventReader,
    facts: Facts,
}

#[derive(Debug)]
struct Facts {
    withhold_usage: bool,
    withheld_last: bool,
    usage: Option<TokenUsage>,
    finish_reason: Option<String>,
    estimated_completion: u64,
    signalled: Signal,
}

/// The strongest word that the upstream has said about the end of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Nothing,
    Done,
    Error,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
}

impl StreamTap {
    /// A tap; `withhold_usage` if the caller did not ask for the usage chunk.
    #[must_use]
    pub fn new(withhold_usage: bool) -> Self {
        let facts = Facts {
            withhold_usage,
            withheld_last: false,
            usage: None,
            finish_reason: None,
            estimated_completion: 0,
            signalled: Signal::Nothing,
        };
        Self { reader: EventReader::new(MAX_EVENT_BYTES), facts }
    }

    /// Usage as the upstream stated it, so far.
    #[must_use]
    pub fn usage(&self) -> Option<TokenUsage> {
        self.facts.usage
    }

    /// The finish reason of the (last finished) choice, so far.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.facts.finish_reason.as_deref()
    }

    /// Estimated tokens of the text that has passed so far.
    #[must_use]
    pub fn estimated_completion(&self) -> u64 {
        self.facts.estimated_completion
    }

    /// Whether the upstream has said everything, though its connection may still be open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.facts.signalled == Signal::Done
    }

    /// Whether something of our own, such as a keep-alive comment, may be written now.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        // Held bytes have not been sent yet, so only an oversized event under way is in the way.
        !self.reader.in_oversized_event()
    }

    /// Takes in the next chunk of the upstream's body.
    pub fn push(&mut self, chunk: &[u8]) -> Forward {
        let was_at_boundary = self.reader.at_boundary();
        let facts = &mut self.facts;
        let mut kept = Vec::new();
        let mut kept_all = was_at_boundary;
        // While everything has been kept so far, nothing is copied: `kept_bytes` stands for the bytes.
        let mut kept_bytes = 0;
        self.reader.push(chunk, |segment| {
            let (raw, keep) = match segment {
                Segment::Event(event) => {
                    let keep = facts.observe(event);
                    facts.withheld_last = !keep;
                    (event.raw(), keep)
                }
                Segment::LineFeed(raw) => (raw, !facts.withheld_last),
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

    /// Takes in the end of the upstream's body.
    pub fn finish(&mut self) -> StreamEnd {
        let mut tail = self.reader.finish();
        if !tail.is_empty() {
            let was_withheld = std::mem::take(&mut self.facts.withheld_last);
            let lonely_line_feed = tail == b"\n" && was_withheld;
            let raw = std::mem::take(&mut tail);
            if !lonely_line_feed && is_whole(&raw) && self.facts.observe(Event::from_raw(&raw)) {
                tail = raw;
                tail.extend_from_slice(b"\n\n");
            }
        }
        let outcome = match self.facts.signalled {
            Signal::Error => StreamOutcome::UpstreamError,
            Signal::Done => StreamOutcome::Complete,
            Signal::Nothing if self.facts.finish_reason.is_some() => {
                tail.extend_from_slice(crate::sse::writer::DONE);
                StreamOutcome::Complete
            }
            Signal::Nothing => StreamOutcome::Truncated,
        };
        StreamEnd { tail, outcome }
    }
}

/// Whether an event that ended without its blank line can be taken for complete: its data is whole.
fn is_whole(raw: &[u8]) -> bool {
    Event::from_raw(raw).data().is_some_and(|data| {
        data.as_ref() == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(&data).is_ok()
    })
}

impl Facts {
    /// Notes what the event says; false if it is to be withheld from the caller.
    fn observe(&mut self, event: Event<'_>) -> bool {
        let Some(data) = event.data() else { return true };
        if data.trim_ascii() == b"[DONE]" {
            if self.signalled == Signal::Nothing {
                self.signalled = Signal::Done;
            }
            return true;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(&data) else { return true };
        if chunk.error.is_some() {
            self.signalled = Signal::Error;
        }
        let choices = chunk.choices.unwrap_or_default();
        for choice in &choices {
            if let Some(reason) = choice.finish_reason.and_then(as_str) {
                self.finish_reason = Some(reason.into_owned());
            }
            if let Some(delta) = &choice.delta {
                self.estimated_completion += estimate(delta);
            }
        }
        let Some(reported) = chunk.usage.and_then(usage::parse) else { return true };
        self.usage = Some(reported);
        !(self.withhold_usage && choices.is_empty())
    }
}

/// Estimated tokens of one delta. Deltas are cut at token borders, so that the sum stays close.
fn estimate(delta: &Delta<'_>) -> u64 {
    let texts = [delta.content, delta.reasoning_content].into_iter().flatten().filter_map(as_str);
    let text: u64 = texts.map(|text: Cow<'_, str>| estimate_tokens(&text)).sum();
    text + delta.tool_calls.map_or(0, |calls| calls.get().len() as u64 / 40)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    struct Run {
        output: String,
        outcome: StreamOutcome,
        tap: StreamTap,
    }

    fn run<'a>(withhold: bool, chunks: impl IntoIterator<Item = &'a [u8]>) -> Run {
        let mut tap = StreamTap::new(withhold);
        let mut output = Vec::new();
        for chunk in chunks {
            match tap.push(chunk) {
                Forward::Unchanged => output.extend_from_slice(chunk),
                Forward::Replaced(bytes) => output.extend(bytes),
            }
        }
        let end = tap.finish();
        output.extend(end.tail);
        Run { output: String::from_utf8(output).unwrap(), outcome: end.outcome, tap }
    }

    fn run_whole(withhold: bool, stream: &str) -> Run {
        run(withhold, [stream.as_bytes()])
    }

    #[test]
    fn a_chunk_of_whole_events_is_not_copied() {
        let mut tap = StreamTap::new(true);
        assert_eq!(tap.push(format!("{HELLO}{STOP}").as_bytes()), Forward::Unchanged);
        assert_eq!(tap.push(b": ping\n\n"), Forward::Unchanged);
        assert_eq!(tap.push(USAGE.as_bytes()), Forward::Replaced(Vec::new()));
        assert_eq!(tap.push(DONE.as_bytes()), Forward::Unchanged);
    }

    #[test]
    fn usage_is_noted_and_withheld_only_from_those_who_did_not_ask() {
        let stream = format!("{HELLO}{STOP}{USAGE}{DONE}");
        let asked = run_whole(false, &stream);
        assert_eq!(asked.output, stream);
        let unasked = run_whole(true, &stream);
        assert_eq!(unasked.output, format!("{HELLO}{STOP}{DONE}"));
        for run in [asked, unasked] {
            assert_eq!(run.tap.usage().unwrap().total(), 10);
            assert_eq!(run.tap.finish_reason(), Some("stop"));
            assert_eq!(run.outcome, StreamOutcome::Complete);
        }
    }

    #[test]
    fn usage_on_a_chunk_with_choices_is_the_upstreams_own_and_stays() {
        let stream = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
        let run = run_whole(true, stream);
        assert_eq!(run.output, stream);
        assert!(run.tap.usage().is_some());
    }

    #[test]
    fn a_cut_is_seen_and_the_partial_event_is_not_forwarded() {
        let run = run_whole(true, &format!("{HELLO}data: {{\"choices\":[{{\"del"));
        assert_eq!(run.output, HELLO);
        assert_eq!(run.outcome, StreamOutcome::Truncated);
        assert_eq!(run.tap.estimated_completion(), 1);
        assert_eq!(run_whole(true, "").outcome, StreamOutcome::Truncated);
    }

    #[test]
    fn a_missing_done_is_supplied_and_a_missing_blank_line_too() {
        let run = run_whole(true, &format!("{HELLO}{STOP}"));
        assert_eq!((run.output, run.outcome), (format!("{HELLO}{STOP}{DONE}"), StreamOutcome::Complete));
        for end in ["data: [DONE]", "data: [DONE]\n"] {
            let run = run_whole(true, &format!("{HELLO}{STOP}{end}"));
            assert_eq!(run.outcome, StreamOutcome::Complete);
            assert!(run.output.ends_with("\n\n") && run.output.matches("[DONE]").count() == 1);
        }
    }

    #[test]
    fn an_error_event_of_the_upstream_is_forwarded_and_noted() {
        let stream = format!("{HELLO}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n");
        let run = run_whole(true, &stream);
        assert_eq!((run.output, run.outcome), (stream, StreamOutcome::UpstreamError));
    }

    #[test]
    fn garbage_passes_and_is_not_complete() {
        let stream = "data: not json\n\ndata: {\"choices\":7}\n\n\n\nfoo\n\n";
        let run = run_whole(true, stream);
        assert_eq!((run.output.as_str(), run.outcome), (stream, StreamOutcome::Truncated));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn any_split_forwards_the_same_bytes(
            picks in proptest::collection::vec(0_usize..6, 0..10),
            crlf in any::<bool>(),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
            withhold in any::<bool>(),
        ) {
            let pieces = [HELLO, STOP, USAGE, DONE, ": ping\n\n", "data:{\"choices\":[{\"delta\":{\"content\":\"漢字🎉\"}}]}\n\n"];
            let mut stream: String = picks.iter().map(|pick| pieces[*pick]).collect();
            if crlf {
                stream = stream.replace('\n', "\r\n");
            }
            let whole = run_whole(withhold, &stream);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let split = run(withhold, at.windows(2).map(|pair| &stream.as_bytes()[pair[0]..pair[1]]));
            prop_assert_eq!(&split.output, &whole.output);
            prop_assert_eq!(split.outcome, whole.outcome);
            prop_assert_eq!(split.tap.usage(), whole.tap.usage());
            let bytewise = run(withhold, stream.as_bytes().chunks(1));
            prop_assert_eq!(&bytewise.output, &whole.output);
        }
    }
}
