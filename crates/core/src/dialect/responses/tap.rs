//! The observer of pass-through responses, for providers with this dialect.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::json;

use super::decode_answer::Answer;
use super::decode_response::failure;
use super::item_queue::PieceKind;
use super::stream_decoder::{growing, varying};
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::ErrorInfo;
use crate::dialect::pipe::{Glance, StreamFacts};
use crate::dialect::references::in_answer;
use crate::dialect::stream_translation::finish_word;
use crate::dialect::tap::{Ending, Observer};
use crate::dialect::upstream::repeated::Repeated;
use crate::json::lenient::{self, Object, Spare};
use crate::json::object::{JsonObject, Kind};
use crate::sse::{Event, writer};
use crate::tokens::estimate_tokens;

/// The observer of a stream of the Responses API.
#[derive(Debug)]
pub struct ResponsesObserver {
    facts: StreamFacts,
    ending: Ending,
    id: Option<String>,
    is_background: bool,
    is_at_work: bool,
    sequence: u64,
    /// The ids that came about in the answer.
    issued: BTreeSet<String>,
    /// The last event, if it was more text and nothing else.
    repeated: Repeated,
}

impl Default for ResponsesObserver {
    fn default() -> Self {
        Self {
            facts: StreamFacts::default(),
            ending: Ending::Open,
            id: None,
            is_background: false,
            is_at_work: false,
            sequence: 0,
            issued: BTreeSet::new(),
            repeated: Repeated::default(),
        }
    }
}

impl Observer for ResponsesObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(text) = self.repeated.text_in(event.raw()) {
            self.sequence = self.repeated.numbers().first().copied().unwrap_or(self.sequence);
            self.facts.estimated_completion += estimate_tokens(&text);
            return true;
        }
        let Some(data) = event.data() else { return true };
        let spare = Spare::default();
        let Ok(wire) = lenient::object(&data, &spare) else { return true };
        self.sequence = wire.integer("sequence_number").unwrap_or(self.sequence);
        if let Some(delta) = wire.piece("delta") {
            self.facts.estimated_completion += estimate_tokens(&delta);
        }
        let response = wire.object("response");
        let named = || event.name().and_then(|name| std::str::from_utf8(name).ok()).map(Cow::Borrowed);
        let ending = match wire.text("type").or_else(named).as_deref().unwrap_or_default() {
            "response.completed" | "response.incomplete" | "response.done" => {
                let is_failed =
                    |response: &Object<'_>| failure(response, response.text("status").as_deref()).is_some();
                if response.as_ref().is_some_and(is_failed) { Ending::Error } else { Ending::Done }
            }
            "response.failed" | "response.cancelled" | "response.error" | "error" => Ending::Error,
            "" if wire.get_set("error").is_some() => Ending::Error,
            "response.created" | "response.queued" => Ending::Open,
            "response.in_progress" => return true,
            kind => {
                self.is_at_work = true;
                let is_text = growing(kind).is_some_and(|kind| kind != PieceKind::Call);
                let delta = wire.get("delta").filter(|delta| is_text && Kind::of(delta) == Kind::String);
                if let Some(delta) = delta {
                    self.repeated.note_with(event.raw(), delta, varying(&wire));
                }
                return true;
            }
        };
        if self.ending == Ending::Open {
            self.ending = ending;
        }
        if ending == Ending::Done
            && let Ok(event) = serde_json::from_slice::<JsonObject<'_>>(&data)
            && let Some(response) = event.get("response")
        {
            self.issued = in_answer(CallerDialect::OpenaiResponses, response.get().as_bytes());
        }
        let answer = response.as_ref().map(Answer::of);
        let Some(answer) = answer else { return true };
        self.is_background |= answer.background;
        self.facts.usage = answer.usage.or(self.facts.usage);
        self.facts.finish_reason = answer.finish(false).as_ref().map(finish_word);
        self.id = answer.id.or(self.id.take());
        true
    }

    fn facts(&self) -> StreamFacts {
        self.facts.clone()
    }

    fn ending(&self) -> Ending {
        self.ending
    }

    fn is_at_work(&self) -> bool {
        self.is_at_work || self.is_background
    }

    fn missing_end(&self) -> &'static [u8] {
        b""
    }

    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8> {
        let mut event = b"event: error\n".to_vec();
        let data = json!({
            "type": "error",
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "sequence_number": self.sequence + 1,
        });
        writer::write_data(&mut event, data.to_string().as_bytes());
        event
    }

    /// Of a response that its provider stores, the gateway needs only the ids. A background response may be requested
    /// before its stream ends.
    fn final_body(&self) -> Option<Vec<u8>> {
        let id = self.id.as_ref().filter(|_| self.is_background || self.ending == Ending::Done)?;
        Some(json!({ "id": id, "issued": self.issued }).to_string().into_bytes())
    }
}

