//! Decodes an upstream's stream (<https://platform.claude.com/docs/en/build-with-claude/streaming>).
//!
//! Blocks become parts with numbers of their own: blocks of unknown kinds are left out, and those of server tools,
//! which may arrive in pieces, become parts when they end. Missing starts and ends of text blocks are tolerated;
//! after a stop reason the answer is complete, whether or not `message_stop` follows.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::citation;
use super::decode_response::{BlockIn, StopDetails, call_id, input_text};
use super::wire;
use crate::dialect::canonical::{
    ErrorInfo, FinishReason, Json, MAX_EVENT_BYTES, PartStart, SignatureOrigin, StreamDecoder, StreamEvent,
};
use crate::dialect::upstream::blocks::{BlockKind, Open, OpenBlocks, Phase, TooMany};
use crate::dialect::upstream::repeated::Repeated;
use crate::dialect::upstream::usage::Tally;
use crate::json::lenient::{self, Piece, Spare};
use crate::sse::{Event, EventReader, Segment};
use crate::tokens::TokenUsage;

/// Most bytes of the arguments of a server tool.
const MAX_INPUT_BYTES: usize = 1 << 22;

/// The decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    reader: EventReader,
    state: State,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { reader: EventReader::new(MAX_EVENT_BYTES), state: State::default() }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let Self { reader, state } = self;
        if state.phase == Phase::Over {
            return;
        }
        reader.push(chunk, |segment| match segment {
            Segment::Event(event) => state.take(event, events),
            Segment::LineFeed(_) => {}
            Segment::Oversized(_) => state.fail(ErrorInfo::malformed(), events),
        });
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let rest = self.reader.finish();
        let last = Event::from_raw(&rest);
        // The last event may lack its blank line; a partial event is ignored.
        let is_whole = last.data().is_some_and(|data| lenient::is_whole(&data));
        if is_whole {
            self.state.take(last, events);
        }
        if self.state.phase == Phase::Finished {
            self.state.end(events);
        } else {
            self.state.fail(ErrorInfo::truncated(), events);
        }
    }
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    has_tool_calls: bool,
    blocks: OpenBlocks<Kind>,
    tally: Tally,
    /// Usage as last told.
    told: Option<TokenUsage>,
    /// The last event, if it was a piece of text and nothing else.
    repeated: Repeated,
    /// The part of that event.
    repeated_part: usize,
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking,
    /// With the arguments of its start, until deltas arrive.
    ToolCall {
        input: Option<String>,
    },
    /// Of a server tool, with the arguments so far.
    Provider {
        block: Json,
        input: String,
    },
    /// It was complete at its start.
    Other,
}

impl BlockKind for Kind {
    fn is_call(&self) -> bool {
        matches!(self, Self::ToolCall { .. })
    }

    fn late_start(&mut self) -> Option<PartStart> {
        let Self::Provider { block, input } = self else { return None };
        Some(PartStart::ProviderBlock { origin: SignatureOrigin::Anthropic, block: with_input(block, input) })
    }

    fn rest_of_arguments(&mut self) -> Option<String> {
        let Self::ToolCall { input } = self else { return None };
        input.take()
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    index: Option<usize>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Begin<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    text: Option<Piece>,
    thinking: Option<Piece>,
    signature: Option<Piece>,
    partial_json: Option<Piece>,
    #[serde(borrow)]
    citation: Option<&'a RawValue>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
}

/// The text of a delta as it is written.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    delta: WrittenDelta<'a>,
}

#[derive(Deserialize)]
struct WrittenDelta<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
}

