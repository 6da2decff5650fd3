//! Decodes a streamed answer.

use super::growth::{Growth, Style};
use super::wire::{self, Choice, Message, Output, Reply, ToolCall};
use super::{decode_response, error};
use crate::dialect::canonical::{
    ChatResponse, Citation, ErrorInfo, FinishReason, StreamDecoder, StreamEvent,
};
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::parts::{ChoiceParts, Prose};
use crate::dialect::upstream::sse::{Reading, SseDecoder};
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::{alphanumeric, arguments_text};
use crate::json::lenient::{self, Spare};
use crate::sse::Event;
use crate::tokens::TokenUsage;

/// Most choices of one request; the service has at most four.
const MAX_CHOICES: usize = 16;

/// A decoder at the beginning of a stream.
pub fn decoder() -> Box<dyn StreamDecoder> {
    Box::new(Joined::new(SseDecoder::new(DashScopeReading::default())))
}

#[derive(Debug, Default)]
struct DashScopeReading {
    begun: bool,
    /// From the id of the answer; for ids of tool calls that have none.
    unique: String,
    style: Style,
    choices: Vec<ChoiceState>,
    /// Citations that wait for their text.
    citations: Vec<Citation>,
    tally: Tally,
    /// Usage as last told.
    usage: Option<TokenUsage>,
}

#[derive(Debug, Default)]
struct ChoiceState {
    parts: ChoiceParts,
    text: Growth,
    thinking: Growth,
    /// By index of the call.
    arguments: Vec<Growth>,
    finished: bool,
}

impl Reading for DashScopeReading {
    fn event(&mut self, event: Event<'_>, data: &[u8], events: &mut Vec<StreamEvent>) -> bool {
        if data.trim_ascii() == b"[DONE]" {
            self.end(events);
            return true;
        }
        let Ok(reply) = lenient::read::<Reply>(data, &Spare::default()) else {
            events.push(StreamEvent::Error(ErrorInfo::malformed()));
            return true;
        };
        if let Some(error) = error::of_event(event, &reply) {
            events.push(StreamEvent::Error(error));
            return true;
        }
        self.begin(reply.request_id.as_deref(), events);
        if let Some(output) = reply.output {
            self.output(output, events);
        }
        if let Some(usage) = reply.usage {
            self.tally.add(usage.raw());
        }
        if let Some(usage) = self.tally.usage().filter(|usage| self.usage != Some(*usage)) {
            self.usage = Some(usage);
            events.push(StreamEvent::Usage(usage));
        }
        false
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    /// The service has no final event: a stream is complete if every choice has a finish reason.
    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        let is_whole = !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished);
        events.push(if is_whole { StreamEvent::Done } else { StreamEvent::Error(ErrorInfo::truncated()) });
    }

    fn document(&mut self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body)
    }
}

impl DashScopeReading {
    fn begin(&mut self, request_id: Option<&str>, events: &mut Vec<StreamEvent>) {
        if !self.begun {
            self.begun = true;
            self.unique = alphanumeric(request_id.unwrap_or_default());
            events.push(StreamEvent::Start { id: request_id.map(str::to_owned), model: None, created: None });
        }
    }

    fn output(&mut self, output: Output, events: &mut Vec<StreamEvent>) {
        if let Some(search) = output.search_info {
            // Servers that repeat the text also repeat this with every event.
            if self.citations.is_empty() && self.choices.iter().all(|choice| choice.parts.is_empty()) {
                self.citations = search.citations();
            }
        }
        let choices = output.choices.unwrap_or_default();
        if choices.is_empty() {
            if output.text.is_some() || output.finish_reason.is_some() {
                let message = Some(Message { content: output.text, ..Message::default() });
                self.choice(
                    0,
                    Choice { message, finish_reason: output.finish_reason, ..Choice::default() },
                    events,
                );
            }
            return;
        }
        for (position, choice) in choices.into_iter().enumerate() {
            self.choice(choice.index.unwrap_or(position), choice, events);
        }
    }

    fn choice(&mut self, index: usize, choice: Choice, events: &mut Vec<StreamEvent>) {
        if index >= MAX_CHOICES {
            return;
        }
        for missing in self.choices.len()..=index {
            self.choices.push(ChoiceState { parts: ChoiceParts::new(missing), ..ChoiceState::default() });
        }
        let Self { choices, style, unique, citations, .. } = self;
        let Some(state) = choices.get_mut(index).filter(|state| !state.finished) else { return };
        if let Some(message) = choice.message {
            state.message(message, style, unique, citations, events);
        }
        if let Some(logprobs) = choice.logprobs.filter(|logprobs| logprobs.text() != "{}") {
            events.push(StreamEvent::Logprobs { choice: index, logprobs: logprobs.cleaned() });
        }
        if let Some(reason) = wire::finish_reason(choice.finish_reason.as_deref(), false) {
            state.finish(index, reason, style, unique, events);
        }
    }
}

impl ChoiceState {
    fn message(
        &mut self,
        message: Message,
        style: &mut Style,
        unique: &str,
        citations: &mut Vec<Citation>,
        events: &mut Vec<StreamEvent>,
    ) {
        let text = message.text();
        let thinking = message.reasoning_content.unwrap_or_default();
        let new = self.thinking.add(&thinking, style);
        self.parts.prose(Prose::Thinking, &new, events);
        let mut new = self.text.add(&text, style);
        let calls = message.tool_calls.unwrap_or_default();
        if !new.is_empty() || !calls.is_empty() {
            let thoughts = self.thinking.settle(false, style);
            self.parts.prose(Prose::Thinking, &thoughts, events);
        }
        if !calls.is_empty() {
            new += &self.text.settle(false, style);
        }
        if !new.is_empty() {
            self.parts.prose(Prose::Text, &new, events);
            for citation in citations.drain(..) {
                self.parts.citation(citation, events);
            }
        }
        for (position, call) in calls.into_iter().enumerate() {
            self.call(position as u64, call, style, unique, events);
        }
    }

    fn call(
        &mut self,
        position: u64,
        call: ToolCall,
        style: &mut Style,
        unique: &str,
        events: &mut Vec<StreamEvent>,
    ) {
        let key = call.index.unwrap_or(position);
        let function = call.function.unwrap_or_default();
        let text = arguments_text(function.arguments.as_ref());
        let id = call.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let Some(number) = self.parts.call(key, &id, &name, !text.is_empty(), unique, events) else { return };
        if self.arguments.len() <= number {
            self.arguments.resize_with(number + 1, Growth::default);
        }
        if let Some(growth) = self.arguments.get_mut(number) {
            let new = growth.add(&text, style);
            self.parts.arguments(number, &new, unique, events);
        }
    }

    fn finish(
        &mut self,
        index: usize,
        reason: FinishReason,
        style: &mut Style,
        unique: &str,
        events: &mut Vec<StreamEvent>,
    ) {
        self.finished = true;
        let thoughts = self.thinking.settle(true, style);
        self.parts.prose(Prose::Thinking, &thoughts, events);
        let text = self.text.settle(true, style);
        self.parts.prose(Prose::Text, &text, events);
        for (number, growth) in self.arguments.iter_mut().enumerate() {
            let rest = growth.settle(true, style);
            self.parts.arguments(number, &rest, unique, events);
        }
        self.parts.finish(unique, events);
        let reason = match reason {
            FinishReason::Stop if self.parts.has_calls() => FinishReason::ToolCalls,
            reason => reason,
        };
        events.push(StreamEvent::Finish { choice: index, reason });
    }
}
