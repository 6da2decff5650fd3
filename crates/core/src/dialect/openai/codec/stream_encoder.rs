//! Encodes canonical events to chunks for the caller.
//!
//! Guarantees, for every valid sequence of events:
//! - each choice begins with a delta that has the role, and every chunk has the same id, model and time;
//! - tool calls are numbered without gaps in the order in which they start, and have id, name and signature in their
//!   first delta only; every delta has `function`;
//! - the items of lists have an `index`, without which clients cannot add deltas up;
//! - usage is in a chunk of its own before the end, and only if the caller requested it;
//! - an error is an event of its own, without `[DONE]` after it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::encode_response::{annotation, count_characters, finish_word, usage_out};
use super::error;
use super::wire::{
    AudioOut, BlockOut, CallOut, CalledOut, DeltaChoiceOut, ExtraContent, Field, PictureOut, ReplyOut,
    SaidOut, UsageOut, json,
};
use crate::dialect::canonical::{
    Citation, FinishReason, Json, Media, PartStart, ReplyContext, StreamEncoder, StreamEvent, openai_tier,
};
use crate::dialect::openai::head::Head;
use crate::sse::writer::{DONE, KEEP_ALIVE, write_data};
use crate::tokens::TokenUsage;

/// Writes a stream.
pub(super) struct Encoder {
    head: Head,
    include_usage: bool,
    as_function: bool,
    usage: Option<TokenUsage>,
    choices: BTreeMap<usize, ChoiceState>,
    /// A tool call whose first delta waits for the next event: a signature belongs into the first delta, because some
    /// clients do not look for it in later ones.
    begun: Option<Begun>,
    over: bool,
}

/// A tool call before its first delta.
struct Begun {
    choice: usize,
    part: usize,
    index: usize,
    id: String,
    name: String,
}

/// The state of a choice.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact about the choice so far")]
struct ChoiceState {
    has_role: bool,
    has_refusal: bool,
    has_audio: bool,
    finished: bool,
    calls: usize,
    blocks: usize,
    images: usize,
    annotations: usize,
    /// Characters of text.
    length: u64,
    parts: BTreeMap<usize, PartState>,
}

/// The state of a part.
enum PartState {
    Text { start: u64, citations: Vec<Citation> },
    Thinking { block: Option<usize> },
    Refusal,
    Call { index: usize },
    Other,
}

impl Encoder {
    pub fn new(context: &ReplyContext, include_usage: bool, as_function: bool) -> Self {
        Self {
            head: Head::new("chatcmpl", context),
            include_usage,
            as_function,
            usage: None,
            choices: BTreeMap::new(),
            begun: None,
            over: false,
        }
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        if let Some(begun) = self.begun.take() {
            let signature = match event {
                StreamEvent::SignatureDelta { choice, part, signature }
                    if (*choice, *part) == (begun.choice, begun.part) =>
                {
                    Some(signature.as_str())
                }
                _ => None,
            };
            self.begin_call(&begun, signature, out);
            if signature.is_some() {
                return;
            }
        }
        match event {
            StreamEvent::Start { .. } | StreamEvent::Served { .. } => self.head.note(event),
            StreamEvent::PartStart { choice, part, start } => self.start_part(*choice, *part, start, out),
            StreamEvent::TextDelta { choice, part, text } => self.text(*choice, *part, text, out),
            StreamEvent::ArgumentsDelta { choice, part, text } => self.arguments(*choice, *part, text, out),
            StreamEvent::SignatureDelta { choice, part, signature } => {
                self.signature(*choice, *part, signature, out);
            }
            StreamEvent::Citation { choice, part, citation } => {
                // They wait for the end of the part, because most refer to all of it.
                if let Some(PartState::Text { citations, .. }) = self.part(*choice, *part) {
                    citations.push(citation.clone());
                }
            }
            StreamEvent::Logprobs { choice, logprobs } => {
                self.role(*choice, Some(""), out);
                self.chunk(*choice, SaidOut::default(), Some(logprobs), None, out);
            }
            StreamEvent::PartEnd { choice, part } => self.end_part(*choice, *part, out),
            StreamEvent::Finish { choice, reason } => self.finish(*choice, Some(reason), out),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Ping => out.extend_from_slice(KEEP_ALIVE),
            StreamEvent::Done => self.done(out),
            StreamEvent::Error(info) => {
                self.over = true;
                write_data(out, &error::encode(info));
            }
        }
    }
}

