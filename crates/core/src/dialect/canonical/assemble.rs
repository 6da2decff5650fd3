//! Assembles the events of a stream to an answer.

use serde_json::Value;

use super::error::ErrorInfo;
use super::json::Json;
use super::message::{Media, Part};
use super::response::{ChatResponse, Choice};
use super::stream::{PartStart, StreamEvent};

/// The answer of these events, or the error that they end in. A stream without an end is an error.
pub fn assemble(events: impl IntoIterator<Item = StreamEvent>) -> Result<ChatResponse, ErrorInfo> {
    let mut assembly = Assembly::new(usize::MAX);
    for event in events {
        assembly.add(event);
    }
    match assembly.end {
        Some(Ok(())) => Ok(assembly.response),
        Some(Err(error)) => Err(error),
        None => Err(ErrorInfo::truncated()),
    }
}

/// The result of a stream, complete or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answer as far as it was received.
    pub response: ChatResponse,
    /// Whether it is complete: the stream ended properly, and its content did not exceed the limit.
    pub is_whole: bool,
}

/// An answer under construction, with a limit on its bytes of text. Events after its end, or beyond the limit, are
/// ignored.
#[derive(Debug)]
pub struct Assembly {
    response: ChatResponse,
    end: Option<Result<(), ErrorInfo>>,
    bytes_left: usize,
    is_cut: bool,
    has_content: bool,
}

impl Assembly {
    /// An empty answer with a limit of `max_bytes` bytes of text.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            response: ChatResponse::default(),
            end: None,
            bytes_left: max_bytes,
            is_cut: false,
            has_content: false,
        }
    }

    /// Whether it is full or has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Whether any content has arrived: text, reasoning, a call, or its end. The start event is not content; services
    /// may report an overload after it.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.has_content
    }

    /// The error at the end of the stream.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorInfo> {
        self.end.as_ref().and_then(|end| end.as_ref().err())
    }

    /// The answer so far.
    #[must_use]
    pub fn into_answered(self) -> Answered {
        Answered { is_whole: self.end == Some(Ok(())) && !self.is_cut, response: self.response }
    }

    /// Adds an event.
    pub fn add(&mut self, event: StreamEvent) {
        if self.is_over() {
            return;
        }
        self.has_content |= match &event {
            StreamEvent::TextDelta { text, .. } => !text.is_empty(),
            StreamEvent::PartStart { start, .. } => {
                matches!(
                    start,
                    PartStart::ToolCall { .. }
                        | PartStart::RedactedThinking { .. }
                        | PartStart::ProviderBlock { .. }
                )
            }
            StreamEvent::ArgumentsDelta { .. } | StreamEvent::Finish { .. } | StreamEvent::Done => true,
            _ => false,
        };
        match event {
            StreamEvent::Done => self.end = Some(Ok(())),
            StreamEvent::Error(error) => self.end = Some(Err(error)),
            event => {
                let held = held_bytes(&event);
                if held > self.bytes_left {
                    self.is_cut = true;
                    return;
                }
                self.bytes_left -= held;
                if self.apply(event).is_none() {
                    self.end = Some(Err(ErrorInfo::malformed()));
                }
            }
        }
    }

    /// `None` if the event does not fit its part.
    fn apply(&mut self, event: StreamEvent) -> Option<()> {
        let response = &mut self.response;
        match event {
            StreamEvent::Start { id, model, created } => {
                (response.id, response.model, response.created) = (id, model, created);
            }
            StreamEvent::Served { service_tier, system_fingerprint } => {
                response.service_tier = service_tier.or(response.service_tier.take());
                response.system_fingerprint = system_fingerprint.or(response.system_fingerprint.take());
            }
            StreamEvent::PartStart { choice, start, .. } => {
                with_choice(response, choice, |choice| choice.parts.push(begin(start)));
            }
            StreamEvent::TextDelta { choice, part, text } => match part_at(response, choice, part)? {
                Part::Text { text: held, .. }
                | Part::Thinking { text: held, .. }
                | Part::Refusal { text: held } => held.push_str(&text),
                _ => return None,
            },
            StreamEvent::ArgumentsDelta { choice, part, text } => match part_at(response, choice, part)? {
                Part::ToolCall { arguments, .. } => arguments.push_str(&text),
                _ => return None,
            },
            StreamEvent::SignatureDelta { choice, part, signature } => {
                match part_at(response, choice, part)? {
                    Part::Thinking { signature: held, .. } | Part::ToolCall { signature: held, .. } => {
                        held.get_or_insert_default().push_str(&signature);
                    }
                    _ => return None,
                }
            }
            StreamEvent::Citation { choice, part, citation } => match part_at(response, choice, part)? {
                Part::Text { citations, .. } => citations.push(citation),
                _ => return None,
            },
            StreamEvent::Logprobs { choice, logprobs } => {
                with_choice(response, choice, |choice| append_logprobs(&mut choice.logprobs, logprobs));
            }
            StreamEvent::Finish { choice, reason } => {
                with_choice(response, choice, |choice| choice.finish = Some(reason));
            }
            StreamEvent::Usage(usage) => response.usage = Some(usage),
            _ => {}
        }
        Some(())
    }
}

