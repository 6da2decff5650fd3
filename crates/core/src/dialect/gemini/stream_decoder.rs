//! Decodes a streamed answer (`streamGenerateContent?alt=sse`).
//!
//! The stream has no end marker; [`super::chunk`] determines whether it is complete. An error in the stream is an
//! event whose data is an error response.

use super::chunk::{ChunkReader, TextPlace};
use super::error;
use super::repeated::{RepeatedChunk, only_text};
use super::wire::{ResponseIn, read_response};
use crate::dialect::canonical::{ErrorInfo, MAX_EVENT_BYTES, StreamDecoder, StreamEvent};
use crate::json::lenient;
use crate::sse::{Event, EventReader, Segment};

/// The decoder of one stream.
pub(super) struct Decoder {
    reader: EventReader,
    state: State,
}

#[derive(Default)]
struct State {
    chunks: ChunkReader,
    over: bool,
    /// The last event, if it was a piece of text and counts.
    repeated: RepeatedChunk,
    /// Where that text belongs.
    repeated_place: TextPlace,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { reader: EventReader::new(MAX_EVENT_BYTES), state: State::default() }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        if self.state.over {
            return;
        }
        let state = &mut self.state;
        self.reader.push(chunk, |segment| match segment {
            Segment::Event(event) => state.event(event, events),
            Segment::Oversized(_) => state.fail(ErrorInfo::malformed(), events),
            Segment::LineFeed(_) => {}
        });
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let tail = self.reader.finish();
        // The blank line after the last event may be missing; a partial event is ignored.
        let last = Event::from_raw(&tail);
        let is_whole = lenient::is_whole;
        if !self.state.over && last.data().is_some_and(|data| is_whole(&data)) {
            self.state.event(last, events);
        }
        if !self.state.over {
            self.state.over = true;
            self.state.chunks.finish(events);
        }
    }
}

impl State {
    fn event(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) {
        if self.over {
            return;
        }
        if let Some(text) = self.repeated.text_in(event.raw()) {
            return self.chunks.repeat(self.repeated_place, &text, &self.repeated, events);
        }
        let Some(data) = event.data() else { return };
        let data = data.trim_ascii();
        // Some proxies end the stream as `OpenAI` does.
        if data.is_empty() || data == b"[DONE]" {
            return;
        }
        match read_response(data) {
            Ok(ResponseIn { error: Some(_), .. }) => self.fail(error::decode_in_answer(data), events),
            Ok(response) => {
                let begin = events.len();
                self.chunks.read(response, events);
                self.note(event, data, events.get(begin..).unwrap_or_default());
            }
            Err(_) => self.fail(ErrorInfo::malformed(), events),
        }
    }

    /// Notes an event if what it told is a piece of text, and counts.
    fn note(&mut self, event: Event<'_>, data: &[u8], told: &[StreamEvent]) {
        let ([StreamEvent::TextDelta { choice, text, .. }]
        | [StreamEvent::TextDelta { choice, text, .. }, StreamEvent::Usage(_)]) = told
        else {
            return;
        };
        if let Some(only) = only_text(data)
            && lenient::piece(only.text).is_some_and(|piece| piece == *text)
        {
            self.repeated_place = TextPlace { choice: *choice, is_thought: only.is_thought };
            self.repeated.note(event.raw(), &only);
        }
    }

    fn fail(&mut self, error: ErrorInfo, events: &mut Vec<StreamEvent>) {
        if !self.over {
            self.over = true;
            events.push(StreamEvent::Error(error));
        }
    }
}

#[cfg(test)]
impl Decoder {
    /// A decoder that recognises no repeated event, to be compared with.
    pub(super) fn that_parses_all() -> Self {
        let mut decoder = Self::new();
        decoder.state.repeated = RepeatedChunk::blind();
        decoder
    }