impl State {
    fn take(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) {
        if let Some(text) = self.repeated.text_in(event.raw()) {
            let text = text.into_owned();
            return events.push(StreamEvent::TextDelta { choice: 0, part: self.repeated_part, text });
        }
        let Some(data) = event.data().filter(|_| self.phase < Phase::Over) else { return };
        // Some services that imitate the API end as OpenAI does.
        if data.trim_ascii().is_empty() || data.as_ref() == b"[DONE]" {
            return;
        }
        let spare = Spare::default();
        let wire = match lenient::read::<Wire<'_>>(&data, &spare) {
            Ok(wire) => wire,
            Err(_) if event.name() == Some(b"error") => {
                return self.fail(super::error::decode_event(&data), events);
            }
            Err(_) => return self.fail(ErrorInfo::malformed(), events),
        };
        match wire.r#type.as_deref() {
            Some("message_start") => self.begin(wire.message, events),
            Some("message_delta") => self.conclude(wire.delta, wire.usage, events),
            Some("message_stop") => self.end(events),
            Some("ping") => events.push(StreamEvent::Ping),
            Some("error") => self.fail(super::error::decode_event(&data), events),
            // An error in the shape of another service.
            None if wire.error.is_some() => self.fail(super::error::decode_event(&data), events),
            // Nothing follows the stop reason.
            Some(kind) if kind.starts_with("content_block_") && self.phase < Phase::Finished => {
                let begin = events.len();
                self.start(events);
                let block = wire.index.unwrap_or_default();
                match kind {
                    "content_block_start" => self.open_block(block, wire.content_block, events),
                    "content_block_delta" => self.delta(block, wire.delta, events),
                    "content_block_stop" => self.blocks.close(|open| open.block == block, events),
                    _ => {}
                }
                self.note(event, &data, events.get(begin..).unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Notes an event if what it told is a piece of text and nothing else.
    fn note(&mut self, event: Event<'_>, data: &[u8], told: &[StreamEvent]) {
        let [StreamEvent::TextDelta { part, text, .. }] = told else { return };
        let Ok(Written { delta }) = serde_json::from_slice(data) else { return };
        if let (Some(written), None) | (None, Some(written)) = (delta.text, delta.thinking)
            && lenient::piece(written).is_some_and(|piece| piece == *text)
        {
            self.repeated_part = *part;
            self.repeated.note(event.raw(), written);
        }
    }

    fn fail(&mut self, error: ErrorInfo, events: &mut Vec<StreamEvent>) {
        if self.phase < Phase::Over {
            self.phase = Phase::Over;
            events.push(StreamEvent::Error(error));
        }
    }

    fn begin(&mut self, message: Option<&RawValue>, events: &mut Vec<StreamEvent>) {
        if self.phase >= Phase::Begun {
            return;
        }
        self.phase = Phase::Begun;
        let message = message.and_then(lenient::nested::<Begin<'_>>).unwrap_or_default();
        events.push(StreamEvent::Start { id: message.id, model: message.model, created: None });
        if let Some(usage) = message.usage {
            if let Some(tier) = wire::served_tier(usage) {
                events.push(StreamEvent::Served { service_tier: Some(tier), system_fingerprint: None });
            }
            self.tally.add(usage);
            self.tell_usage(events);
        }
    }

    fn start(&mut self, events: &mut Vec<StreamEvent>) {
        self.begin(None, events);
    }

    fn open_block(&mut self, block: usize, raw: Option<&RawValue>, events: &mut Vec<StreamEvent>) {
        let content = raw.and_then(|raw| Some((raw, lenient::nested::<BlockIn<'_>>(raw)?)));
        let Some((raw, content)) = content else { return self.fail(ErrorInfo::malformed(), events) };
        let start = match content.r#type.as_ref() {
            "text" => Some((PartStart::Text, Kind::Text)),
            "thinking" => Some((PartStart::Thinking, Kind::Thinking)),
            "redacted_thinking" => {
                let data = content.data.unwrap_or_default();
                Some((PartStart::RedactedThinking { data }, Kind::Other))
            }
            "tool_use" => {
                self.has_tool_calls = true;
                let start = PartStart::ToolCall {
                    id: call_id(content.id, block),
                    name: content.name.unwrap_or_default(),
                };
                let input = input_text(content.input);
                Some((start, Kind::ToolCall { input: Some(input) }))
            }
            _ => None,
        };
        let Some((start, kind)) = start else {
            if wire::is_provider_block(&content.r#type) {
                self.blocks.close(|open| !open.kind.is_call(), events);
                let kind = Kind::Provider { block: Json::answered(raw), input: String::new() };
                return self.open_other(block, kind, events);
            }
            return self.open_other(block, Kind::Other, events);
        };
        let Some(part) = self.open_part(block, start, kind, events) else { return };
        if let Some(Piece(text)) = content.text.or(content.thinking).filter(|text| !text.is_empty()) {
            events.push(StreamEvent::TextDelta { choice: 0, part, text });
        }
        if let Some(signature) = content.signature.filter(|signature| !signature.is_empty()) {
            events.push(StreamEvent::SignatureDelta { choice: 0, part, signature });
        }
        for citation in content.citations.unwrap_or_default() {
            let citation = citation::read(citation);
            events.push(StreamEvent::Citation { choice: 0, part, citation });
        }
    }

    fn open_part(
        &mut self,
        block: usize,
        start: PartStart,
        kind: Kind,
        events: &mut Vec<StreamEvent>,
    ) -> Option<usize> {
        let opened = self.blocks.open_part(block, start, kind, events);
        opened.map_err(|TooMany| self.fail(ErrorInfo::malformed(), events)).ok()
    }

    fn open_other(&mut self, block: usize, kind: Kind, events: &mut Vec<StreamEvent>) {
        if self.blocks.open_other(block, kind) == Err(TooMany) {
            self.fail(ErrorInfo::malformed(), events);
        }
    }

    fn delta(&mut self, block: usize, delta: Option<Delta<'_>>, events: &mut Vec<StreamEvent>) {
        let Some(delta) = delta else { return self.fail(ErrorInfo::malformed(), events) };
        match delta.r#type.as_deref() {
            Some("text_delta") => self.text(block, delta.text, false, events),
            Some("thinking_delta") => self.text(block, delta.thinking, true, events),
            Some("signature_delta") => {
                let signature =
                    delta.signature.map(|signature| signature.0).filter(|signature| !signature.is_empty());
                if let (Some(part), Some(signature)) = (self.part(block, true, events), signature) {
                    events.push(StreamEvent::SignatureDelta { choice: 0, part, signature });
                }
            }
            Some("citations_delta") => {
                if let (Some(part), Some(citation)) = (self.part(block, false, events), delta.citation) {
                    let citation = citation::read(citation);
                    events.push(StreamEvent::Citation { choice: 0, part, citation });
                }
            }
            Some("input_json_delta") => self.arguments(block, delta.partial_json, events),
            _ => {}
        }
    }

    fn text(&mut self, block: usize, text: Option<Piece>, thinking: bool, events: &mut Vec<StreamEvent>) {
        let Some(Piece(text)) = text.filter(|text| !text.is_empty()) else { return };
        if let Some(part) = self.part(block, thinking, events) {
            events.push(StreamEvent::TextDelta { choice: 0, part, text });
        }
    }

    /// The part of an open block of text or thinking. A missing start is made up for; `None` if the block has another
    /// kind.
    fn part(&mut self, block: usize, thinking: bool, events: &mut Vec<StreamEvent>) -> Option<usize> {
        match self.blocks.find(block) {
            Some(Open { part, kind: Kind::Thinking, .. }) if thinking => *part,
            Some(Open { part, kind: Kind::Text, .. }) if !thinking => *part,
            Some(_) => None,
            None if thinking => self.open_part(block, PartStart::Thinking, Kind::Thinking, events),
            None => self.open_part(block, PartStart::Text, Kind::Text, events),
        }
    }

    fn arguments(&mut self, block: usize, text: Option<Piece>, events: &mut Vec<StreamEvent>) {
        let Some(Piece(text)) = text.filter(|text| !text.is_empty()) else { return };
        match self.blocks.find(block) {
            Some(Open { part: Some(part), kind: Kind::ToolCall { input }, .. }) => {
                *input = None;
                events.push(StreamEvent::ArgumentsDelta { choice: 0, part: *part, text });
            }
            Some(Open { kind: Kind::Provider { input, .. }, .. }) => {
                if input.len() + text.len() > MAX_INPUT_BYTES {
                    return self.fail(ErrorInfo::malformed(), events);
                }
                lenient::append(input, &text);
            }
            Some(_) => {}
            // It cannot be assigned to a call.
            None => self.fail(ErrorInfo::malformed(), events),
        }
    }

    fn conclude(
        &mut self,
        delta: Option<Delta<'_>>,
        usage: Option<&RawValue>,
        events: &mut Vec<StreamEvent>,
    ) {
        self.start(events);
        if let Some(usage) = usage {
            self.tally.add(usage);
        }
        if let Some(Delta { stop_reason: Some(reason), stop_sequence, stop_details, .. }) = delta {
            let reason = wire::finish_reason(&reason, stop_sequence, self.has_tool_calls);
            self.stop(reason, stop_details, events);
        }
        self.tell_usage(events);
    }

    fn tell_usage(&mut self, events: &mut Vec<StreamEvent>) {
        if let Some(usage) = self.tally.usage().filter(|usage| self.told != Some(*usage)) {
            self.told = Some(usage);
            events.push(StreamEvent::Usage(usage));
        }
    }

    fn stop(&mut self, reason: FinishReason, details: Option<StopDetails>, events: &mut Vec<StreamEvent>) {
        if self.phase >= Phase::Finished {
            return;
        }
        self.blocks.close(|_| true, events);
        if let (FinishReason::Refusal, 0) = (&reason, self.blocks.parts())
            && let Some(text) = details.and_then(|details| details.explanation)
        {
            events.extend([
                StreamEvent::PartStart { choice: 0, part: 0, start: PartStart::Refusal },
                StreamEvent::TextDelta { choice: 0, part: 0, text },
                StreamEvent::PartEnd { choice: 0, part: 0 },
            ]);
        }
        self.phase = Phase::Finished;
        events.push(StreamEvent::Finish { choice: 0, reason });
    }

    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        if self.phase == Phase::Over {
            return;
        }
        self.start(events);
        self.blocks.close(|_| true, events);
        // Without a stop reason, content that is complete ended by itself; without content, there is no answer.
        if self.blocks.parts() > 0 {
            let reason = if self.has_tool_calls { FinishReason::ToolCalls } else { FinishReason::Stop };
            self.stop(reason, None, events);
        }
        self.phase = Phase::Over;
        events.push(StreamEvent::Done);
    }
}

/// The block of a server tool with the arguments that arrived, if any.
fn with_input(block: &Json, input: &str) -> Json {
    let mut value = block.to_value();
    match (value.as_object_mut(), serde_json::from_str(&lenient::clean(&lenient::settled(input.to_owned()))))
    {
        (Some(fields), Ok(input)) => {
            fields.insert("input".to_owned(), input);
            Json::of(&value)
        }
        _ => block.clone(),
    }
}

#[cfg(test)]
impl Decoder {
    /// A decoder that recognises no repeated event, to be compared with.
    pub fn that_parses_all() -> Self {
        let mut decoder = Self::default();
        decoder.state.repeated = Repeated::blind();
        decoder
    }

    /// How many events were recognised.
    pub fn recognised(&self) -> usize {
        self.state.repeated.recognised()
    }
}