/// Bytes of text that an event adds to the answer.
fn held_bytes(event: &StreamEvent) -> usize {
    match event {
        StreamEvent::TextDelta { text, .. } | StreamEvent::ArgumentsDelta { text, .. } => text.len(),
        StreamEvent::SignatureDelta { signature, .. } => signature.len(),
        StreamEvent::PartStart {
            start:
                PartStart::RedactedThinking { data }
                | PartStart::Image { media: Media::Base64 { data, .. } }
                | PartStart::Audio { media: Media::Base64 { data, .. } },
            ..
        } => data.len(),
        StreamEvent::PartStart { start: PartStart::ProviderBlock { block, .. }, .. } => block.text().len(),
        _ => 0,
    }
}

fn begin(start: PartStart) -> Part {
    match start {
        PartStart::Text => Part::text(""),
        PartStart::Thinking => Part::Thinking { text: String::new(), signature: None },
        PartStart::RedactedThinking { data } => Part::RedactedThinking { data },
        PartStart::ProviderBlock { origin, block } => Part::ProviderBlock { origin, block },
        PartStart::Refusal => Part::Refusal { text: String::new() },
        PartStart::Image { media } => Part::Image { media, detail: None, cache: None },
        PartStart::Audio { media } => Part::Audio { media },
        PartStart::ToolCall { id, name } => {
            Part::ToolCall { id, name, arguments: String::new(), signature: None, cache: None }
        }
    }
}

/// No service has more choices than this; a wild number must not cost memory.
const MAX_CHOICES: usize = 128;

/// Applies a change to a choice, which is created if it does not exist.
fn with_choice(response: &mut ChatResponse, choice: usize, change: impl FnOnce(&mut Choice)) {
    let choice = choice.min(MAX_CHOICES);
    if response.choices.len() <= choice {
        response.choices.resize_with(choice + 1, Choice::default);
    }
    if let Some(choice) = response.choices.get_mut(choice) {
        change(choice);
    }
}

/// Appends log probabilities: both are objects of lists (`content`, `refusal`), one entry per token.
fn append_logprobs(held: &mut Option<Json>, more: Json) {
    let Some(before) = held else {
        *held = Some(more);
        return;
    };
    let mut sum = before.to_value();
    if let (Some(sum), Value::Object(more)) = (sum.as_object_mut(), more.to_value()) {
        for (name, entries) in more {
            match (sum.get_mut(&name), entries) {
                (Some(Value::Array(held)), Value::Array(entries)) => held.extend(entries),
                (_, entries) => drop(sum.insert(name, entries)),
            }
        }
    }
    *held = Some(Json::of(&sum));
}

fn part_at(response: &mut ChatResponse, choice: usize, part: usize) -> Option<&mut Part> {
    response.choices.get_mut(choice)?.parts.get_mut(part)
}
