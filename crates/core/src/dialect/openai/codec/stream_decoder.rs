//! Decodes an upstream's stream.
//!
//! Guarantees:
//! - the same events for every way in which the bytes are cut;
//! - the order that the canonical stream asks for, also where the upstream mixes text into tool calls, goes on after
//!   its finish reason, or reports usage anywhere;
//! - exactly one end: `Done` only if the upstream said that it was done (`[DONE]`, or a finish reason for every
//!   choice), else an error;
//! - bounded memory.
//!
//! Choices are ended when the stream ends, not at their finish reason: some services repeat the reason, or send the
//! rest of the text after it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::answer::{self, Piece, Said};
use super::choice_state::{ChoiceState, Sink};
use super::lenient::{integer, object, object_at, piece, text};
use super::{decode_response, error};
use crate::dialect::canonical::{
    ChatResponse, Citation, ErrorInfo, FinishReason, Json, MAX_EVENT_BYTES, Media, StreamDecoder,
    StreamEvent, explode,
};
use crate::dialect::openai::usage::Sources;
use crate::dialect::tap::Choices;
use crate::dialect::upstream::repeated::Repeated;
use crate::dialect::upstream::seconds;
use crate::dialect::upstream::usage::Tally;
use crate::json::lenient::{self, Object, Spare};
use crate::json::object::Kind;
use crate::sse::{Event, EventReader, Segment};
use crate::tokens::TokenUsage;

/// Reads a stream.
pub(super) struct Decoder {
    reader: EventReader,
    state: State,
}

#[expect(clippy::struct_excessive_bools, reason = "each is one fact about the stream so far")]
struct State {
    odd_replies: bool,
    started: bool,
    over: bool,
    /// Whether an event with data has arrived.
    seen_data: bool,
    /// The upstream has signalled the end in its own way.
    said_done: bool,
    id: Option<String>,
    service_tier: Option<String>,
    system_fingerprint: Option<String>,
    choices: BTreeMap<usize, ChoiceState>,
    /// Citations at the top level of the chunks.
    sources: Vec<Citation>,
    tally: Tally,
    /// Usage as last told.
    told: Option<TokenUsage>,
    /// The last event, if it was a piece of text and nothing else.
    repeated: Repeated,
    /// The choice of that event.
    repeated_choice: usize,
}

/// The events of a complete answer from an upstream that does not stream despite the request.
pub(super) fn whole(mut response: ChatResponse) -> Vec<StreamEvent> {
    for choice in &mut response.choices {
        choice.finish.get_or_insert(FinishReason::Stop);
    }
    explode(response)
}

impl Decoder {
    pub fn new(odd_replies: bool) -> Self {
        let state = State {
            odd_replies,
            started: false,
            over: false,
            seen_data: false,
            said_done: false,
            id: None,
            service_tier: None,
            system_fingerprint: None,
            choices: BTreeMap::new(),
            sources: Vec::new(),
            tally: Tally::default(),
            told: None,
            repeated: Repeated::default(),
            repeated_choice: 0,
        };
        Self { reader: EventReader::new(MAX_EVENT_BYTES), state }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let state = &mut self.state;
        if state.over {
            return;
        }
        self.reader.push(chunk, |segment| match segment {
            _ if state.over => {}
            Segment::Event(event) => state.observe(event, events),
            Segment::LineFeed(_) => {}
            Segment::Oversized(_) => state.fail(ErrorInfo::malformed(), events),
        });
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let state = &mut self.state;
        if state.over {
            return;
        }
        let tail = self.reader.finish();
        state.observe_tail(&tail, events);
        if !state.over {
            state.end(events);
        }
    }
}

