//! Decodes a streamed answer
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>).
//!
//! Blocks become parts with numbers of their own: blocks of unknown kinds are left out, and redacted thinking, which
//! may arrive in pieces, becomes a part when it ends. Text has no start event. `metadata` is the last event; a stream
//! that ends before it, but after the stop reason, is complete.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::decode_response::{SourceIn, ToolUseIn, call_id};
use super::wire::{self, ModelFields, ServiceTier};
use super::{error, media};
use crate::aws::event_stream::{Message, MessageReader};
use crate::dialect::canonical::{
    ErrorInfo, FinishReason, Json, MAX_EVENT_BYTES, Media, PartStart, StreamDecoder, StreamEvent,
};
use crate::dialect::upstream::blocks::{BlockKind, Open, OpenBlocks, Phase, TooMany};
use crate::dialect::upstream::repeated::{Member, Repeated};
use crate::dialect::upstream::usage;
use crate::json::lenient::{self, Piece, Spare};

/// Most bytes of redacted thinking that are held until it is complete.
const MAX_REDACTED_BYTES: usize = 1 << 22;

/// The decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    reader: MessageReader,
    state: State,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { reader: MessageReader::new(MAX_EVENT_BYTES), state: State::default() }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let Self { reader, state } = self;
        if state.phase == Phase::Over {
            return;
        }
        if reader.push(chunk, |message| state.take(message, events)).is_err() {
            state.fail(ErrorInfo::malformed(), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        match self.state.phase {
            Phase::Finished => self.state.end(events),
            _ => self.state.fail(ErrorInfo::truncated(), events),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    has_tool_calls: bool,
    blocks: OpenBlocks<Kind>,
    /// The payload of the last event, if it was a piece of text and nothing else.
    repeated: Repeated,
    /// The block of that event, and whether it is thinking.
    repeated_block: (usize, bool),
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking,
    /// Whether arguments have arrived.
    ToolCall {
        has_arguments: bool,
    },
    /// Redacted thinking as far as it has arrived.
    Redacted(Vec<u8>),
    /// An image of this format, until it arrives.
    Image(String),
    /// It is left out.
    Other,
}

impl BlockKind for Kind {
    fn is_call(&self) -> bool {
        matches!(self, Self::ToolCall { .. })
    }

    fn late_start(&mut self) -> Option<PartStart> {
        let Self::Redacted(bytes) = self else { return None };
        Some(PartStart::RedactedThinking { data: STANDARD.encode(bytes) })
    }

    fn rest_of_arguments(&mut self) -> Option<String> {
        matches!(self, Self::ToolCall { has_arguments: false }).then(|| "{}".to_owned())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    #[serde(default)]
    content_block_index: usize,
    #[serde(borrow)]
    start: Option<Start<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow)]
    tool_use: Option<ToolUseIn<'a>>,
    image: Option<ImageStart>,
}

#[derive(Deserialize)]
struct ImageStart {
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    #[serde(default)]
    content_block_index: usize,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    text: Option<Piece>,
    #[serde(borrow)]
    tool_use: Option<ToolUseDelta<'a>>,
    reasoning_content: Option<ReasoningDelta>,
    #[serde(borrow)]
    citation: Option<&'a RawValue>,
    image: Option<ImageDelta>,
}

#[derive(Deserialize)]
struct ToolUseDelta<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasoningDelta {
    text: Option<Piece>,
    signature: Option<Piece>,
    redacted_content: Option<String>,
}

/// A piece of text as it is written, and the padding that hides its length.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(default)]
    content_block_index: usize,
    #[serde(borrow)]
    delta: WrittenDelta<'a>,
    #[serde(borrow)]
    p: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDelta<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<WrittenReasoning<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenReasoning<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    redacted_content: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ImageDelta {
    source: Option<SourceIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    #[serde(default)]
    content_block_index: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop {
    stop_reason: Option<String>,
    additional_model_response_fields: Option<ModelFields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    usage: Option<Json>,
    service_tier: Option<ServiceTier>,
}

impl State {
    fn take(&mut self, message: &Message<'_>, events: &mut Vec<StreamEvent>) {
        if self.phase == Phase::Over {
            return;
        }
        match message.header(":message-type") {
            Some("exception") => {
                let name = message.header(":exception-type").unwrap_or_default();
                return self.fail(error::decode_exception(name, message.payload), events);
            }
            Some("error") => {
                let error =
                    error::decode_unmodelled(message.header(":error-code"), message.header(":error-message"));
                return self.fail(error, events);
            }
            _ => {}
        }
        if self.event(message.header(":event-type").unwrap_or_default(), message.payload, events).is_none() {
            self.fail(ErrorInfo::malformed(), events);
        }
    }

    /// Processes an event; `None` if it cannot be parsed.
    fn event(&mut self, name: &str, payload: &[u8], events: &mut Vec<StreamEvent>) -> Option<()> {
        let spare = Spare::default();
        if name != "contentBlockDelta" {
            self.repeated.forget();
        }
        match name {
            "messageStart" => self.begin(events),
            "messageStop" => {
                let MessageStop { stop_reason, additional_model_response_fields: fields } = read(payload)?;
                self.begin(events);
                let reason =
                    stop_reason.map(|reason| wire::finish_reason(&reason, fields, self.has_tool_calls));
                self.stop(reason, events);
            }
            "metadata" => self.conclude(read(payload)?, events),
            // Nothing follows the stop reason.
            _ if self.phase >= Phase::Finished => {}
            "contentBlockStart" => {
                let start: BlockStart<'_> = lenient::read(payload, &spare).ok()?;
                self.begin(events);
                self.open_block(start.content_block_index, start.start, events);
            }
            "contentBlockDelta" => {
                if let Some(text) = self.repeated.text_in(payload) {
                    let (block, is_thinking) = self.repeated_block;
                    self.text(block, text.into_owned(), is_thinking, events);
                    return Some(());
                }
                let delta: BlockDelta<'_> = lenient::read(payload, &spare).ok()?;
                self.begin(events);
                let begin = events.len();
                self.delta(delta.content_block_index, delta.delta?, events);
                self.note(payload, events.get(begin..).unwrap_or_default());
            }
            "contentBlockStop" => {
                let stop: BlockStop = read(payload)?;
                self.blocks.close(|open| open.block == stop.content_block_index, events);
            }
            _ => {}
        }
        Some(())
    }

    /// Notes the payload of a delta if what it told is a piece of text and nothing else.
    fn note(&mut self, payload: &[u8], told: &[StreamEvent]) {
        let [StreamEvent::TextDelta { text: said, .. }] = told else { return };
        let Ok(Written { content_block_index: block, delta, p: padding }) = serde_json::from_slice(payload)
        else {
            return;
        };
        let (text, is_thinking) = match (delta.text, delta.reasoning_content) {
            (Some(text), None) => (text, false),
            (None, Some(WrittenReasoning { text: Some(text), redacted_content: None })) => (text, true),
            _ => return,
        };
        if lenient::piece(text).is_some_and(|piece| piece == *said) {
            self.repeated_block = (block, is_thinking);
            self.repeated.note_with(payload, text, padding.map(Member::padding));
        }
    }

    fn fail(&mut self, error: ErrorInfo, events: &mut Vec<StreamEvent>) {
        if self.phase < Phase::Over {
            self.phase = Phase::Over;
            events.push(StreamEvent::Error(error));
        }
    }

    fn begin(&mut self, events: &mut Vec<StreamEvent>) {
        if self.phase < Phase::Begun {
            self.phase = Phase::Begun;
            events.push(StreamEvent::Start { id: None, model: None, created: None });
        }
    }

    fn open_block(&mut self, block: usize, start: Option<Start<'_>>, events: &mut Vec<StreamEvent>) {
        let Some(start) = start else { return };
        if let Some(call) = start.tool_use.filter(|call| !call.is_of_the_service()) {
            self.has_tool_calls = true;
            let start = PartStart::ToolCall {
                id: call_id(call.tool_use_id, block),
                name: call.name.unwrap_or_default(),
            };
            self.open_part(block, start, Kind::ToolCall { has_arguments: false }, events);
            return;
        }
        let kind = start.image.and_then(|image| image.format).map_or(Kind::Other, Kind::Image);
        self.blocks.close(|open| open.block == block || !open.kind.is_call(), events);
        self.open_other(block, kind, events);
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

    fn delta(&mut self, block: usize, delta: Delta<'_>, events: &mut Vec<StreamEvent>) {
        if let Some(Piece(text)) = delta.text {
            self.text(block, text, false, events);
        }
        if let Some(reasoning) = delta.reasoning_content {
            self.reasoning(block, reasoning, events);
        }
        if let Some(text) = delta.tool_use.and_then(|call| call.input) {
            self.arguments(block, lenient::arguments(text).into_owned(), events);
        }
        if let Some(citation) = delta.citation {
            let citation = wire::read_citation(citation);
            if let Some(part) = self.part(block, false, events) {
                events.push(StreamEvent::Citation { choice: 0, part, citation });
            }
        }
        if let Some(data) = delta.image.and_then(|image| image.source).and_then(|source| source.bytes) {
            self.picture(block, data, events);
        }
    }

    fn text(&mut self, block: usize, text: String, thinking: bool, events: &mut Vec<StreamEvent>) {
        if !text.is_empty()
            && let Some(part) = self.part(block, thinking, events)
        {
            events.push(StreamEvent::TextDelta { choice: 0, part, text });
        }
    }

    fn reasoning(&mut self, block: usize, delta: ReasoningDelta, events: &mut Vec<StreamEvent>) {
        if let Some(Piece(text)) = delta.text {
            self.text(block, text, true, events);
        }
        if let Some(Piece(signature)) = delta.signature.filter(|signature| !signature.is_empty())
            && let Some(part) = self.part(block, true, events)
        {
            events.push(StreamEvent::SignatureDelta { choice: 0, part, signature });
        }
        let Some(data) = delta.redacted_content else { return };
        let Ok(bytes) = STANDARD.decode(data) else { return self.fail(ErrorInfo::malformed(), events) };
        match self.blocks.find(block) {
            Some(Open { kind: Kind::Redacted(held), .. }) => {
                if held.len() + bytes.len() > MAX_REDACTED_BYTES {
                    return self.fail(ErrorInfo::malformed(), events);
                }
                held.extend(bytes);
            }
            Some(_) => {}
            None => {
                self.blocks.close(|open| !open.kind.is_call(), events);
                self.open_other(block, Kind::Redacted(bytes), events);
            }
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

    fn arguments(&mut self, block: usize, text: String, events: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        match self.blocks.find(block) {
            Some(Open { part: Some(part), kind: Kind::ToolCall { has_arguments }, .. }) => {
                *has_arguments = true;
                events.push(StreamEvent::ArgumentsDelta { choice: 0, part: *part, text });
            }
            Some(_) => {}
            // It cannot be assigned to a call.
            None => self.fail(ErrorInfo::malformed(), events),
        }
    }

    fn picture(&mut self, block: usize, data: String, events: &mut Vec<StreamEvent>) {
        let Some(Open { kind: Kind::Image(format), .. }) = self.blocks.find(block) else { return };
        let media = Media::Base64 { media_type: media::picture_type(format), data };
        self.open_part(block, PartStart::Image { media }, Kind::Other, events);
    }

    /// Without a reason, content that is complete ended by itself; without content either, there is no answer.
    fn stop(&mut self, reason: Option<FinishReason>, events: &mut Vec<StreamEvent>) {
        if self.phase >= Phase::Finished {
            return;
        }
        self.blocks.close(|_| true, events);
        self.phase = Phase::Finished;
        let reason = reason.or_else(|| (self.blocks.parts() > 0).then_some(FinishReason::Stop));
        events.extend(reason.map(|reason| StreamEvent::Finish { choice: 0, reason }));
    }

    fn conclude(&mut self, metadata: Metadata, events: &mut Vec<StreamEvent>) {
        self.begin(events);
        if let Some(tier) = metadata.service_tier.and_then(|tier| tier.r#type) {
            events.push(StreamEvent::Served { service_tier: Some(tier), system_fingerprint: None });
        }
        events.extend(metadata.usage.and_then(|usage| usage::read(usage.raw())).map(StreamEvent::Usage));
        if self.phase == Phase::Finished {
            self.end(events);
        }
    }

    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        self.phase = Phase::Over;
        events.push(StreamEvent::Done);
    }
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    lenient::read(payload, &Spare::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::event_stream::encode;
    use crate::dialect::upstream::testing_repeats::{Sample, check, samples};
    use proptest::prelude::*;

    fn decoder(parses_all: bool) -> Decoder {
        let mut decoder = Decoder::default();
        if parses_all {
            decoder.state.repeated = Repeated::blind();
        }
        decoder
    }

    fn framed(name: &str, payload: &[u8]) -> Vec<u8> {
        encode(&[(":event-type", name), (":message-type", "event")], payload).unwrap()
    }

    fn written(sample: &Sample) -> Vec<u8> {
        let Sample { text, padding, .. } = sample;
        let delta = |index: u8, delta: String| {
            format!(r#"{{"contentBlockIndex":{index},"delta":{delta},"p":{padding}}}"#)
        };
        let (name, payload) = match sample.kind {
            0 => (
                "contentBlockStart",
                format!(
                    r#"{{"contentBlockIndex":1,"start":{{"toolUse":{{"toolUseId":"t","name":"f"}}}},"p":{padding}}}"#
                ),
            ),
            1 => ("contentBlockDelta", delta(1, format!(r#"{{"toolUse":{{"input":{text}}}}}"#))),
            2 => ("contentBlockStop", format!(r#"{{"contentBlockIndex":0,"p":{padding}}}"#)),
            // The payload of a delta under another name.
            3 => ("contentBlockStop", delta(0, format!(r#"{{"text":{text}}}"#))),
            4 => (
                "contentBlockDelta",
                delta(0, format!(r#"{{"text":{text},"reasoningContent":{{"redactedContent":"AAAA"}}}}"#)),
            ),
            5 => (
                "contentBlockDelta",
                delta(2, format!(r#"{{"reasoningContent":{{"text":{text},"redactedContent":"AAAA"}}}}"#)),
            ),
            6 => ("contentBlockDelta", delta(2, format!(r#"{{"reasoningContent":{{"signature":{text}}}}}"#))),
            7 => {
                ("contentBlockDelta", delta(0, format!(r#"{{"text":{text},"citation":{{"title":{text}}}}}"#)))
            }
            8 => ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2}}"#.to_owned()),
            9..=20 => ("contentBlockDelta", delta(2, format!(r#"{{"reasoningContent":{{"text":{text}}}}}"#))),
            _ => ("contentBlockDelta", delta(0, format!(r#"{{"text":{text}}}"#))),
        };
        framed(name, &sample.damaged(payload))
    }

    proptest! {
        #[test]
        fn repeated_events_mean_what_parsed_ones_do(samples in samples(), size in 1..90_usize) {
            let events: Vec<_> = samples.iter().map(written).collect();
            check(&events, size, |parses_all| Box::new(decoder(parses_all)));
        }
    }

    #[test]
    fn a_piece_of_text_is_recognised_whatever_its_padding() {
        let (mut decoder, mut events) = (decoder(false), Vec::new());
        for (text, padding) in [("one", "a"), ("two", "abc"), ("three", ""), ("four", "ab")] {
            let payload = format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{text}"}},"p":"{padding}"}}"#);
            decoder.push(&framed("contentBlockDelta", payload.as_bytes()), &mut events);
        }
        assert_eq!(decoder.state.repeated.recognised(), 2);
    }
}
