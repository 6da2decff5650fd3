//! The observer of a pass-through streamed chat completion, for a [`Tap`].

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::codec::{encode_passthrough_error, is_error_value};
use super::said::Said;
use super::usage::Sources;
use crate::dialect::canonical::ErrorInfo;
use crate::dialect::pipe::StreamFacts;
use crate::dialect::tap::{Choices, Ending, Observer, Tap};
use crate::dialect::upstream::repeated::Repeated;
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::verdict::abnormal_word;
use crate::json::lenient::{self, Spare, string};
use crate::json::object::Kind;
use crate::sse::{Event, writer};
use crate::tokens::estimate_tokens;

/// The tap of a streamed chat completion; `withhold_usage` if the caller did not request the usage chunk.
#[must_use]
pub fn chat_tap(withhold_usage: bool) -> Tap<ChatObserver> {
    Tap::new(ChatObserver::new(withhold_usage))
}

/// The observer of one stream.
#[derive(Debug)]
pub struct ChatObserver {
    withhold_usage: bool,
    facts: StreamFacts,
    tally: Tally,
    signal: Signal,
    choices: Choices,
    /// Whether the upstream has said in a chunk that it is done.
    said_done: bool,
    /// The last event, if it was a piece of text and nothing else.
    repeated: Repeated,
}

/// The strongest indication of the end of the stream so far.
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
    x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    citations: Option<&'a RawValue>,
    #[serde(borrow)]
    search_results: Option<&'a RawValue>,
    #[serde(borrow)]
    done: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<Said<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl ChatObserver {
    fn new(withhold_usage: bool) -> Self {
        Self {
            withhold_usage,
            facts: StreamFacts::default(),
            tally: Tally::default(),
            signal: Signal::Nothing,
            choices: Choices::default(),
            said_done: false,
            repeated: Repeated::default(),
        }
    }
}

impl Observer for ChatObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(text) = self.repeated.text_in(event.raw()) {
            self.facts.estimated_completion += estimate_tokens(&text);
            return true;
        }
        let Some(data) = event.data() else { return true };
        if data.trim_ascii() == b"[DONE]" {
            if self.signal == Signal::Nothing {
                self.signal = Signal::Done;
            }
            return true;
        }
        if event.name() == Some(b"error") {
            self.signal = Signal::Error;
        }
        let spare = Spare::default();
        let Ok(chunk) = lenient::read::<Chunk<'_>>(&data, &spare) else { return true };
        let is_no_answer = chunk.choices.as_ref().is_none_or(Vec::is_empty);
        if chunk.error.is_some_and(|error| is_error_value(error, is_no_answer)) {
            self.signal = Signal::Error;
        }
        let choices = chunk.choices.unwrap_or_default();
        for (position, choice) in (0..).zip(&choices) {
            if choice.error.is_some_and(|error| is_error_value(error, false)) {
                self.signal = Signal::Error;
            }
            // Services without a reason send an empty text or the word.
            let is_said = |reason: &Cow<'_, str>| !matches!(&**reason, "" | "null");
            let reason = choice.finish_reason.and_then(string).filter(is_said);
            let number = choice.index.and_then(lenient::integer).unwrap_or(position);
            if !self.choices.note(number, reason.is_some()) {
                self.signal = Signal::Error;
            }
            if let Some(reason) = reason {
                if abnormal_word(&reason, None).is_some() {
                    self.signal = Signal::Error;
                }
                self.facts.finish_reason = Some(reason.into_owned());
            }
            if let Some(delta) = &choice.delta {
                self.facts.estimated_completion += estimate(delta);
            }
        }
        self.said_done |= chunk.done.and_then(lenient::boolean) == Some(true);
        let counts = Sources {
            usage: chunk.usage,
            groq: chunk.x_groq,
            choice: choices.iter().find_map(|choice| choice.usage),
            service_tier: chunk.service_tier,
        };
        counts.add_to(&mut self.tally);
        if !counts.has_counts() {
            if let ([Choice { delta: Some(delta), finish_reason: None, error: None, .. }], None) =
                (choices.as_slice(), chunk.error)
                && let Some(text) = delta.only_text()
            {
                self.repeated.note(event.raw(), text);
            }
            return true;
        }
        self.facts.usage = self.tally.usage();
        let is_more = chunk.error.is_some()
            || [chunk.citations, chunk.search_results].into_iter().flatten().any(has_items);
        let is_usage = choices.is_empty() && chunk.usage.is_some_and(|usage| Kind::of(usage) == Kind::Object);
        !(self.withhold_usage && is_usage && !is_more)
    }

    fn withholds(&self) -> bool {
        self.withhold_usage
    }

    fn facts(&self) -> StreamFacts {
        self.facts.clone()
    }

    fn ending(&self) -> Ending {
        match self.signal {
            Signal::Error => Ending::Error,
            Signal::Done => Ending::Done,
            Signal::Nothing if self.choices.have_ended() || (self.said_done && self.choices.have_begun()) => {
                Ending::Finished
            }
            Signal::Nothing => Ending::Open,
        }
    }

    fn missing_end(&self) -> &'static [u8] {
        writer::DONE
    }

    fn is_whole(&self, data: &[u8]) -> bool {
        data == b"[DONE]" || lenient::is_whole(data)
    }

    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8> {
        let mut event = Vec::new();
        writer::write_data(&mut event, &encode_passthrough_error(error));
        event
    }
}