impl State {
    fn observe(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) {
        if let Some(text) = self.repeated.text_in(event.raw()) {
            let (state, mut sink) = self.choice(self.repeated_choice, events);
            if let Err(info) = state.say(Piece::Text(text.into_owned()), &mut sink) {
                self.fail(info, events);
            }
            return;
        }
        let Some(data) = event.data() else {
            if event.raw().starts_with(b":") {
                events.push(StreamEvent::Ping);
            }
            return;
        };
        let data = data.trim_ascii();
        if data.is_empty() {
            return;
        }
        self.seen_data = true;
        if data == b"[DONE]" {
            return self.close(events);
        }
        let spare = Spare::default();
        let Ok(reply) = lenient::object(data, &spare) else {
            let info = error::find_in_list(data).unwrap_or_else(ErrorInfo::malformed);
            return self.fail(info, events);
        };
        if event.name() == Some(b"error") || error::is_error(&reply) {
            return self.fail(error::in_stream(data), events);
        }
        let begin = events.len();
        if let Err(info) = self.take(&reply, events) {
            return self.fail(info, events);
        }
        if let Some([StreamEvent::TextDelta { choice, text, .. }]) = events.get(begin..)
            && let Some(content) = only_text(&reply)
            && lenient::piece(content).is_some_and(|piece| piece == *text)
        {
            self.repeated_choice = *choice;
            self.repeated.note(event.raw(), content);
        }
    }

    /// Processes the bytes after the last complete event: an event without its blank line, or an unstreamed answer.
    fn observe_tail(&mut self, tail: &[u8], events: &mut Vec<StreamEvent>) {
        if !self.seen_data && tail.trim_ascii_start().starts_with(b"{") {
            match decode_response::decode(tail, self.odd_replies) {
                Ok(response) => {
                    events.extend(whole(response));
                    self.over = true;
                }
                Err(info) if lenient::is_whole(tail) => {
                    self.fail(info, events);
                }
                Err(_) => {}
            }
            return;
        }
        let event = Event::from_raw(tail);
        let is_whole =
            event.data().is_some_and(|data| data.trim_ascii() == b"[DONE]" || lenient::is_whole(&data));
        if is_whole {
            self.observe(event, events);
        }
    }

    /// Processes a chunk.
    fn take(&mut self, reply: &Object<'_>, events: &mut Vec<StreamEvent>) -> Result<(), ErrorInfo> {
        let choices = match reply.get_set("choices") {
            None => Vec::new(),
            Some(choices) if !matches!(Kind::of(choices), Kind::Array | Kind::Object) => {
                return Err(ErrorInfo::malformed());
            }
            Some(choices) => lenient::items(choices).into_iter().filter_map(object).collect(),
        };
        let odd = (choices.is_empty() && self.odd_replies).then(|| answer::odd(reply)).flatten();
        let counts = Sources {
            usage: reply.get_set("usage"),
            groq: reply.get_set("x_groq"),
            choice: choices.iter().find_map(|choice| choice.get_set("usage")),
            service_tier: reply.get_set("service_tier"),
        };
        counts.add_to(&mut self.tally);
        if !choices.is_empty() || odd.is_some() {
            self.start(Some(reply), events);
        }
        if self.started {
            self.serve(reply, events);
        }
        let sources = answer::bare_citations(reply);
        if !sources.is_empty() {
            self.sources = sources;
        }
        for (position, choice) in choices.iter().enumerate() {
            let number = integer(choice, "index").map_or(Ok(position), usize::try_from);
            let number =
                number.ok().filter(|number| *number < Choices::MOST).ok_or_else(ErrorInfo::malformed)?;
            self.take_choice(number, choice, events)?;
        }
        if let Some(said) = odd {
            let (state, mut sink) = self.choice(0, events);
            for piece in said.pieces {
                state.say(piece, &mut sink)?;
            }
            for call in said.calls {
                state.call(call, &mut sink)?;
            }
        }
        self.said_done |= reply.boolean("done") == Some(true);
        if counts.has_counts()
            && let Some(usage) = self.tally.usage().filter(|usage| self.told != Some(*usage))
        {
            self.told = Some(usage);
            self.start(Some(reply), events);
            events.push(StreamEvent::Usage(usage));
        }
        Ok(())
    }

