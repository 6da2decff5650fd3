//! Decodes a streamed answer.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::growth::{Growth, Style};
use super::wire::{self, Choice, Message, Output, Reply, ToolCall};
use super::{decode_response, error};
use crate::dialect::canonical::{
    ChatResponse, Citation, ErrorInfo, FinishReason, StreamDecoder, StreamEvent,
};
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::parts::{ChoiceParts, Prose};
use crate::dialect::upstream::repeated::{Member, Repeated};
use crate::dialect::upstream::sse::{Reading, SseDecoder};
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::usage::form::Form;
use crate::dialect::upstream::{alphanumeric, arguments_text};
use crate::json::lenient::{self, Spare};
use crate::json::object::Kind;
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
    /// The last event, if it was a piece of text and counts.
    repeated: Repeated,
    /// The choice of that event, and what the text is.
    repeated_place: (usize, Prose),
    /// Its counts.
    repeated_usage: Option<Form>,
}

/// What a message says.
struct Said<'a> {
    text: &'a str,
    thinking: &'a str,
    calls: Vec<ToolCall>,
}

/// A piece of text as it is written, if there is nothing else but counts.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    output: WrittenOutput<'a>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WrittenOutput<'a> {
    #[serde(borrow)]
    choices: [WrittenChoice<'a>; 1],
    search_info: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WrittenChoice<'a> {
    #[serde(default)]
    index: usize,
    #[serde(borrow)]
    message: WrittenMessage<'a>,
    finish_reason: Option<&'a str>,
    logprobs: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WrittenMessage<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    tool_calls: Option<IgnoredAny>,
}

/// A piece of a list.
#[derive(Deserialize)]
struct WrittenPiece<'a> {
    #[serde(borrow)]
    text: &'a RawValue,
}

impl<'a> WrittenMessage<'a> {
    /// The one text that is said. It is a string, or the text of the one piece of a list.
    fn only_text(&self) -> Option<(Prose, &'a RawValue)> {
        if self.tool_calls.is_some() {
            return None;
        }
        let is_empty =
            |value: Option<&RawValue>| value.is_none_or(|value| matches!(value.get(), "\"\"" | "[]"));
        let (prose, written) = match (self.content, self.reasoning_content) {
            (Some(text), thinking) if is_empty(thinking) => (Prose::Text, text),
            (text, Some(thinking)) if is_empty(text) => (Prose::Thinking, thinking),
            _ => return None,
        };
        match Kind::of(written) {
            Kind::String => Some((prose, written)),
            Kind::Array if prose == Prose::Text => {
                let [WrittenPiece { text }] = serde_json::from_str(written.get()).ok()?;
                (Kind::of(text) == Kind::String).then_some((prose, text))
            }
            _ => None,
        }
    }
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
    fn repeated(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) -> bool {
        let Some(text) = self.repeated.text_in(event.raw()) else { return false };
        let (index, prose) = self.repeated_place;
        let Self { choices, style, unique, citations, .. } = self;
        if let Some(state) = choices.get_mut(index).filter(|state| !state.finished) {
            let (text, thinking) = if prose == Prose::Text { (&*text, "") } else { ("", &*text) };
            state.say(Said { text, thinking, calls: Vec::new() }, style, unique, citations, events);
        }
        if let Some(form) = &self.repeated_usage {
            form.add_to(&mut self.tally, self.repeated.numbers());
        }
        self.tell_usage(events);
        true
    }

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
        self.tell_usage(events);
        self.note(event, data);
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

    fn tell_usage(&mut self, events: &mut Vec<StreamEvent>) {
        if let Some(usage) = self.tally.usage().filter(|usage| self.usage != Some(*usage)) {
            self.usage = Some(usage);
            events.push(StreamEvent::Usage(usage));
        }
    }