/// Whether a value is a list with something in it.
fn has_items(value: &RawValue) -> bool {
    !lenient::items(value).is_empty()
}

/// Estimated tokens of one delta. Deltas are split at token boundaries, so that the sum is close.
fn estimate(delta: &Said<'_>) -> u64 {
    delta.text_tokens() + delta.tool_calls.map_or(0, |calls| calls.get().len() as u64 / 40)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::pipe::{Forward, StreamOutcome, StreamPipe};
    use crate::dialect::upstream::testing_repeats::{Sample, samples};
    use proptest::prelude::*;

    const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    struct Run {
        output: String,
        outcome: StreamOutcome,
        tap: Tap<ChatObserver>,
    }

    fn run<'a>(withhold: bool, chunks: impl IntoIterator<Item = &'a [u8]>) -> Run {
        let mut tap = chat_tap(withhold);
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
        let mut tap = chat_tap(true);
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
            assert_eq!(run.tap.facts().usage.unwrap().total(), 10);
            assert_eq!(run.tap.facts().finish_reason.as_deref(), Some("stop"));
            assert_eq!(run.outcome, StreamOutcome::Complete);
        }
    }

    #[test]
    fn usage_on_a_chunk_with_choices_is_the_upstreams_own_and_stays() {
        let stream = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
        let run = run_whole(true, stream);
        assert_eq!(run.output, stream);
        assert!(run.tap.facts().usage.is_some());
    }

    #[test]
    fn a_cut_is_seen_and_the_partial_event_is_not_forwarded() {
        let run = run_whole(true, &format!("{HELLO}data: {{\"choices\":[{{\"del"));
        assert_eq!(run.output, HELLO);
        assert_eq!(run.outcome, StreamOutcome::Truncated);
        assert_eq!(run.tap.facts().estimated_completion, 1);
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

    fn observe(stream: &str) -> (String, StreamOutcome) {
        let mut tap = chat_tap(false);
        let _ = tap.push(stream.as_bytes());
        let end = tap.finish_verbatim();
        (String::from_utf8(end.tail).unwrap(), end.outcome)
    }

    #[test]
    fn only_a_stream_of_which_nothing_is_withheld_is_verbatim() {
        assert!(chat_tap(false).is_verbatim() && !chat_tap(true).is_verbatim());
    }

    #[test]
    fn what_follows_a_verbatim_stream_does_not_become_part_of_an_event_that_broke_off() {
        let piece = "data: {\"choices\":[{\"del";
        let cases = [
            (format!("{HELLO}{STOP}{USAGE}{DONE}"), "", StreamOutcome::Complete),
            (format!("{HELLO}{STOP}"), DONE, StreamOutcome::Complete),
            (format!("{HELLO}{STOP}data: [DONE]"), "\n\n", StreamOutcome::Complete),
            (format!("{HELLO}{STOP}data: [DONE]\n"), "\n", StreamOutcome::Complete),
            (format!("{HELLO}{STOP}{piece}"), "", StreamOutcome::Complete),
            (HELLO.to_owned(), "", StreamOutcome::Truncated),
            (format!("{HELLO}{piece}"), "\n\n", StreamOutcome::Truncated),
            (HELLO.trim_end().to_owned(), "\n\n", StreamOutcome::Truncated),
            (format!("{HELLO}data: {{\"error\":{{}}}}\n\n{piece}"), "", StreamOutcome::UpstreamError),
        ];
        for (stream, tail, outcome) in cases {
            assert_eq!(observe(&stream), (tail.to_owned(), outcome), "{stream}");
        }
        let mut tap = chat_tap(false);
        let _ = tap.push(HELLO.as_bytes());
        assert_eq!(tap.event_end(), b"");
        let _ = tap.push(piece.as_bytes());
        assert_eq!(tap.event_end(), b"\n\n");
    }

    #[test]
    fn an_error_event_of_the_upstream_is_forwarded_and_noted() {
        let stream = format!("{HELLO}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n");
        let run = run_whole(true, &stream);
        assert_eq!((run.output, run.outcome), (stream, StreamOutcome::UpstreamError));
    }

    #[test]
    fn an_abnormal_end_passes_and_is_noted() {
        for end in [
            r#"{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":null,"error":{"code":502,"message":"m"}}]}"#,
        ] {
            let stream = format!("{HELLO}data: {end}\n\n{DONE}");
            let run = run_whole(true, &stream);
            assert_eq!((run.output, run.outcome), (stream, StreamOutcome::UpstreamError));
        }
        let good = HELLO.replace("]}", "],\"error\":{}}");
        let run = run_whole(true, &format!("{good}{STOP}{DONE}"));
        assert_eq!(run.outcome, StreamOutcome::Complete);
    }

    #[test]
    fn garbage_passes_and_is_not_complete() {
        let stream = "data: not json\n\ndata: {\"choices\":7}\n\n\n\nfoo\n\n";
        let run = run_whole(true, stream);
        assert_eq!((run.output.as_str(), run.outcome), (stream, StreamOutcome::Truncated));
    }

    /// Observers of the same events, of which one parses them all.
    fn both(events: &[Vec<u8>]) -> [(Vec<bool>, StreamFacts, Ending); 2] {
        [Repeated::default(), Repeated::blind()].map(|repeated| {
            let mut observer = ChatObserver { repeated, ..ChatObserver::new(true) };
            let kept = events.iter().map(|event| observer.observe(Event::from_raw(event))).collect();
            (kept, observer.facts(), observer.ending())
        })
    }

    /// An event in one of the ways in which services write theirs; most are pieces of text.
    fn written(sample: &Sample) -> Vec<u8> {
        let Sample { text, count, .. } = sample;
        let usage = format!(r#"{{"prompt_tokens":9,"completion_tokens":{count}}}"#);
        let said = |number: &str, delta: String| {
            format!(
                r#"{{"id":"c","choices":[{{"index":{number},"delta":{delta},"finish_reason":null}}],"usage":null}}"#
            )
        };
        let content = said("0", format!(r#"{{"content":{text}}}"#));
        let data = match sample.kind {
            0 => said("0", format!(r#"{{"reasoning_content":{text}}}"#)),
            1 => format!(
                r#"{{"choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":"stop"}}]}}"#
            ),
            2 => format!(r#"{{"choices":[],"usage":{usage}}}"#),
            3 => said("0", format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{text}}}}}]}}"#)),
            4 => said("0", format!(r#"{{"content":{text},"content":"b"}}"#)),
            5 => format!(r#"{{"choices":[{{"delta":{{"content":{text}}}}}],"error":{{"message":{text}}}}}"#),
            6 => format!(r#"{{"choices":[{{"delta":{{"content":{text}}},"error":{{"code":{count}}}}}]}}"#),
            7 => format!(r#"{{"choices":[{{"delta":{{"content":{text}}},"usage":{usage}}}]}}"#),
            8 => format!(r#"{{"choices":[{{"delta":{{"content":{text}}}}}],"usage":{usage}}}"#),
            9 => format!(r#"{{"choices":[{{"delta":{{"content":{text}}}}}],"service_tier":{text}}}"#),
            10 => said("0", format!(r#"{{"content":{text}}},"finish_reason":{text},"x":{{}}"#)),
            11 => return b"data: [DONE]\n\n".to_vec(),
            12..=17 => said("1", format!(r#"{{"content":{text}}}"#)),
            _ => content,
        };
        let data = sample.damaged(data);
        match sample.kind {
            18 => [&b"event: error\ndata: "[..], &data, b"\n\n"].concat(),
            19 => [&b": hold\ndata: "[..], &data, b"\n\n"].concat(),
            20..=24 => [&b"data: "[..], &data, b"\r\n\r\n"].concat(),
            25 => [&b"data: "[..], &data, b"\ndata:\n\n"].concat(),
            _ => [&b"data: "[..], &data, b"\n\n"].concat(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn repeated_events_mean_what_parsed_ones_do(samples in samples()) {
            let events: Vec<_> = samples.iter().map(written).collect();
            let [recognising, parsing] = both(&events);
            prop_assert_eq!(recognising, parsing);
        }

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
            prop_assert_eq!(split.tap.facts().usage, whole.tap.facts().usage);
            let bytewise = run(withhold, stream.as_bytes().chunks(1));
            prop_assert_eq!(&bytewise.output, &whole.output);
        }
    }
}
