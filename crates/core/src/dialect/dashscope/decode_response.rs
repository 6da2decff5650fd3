//! Decodes an unstreamed answer.

use super::error;
use super::wire::{self, Output, Reply};
use crate::dialect::canonical::{ChatResponse, Choice, Citation, ErrorInfo, Json, Part};
use crate::dialect::upstream::{alphanumeric, arguments_text, call_id, is_call, usage};
use crate::json::lenient::{self, Piece, Spare, settled};
use crate::sse::Event;

/// Decodes an answer with a success status.
pub fn decode(body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let reply: Reply = lenient::read(body, &Spare::default())
        .map_err(|error| ErrorInfo::unreadable(format!("The answer is not as documented: {error}.")))?;
    read(reply)
}

/// The answer in a reply, or its error.
pub fn read(reply: Reply) -> Result<ChatResponse, ErrorInfo> {
    if let Some(error) = error::of_event(Event::from_raw(b""), &reply) {
        return Err(error);
    }
    let Some(output) = reply.output else {
        return Err(ErrorInfo::unreadable("The answer has no output."));
    };
    let unique = alphanumeric(reply.request_id.as_deref().unwrap_or_default());
    Ok(ChatResponse {
        choices: choices(output, &unique),
        usage: reply.usage.and_then(|usage| usage::read(usage.raw())),
        id: reply.request_id,
        ..ChatResponse::default()
    })
}

fn choices(output: Output, unique: &str) -> Vec<Choice> {
    let mut citations = output.search_info.map(wire::SearchInfo::citations).unwrap_or_default();
    let choices = output.choices.unwrap_or_default();
    if choices.is_empty() {
        // The form without `result_format`.
        let mut parts = Vec::new();
        let text = output.text.map(|text| lenient::prose(text.raw(), "text"));
        push_text(&mut parts, text.unwrap_or_default(), &mut citations);
        let finish = wire::finish_reason(output.finish_reason.as_deref(), false);
        return vec![Choice { parts, finish, logprobs: None }];
    }
    let read = |(index, choice)| read_choice(index, choice, unique, &mut citations);
    choices.into_iter().enumerate().map(read).collect()
}

fn read_choice(index: usize, choice: wire::Choice, unique: &str, citations: &mut Vec<Citation>) -> Choice {
    let message = choice.message.unwrap_or_default();
    let mut parts = Vec::new();
    let text = message.text();
    if let Some(Piece(text)) = message.reasoning_content.filter(|text| !text.is_empty()) {
        parts.push(Part::Thinking { text: settled(text), signature: None });
    }
    push_text(&mut parts, text, citations);
    let before = parts.len();
    for call in message.tool_calls.unwrap_or_default() {
        let function = call.function.unwrap_or_default();
        let arguments = arguments_text(function.arguments.as_ref());
        if !is_call(function.name.as_deref(), &arguments) {
            continue;
        }
        let id = call.id.filter(|id| !id.is_empty());
        parts.push(Part::ToolCall {
            id: id.unwrap_or_else(|| call_id(unique, index, parts.len())),
            name: function.name.unwrap_or_default(),
            arguments: lenient::clean_text(settled(arguments)),
            signature: None,
            cache: None,
        });
    }
    let has_calls = parts.len() > before;
    Choice {
        parts,
        finish: wire::finish_reason(choice.finish_reason.as_deref(), has_calls),
        logprobs: choice.logprobs.map(Json::cleaned),
    }
}

/// The citations belong to the first text.
fn push_text(parts: &mut Vec<Part>, text: String, citations: &mut Vec<Citation>) {
    if !text.is_empty() {
        parts.push(Part::Text { text: settled(text), citations: std::mem::take(citations), cache: None });
    }
}