    fn take_choice(
        &mut self,
        number: usize,
        choice: &Object<'_>,
        events: &mut Vec<StreamEvent>,
    ) -> Result<(), ErrorInfo> {
        if let Some(error) = error::of_choice(choice) {
            return Err(error);
        }
        let (state, mut sink) = self.choice(number, events);
        let delta = object_at(choice, "delta");
        let said = match (&delta, object_at(choice, "message")) {
            (Some(delta), _) => answer::read(delta),
            // A complete message at the end repeats the deltas; a complete message instead of deltas is the answer.
            (None, Some(message)) if state.is_silent() => answer::read(&message),
            (None, None) => Said {
                pieces: piece(choice, "text").map(Piece::Text).into_iter().collect(),
                ..Said::default()
            },
            (None, Some(_)) => Said::default(),
        };
        // Speech is streamed as raw samples only.
        let heard =
            said.audio.map(|data| Piece::Audio(Media::Base64 { media_type: "audio/pcm".into(), data }));
        for piece in said.pieces.into_iter().chain(heard) {
            state.say(piece, &mut sink)?;
        }
        for call in said.calls {
            state.call(call, &mut sink)?;
        }
        state.cite(said.citations, &mut sink);
        if let Some(logprobs) = choice.get_set("logprobs").filter(|value| object(value).is_some()) {
            let logprobs = Json::answered(logprobs);
            sink.events.push(StreamEvent::Logprobs { choice: number, logprobs });
        }
        if let Some(reason) = answer::finish(choice) {
            state.finish = Some(reason);
        }
        Ok(())
    }

    fn choice<'a>(
        &'a mut self,
        number: usize,
        events: &'a mut Vec<StreamEvent>,
    ) -> (&'a mut ChoiceState, Sink<'a>) {
        let sink = Sink { choice: number, reply: self.id.as_deref(), events };
        (self.choices.entry(number).or_default(), sink)
    }

    fn start(&mut self, reply: Option<&Object<'_>>, events: &mut Vec<StreamEvent>) {
        if self.started {
            return;
        }
        self.started = true;
        self.id = reply.and_then(|reply| text(reply, "id"));
        events.push(StreamEvent::Start {
            id: self.id.clone(),
            model: reply.and_then(|reply| text(reply, "model")),
            created: reply.and_then(|reply| integer(reply, "created")).and_then(seconds),
        });
    }

    /// Emits how the answer is served, whenever a chunk has something new about it.
    fn serve(&mut self, reply: &Object<'_>, events: &mut Vec<StreamEvent>) {
        let news = |name: &str, held: &mut Option<String>| {
            let said = reply.text(name)?;
            let is_new = !said.is_empty() && held.as_deref() != Some(&*said);
            is_new.then(|| held.insert(said.into_owned()).clone())
        };
        let service_tier = news("service_tier", &mut self.service_tier);
        let system_fingerprint = news("system_fingerprint", &mut self.system_fingerprint);
        if service_tier.is_some() || system_fingerprint.is_some() {
            events.push(StreamEvent::Served { service_tier, system_fingerprint });
        }
    }

    /// The end of the bytes without `[DONE]`.
    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        let all_finished = || self.choices.values().all(|choice| choice.finish.is_some());
        let is_done = !self.choices.is_empty() && (self.said_done || all_finished());
        if is_done {
            self.close(events);
        } else {
            self.fail(ErrorInfo::truncated(), events);
        }
    }

    /// Ends all choices.
    fn close(&mut self, events: &mut Vec<StreamEvent>) {
        self.start(None, events);
        let sources = std::mem::take(&mut self.sources);
        for (choice, state) in &mut self.choices {
            let mut sink = Sink { choice: *choice, reply: self.id.as_deref(), events };
            if *choice == 0 && !state.has_citations {
                state.cite(sources.clone(), &mut sink);
            }
            state.settle(&mut sink);
        }
        events.push(StreamEvent::Done);
        self.over = true;
    }

    fn fail(&mut self, info: ErrorInfo, events: &mut Vec<StreamEvent>) {
        events.push(StreamEvent::Error(info));
        self.over = true;
    }
}

