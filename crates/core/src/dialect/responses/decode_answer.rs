//! Decodes answers of services that have the Responses API themselves.
//!
//! Such answers pass through to their callers; they are decoded for work after the answer (counting, recognising the
//! conversation). What only the service itself can read is left out: encrypted reasoning, items of server tools.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use std::borrow::Cow;

use serde::Deserialize;

use crate::dialect::canonical::{
    ChatResponse, Choice, ErrorInfo, FinishReason, Json, Part, StreamDecoder, StreamEvent,
};
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::parts::{ChoiceParts, Prose};
use crate::dialect::upstream::sse::{Reading, SseDecoder};
use crate::dialect::upstream::told;
use crate::dialect::upstream::usage::Tally;
use crate::json::lenient::{self, Spare};
use crate::sse::Event;
use crate::tokens::TokenUsage;

/// The fields of a response that are used.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    pub(super) id: Option<String>,
    created_at: Option<u64>,
    model: Option<String>,
    pub(super) status: Option<String>,
    #[serde(default)]
    output: Option<Vec<Json>>,
    error: Option<Json>,
    incomplete_details: Option<Incomplete>,
    service_tier: Option<String>,
    usage: Option<Json>,
    tool_usage: Option<Json>,
    pub(super) background: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Item {
    r#type: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    input: Option<String>,
    #[serde(default)]
    content: Option<Vec<Piece>>,
    #[serde(default)]
    summary: Option<Vec<Piece>>,
}

#[derive(Debug, Deserialize)]
struct Piece {
    text: Option<String>,
    refusal: Option<String>,
}

impl Answer {
    /// Usage, once it is reported.
    pub(super) fn usage(&self) -> Option<TokenUsage> {
        let mut tally = Tally::default();
        tally.add(self.usage.as_ref()?.raw());
        tally.add_tier(self.service_tier.as_deref().unwrap_or_default());
        match &self.tool_usage {
            Some(tools) => tally.add_tools(tools.raw()),
            None => {
                tally.add_searches(self.output.iter().flatten().filter(|item| is_search(item)).count() as u64)
            }
        }
        tally.usage()
    }

    fn has_no_output(&self) -> bool {
        self.output.as_ref().is_none_or(Vec::is_empty)
    }

    /// The finish reason; `None` while the response is in progress.
    pub(super) fn finish(&self, has_calls: bool) -> Option<FinishReason> {
        let reason = self.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
        Some(match (self.status.as_deref()?, reason) {
            ("completed", _) if has_calls => FinishReason::ToolCalls,
            ("completed", _) => FinishReason::Stop,
            ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
            ("incomplete", _) => FinishReason::Length,
            ("queued" | "in_progress", _) => return None,
            (status, _) => FinishReason::Other(status.to_owned()),
        })
    }

    /// Whether it is in progress, or completed with content.
    pub(super) fn is_plainly_good(&self) -> bool {
        let is_good = match self.status.as_deref() {
            Some("completed" | "incomplete") => self.output.as_ref().is_some_and(|output| !output.is_empty()),
            Some("queued" | "in_progress") => true,
            _ => false,
        };
        is_good && self.error.is_none()
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        self.output.iter().flatten().filter_map(|item| lenient::nested(item.raw()))
    }
}

/// Whether an item of the output is a search of the web. Opening a page that was found is one too, and is not charged.
fn is_search(item: &Json) -> bool {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        r#type: Option<Cow<'a, str>>,
        #[serde(borrow)]
        action: Option<Action<'a>>,
    }
    #[derive(Deserialize)]
    struct Action<'a> {
        #[serde(borrow)]
        r#type: Option<Cow<'a, str>>,
    }
    let Some(wire) = lenient::nested::<Wire<'_>>(item.raw()) else { return false };
    let action = wire.action.and_then(|action| action.r#type);
    wire.r#type.as_deref() == Some("web_search_call") && action.is_none_or(|action| action == "search")
}

impl Item {
    fn is_call(&self) -> bool {
        matches!(self.r#type.as_deref(), Some("function_call" | "custom_tool_call"))
    }

    fn into_parts(self, parts: &mut Vec<Part>) {
        let texts = |pieces: Option<Vec<Piece>>| {
            let texts = pieces.unwrap_or_default().into_iter();
            texts.filter_map(|piece| piece.text.or(piece.refusal)).collect::<String>()
        };
        let is_call = self.is_call();
        match self.r#type.as_deref() {
            Some("message") => {
                parts.extend(Some(texts(self.content)).filter(|t| !t.is_empty()).map(Part::text));
            }
            Some("reasoning") => {
                let text = texts(self.summary) + &texts(self.content);
                if !text.is_empty() {
                    parts.push(Part::Thinking { text, signature: None });
                }
            }
            _ if is_call => parts.push(Part::ToolCall {
                id: self.call_id.unwrap_or_default(),
                name: self.name.unwrap_or_default(),
                arguments: self.arguments.or(self.input).unwrap_or_default(),
                signature: None,
                cache: None,
            }),
            _ => {}
        }
    }
}

