//! Decodes an unstreamed answer
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax>).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::media;
use super::wire::{self, ModelFields, ServiceTier};
use crate::dialect::canonical::{ChatResponse, Choice, Citation, ErrorInfo, Media, Part};
use crate::dialect::upstream::usage;
use crate::json::lenient::{self, Spare, settled};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    output: Option<Output<'a>>,
    stop_reason: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    additional_model_response_fields: Option<ModelFields>,
    service_tier: Option<ServiceTier>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Vec<BlockIn<'a>>>,
}

/// A content block; one field is set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockIn<'a> {
    text: Option<String>,
    #[serde(borrow)]
    tool_use: Option<ToolUseIn<'a>>,
    reasoning_content: Option<ReasoningIn>,
    #[serde(borrow)]
    citations_content: Option<CitationsIn<'a>>,
    image: Option<ImageIn>,
}

/// A tool call, or the start of one in a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUseIn<'a> {
    pub tool_use_id: Option<String>,
    pub name: Option<String>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    pub r#type: Option<String>,
}

impl ToolUseIn<'_> {
    /// Whether it is a server tool.
    pub fn is_of_the_service(&self) -> bool {
        self.r#type.as_deref() == Some("server_tool_use")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasoningIn {
    reasoning_text: Option<ReasoningText>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ReasoningText {
    text: Option<String>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct CitationsIn<'a> {
    content: Option<Vec<Generated>>,
    #[serde(borrow)]
    citations: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Generated {
    text: Option<String>,
}

#[derive(Deserialize)]
struct ImageIn {
    format: Option<String>,
    source: Option<SourceIn>,
}

/// The source of an image in answers and events.
#[derive(Deserialize)]
pub struct SourceIn {
    pub bytes: Option<String>,
}

/// Decodes an answer with a success status.
pub fn decode(body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let spare = Spare::default();
    let answer: Answer<'_> = lenient::read(body, &spare)
        .map_err(|error| ErrorInfo::unreadable(format!("the answer cannot be read: {error}")))?;
    let Some(message) = answer.output.and_then(|output| output.message) else {
        return Err(ErrorInfo::unreadable("the answer has no `output.message`"));
    };
    let mut parts = Vec::new();
    for (index, block) in message.content.unwrap_or_default().into_iter().enumerate() {
        parts.extend(part(block, index));
    }
    let has_tool_calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let fields = answer.additional_model_response_fields;
    let finish = answer.stop_reason.map(|reason| wire::finish_reason(&reason, fields, has_tool_calls));
    Ok(ChatResponse {
        choices: vec![Choice { parts, finish, logprobs: None }],
        usage: answer.usage.and_then(usage::read),
        service_tier: answer.service_tier.and_then(|tier| tier.r#type),
        ..ChatResponse::default()
    })
}

/// The id of a tool call whose upstream gave none.
pub fn call_id(id: Option<String>, block: usize) -> String {
    id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_0_{block}"))
}

/// The input of a tool call as text.
fn input_text(input: Option<&RawValue>) -> String {
    let text = input.map(lenient::arguments).unwrap_or_default();
    if text.trim().is_empty() { "{}".to_owned() } else { lenient::clean_text(settled(text.into_owned())) }
}

/// The part of a block; `None` for an unknown kind, and for server tools.
fn part(block: BlockIn<'_>, index: usize) -> Option<Part> {
    if let Some(text) = block.text {
        return Some(Part::text(text));
    }
    if let Some(call) = block.tool_use.filter(|call| !call.is_of_the_service()) {
        return Some(Part::ToolCall {
            id: call_id(call.tool_use_id, index),
            name: call.name.unwrap_or_default(),
            arguments: input_text(call.input),
            signature: None,
            cache: None,
        });
    }
    if let Some(reasoning) = block.reasoning_content {
        return reasoning_part(reasoning);
    }
    if let Some(cited) = block.citations_content {
        let text = cited.content.unwrap_or_default().into_iter().filter_map(|piece| piece.text).collect();
        let citations: Vec<Citation> =
            cited.citations.unwrap_or_default().into_iter().map(wire::read_citation).collect();
        return Some(Part::Text { text, citations, cache: None });
    }
    let image = block.image?;
    let media_type = media::picture_type(&image.format?);
    let media = Media::Base64 { media_type, data: image.source?.bytes? };
    Some(Part::Image { media, detail: None, cache: None })
}

fn reasoning_part(reasoning: ReasoningIn) -> Option<Part> {
    if let Some(ReasoningText { text, signature }) = reasoning.reasoning_text {
        let signature = signature.filter(|signature| !signature.is_empty());
        return Some(Part::Thinking { text: text.unwrap_or_default(), signature });
    }
    reasoning.redacted_content.map(|data| Part::RedactedThinking { data })
}