impl Encoder {
    fn state(&mut self, choice: usize) -> &mut ChoiceState {
        self.choices.entry(choice).or_default()
    }

    fn part(&mut self, choice: usize, part: usize) -> Option<&mut PartState> {
        self.state(choice).parts.get_mut(&part)
    }

    /// Writes the first chunk of a choice, unless it was written. Its content is empty if text follows, otherwise
    /// `null`.
    fn role(&mut self, choice: usize, content: Option<&'static str>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.state(choice).has_role, true) {
            return;
        }
        let content = Some(content.map_or(Field::Null, |text| Field::Is(Cow::Borrowed(text))));
        let said =
            SaidOut { role: Some("assistant"), content, refusal: Some(Field::Null), ..SaidOut::default() };
        self.chunk(choice, said, None, None, out);
    }

    fn start_part(&mut self, choice: usize, part: usize, start: &PartStart, out: &mut Vec<u8>) {
        let content = matches!(start, PartStart::Text).then_some("");
        self.role(choice, content, out);
        let as_function = self.as_function;
        let (audio_id, created) = (format!("audio_{}", self.head.id), self.head.created);
        let state = self.state(choice);
        let is_first_audio =
            matches!(start, PartStart::Audio { .. }) && !std::mem::replace(&mut state.has_audio, true);
        let part_state = match start {
            PartStart::Text => PartState::Text { start: state.length, citations: Vec::new() },
            PartStart::Thinking => PartState::Thinking { block: None },
            PartStart::RedactedThinking { .. }
            | PartStart::ProviderBlock { .. }
            | PartStart::Image { .. }
            | PartStart::Audio { .. } => PartState::Other,
            PartStart::Refusal => {
                state.has_refusal = true;
                PartState::Refusal
            }
            PartStart::ToolCall { .. } => {
                state.calls += 1;
                PartState::Call { index: state.calls - 1 }
            }
        };
        let mut begun = None;
        let said = match (start, &part_state) {
            (PartStart::ToolCall { name, .. }, PartState::Call { index: 0 }) if as_function => {
                Some(SaidOut {
                    function_call: Some(CalledOut { name: Some(name), arguments: Some("".into()) }),
                    ..SaidOut::default()
                })
            }
            (PartStart::ToolCall { id, name }, PartState::Call { index }) if !as_function => {
                begun = Some(Begun { choice, part, index: *index, id: id.clone(), name: name.clone() });
                None
            }
            (PartStart::RedactedThinking { data }, _) => {
                state.blocks += 1;
                Some(block(BlockOut::RedactedThinking { index: Some(state.blocks - 1), data: data.into() }))
            }
            (PartStart::ProviderBlock { origin, block: own }, _) => {
                state.blocks += 1;
                let data = origin.seal(own).into();
                Some(block(BlockOut::RedactedThinking { index: Some(state.blocks - 1), data }))
            }
            (PartStart::Image { media }, _) => media.to_url().map(|url| {
                state.images += 1;
                let picture = PictureOut::new(Some(state.images - 1), url, None);
                SaidOut { images: vec![picture], ..SaidOut::default() }
            }),
            (PartStart::Audio { media: Media::Base64 { data, .. } }, _) => {
                let audio = AudioOut {
                    id: is_first_audio.then_some(audio_id),
                    data,
                    expires_at: is_first_audio.then_some(created),
                    transcript: None,
                };
                Some(SaidOut { audio: Some(audio), ..SaidOut::default() })
            }
            _ => None,
        };
        state.parts.insert(part, part_state);
        self.begun = begun;
        if let Some(said) = said {
            self.chunk(choice, said, None, None, out);
        }
    }

    /// Writes the first delta of a tool call.
    fn begin_call(&self, begun: &Begun, signature: Option<&str>, out: &mut Vec<u8>) {
        let said = call(CallOut {
            index: Some(begun.index),
            id: Some(&begun.id),
            r#type: Some("function"),
            function: Some(CalledOut { name: Some(&begun.name), arguments: Some("".into()) }),
            extra_content: signature.map(ExtraContent::signature),
            ..CallOut::default()
        });
        self.chunk(begun.choice, said, None, None, out);
    }

    fn text(&mut self, choice: usize, part: usize, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let piece = Cow::Borrowed(text);
        let said = match self.part(choice, part) {
            Some(PartState::Text { .. }) => {
                self.state(choice).length += count_characters(text);
                SaidOut { content: Some(Field::Is(piece)), ..SaidOut::default() }
            }
            Some(PartState::Refusal) => SaidOut { refusal: Some(Field::Is(piece)), ..SaidOut::default() },
            Some(PartState::Thinking { .. }) => {
                let index = self.block_index(choice, part);
                let said = block(BlockOut::Thinking { index, thinking: Some(text), signature: None });
                SaidOut { reasoning_content: Some(piece), ..said }
            }
            _ => return,
        };
        self.chunk(choice, said, None, None, out);
    }

    fn arguments(&mut self, choice: usize, part: usize, text: &str, out: &mut Vec<u8>) {
        let Some(PartState::Call { index }) = self.part(choice, part) else { return };
        let index = *index;
        let called = CalledOut { name: None, arguments: Some(text.into()) };
        let said = match (self.as_function, index) {
            (true, 0) => SaidOut { function_call: Some(called), ..SaidOut::default() },
            (true, _) => return,
            (false, index) => {
                call(CallOut { index: Some(index), function: Some(called), ..CallOut::default() })
            }
        };
        self.chunk(choice, said, None, None, out);
    }

    fn signature(&mut self, choice: usize, part: usize, signature: &str, out: &mut Vec<u8>) {
        let said = match self.part(choice, part) {
            // Clients expect `function` in every delta.
            Some(PartState::Call { index }) => {
                let (index, function) = (Some(*index), Some(CalledOut::default()));
                let extra_content = Some(ExtraContent::signature(signature));
                call(CallOut { index, function, extra_content, ..CallOut::default() })
            }
            Some(PartState::Thinking { .. }) => {
                let index = self.block_index(choice, part);
                block(BlockOut::Thinking { index, thinking: None, signature: Some(signature) })
            }
            _ => return,
        };
        if !self.as_function || said.tool_calls.is_empty() {
            self.chunk(choice, said, None, None, out);
        }
    }

    /// The index of a thinking block, which it gets with its first content.
    fn block_index(&mut self, choice: usize, part: usize) -> Option<usize> {
        let state = self.state(choice);
        let Some(PartState::Thinking { block }) = state.parts.get_mut(&part) else { return None };
        if block.is_none() {
            *block = Some(state.blocks);
            state.blocks += 1;
        }
        *block
    }

    fn end_part(&mut self, choice: usize, part: usize, out: &mut Vec<u8>) {
        let end = self.state(choice).length;
        let Some(PartState::Text { start, citations }) = self.state(choice).parts.remove(&part) else {
            return;
        };
        let place = &mut self.state(choice).annotations;
        let cited = citations.iter().filter_map(|citation| annotation(citation, (start, end)));
        let annotations: Vec<_> = cited
            .map(|annotation| {
                *place += 1;
                annotation.at(*place - 1)
            })
            .collect();
        if !annotations.is_empty() {
            let said = SaidOut { annotations, ..SaidOut::default() };
            self.chunk(choice, said, None, None, out);
        }
    }

    fn finish(&mut self, choice: usize, reason: Option<&FinishReason>, out: &mut Vec<u8>) {
        self.role(choice, Some(""), out);
        let state = self.state(choice);
        if std::mem::replace(&mut state.finished, true) {
            return;
        }
        let word = finish_word(reason, state.has_refusal, self.as_function);
        self.chunk(choice, SaidOut::default(), None, Some(word), out);
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        // Clients expect a first choice, and a finish reason for each.
        self.state(0);
        let open: Vec<usize> =
            self.choices.iter().filter(|(_, state)| !state.finished).map(|(choice, _)| *choice).collect();
        for choice in open {
            self.finish(choice, None, out);
        }
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.write(Vec::new(), Some(usage_out(&usage)), out);
        }
        out.extend_from_slice(DONE);
        self.over = true;
    }

    fn chunk(
        &self,
        index: usize,
        delta: SaidOut<'_>,
        logprobs: Option<&Json>,
        finish_reason: Option<&'static str>,
        out: &mut Vec<u8>,
    ) {
        self.write(vec![DeltaChoiceOut { index, delta, logprobs, finish_reason }], None, out);
    }

    fn write(&self, choices: Vec<DeltaChoiceOut<'_>>, usage: Option<UsageOut>, out: &mut Vec<u8>) {
        let chunk = ReplyOut {
            id: Cow::Borrowed(self.head.id.as_str()),
            object: "chat.completion.chunk",
            created: self.head.created,
            model: &self.head.model,
            choices,
            usage: self.include_usage.then_some(usage.map_or(Field::Null, Field::Is)),
            service_tier: self.head.service_tier.as_deref().and_then(openai_tier),
            system_fingerprint: self.head.system_fingerprint.as_deref(),
        };
        write_data(out, &json(&chunk));
    }
}