    /// How many events were recognised.
    pub(super) fn recognised(&self) -> usize {
        self.state.repeated.recognised()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{ErrorKind, FinishReason, Media, Part, PartStart, assemble};
    use proptest::prelude::*;

    fn events_of<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<StreamEvent> {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk, &mut events);
        }
        decoder.finish(&mut events);
        events
    }

    fn stream(chunks: &[&str]) -> String {
        let events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
        events.concat()
    }

    fn read(chunks: &[&str]) -> Vec<StreamEvent> {
        events_of([stream(chunks).as_bytes()])
    }

    const TEXT: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hé"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4},"modelVersion":"gemini-2.5-flash","responseId":"r-1"}"#;
    const THOUGHT: &str = r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}],"role":"model"},"index":0}],"modelVersion":"gemini-2.5-flash","responseId":"r-1"}"#;
    const CALLS: &str = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a": 1.50}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"x","name":"g"}}],"role":"model"},"index":0}],"responseId":"r-1"}"#;
    const STOP: &str = r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"c2ln"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"totalTokenCount":6}}"#;
    const ERROR: &str = r#"{"error":{"code":503,"message":"Overloaded.","status":"UNAVAILABLE"}}"#;

    #[test]
    fn calls_are_numbered_identified_and_signed() {
        let response = assemble(read(&[THOUGHT, TEXT, CALLS, STOP])).unwrap();
        let choice = &response.choices[0];
        assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
        assert_eq!(choice.parts[0], Part::Thinking { text: "hm".into(), signature: None });
        assert_eq!(choice.parts[1], Part::text("Hé"));
        let Part::ToolCall { id, arguments, signature, .. } = &choice.parts[2] else { panic!() };
        assert_eq!((id.as_str(), arguments.as_str()), ("call_r1_0_2", r#"{"a":1.50}"#));
        assert_eq!(signature.as_deref(), Some("c2ln"));
        let Part::ToolCall { id, arguments, .. } = &choice.parts[3] else { panic!() };
        assert_eq!((id.as_str(), arguments.as_str()), ("x", "{}"));
        assert_eq!(choice.parts[4], Part::Thinking { text: String::new(), signature: Some("c2ln".into()) });
        assert_eq!(response.usage.unwrap().total(), 6);
    }

    #[test]
    fn the_end_decides_whether_it_was_whole() {
        let cut = read(&[TEXT]);
        assert_eq!(cut.last(), Some(&StreamEvent::Error(ErrorInfo::truncated())));
        assert_eq!(read(&[]), [StreamEvent::Error(ErrorInfo::truncated())]);
        // Older models have STOP in every chunk.
        let every = TEXT.replace("\"index\":0", "\"index\":0,\"finishReason\":\"STOP\"");
        let response = assemble(read(&[&every, &every])).unwrap();
        assert_eq!(response.choices[0].parts, [Part::text("HéHé")]);
        // Without the last blank line, and with a DONE that does not belong there.
        let tail = events_of([format!("data: {TEXT}\n\ndata: [DONE]\n\ndata:{STOP}").as_bytes()]);
        assert_eq!(tail.last(), Some(&StreamEvent::Done));
    }

    #[test]
    fn an_error_ends_it() {
        let events = read(&[TEXT, ERROR, STOP]);
        let Some(StreamEvent::Error(error)) = events.last() else { panic!() };
        assert_eq!(
            (error.status, error.kind, error.message.as_str()),
            (503, ErrorKind::Overloaded, "Overloaded.")
        );
        for bad in ["nonsense", "[]", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a"] {
            assert_eq!(read(&[TEXT, bad]).last(), Some(&StreamEvent::Error(ErrorInfo::malformed())), "{bad}");
        }
    }

    #[test]
    fn a_blocked_prompt_is_a_filtered_answer() {
        let events =
            read(&[r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#]);
        let response = assemble(events).unwrap();
        assert_eq!(response.choices[0].finish, Some(FinishReason::ContentFilter));
        assert!(response.choices[0].parts.is_empty());
    }

    #[test]
    fn grounding_belongs_to_the_text_before_it() {
        let grounded = r#"{"candidates":[{"content":{"parts":[{"text":"!"},{"text":"","thoughtSignature":"c2ln"}]},"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"endIndex":4},"groundingChunkIndices":[0]}]}}]}"#;
        let alone = r#"{"candidates":[{"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"endIndex":4},"groundingChunkIndices":[0]}]}}]}"#;
        for chunks in [vec![TEXT, grounded], vec![TEXT, grounded, alone]] {
            let response = assemble(read(&chunks)).unwrap();
            let Part::Text { text, citations, .. } = &response.choices[0].parts[0] else { panic!() };
            assert_eq!((text.as_str(), citations.len(), citations[0].span), ("Hé!", 1, Some((0, 3))));
            assert_eq!(response.choices[0].parts.len(), 2);
        }
    }

    #[test]
    fn candidates_are_told_apart() {
        let two = r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"index":1,"finishReason":"MAX_TOKENS"},{"content":{"parts":[{"text":"a"}]},"index":0,"finishReason":"STOP"},{"index":4000000000}]}"#;
        let response = assemble(read(&[two])).unwrap();
        assert_eq!(response.choices[0].parts, [Part::text("a")]);
        assert_eq!(response.choices[1].finish, Some(FinishReason::Length));
    }

    #[test]
    fn arguments_in_pieces_are_one_call() {
        let part = |part: &str| format!(r#"{{"candidates":[{{"content":{{"parts":[{part}]}}}}]}}"#);
        let chunks = [
            part(r#"{"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"c2ln"}"#),
            part(
                r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.town","stringValue":"Ro","willContinue":true}],"willContinue":true}}"#,
            ),
            part(
                r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.town","stringValue":"me"}],"willContinue":true}}"#,
            ),
            part(r#"{"functionCall":{}}"#),
            part(
                r#"{"functionCall":{"name":"g","partialArgs":[{"jsonPath":"$.days","numberValue":2}],"willContinue":true}}"#,
            ),
            STOP.to_owned(),
        ];
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let response = assemble(read(&chunks)).unwrap();
        let calls = response.choices[0].parts.iter().filter_map(|part| match part {
            Part::ToolCall { name, arguments, signature, .. } => {
                Some((name.as_str(), arguments.as_str(), signature.as_deref()))
            }
            _ => None,
        });
        assert_eq!(
            calls.collect::<Vec<_>>(),
            [("f", r#"{"town":"Rome"}"#, Some("c2ln")), ("g", r#"{"days":2}"#, None)]
        );
        assert_eq!(response.choices[0].finish, Some(FinishReason::ToolCalls));
    }

    #[test]
    fn executed_code_is_left_out_and_a_picture_is_one() {
        let chunk = r#"{"candidates":[{"content":{"parts":[{"executableCode":{"language":"PYTHON","code":"print(1)\n"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1\n"}},{"inlineData":{"mimeType":"image/png","data":"iVBO"}}]},"finishReason":"STOP"}]}"#;
        let response = assemble(read(&[chunk])).unwrap();
        let media = Media::Base64 { media_type: "image/png".into(), data: "iVBO".into() };
        let picture = Part::Image { media, detail: None, cache: None };
        assert_eq!(response.choices[0].parts, [picture]);
    }

    #[test]
    fn too_large_an_event_is_malformed() {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        decoder.push(b"data: ", &mut events);
        for _ in 0..=MAX_EVENT_BYTES >> 20 {
            decoder.push(&vec![b'x'; 1 << 20], &mut events);
        }
        decoder.finish(&mut events);
        assert_eq!(events, [StreamEvent::Error(ErrorInfo::malformed())]);
    }

    /// At most one part of a choice is open, parts are numbered without gaps, and nothing follows the end.
    fn obeys_the_laws(events: &[StreamEvent]) -> bool {
        let (mut started, mut open, mut ended) = ([0_usize; 8], [None; 8], false);
        events.iter().all(|event| {
            let fine = !ended;
            fine && match event {
                StreamEvent::PartStart { choice, part, .. } => {
                    let dense = started[*choice] == *part && open[*choice].is_none();
                    started[*choice] += 1;
                    open[*choice] = Some(*part);
                    dense
                }
                StreamEvent::PartEnd { choice, part } => open[*choice].take() == Some(*part),
                StreamEvent::TextDelta { choice, part, .. }
                | StreamEvent::ArgumentsDelta { choice, part, .. }
                | StreamEvent::SignatureDelta { choice, part, .. }
                | StreamEvent::Citation { choice, part, .. } => open[*choice] == Some(*part),
                StreamEvent::Finish { choice, .. } => open[*choice].is_none(),
                StreamEvent::Done | StreamEvent::Error(_) => {
                    ended = true;
                    true
                }
                _ => true,
            }
        }) && ended
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn any_split_gives_the_same_events(
            picks in proptest::collection::vec(0_usize..6, 0..8),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            let pieces = [TEXT, THOUGHT, CALLS, STOP, ERROR, "x"];
            let chunks: Vec<&str> = picks.iter().map(|pick| pieces[*pick]).collect();
            let stream = stream(&chunks);
            let whole = events_of([stream.as_bytes()]);
            prop_assert!(obeys_the_laws(&whole), "{whole:?}");
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let split = events_of(at.windows(2).map(|pair| &stream.as_bytes()[pair[0]..pair[1]]));
            prop_assert_eq!(&split, &whole);
            prop_assert_eq!(&events_of(stream.as_bytes().chunks(1)), &whole);
        }

        #[test]
        fn anything_gives_one_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(obeys_the_laws(&events_of([bytes.as_slice()])));
        }
    }

    #[test]
    fn thoughts_and_answer_are_parts_of_their_own() {
        let starts: Vec<_> = read(&[THOUGHT, THOUGHT, TEXT, TEXT, STOP])
            .into_iter()
            .filter_map(|event| match event {
                StreamEvent::PartStart { start, .. } => Some(start),
                _ => None,
            })
            .collect();
        assert_eq!(starts, [PartStart::Thinking, PartStart::Text, PartStart::Thinking]);
    }
}
