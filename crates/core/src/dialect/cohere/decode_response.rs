//! Decodes an unstreamed answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error;
use super::wire::{self, ToolCall};
use crate::dialect::canonical::{ChatResponse, Choice, Citation, ErrorInfo, Part};
use crate::dialect::upstream::{alphanumeric, arguments_text, call_id, is_call, usage};
use crate::json::lenient::{self, Object, Spare, settled};

#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<String>,
    finish_reason: Option<String>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    tool_plan: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    citations: Option<Vec<&'a RawValue>>,
}

/// Decodes an answer with a success status.
pub fn decode(body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let spare = Spare::default();
    let answer: Answer<'_> = lenient::read(body, &spare)
        .map_err(|error| ErrorInfo::unreadable(format!("the answer cannot be read: {error}")))?;
    let Some(message) = answer.message else {
        return Err(ErrorInfo::unreadable("the answer has no `message`"));
    };
    let unique = alphanumeric(answer.id.as_deref().unwrap_or_default());
    let mut parts = Vec::new();
    if let Some(text) = message.content.and_then(lenient::string).filter(|text| !text.is_empty()) {
        parts.push(Part::text(text));
    }
    for content in message.content.map(lenient::items).unwrap_or_default().into_iter().filter_map(Object::of)
    {
        if let Some(text) = content.text("thinking") {
            parts.push(Part::Thinking { text: text.into(), signature: None });
        }
        if let Some(text) = content.text("text") {
            parts.push(Part::text(text));
        }
    }
    if let Some(text) = message.tool_plan.filter(|text| !text.is_empty()) {
        parts.push(Part::Thinking { text, signature: None });
    }
    cite(&mut parts, message.citations.unwrap_or_default());
    let before = parts.len();
    for call in message.tool_calls.unwrap_or_default() {
        let function = call.function.unwrap_or_default();
        let arguments = arguments_text(function.arguments.as_ref());
        if !is_call(function.name.as_deref(), &arguments) {
            continue;
        }
        parts.push(Part::ToolCall {
            id: call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| call_id(&unique, 0, parts.len())),
            name: function.name.unwrap_or_default(),
            arguments: lenient::clean_text(settled(arguments)),
            signature: None,
            cache: None,
        });
    }
    let has_calls = parts.len() > before;
    let finish = match answer.finish_reason.as_deref() {
        None => None,
        Some(reason) => {
            Some(wire::finish_reason(reason, has_calls).ok_or_else(|| error::of_end(reason, None))?)
        }
    };
    Ok(ChatResponse {
        choices: vec![Choice { parts, finish, logprobs: None }],
        usage: answer.usage.and_then(usage::read),
        id: answer.id,
        ..ChatResponse::default()
    })
}

/// Adds citations to the last text, as a stream does.
fn cite(parts: &mut [Part], citations: Vec<&RawValue>) {
    let found: Vec<Citation> = citations.into_iter().flat_map(wire::read_citation).collect();
    let text = parts.iter_mut().rev().find_map(|part| match part {
        Part::Text { citations, .. } => Some(citations),
        _ => None,
    });
    if let Some(citations) = text {
        *citations = found;
    }
}