    /// Notes an event if it has a piece of text, and beside it only counts and the number of the event.
    fn note(&mut self, event: Event<'_>, data: &[u8]) {
        let Ok(Written { output, usage }) = serde_json::from_slice::<Written<'_>>(data) else { return };
        let WrittenOutput { choices: [choice], search_info: None } = output else { return };
        let is_open = matches!(choice.finish_reason, None | Some("" | "null")) && choice.logprobs.is_none();
        let Some((prose, text)) = choice.message.only_text().filter(|_| is_open) else { return };
        let (form, counts) = match usage.map(Form::of) {
            Some(Some((form, counts))) => (Some(form), counts),
            Some(None) => return,
            None => (None, Vec::new()),
        };
        let number = event.id().and_then(|id| std::str::from_utf8(id).ok()).map(Member::Number);
        self.repeated_place = (choice.index, prose);
        self.repeated_usage = form;
        self.repeated.note_with(event.raw(), text, counts.into_iter().map(Member::number).chain(number));
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
            let text = message.text();
            let thinking = message.reasoning_content.unwrap_or_default();
            let calls = message.tool_calls.unwrap_or_default();
            state.say(Said { text: &text, thinking: &thinking, calls }, style, unique, citations, events);
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
    fn say(
        &mut self,
        Said { text, thinking, calls }: Said<'_>,
        style: &mut Style,
        unique: &str,
        citations: &mut Vec<Citation>,
        events: &mut Vec<StreamEvent>,
    ) {
        let new = self.thinking.add(thinking, style);
        self.parts.prose(Prose::Thinking, &new, events);
        let mut new = self.text.add(text, style);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::StreamDecoder;
    use crate::dialect::upstream::testing_repeats::{Sample, check, samples};
    use proptest::prelude::*;

    fn decoder(parses_all: bool) -> SseDecoder<DashScopeReading> {
        let repeated = if parses_all { Repeated::blind() } else { Repeated::default() };
        SseDecoder::new(DashScopeReading { repeated, ..DashScopeReading::default() })
    }

    fn framed(id: &str, data: &[u8]) -> Vec<u8> {
        [b"id:", id.as_bytes(), b"\nevent:result\n:HTTP_STATUS/200\ndata:", data, b"\n\n"].concat()
    }

    fn written(sample: &Sample) -> Vec<u8> {
        let Sample { text, count, .. } = sample;
        let usage = format!(
            r#"{{"total_tokens":{count},"input_tokens":21,"output_tokens":3,"prompt_tokens_details":{{"cached_tokens":{count}}}}}"#
        );
        let choice = |message: String| {
            format!(
                r#"{{"choices":[{{"message":{{"role":"assistant",{message}}},"finish_reason":"null"}}]}}"#
            )
        };
        let output = match sample.kind {
            0 => format!(r#"{{"choices":[{{"message":{{"content":{text}}},"finish_reason":"stop"}}]}}"#),
            1 => format!(
                r#"{{"choices":[{{"message":{{"content":{text}}},"index":1,"finish_reason":"null"}}]}}"#
            ),
            2 => format!(r#"{{"text":{text},"finish_reason":"null"}}"#),
            3 => choice(format!(
                r#""content":"","tool_calls":[{{"id":"t","function":{{"name":"f","arguments":{text}}}}}]"#
            )),
            4 => format!(r#"{{"choices":[{{"message":{{"content":{text}}},"logprobs":{{"content":[]}}}}]}}"#),
            5 => format!(
                r#"{{"choices":[{{"message":{{"content":{text}}}}}],"search_info":{{"search_results":[{{"url":"u","title":{text}}}]}}}}"#
            ),
            6 => choice(format!(r#""content":{text},"reasoning_content":{text}"#)),
            7 => choice(format!(r#""content":[{{"text":{text}}},{{"text":"b"}}]"#)),
            8..=13 => choice(format!(r#""content":[{{"text":{text}}}]"#)),
            14..=24 => choice(format!(r#""content":"","reasoning_content":{text}"#)),
            _ => choice(format!(r#""content":{text},"reasoning_content":"""#)),
        };
        let data = format!(r#"{{"output":{output},"usage":{usage},"request_id":"r"}}"#);
        framed(&count.replace('"', ""), &sample.damaged(data))
    }

    proptest! {
        #[test]
        fn repeated_events_mean_what_parsed_ones_do(samples in samples(), size in 1..90_usize) {
            let events: Vec<_> = samples.iter().map(written).collect();
            check(&events, size, |parses_all| Box::new(Joined::new(decoder(parses_all))));
        }
    }

    #[test]
    fn a_piece_of_text_is_recognised_whatever_its_counts() {
        let (mut decoder, mut events) = (decoder(false), Vec::new());
        for (count, text) in (8..).zip(["one", "two", "three", "four"]) {
            let data = format!(
                r#"{{"output":{{"choices":[{{"message":{{"content":"{text}"}},"finish_reason":"null"}}]}},"usage":{{"input_tokens":4,"output_tokens":{count}}}}}"#
            );
            decoder.push(&framed(&count.to_string(), data.as_bytes()), &mut events);
        }
        assert_eq!(
            (decoder.reading().repeated.recognised(), decoder.reading().usage.unwrap().completion),
            (3, 11)
        );
    }
}