/// Decodes an unstreamed answer.
pub fn decode_answer(body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let answer: Answer =
        lenient::read(body, &Spare::default()).map_err(|error| ErrorInfo::unreadable(error.to_string()))?;
    let is_error = answer.status.is_none() && answer.has_no_output() && answer.error.is_some();
    if is_error || answer.status.as_deref() == Some("failed") {
        return Err(failure(body));
    }
    Ok(canonical(answer))
}

/// The error of a failed response, or of an `error` event: in an object, as the service sends it, or beside the type,
/// as it is documented.
fn failure(body: &[u8]) -> ErrorInfo {
    let mut error = told::error_in(body)
        .unwrap_or_else(|| ErrorInfo::in_stream("upstream_error", "The provider reported an error."));
    error.code.get_or_insert_with(|| "upstream_error".to_owned());
    error
}

fn canonical(answer: Answer) -> ChatResponse {
    let mut parts = Vec::new();
    for item in answer.items() {
        item.into_parts(&mut parts);
    }
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let finish = answer.finish(has_calls);
    ChatResponse {
        created: answer.created_at,
        usage: answer.usage(),
        id: answer.id,
        model: answer.model,
        service_tier: answer.service_tier,
        choices: vec![Choice { parts, finish, logprobs: None }],
        system_fingerprint: None,
    }
}

/// A decoder of a streamed answer.
#[must_use]
pub fn answer_decoder() -> Box<dyn StreamDecoder> {
    Box::new(Joined::new(SseDecoder::new(AnswerReading::default())))
}

#[derive(Debug, Default)]
struct AnswerReading {
    begun: bool,
    /// For the ids of calls without one.
    unique: String,
    parts: ChoiceParts,
    /// Calls whose arguments arrive in deltas, by the index of their item.
    told: std::collections::BTreeSet<u64>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    output_index: Option<u64>,
    delta: Option<lenient::Piece>,
    item: Option<Json>,
    response: Option<Json>,
}

impl AnswerReading {
    fn begin(&mut self, answer: Option<&Answer>, events: &mut Vec<StreamEvent>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let id = answer.and_then(|answer| answer.id.clone());
        id.as_deref().unwrap_or_default().clone_into(&mut self.unique);
        events.push(StreamEvent::Start {
            id,
            model: answer.and_then(|answer| answer.model.clone()),
            created: answer.and_then(|answer| answer.created_at),
        });
    }

    fn call(&mut self, index: u64, item: &Item, arguments: &str, events: &mut Vec<StreamEvent>) {
        let (id, name) =
            (item.call_id.as_deref().unwrap_or_default(), item.name.as_deref().unwrap_or_default());
        if let Some(call) = self.parts.call(index, id, name, !arguments.is_empty(), &self.unique, events) {
            self.parts.arguments(call, arguments, &self.unique, events);
        }
    }
}

impl Reading for AnswerReading {
    fn event(&mut self, _event: Event<'_>, data: &[u8], events: &mut Vec<StreamEvent>) -> bool {
        let Ok(wire) = lenient::read::<Wire>(data, &Spare::default()) else {
            events.push(StreamEvent::Error(ErrorInfo::malformed()));
            return true;
        };
        let answer: Option<Answer> =
            wire.response.as_ref().and_then(|response| lenient::nested(response.raw()));
        if wire.r#type == "error" {
            events.push(StreamEvent::Error(failure(data)));
            return true;
        }
        self.begin(answer.as_ref(), events);
        let index = wire.output_index.unwrap_or_default();
        let delta = wire.delta.unwrap_or_default();
        let item = || wire.item.as_ref().and_then(|item| lenient::nested::<Item>(item.raw()));
        match wire.r#type.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.parts.prose(Prose::Text, &delta, events);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.parts.prose(Prose::Thinking, &delta, events);
            }
            "response.output_item.added" => {
                self.parts.end_prose(events);
                if let Some(item) = item().filter(Item::is_call) {
                    self.call(index, &item, "", events);
                }
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.told.insert(index);
                self.call(index, &Item::default(), &delta, events);
            }
            "response.output_item.done" => {
                if let Some(item) = item().filter(Item::is_call)
                    && !self.told.contains(&index)
                {
                    let arguments = item.arguments.as_deref().or(item.input.as_deref()).unwrap_or_default();
                    self.call(index, &item, arguments, events);
                }
            }
            "response.failed" => {
                let response = wire.response.as_ref().map_or("", Json::text);
                events.push(StreamEvent::Error(failure(response.as_bytes())));
                return true;
            }
            "response.completed" | "response.incomplete" => {
                let answer = answer.unwrap_or_default();
                let reason = answer.finish(self.parts.has_calls()).unwrap_or(FinishReason::Stop);
                self.parts.finish(&self.unique, events);
                events.push(StreamEvent::Finish { choice: 0, reason });
                if answer.service_tier.is_some() {
                    let service_tier = answer.service_tier.clone();
                    events.push(StreamEvent::Served { service_tier, system_fingerprint: None });
                }
                events.extend(answer.usage().map(StreamEvent::Usage));
                events.push(StreamEvent::Done);
                return true;
            }
            _ => events.push(StreamEvent::Ping),
        }
        false
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        events.push(StreamEvent::Error(ErrorInfo::truncated()));
    }

    fn document(&mut self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_answer(body)
    }
}
