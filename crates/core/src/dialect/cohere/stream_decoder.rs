//! Decodes a streamed answer (<https://docs.cohere.com/v2/docs/streaming>).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{self, ToolCall};
use super::{decode_response, error};
use crate::dialect::canonical::{ChatResponse, ErrorInfo, FinishReason, StreamDecoder, StreamEvent};
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::parts::{ChoiceParts, Prose};
use crate::dialect::upstream::repeated::Repeated;
use crate::dialect::upstream::sse::{Reading, SseDecoder};
use crate::dialect::upstream::{alphanumeric, arguments_text, told, usage};
use crate::json::lenient::{self, Piece, Spare};
use crate::sse::Event;

/// A decoder at the beginning of a stream.
pub fn decoder() -> Box<dyn StreamDecoder> {
    Box::new(Joined::new(SseDecoder::new(CohereReading::default())))
}

#[derive(Debug, Default)]
struct CohereReading {
    begun: bool,
    /// From the id of the answer; for ids of tool calls without one.
    unique: String,
    parts: ChoiceParts,
    /// The last event, if it was a piece of text and nothing else.
    repeated: Repeated,
    /// What that text is.
    repeated_prose: Prose,
}

#[derive(Deserialize)]
struct Wire<'a> {
    r#type: Option<String>,
    id: Option<String>,
    index: Option<u64>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize, Default)]
struct Delta<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    error: Option<String>,
    finish_reason: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// The `message` of a delta of content, plan or call.
#[derive(Deserialize, Default)]
struct Message<'a> {
    content: Option<Content>,
    tool_plan: Option<Piece>,
    tool_calls: Option<ToolCall>,
    #[serde(borrow)]
    citations: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Content {
    text: Option<Piece>,
    thinking: Option<Piece>,
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
    message: WrittenMessage<'a>,
}

#[derive(Deserialize)]
struct WrittenMessage<'a> {
    #[serde(borrow)]
    content: Option<WrittenContent<'a>>,
    #[serde(borrow)]
    tool_plan: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct WrittenContent<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
}

impl Reading for CohereReading {
    fn repeated(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) -> bool {
        let Some(text) = self.repeated.text_in(event.raw()) else { return false };
        self.parts.prose(self.repeated_prose, &text, events);
        true
    }

    fn event(&mut self, event: Event<'_>, data: &[u8], events: &mut Vec<StreamEvent>) -> bool {
        if data.trim_ascii() == b"[DONE]" {
            self.end(events);
            return true;
        }
        let spare = Spare::default();
        let Ok(wire) = lenient::read::<Wire<'_>>(data, &spare) else {
            events.push(StreamEvent::Error(ErrorInfo::malformed()));
            return true;
        };
        let Some(kind) = wire.r#type.as_deref() else {
            // An error in the form of an unstreamed one.
            let Some(error) = told::error_in(data) else { return false };
            events.push(StreamEvent::Error(error));
            return true;
        };
        self.begin(wire.id.as_deref(), events);
        let delta = wire.delta.unwrap_or_default();
        if kind == "message-end" {
            self.conclude(delta, events);
            return true;
        }
        if kind == "message-start" {
            return false;
        }
        let message = delta.message.and_then(lenient::nested::<Message<'_>>).unwrap_or_default();
        let begin = events.len();
        match kind {
            "content-start" => {
                self.parts.end_prose(events);
                self.content(message.content, events);
            }
            "content-delta" => self.content(message.content, events),
            "tool-plan-delta" => {
                let plan = message.tool_plan.unwrap_or_default();
                self.parts.prose(Prose::Thinking, &plan, events);
            }
            "tool-call-start" | "tool-call-delta" => {
                self.call(wire.index.unwrap_or_default(), message.tool_calls.unwrap_or_default(), events);
            }
            "citation-start" => {
                for citation in message.citations.map(wire::read_citation).unwrap_or_default() {
                    self.parts.citation(citation, events);
                }
            }
            _ => {}
        }
        self.note(event, data, kind, events.get(begin..).unwrap_or_default());
        false
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        events.push(StreamEvent::Error(ErrorInfo::truncated()));
    }

    fn document(&mut self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body).map_err(|_| ErrorInfo::malformed())
    }
}

impl CohereReading {
    fn begin(&mut self, id: Option<&str>, events: &mut Vec<StreamEvent>) {
        if !self.begun {
            self.begun = true;
            self.unique = alphanumeric(id.unwrap_or_default());
            events.push(StreamEvent::Start { id: id.map(str::to_owned), model: None, created: None });
        }
    }

