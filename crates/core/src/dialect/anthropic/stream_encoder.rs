//! Encodes a caller's stream (<https://platform.claude.com/docs/en/build-with-claude/streaming>).
//!
//! The dialect has one open block at a time, and clients rely on it. So the first open part is written as it arrives;
//! events of later parts wait until it ends. A signature is written in one piece, because the official clients take
//! the last piece for the whole. The input of a call is an object: arguments that are none wait for their end and are
//! written as one. The start event waits for the event after it, so that it contains the count of the
//! prompt if it is known by then.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::citation;
use super::encode_response::MessageOut;
use super::tool_id;
use super::wire::{self, Block, Said, UsageOut};
use crate::dialect::canonical::{
    ErrorInfo, FinishReason, Json, PartStart, ReplyContext, SignatureOrigin, StreamEncoder, StreamEvent,
};
use crate::sse::writer::{KEEP_ALIVE, write_data};
use crate::tokens::TokenUsage;

/// The keep-alive event of this dialect.
pub const PING: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";

/// Most bytes of text that may wait for an earlier part to end.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// The encoder of one stream.
#[derive(Debug)]
pub struct Encoder {
    context: ReplyContext,
    /// The message start, until it is written.
    begin: Option<Begin>,
    has_begun: bool,
    is_over: bool,
    /// Number of blocks so far.
    blocks: usize,
    /// Open parts; the first one is being written.
    parts: VecDeque<Waiting>,
    waiting_bytes: usize,
    said: Said,
    finish: Option<FinishReason>,
    usage: Option<TokenUsage>,
    service_tier: Option<String>,
}

#[derive(Debug, Default)]
struct Begin {
    id: Option<String>,
    model: Option<String>,
}

/// A part that is being written, or waits.
#[derive(Debug)]
struct Waiting {
    part: usize,
    start: PartStart,
    /// Whether the start of the block has been written.
    is_open: bool,
    /// Events that arrived before its turn.
    deltas: Vec<StreamEvent>,
    /// Arguments that are no object, until they are complete.
    odd_arguments: String,
    /// Whether the arguments have begun as an object, so that they are written as they arrive.
    is_object: bool,
    signature: String,
    has_ended: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Out<'a> {
    MessageStart { message: MessageOut<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    ContentBlockDelta { index: usize, delta: DeltaOut<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Stop<'a>, usage: UsageOut },
    MessageStop,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum DeltaOut<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
    #[serde(rename = "citations_delta")]
    Citations { citation: &'a RawValue },
}

#[derive(Serialize)]
struct Stop<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl Out<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_event(self.name(), &serde_json::to_vec(self).unwrap_or_default(), out);
    }
}

fn write_event(name: &str, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    write_data(out, data);
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        if let Some(words) = event.in_words() {
            for event in words {
                self.encode(&event, out);
            }
            return;
        }
        match event {
            StreamEvent::Start { id, model, .. } => {
                self.begin = Some(Begin { id: id.clone(), model: model.clone() });
            }
            StreamEvent::Served { service_tier: Some(tier), .. } => self.service_tier = Some(tier.clone()),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Finish { choice: 0, reason } => self.finish = Some(reason.clone()),
            StreamEvent::Ping => {
                if self.begin.is_some() {
                    self.write_begin(out);
                }
                out.extend_from_slice(self.keep_alive());
            }
            StreamEvent::PartStart { choice: 0, part, start } => self.part_starts(*part, start, out),
            StreamEvent::TextDelta { choice: 0, part, .. }
            | StreamEvent::ArgumentsDelta { choice: 0, part, .. }
            | StreamEvent::SignatureDelta { choice: 0, part, .. }
            | StreamEvent::Citation { choice: 0, part, .. } => self.part_goes_on(*part, event, out),
            StreamEvent::PartEnd { choice: 0, part } => {
                if let Some(waiting) = self.parts.iter_mut().find(|waiting| waiting.part == *part) {
                    waiting.has_ended = true;
                }
                self.write_ended(out);
            }
            StreamEvent::Done => self.end(out),
            StreamEvent::Error(error) => self.fail(error, out),
            // The dialect has no other choices and no log probabilities.
            _ => {}
        }
    }

