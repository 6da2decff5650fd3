//! Decodes an upstream's unstreamed answer (<https://platform.claude.com/docs/en/api/messages/create>).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::citation;
use super::wire;
use crate::dialect::canonical::{ChatResponse, Choice, ErrorInfo, FinishReason, Json, Part, SignatureOrigin};
use crate::dialect::upstream::usage;
use crate::json::lenient::{self, Piece, Spare, settled};
use crate::json::object::Kind;

/// An answer.
#[derive(Deserialize)]
struct Message<'a> {
    r#type: Option<String>,
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Details of a refusal besides the content.
#[derive(Deserialize)]
pub struct StopDetails {
    pub explanation: Option<String>,
}

/// A content block.
#[derive(Deserialize)]
pub struct BlockIn<'a> {
    #[serde(borrow, default)]
    pub r#type: Cow<'a, str>,
    pub text: Option<Piece>,
    #[serde(borrow)]
    pub citations: Option<Vec<&'a RawValue>>,
    pub thinking: Option<Piece>,
    pub signature: Option<String>,
    pub data: Option<String>,
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
}

/// Decodes an answer with a success status.
pub fn decode(body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let spare = Spare::default();
    let message: Message<'_> = lenient::read(body, &spare)
        .map_err(|error| ErrorInfo::unreadable(format!("the answer cannot be read: {error}")))?;
    if message.r#type.as_deref() == Some("error") {
        return Err(super::error::decode_event(body));
    }
    let Some(content) = message.content else {
        return Err(ErrorInfo::unreadable("the answer has no `content`"));
    };
    let mut parts = Vec::new();
    match Kind::of(content) {
        Kind::Array | Kind::Object => {}
        // In services that imitate the API.
        Kind::String => parts.extend(lenient::string(content).map(Part::text)),
        found => {
            return Err(ErrorInfo::unreadable(format!("`content` is {}", found.described())));
        }
    }
    for (index, raw) in lenient::items(content).into_iter().enumerate() {
        let Some(block) = lenient::nested::<BlockIn<'_>>(raw).filter(|_| Kind::of(raw) == Kind::Object)
        else {
            let text = lenient::string(raw)
                .ok_or_else(|| ErrorInfo::unreadable(format!("`content[{index}]` cannot be read")))?;
            parts.push(Part::text(text));
            continue;
        };
        parts.extend(part(block, raw, index));
    }
    let has_tool_calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let finish =
        message.stop_reason.map(|reason| wire::finish_reason(&reason, message.stop_sequence, has_tool_calls));
    if finish == Some(FinishReason::Refusal) && parts.is_empty() {
        let explanation = message.stop_details.and_then(|details| details.explanation);
        parts.extend(explanation.map(|text| Part::Refusal { text }));
    }
    Ok(ChatResponse {
        id: message.id,
        model: message.model,
        choices: vec![Choice { parts, finish, logprobs: None }],
        usage: message.usage.and_then(usage::read),
        service_tier: message.usage.and_then(wire::served_tier),
        ..ChatResponse::default()
    })
}

/// The id of a tool call whose upstream gave none.
pub fn call_id(id: Option<String>, block: usize) -> String {
    id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_0_{block}"))
}

/// The input of a tool call as text. Some services that imitate the API have it as text already.
pub fn input_text(input: Option<&RawValue>) -> String {
    let text = input.map(lenient::arguments).unwrap_or_default();
    if text.trim().is_empty() { "{}".to_owned() } else { lenient::clean_text(settled(text.into_owned())) }
}

/// The part of a block; `None` for an unknown kind.
fn part(block: BlockIn<'_>, raw: &RawValue, index: usize) -> Option<Part> {
    Some(match block.r#type.as_ref() {
        "text" => Part::Text {
            text: settled(block.text.unwrap_or_default().into()),
            citations: block.citations.unwrap_or_default().into_iter().map(citation::read).collect(),
            cache: None,
        },
        "thinking" => Part::Thinking {
            text: settled(block.thinking.unwrap_or_default().into()),
            signature: block.signature.filter(|signature| !signature.is_empty()),
        },
        "redacted_thinking" => Part::RedactedThinking { data: block.data.unwrap_or_default() },
        "tool_use" => Part::ToolCall {
            id: call_id(block.id, index),
            name: block.name.unwrap_or_default(),
            arguments: input_text(block.input),
            signature: None,
            cache: None,
        },
        kind if wire::is_provider_block(kind) => {
            Part::ProviderBlock { origin: SignatureOrigin::Anthropic, block: Json::answered(raw) }
        }
        _ => return None,
    })
}