fn call(call: CallOut<'_>) -> SaidOut<'_> {
    SaidOut { tool_calls: vec![call], ..SaidOut::default() }
}

fn block(block: BlockOut<'_>) -> SaidOut<'_> {
    SaidOut { thinking_blocks: vec![block], ..SaidOut::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::canonical::ErrorInfo;

    fn written(events: &[StreamEvent], include_usage: bool, as_function: bool) -> String {
        let context = ReplyContext { unique: "u1".into(), created: 7, model: "m".into() };
        let mut encoder = Encoder::new(&context, include_usage, as_function);
        let mut out = Vec::new();
        for event in events {
            encoder.encode(event, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    fn chunks(stream: &str) -> Vec<Value> {
        stream
            .split_terminator("\n\n")
            .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
            .collect()
    }

    fn deltas(stream: &str) -> Vec<Value> {
        chunks(stream).iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect()
    }

    fn start(part: usize, start: PartStart) -> StreamEvent {
        StreamEvent::PartStart { choice: 0, part, start }
    }

    fn call_start(part: usize, id: &str) -> StreamEvent {
        start(part, PartStart::ToolCall { id: id.into(), name: "f".into() })
    }

    fn arguments(part: usize, text: &str) -> StreamEvent {
        StreamEvent::ArgumentsDelta { choice: 0, part, text: text.into() }
    }

    fn text(part: usize, text: &str) -> StreamEvent {
        StreamEvent::TextDelta { choice: 0, part, text: text.into() }
    }

    fn finish(reason: FinishReason) -> StreamEvent {
        StreamEvent::Finish { choice: 0, reason }
    }

    #[test]
    fn a_plain_stream_with_and_without_usage() {
        let usage = TokenUsage { prompt: 2, completion: 1, ..TokenUsage::default() };
        let events = [
            StreamEvent::Start { id: Some("x".into()), model: None, created: Some(5) },
            StreamEvent::Usage(TokenUsage::default()),
            start(0, PartStart::Text),
            text(0, "hi"),
            StreamEvent::Ping,
            StreamEvent::PartEnd { choice: 0, part: 0 },
            finish(FinishReason::Stop),
            StreamEvent::Usage(usage),
            StreamEvent::Done,
            StreamEvent::Ping,
        ];
        let stream = written(&events, false, false);
        assert_eq!(
            deltas(&stream),
            [json!({"role":"assistant","content":"","refusal":null}), json!({"content":"hi"}), json!({})]
        );
        assert!(stream.contains(": keep-alive\n\n") && stream.ends_with("data: [DONE]\n\n"));
        assert!(chunks(&stream).iter().all(|chunk| {
            chunk["id"] == "x"
                && chunk["created"] == 5
                && chunk["model"] == "m"
                && chunk.get("usage").is_none()
        }));
        let stream = written(&events, true, false);
        let chunks = chunks(&stream);
        assert_eq!((chunks.len(), &chunks[0]["usage"]), (4, &Value::Null));
        assert_eq!((&chunks[3]["choices"], &chunks[3]["usage"]["total_tokens"]), (&json!([]), &json!(3)));
    }

    #[test]
    fn a_signature_is_in_the_first_delta_of_its_call() {
        let signature = StreamEvent::SignatureDelta { choice: 0, part: 0, signature: "g".into() };
        let stream = written(&[call_start(0, "a"), signature, arguments(0, "{}")], false, false);
        assert_eq!(
            deltas(&stream)[1..],
            [
                json!({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""},
                    "extra_content":{"google":{"thought_signature":"g"}}}]}),
                json!({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}),
            ]
        );
    }

    #[test]
    fn items_of_lists_are_numbered() {
        let citation = || Citation {
            url: Some("u".into()),
            title: None,
            cited_text: None,
            span: None,
            original: None,
            ..Citation::default()
        };
        let cited = |part| StreamEvent::Citation { choice: 0, part, citation: citation() };
        let picture = PartStart::Image { media: Media::from_url("https://a.example/b.png") };
        let events = [
            start(0, PartStart::Text),
            cited(0),
            cited(0),
            StreamEvent::PartEnd { choice: 0, part: 0 },
            start(1, picture.clone()),
            start(2, picture),
            start(3, PartStart::Text),
            cited(3),
            StreamEvent::PartEnd { choice: 0, part: 3 },
        ];
        let deltas = deltas(&written(&events, false, false));
        let numbers = |name: &str| -> Vec<Value> {
            let lists = deltas.iter().filter_map(|delta| delta[name].as_array()).flatten();
            lists.map(|item| item["index"].clone()).collect()
        };
        assert_eq!(numbers("annotations"), [json!(0), json!(1), json!(2)]);
        assert_eq!(numbers("images"), [json!(0), json!(1)]);
    }

    #[test]
    fn interleaved_calls_have_dense_indexes() {
        let events = [
            start(0, PartStart::Text),
            text(0, "x"),
            StreamEvent::PartEnd { choice: 0, part: 0 },
            call_start(1, "a"),
            call_start(2, "b"),
            arguments(2, "{"),
            arguments(1, "{}"),
            StreamEvent::SignatureDelta { choice: 0, part: 2, signature: "g".into() },
            finish(FinishReason::ToolCalls),
            StreamEvent::Done,
        ];
        let stream = written(&events, false, false);
        let deltas = deltas(&stream);
        assert_eq!(
            deltas[2..7],
            [
                json!({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}),
                json!({"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":""}}]}),
                json!({"tool_calls":[{"index":1,"function":{"arguments":"{"}}]}),
                json!({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}),
                json!({"tool_calls":[{"index":1,"function":{},"extra_content":{"google":{"thought_signature":"g"}}}]}),
            ]
        );
        let old = written(&events, false, true);
        assert!(old.contains(r#""function_call":{"arguments":"{}"}"#) && !old.contains("tool_calls"));
        assert!(old.contains(r#""finish_reason":"function_call""#));
    }

    #[test]
    fn blocks_of_thoughts_are_numbered() {
        let events = [
            start(0, PartStart::Thinking),
            text(0, "hm"),
            StreamEvent::SignatureDelta { choice: 0, part: 0, signature: "s".into() },
            StreamEvent::PartEnd { choice: 0, part: 0 },
            start(1, PartStart::RedactedThinking { data: "d".into() }),
        ];
        assert_eq!(
            deltas(&written(&events, false, false)),
            [
                json!({"role":"assistant","content":null,"refusal":null}),
                json!({"reasoning_content":"hm","thinking_blocks":[{"type":"thinking","index":0,"thinking":"hm"}]}),
                json!({"thinking_blocks":[{"type":"thinking","index":0,"signature":"s"}]}),
                json!({"thinking_blocks":[{"type":"redacted_thinking","index":1,"data":"d"}]}),
            ]
        );
    }

    #[test]
    fn an_error_ends_the_stream_without_done() {
        let events =
            [start(0, PartStart::Text), StreamEvent::Error(ErrorInfo::truncated()), StreamEvent::Done];
        let stream = written(&events, false, false);
        assert!(!stream.contains("[DONE]"));
        assert_eq!(chunks(&stream)[1]["error"]["code"], "upstream_stream_truncated");
    }

    #[test]
    fn a_silent_answer_is_still_one() {
        let stream = written(&[StreamEvent::Done], false, false);
        let chunks = chunks(&stream);
        assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "");
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
    }
}