    fn keep_alive(&self) -> &'static [u8] {
        // The official libraries raise an error for an event before the start.
        if self.has_begun { PING } else { KEEP_ALIVE }
    }
}

impl Encoder {
    /// Begins a stream.
    pub fn new(context: ReplyContext) -> Self {
        Self {
            context,
            begin: None,
            has_begun: false,
            is_over: false,
            blocks: 0,
            parts: VecDeque::new(),
            waiting_bytes: 0,
            said: Said::default(),
            finish: None,
            usage: None,
            service_tier: None,
        }
    }

    fn write_begin(&mut self, out: &mut Vec<u8>) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        let Begin { id, model } = self.begin.take().unwrap_or_default();
        let usage = UsageOut::of(
            self.usage.map(|usage| TokenUsage { completion: 0, reasoning: 0, ..usage }),
            self.service_tier.as_deref(),
        );
        let message = MessageOut::begin(id.as_deref(), model.as_deref(), &self.context, usage);
        Out::MessageStart { message }.write(out);
    }

    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        self.is_over = true;
        self.parts.clear();
        write_event("error", &super::error::encode(error, ""), out);
    }

    fn part_starts(&mut self, part: usize, start: &PartStart, out: &mut Vec<u8>) {
        self.write_begin(out);
        match start {
            PartStart::ToolCall { .. } => self.said.tool_calls = true,
            PartStart::Refusal => self.said.refusal = true,
            _ => {}
        }
        self.parts.push_back(Waiting {
            part,
            start: start.clone(),
            is_open: false,
            deltas: Vec::new(),
            odd_arguments: String::new(),
            is_object: false,
            signature: String::new(),
            has_ended: false,
        });
    }

    fn part_goes_on(&mut self, part: usize, event: &StreamEvent, out: &mut Vec<u8>) {
        let is_first = self.parts.front().is_some_and(|waiting| waiting.part == part);
        let Some(waiting) = self.parts.iter_mut().find(|waiting| waiting.part == part) else { return };
        if is_first {
            waiting.take(event, &mut self.blocks, out);
            return;
        }
        self.waiting_bytes += size_of(event);
        waiting.deltas.push(event.clone());
        if self.waiting_bytes > MAX_WAITING_BYTES {
            self.fail(&ErrorInfo::malformed(), out);
        }
    }

    /// Ends the current part, and all parts behind it that have ended in the meantime.
    fn write_ended(&mut self, out: &mut Vec<u8>) {
        while let Some(mut first) = self.parts.pop_front() {
            for event in std::mem::take(&mut first.deltas) {
                self.waiting_bytes = self.waiting_bytes.saturating_sub(size_of(&event));
                first.take(&event, &mut self.blocks, out);
            }
            if !first.has_ended {
                self.parts.push_front(first);
                return;
            }
            first.close(&mut self.blocks, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.write_begin(out);
        self.parts.iter_mut().for_each(|waiting| waiting.has_ended = true);
        self.write_ended(out);
        self.is_over = true;
        let (stop_reason, stop_sequence) = wire::stop_reason(self.finish.as_ref(), self.said);
        let usage = UsageOut::of(self.usage, self.service_tier.as_deref());
        Out::MessageDelta { delta: Stop { stop_reason, stop_sequence }, usage }.write(out);
        Out::MessageStop.write(out);
    }
}

impl Waiting {
    /// Writes a delta. A text block starts with its first delta, so that no block is empty.
    fn take(&mut self, event: &StreamEvent, blocks: &mut usize, out: &mut Vec<u8>) {
        let index = *blocks;
        match event {
            StreamEvent::TextDelta { text, .. } if !text.is_empty() => {
                self.open(index, out);
                let delta = match self.start {
                    PartStart::Thinking => DeltaOut::Thinking { thinking: text },
                    _ => DeltaOut::Text { text },
                };
                Out::ContentBlockDelta { index, delta }.write(out);
            }
            StreamEvent::ArgumentsDelta { text, .. } if !text.is_empty() => {
                self.open(index, out);
                self.is_object |= self.odd_arguments.is_empty() && text.trim_start().starts_with('{');
                if self.is_object {
                    let delta = DeltaOut::InputJson { partial_json: text };
                    Out::ContentBlockDelta { index, delta }.write(out);
                } else if !(self.odd_arguments.is_empty() && text.trim().is_empty()) {
                    self.odd_arguments.push_str(text);
                }
            }
            StreamEvent::SignatureDelta { signature, .. } => self.signature.push_str(signature),
            StreamEvent::Citation { citation, .. } => {
                self.open(index, out);
                if let Some(citation) = citation::write(citation) {
                    let delta = DeltaOut::Citations { citation: citation.raw() };
                    Out::ContentBlockDelta { index, delta }.write(out);
                }
            }
            _ => {}
        }
    }

    /// Writes the start of the block, unless it is written already.
    fn open(&mut self, index: usize, out: &mut Vec<u8>) {
        if self.is_open {
            return;
        }
        self.is_open = true;
        let content_block = match &self.start {
            // Images and audio were converted to text before.
            PartStart::Text | PartStart::Refusal | PartStart::Image { .. } | PartStart::Audio { .. } => {
                Block::text("")
            }
            PartStart::Thinking => Block::Thinking { thinking: "", signature: "" },
            PartStart::RedactedThinking { data } => Block::RedactedThinking { data },
            PartStart::ProviderBlock { block, .. } => Block::Provider(Cow::Owned(without_input(block))),
            PartStart::ToolCall { id, name } => Block::ToolUse {
                id: tool_id::shown(id, Some(&self.signature)),
                name,
                input: Json::empty_object(),
                cache_control: None,
            },
        };
        Out::ContentBlockStart { index, content_block }.write(out);
    }

    /// Writes the end of the block. An empty text leaves no block.
    fn close(&mut self, blocks: &mut usize, out: &mut Vec<u8>) {
        let index = *blocks;
        match self.start {
            PartStart::ToolCall { .. } | PartStart::RedactedThinking { .. } => {
                self.open(index, out);
                if !self.odd_arguments.is_empty() {
                    let input = Json::arguments_object(&self.odd_arguments);
                    let delta = DeltaOut::InputJson { partial_json: input.text() };
                    Out::ContentBlockDelta { index, delta }.write(out);
                }
            }
            PartStart::ProviderBlock { origin: SignatureOrigin::Anthropic, ref block } => {
                let input = input_of(block);
                self.open(index, out);
                if let Some(input) = input {
                    let delta = DeltaOut::InputJson { partial_json: &input };
                    Out::ContentBlockDelta { index, delta }.write(out);
                }
            }
            PartStart::Thinking if !self.signature.is_empty() => {
                self.open(index, out);
                let delta = DeltaOut::Signature { signature: &self.signature };
                Out::ContentBlockDelta { index, delta }.write(out);
            }
            _ => {}
        }
        if self.is_open {
            Out::ContentBlockStop { index }.write(out);
            *blocks += 1;
        }
    }
}

/// The input of a server tool call, which a stream sends in deltas; `None` if the block is not a call.
fn input_of(block: &Json) -> Option<String> {
    block.to_value().get("input").filter(|input| input.is_object()).map(Value::to_string)
}

/// The block at its start: the input of a call follows in deltas.
fn without_input(block: &Json) -> Json {
    let mut value = block.to_value();
    match value.get_mut("input").filter(|input| input.is_object()) {
        Some(input) => *input = Value::Object(Map::new()),
        None => return block.clone(),
    }
    Json::of(&value)
}

/// Memory of an event, roughly.
fn size_of(event: &StreamEvent) -> usize {
    /// Memory of an event besides its text.
    const OVERHEAD: usize = 96;
    OVERHEAD
        + match event {
            StreamEvent::TextDelta { text, .. } | StreamEvent::ArgumentsDelta { text, .. } => text.len(),
            StreamEvent::SignatureDelta { signature, .. } => signature.len(),
            StreamEvent::Citation { citation, .. } => {
                citation.original.as_ref().map_or(0, |original| original.text().len())
            }
            _ => 0,
        }
}