#[cfg(test)]
impl ResponsesObserver {
    /// One that recognises no repeated event, to be compared with.
    pub(super) fn that_parses_all() -> Self {
        Self { repeated: Repeated::blind(), ..Self::default() }
    }
}

/// Extracts what is recorded from an unstreamed answer.
pub fn inspect(body: &[u8]) -> Result<Glance, serde_json::Error> {
    let spare = Spare::default();
    let answer = Answer::of(&lenient::object(body, &spare)?);
    let facts = StreamFacts {
        usage: answer.usage,
        finish_reason: answer.finish(false).as_ref().map(finish_word),
        // A background response has no content yet.
        estimated_completion: if answer.usage.is_some() || answer.background {
            0
        } else {
            estimate_tokens(&String::from_utf8_lossy(body))
        },
    };
    Ok(Glance { facts, is_plainly_good: answer.is_plainly_good() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{FinishReason, Part, assemble};
    use crate::dialect::pipe::{Forward, StreamOutcome, StreamPipe};
    use crate::dialect::registry;
    use crate::dialect::tap::Tap;

    fn stream(background: bool) -> String {
        let events = [
            json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "status": "in_progress", "background": background, "created_at": 7, "model": "m", "output": []}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "web_search_call", "id": "ws_1"}}),
            json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hel"}),
            json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "lo"}),
            json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}}),
            json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"}),
            json!({"type": "response.output_item.done", "output_index": 2, "item": {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}}),
            json!({"type": "response.completed", "sequence_number": 9, "response": {"id": "resp_1", "status": "completed", "created_at": 7, "model": "m",
                "output": [
                    {"type": "web_search_call", "id": "ws_1"},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello", "annotations": []}]},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                ],
                "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 1}}}}),
        ];
        events.iter().fold(String::new(), |text, event| {
            text + &format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
        })
    }

    #[test]
    fn a_stream_passes_and_its_facts_are_noted() {
        let mut tap = Tap::new(ResponsesObserver::default());
        assert_eq!(tap.push(stream(false).as_bytes()), Forward::Unchanged);
        assert_eq!(tap.finish().outcome, StreamOutcome::Complete);
        let facts = tap.facts();
        let usage = facts.usage.unwrap();
        assert_eq!((usage.prompt, usage.cached, usage.completion, usage.reasoning), (5, 2, 3, 1));
        assert_eq!(facts.finish_reason.as_deref(), Some("stop"));
        assert_eq!(tap.final_body().unwrap(), br#"{"id":"resp_1","issued":["ws_1"]}"#);
    }

    #[test]
    fn the_id_is_known_early_only_where_it_may_be_asked_for_early() {
        for background in [false, true] {
            let mut tap = Tap::new(ResponsesObserver::default());
            let first = stream(background).split_inclusive("\n\n").next().unwrap().to_owned();
            let _ = tap.push(first.as_bytes());
            assert_eq!(tap.final_body().is_some(), background);
            assert_eq!(tap.finish().outcome, StreamOutcome::Truncated);
        }
    }

    #[test]
    fn a_stream_and_its_last_event_say_the_same() {
        let text = stream(false);
        for size in [1, 7, 10_000] {
            let (mut decoder, mut events) =
                (registry::upstream(CallerDialect::OpenaiResponses).stream_decoder(), Vec::new());
            for chunk in text.as_bytes().chunks(size) {
                decoder.push(chunk, &mut events);
            }
            decoder.finish(&mut events);
            let streamed = assemble(events).unwrap();
            let last = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
            let body: serde_json::Value = serde_json::from_str(last).unwrap();
            let whole = registry::upstream(CallerDialect::OpenaiResponses)
                .decode_response(body["response"].to_string().as_bytes())
                .unwrap();
            assert_eq!(streamed.choices, whole.choices);
            assert_eq!(
                (streamed.usage, streamed.id, streamed.created),
                (whole.usage, whole.id, whole.created)
            );
            assert_eq!(whole.choices[0].parts[0], Part::text("Hello"));
            assert_eq!(whole.choices[0].finish, Some(FinishReason::ToolCalls));
        }
    }

    #[test]
    fn an_error_is_an_event_of_the_dialect() {
        let tap = ResponsesObserver::default();
        let event = String::from_utf8(tap.encode_error(&ErrorInfo::truncated())).unwrap();
        assert!(event.starts_with("event: error\ndata: {") && event.contains("upstream_stream_truncated"));
    }
}