    /// Notes an event if what it told is a piece of text and nothing else.
    fn note(&mut self, event: Event<'_>, data: &[u8], kind: &str, told: &[StreamEvent]) {
        let [StreamEvent::TextDelta { text, .. }] = told else { return };
        let Ok(Written { delta: WrittenDelta { message } }) = serde_json::from_slice(data) else { return };
        let content = message.content.unwrap_or_default();
        let (prose, written) = match (kind, content.text, content.thinking, message.tool_plan) {
            ("content-delta", Some(text), None, _) => (Prose::Text, text),
            ("content-delta", None, Some(text), _) | ("tool-plan-delta", _, _, Some(text)) => {
                (Prose::Thinking, text)
            }
            _ => return,
        };
        if lenient::piece(written).is_some_and(|piece| piece == *text) {
            self.repeated_prose = prose;
            self.repeated.note(event.raw(), written);
        }
    }

    fn content(&mut self, content: Option<Content>, events: &mut Vec<StreamEvent>) {
        let content = content.unwrap_or_default();
        self.parts.prose(Prose::Thinking, &content.thinking.unwrap_or_default(), events);
        self.parts.prose(Prose::Text, &content.text.unwrap_or_default(), events);
    }

    fn call(&mut self, index: u64, call: ToolCall, events: &mut Vec<StreamEvent>) {
        let function = call.function.unwrap_or_default();
        let text = arguments_text(function.arguments.as_ref());
        let id = call.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let Some(number) = self.parts.call(index, &id, &name, !text.is_empty(), &self.unique, events) else {
            return;
        };
        self.parts.arguments(number, &text, &self.unique, events);
    }

    fn conclude(&mut self, delta: Delta<'_>, events: &mut Vec<StreamEvent>) {
        self.parts.finish(&self.unique, events);
        events.extend(delta.usage.and_then(usage::read).map(StreamEvent::Usage));
        if delta.finish_reason.is_none() && delta.error.is_none() && self.parts.is_empty() {
            events.push(StreamEvent::Done);
            return;
        }
        let stated = delta.finish_reason.as_deref().unwrap_or("COMPLETE");
        let reason: Option<FinishReason> = wire::finish_reason(stated, self.parts.has_calls());
        match reason.filter(|_| delta.error.is_none()) {
            Some(reason) => {
                events.extend([StreamEvent::Finish { choice: 0, reason }, StreamEvent::Done]);
            }
            None => events.push(StreamEvent::Error(error::of_end(stated, delta.error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::StreamDecoder;
    use crate::dialect::upstream::testing_repeats::{Sample, check, samples, sse};
    use proptest::prelude::*;

    fn decoder(parses_all: bool) -> SseDecoder<CohereReading> {
        let repeated = if parses_all { Repeated::blind() } else { Repeated::default() };
        SseDecoder::new(CohereReading { repeated, ..CohereReading::default() })
    }

    fn written(sample: &Sample) -> Vec<u8> {
        let Sample { text, count, .. } = sample;
        let (kind, message) = match sample.kind {
            0 => (
                "tool-call-start",
                format!(r#"{{"tool_calls":{{"id":"t","function":{{"name":"f","arguments":{text}}}}}}}"#),
            ),
            1 => ("tool-call-end", "{}".to_owned()),
            2 => ("content-start", format!(r#"{{"content":{{"type":"text","text":{text}}}}}"#)),
            3 => ("content-end", "{}".to_owned()),
            4 => ("citation-start", format!(r#"{{"citations":{{"start":{count},"end":4,"text":{text}}}}}"#)),
            5 => ("content-delta", format!(r#"{{"content":{{"text":{text},"thinking":{text}}}}}"#)),
            6 => ("content-delta", format!(r#"{{"content":{text}}}"#)),
            7..=15 => ("content-delta", format!(r#"{{"content":{{"thinking":{text}}}}}"#)),
            16..=22 => ("tool-plan-delta", format!(r#"{{"tool_plan":{text}}}"#)),
            _ => ("content-delta", format!(r#"{{"content":{{"text":{text}}}}}"#)),
        };
        let data = format!(r#"{{"type":"{kind}","index":0,"delta":{{"message":{message}}}}}"#);
        sse(kind, &sample.damaged(data))
    }

    proptest! {
        #[test]
        fn repeated_events_mean_what_parsed_ones_do(samples in samples(), size in 1..90_usize) {
            let events: Vec<_> = samples.iter().map(written).collect();
            check(&events, size, |parses_all| Box::new(Joined::new(decoder(parses_all))));
        }
    }

    #[test]
    fn a_piece_of_text_is_recognised_by_its_envelope() {
        let (mut decoder, mut events) = (decoder(false), Vec::new());
        for text in ["one", "two", "three", "four"] {
            let data = format!(
                r#"{{"type":"content-delta","index":0,"delta":{{"message":{{"content":{{"text":"{text}"}}}}}}}}"#
            );
            decoder.push(&sse("content-delta", data.as_bytes()), &mut events);
        }
        assert_eq!(decoder.reading().repeated.recognised(), 2);
    }
}