/// The content of the one delta of a chunk without counts, if it is a string.
fn only_text<'a>(reply: &Object<'a>) -> Option<&'a RawValue> {
    if ["usage", "x_groq"].into_iter().any(|name| reply.get_set(name).is_some()) {
        return None;
    }
    let [choice] = lenient::items(reply.get_set("choices")?).try_into().ok()?;
    let choice = object(choice)?;
    let delta = object_at(&choice, "delta").filter(|_| choice.get_set("usage").is_none())?;
    delta.get_set("content").filter(|content| Kind::of(content) == Kind::String)
}

#[cfg(test)]
impl Decoder {
    /// A decoder that recognises no repeated event, to be compared with.
    pub fn that_parses_all(odd_replies: bool) -> Self {
        let mut decoder = Self::new(odd_replies);
        decoder.state.repeated = Repeated::blind();
        decoder
    }

    /// How many events were recognised.
    pub fn recognised(&self) -> usize {
        self.state.repeated.recognised()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{ChatResponse, FinishReason, Part, assemble};

    fn events_of(odd: bool, stream: &str) -> Vec<StreamEvent> {
        let mut decoder = Decoder::new(odd);
        let mut events = Vec::new();
        decoder.push(stream.as_bytes(), &mut events);
        decoder.finish(&mut events);
        events
    }

    /// A stream of these chunks.
    fn stream(chunks: &[&str]) -> String {
        chunks.iter().flat_map(|chunk| ["data: ", chunk, "\n\n"]).collect()
    }

    /// A stream of these deltas with this finish reason.
    fn deltas(deltas: &[&str], reason: &str) -> String {
        let mut chunks: Vec<String> = deltas
            .iter()
            .map(|delta| format!(r#"{{"id":"x-1","choices":[{{"index":0,"delta":{delta}}}]}}"#))
            .collect();
        chunks.push(format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":{reason}}}]}}"#));
        chunks.push("[DONE]".into());
        stream(&chunks.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn read(stream: &str) -> Result<ChatResponse, ErrorInfo> {
        assemble(events_of(false, stream))
    }

    fn parts(stream: &str) -> Vec<Part> {
        read(stream).unwrap().choices.remove(0).parts
    }

    fn call(id: &str, name: &str, arguments: &str) -> Part {
        Part::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            signature: None,
            cache: None,
        }
    }

    fn code(stream: &str) -> Option<String> {
        read(stream).unwrap_err().code
    }

    #[test]
    fn the_documented_stream() {
        let stream = stream(&[
            r#"{"id":"chatcmpl-1","created":5,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":2,"completion_tokens":1}}"#,
            "[DONE]",
        ]);
        let delta = |text: &str| StreamEvent::TextDelta { choice: 0, part: 0, text: text.into() };
        let events = events_of(false, &stream);
        let [start, part_start, first, second, usage, part_end, finish, done] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert!(matches!(start, StreamEvent::Start { created: Some(5), .. }));
        assert!(matches!(part_start, StreamEvent::PartStart { part: 0, .. }));
        assert_eq!((first, second), (&delta("Hel"), &delta("lo")));
        assert!(matches!(usage, StreamEvent::Usage(usage) if usage.total() == 3));
        assert_eq!(part_end, &StreamEvent::PartEnd { choice: 0, part: 0 });
        assert_eq!(finish, &StreamEvent::Finish { choice: 0, reason: FinishReason::Stop });
        assert_eq!(done, &StreamEvent::Done);
    }

    #[test]
    fn parallel_calls_however_they_are_numbered() {
        let expected = [call("a", "f", "{\"x\":1}"), call("b", "f", "{}")];
        let cases: [&[&str]; 5] = [
            // As documented, interleaved.
            &[
                r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
                r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":"{"}}]}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":"}"}}]}"#,
            ],
            // Index 0 for every call.
            &[
                r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#,
                r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
            ],
            // No indexes.
            &[
                r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}},{"function":{"arguments":"1}"}}]}"#,
                r#"{"tool_calls":[{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
            ],
            // Id and name in every delta, and empty content beside it.
            &[
                r#"{"content":"","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}"#,
                r#"{"content":"","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}]}"#,
                r#"{"content":"","tool_calls":[{"index":1,"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
            ],
            // The object itself, and the name after the arguments.
            &[
                r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}]}"#,
                r#"{"tool_calls":[{"index":1,"id":"b","function":{"arguments":"{"}}]}"#,
                r#"{"tool_calls":[{"index":1,"function":{"name":"f","arguments":"}"}}]}"#,
            ],
        ];
        for case in cases {
            let response = read(&deltas(case, "\"stop\"")).unwrap();
            assert_eq!(response.choices[0].parts, expected, "{case:?}");
            assert_eq!(response.choices[0].finish, Some(FinishReason::ToolCalls));
        }
    }

    #[test]
    fn calls_without_ids_get_some() {
        let stream = deltas(
            &[
                r#"{"tool_calls":[{"index":0,"id":"","function":{"name":"f","arguments":"{}"}}]}"#,
                r#"{"tool_calls":[{"index":0,"id":"","function":{"name":"f","arguments":"{}"}}]}"#,
            ],
            "\"tool_calls\"",
        );
        assert_eq!(parts(&stream), [call("call_x1_0_0", "f", "{}"), call("call_x1_0_1", "f", "{}")]);
        let old = deltas(
            &[r#"{"function_call":{"name":"f","arguments":""}}"#, r#"{"function_call":{"arguments":"{}"}}"#],
            "\"function_call\"",
        );
        assert_eq!(parts(&old), [call("call_x1_0_0", "f", "{}")]);
    }

    #[test]
    fn text_between_the_deltas_of_a_call_waits() {
        let stream = deltas(
            &[
                r#"{"content":"a"}"#,
                r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]}"#,
                r#"{"content":"b"}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}"#,
                r#"{"content":"c"}"#,
            ],
            "\"tool_calls\"",
        );
        assert_eq!(parts(&stream), [Part::text("a"), call("c", "f", "{}"), Part::text("bc")]);
    }

    #[test]
    fn thoughts_from_every_field() {
        let thinking = |text: &str, signature: Option<&str>| Part::Thinking {
            text: text.into(),
            signature: signature.map(Into::into),
        };
        let cases: [(&[&str], Vec<Part>); 5] = [
            (&[r#"{"reasoning_content":"h"}"#, r#"{"reasoning_content":"m"}"#], vec![thinking("hm", None)]),
            (
                &[
                    r#"{"reasoning":"h","reasoning_details":[{"type":"reasoning.text","text":"h"}]}"#,
                    r#"{"reasoning":"m"}"#,
                ],
                vec![thinking("hm", None)],
            ),
            (
                &[
                    r#"{"reasoning_content":"h","thinking_blocks":[{"type":"thinking","thinking":"h","signature":""}]}"#,
                    r#"{"reasoning_content":"m","thinking_blocks":[{"type":"thinking","thinking":"m"}]}"#,
                    r#"{"reasoning_content":"","thinking_blocks":[{"type":"thinking","thinking":"","signature":"s"}]}"#,
                    r#"{"thinking_blocks":[{"type":"redacted_thinking","data":"d"}]}"#,
                    r#"{"thinking_blocks":[{"type":"thinking","thinking":"more"}]}"#,
                ],
                vec![
                    thinking("hm", Some("s")),
                    Part::RedactedThinking { data: "d".into() },
                    thinking("more", None),
                ],
            ),
            (
                &[
                    r#"{"thinking_blocks":[{"index":0,"type":"thinking","thinking":"a"}]}"#,
                    r#"{"thinking_blocks":[{"index":1,"type":"thinking","thinking":"b"}]}"#,
                ],
                vec![thinking("a", None), thinking("b", None)],
            ),
            (
                &[
                    r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]}"#,
                    r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"m"}]}]}"#,
                ],
                vec![thinking("hm", None)],
            ),
        ];
        for (case, mut expected) in cases {
            let mut chunks = case.to_vec();
            chunks.push(r#"{"content":"x"}"#);
            expected.push(Part::text("x"));
            assert_eq!(parts(&deltas(&chunks, "\"stop\"")), expected, "{case:?}");
        }
    }

    #[test]
    fn signatures_refusals_citations_and_speech() {
        let signed = deltas(
            &[
                r#"{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"g"}}}]}"#,
            ],
            "\"stop\"",
        );
        assert!(
            matches!(&parts(&signed)[0], Part::ToolCall { signature: Some(signature), .. } if signature == "g")
        );
        let refused = read(&deltas(&[r#"{"refusal":"n"}"#, r#"{"refusal":"o"}"#], "\"stop\"")).unwrap();
        assert_eq!(refused.choices[0].parts, [Part::Refusal { text: "no".into() }]);
        assert_eq!(refused.choices[0].finish, Some(FinishReason::Refusal));
        let cited = deltas(
            &[
                r#"{"annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]}"#,
                r#"{"content":"x"}"#,
            ],
            "\"stop\"",
        );
        assert!(matches!(&parts(&cited)[0], Part::Text { citations, .. } if citations.len() == 1));
        let listed = stream(&[
            r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"citations":["u","v"]}"#,
            "[DONE]",
        ]);
        assert!(matches!(&parts(&listed)[0], Part::Text { citations, .. } if citations.len() == 2));
        let spoken =
            deltas(&[r#"{"audio":{"id":"a","transcript":"hi"}}"#, r#"{"audio":{"data":"AA"}}"#], "\"stop\"");
        assert_eq!(
            parts(&spoken),
            [
                Part::text("hi"),
                Part::Audio { media: Media::Base64 { media_type: "audio/pcm".into(), data: "AA".into() } }
            ]
        );
    }

    #[test]
    fn reasons_that_are_none_and_text_behind_the_reason() {
        let stream = stream(&[
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":""}]}"#,
            r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"null"}]}"#,
            r#"{"choices":[{"delta":{"content":"c"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            r#"{"choices":[{"delta":{"content":"d"}}],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":3}}}"#,
            r#"{"choices":[{"message":{"content":"abcd"},"usage":{"prompt_tokens":1,"completion_tokens":4}}]}"#,
        ]);
        let response = read(&stream).unwrap();
        assert_eq!(response.choices[0].parts, [Part::text("abcd")]);
        assert_eq!(response.choices[0].finish, Some(FinishReason::Length));
        assert_eq!(response.usage.unwrap().total(), 5);
    }

    #[test]
    fn several_choices_and_log_probabilities() {
        let stream = stream(&[
            r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}"#,
        ]);
        let response = read(&stream).unwrap();
        let texts: Vec<_> =
            response.choices.iter().map(|choice| choice.parts[0].as_text().unwrap()).collect();
        assert_eq!(texts, ["a", "b"]);
        assert!(response.choices[0].logprobs.is_some());
        let half = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{}}]}"#;
        assert_eq!(code(&self::stream(&[half])).as_deref(), Some("upstream_stream_truncated"));
        let wild = r#"{"choices":[{"index":99999999999,"delta":{"content":"x"}}]}"#;
        assert_eq!(code(&self::stream(&[wild])).as_deref(), Some("upstream_invalid_response"));
    }

    #[test]
    fn ends_and_errors() {
        let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        for (stream, expected) in [
            (stream(&[text]), "upstream_stream_truncated"),
            (String::new(), "upstream_stream_truncated"),
            (format!("{}data: {{\"choi", stream(&[text])), "upstream_stream_truncated"),
            (stream(&[text, "not json"]), "upstream_invalid_response"),
            (stream(&[r#"{"choices":7}"#]), "upstream_invalid_response"),
            (
                stream(&[text, r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#]),
                "rate_limit_exceeded",
            ),
            (stream(&[r#"[{"error":{"message":"no","code":"x1"}}]"#]), "x1"),
            (stream(&[r#"{"object":"error","message":"no","code":"x2"}"#]), "x2"),
            (format!("event: error\ndata: {}\n\n", r#"{"message":"no","code":"x3"}"#), "x3"),
            (stream(&[r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#]), "upstream_error"),
            (r#"{"error":{"message":"no","code":"x4"}}"#.to_owned(), "x4"),
            (format!("data: {}\n\n", "x".repeat(MAX_EVENT_BYTES + 10)), "upstream_invalid_response"),
        ] {
            let events = events_of(false, &stream);
            assert_eq!(code(&stream).as_deref(), Some(expected), "{events:?}");
            let ends =
                events.iter().filter(|event| matches!(event, StreamEvent::Done | StreamEvent::Error(_)));
            assert_eq!(ends.count(), 1);
        }
        assert!(read(&stream(&[text, "[DONE]", r#"{"error":{"message":"late"}}"#])).is_ok());
        assert!(read(&format!("{}data: [DONE]", stream(&[text]))).is_ok());
    }

    #[test]
    fn comments_are_signs_of_life() {
        let events =
            events_of(false, &format!(": PROCESSING\n\n{}", deltas(&[r#"{"content":"x"}"#], "\"stop\"")));
        assert_eq!(events[0], StreamEvent::Ping);
        assert_eq!(events.iter().filter(|event| **event == StreamEvent::Ping).count(), 1);
    }

    #[test]
    fn speech_comes_in_pieces_with_its_words() {
        let stream = deltas(
            &[
                r#"{"role":"assistant","content":null,"audio":{"id":"audio_1","transcript":"Grü"}}"#,
                r#"{"audio":{"data":"AAAB"}}"#,
                r#"{"audio":{"transcript":"ezi"}}"#,
                r#"{"audio":{"data":"//8A"}}"#,
                r#"{"audio":{"expires_at":5}}"#,
            ],
            "\"stop\"",
        );
        let parts = assemble(events_of(false, &stream)).unwrap().choices.remove(0).parts;
        let piece = |data: &str| Part::Audio {
            media: Media::Base64 { media_type: "audio/pcm".into(), data: data.into() },
        };
        assert_eq!(parts, [Part::text("Grü"), piece("AAAB"), Part::text("ezi"), piece("//8A")]);
    }

    #[test]
    fn odd_streams_and_answers_that_were_not_streamed() {
        let odd = stream(&[r#"{"response":"a"}"#, r#"{"response":"b"}"#, "[DONE]"]);
        assert_eq!(assemble(events_of(true, &odd)).unwrap().choices[0].parts, [Part::text("ab")]);
        let done = stream(&[r#"{"message":{"content":"a"}}"#, r#"{"message":{"content":""},"done":true}"#]);
        assert_eq!(assemble(events_of(true, &done)).unwrap().choices[0].parts, [Part::text("a")]);
        let whole = r#"{"id":"1","choices":[{"message":{"content":"a","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        let response = read(whole).unwrap();
        assert_eq!(response.choices[0].parts, [Part::text("a"), call("c", "f", "{}")]);
        assert_eq!(response.usage.unwrap().total(), 2);
    }
}
