//! Encodes a caller's unstreamed answer (<https://platform.claude.com/docs/en/api/messages/create>).
//!
//! The dialect has one choice per request: of several, the first is written. It has no refusal block either; a
//! refusal is text, and the stop reason identifies it.

use std::borrow::Cow;

use serde::Serialize;

use super::citation;
use super::tool_id;
use super::wire::{self, Block, Said, UsageOut};
use crate::dialect::canonical::{ChatResponse, Choice, Json, Part, ReplyContext, SignatureOrigin};

/// An answer, and the start of a streamed one.
#[derive(Serialize)]
pub struct MessageOut<'a> {
    id: String,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: UsageOut,
}

impl<'a> MessageOut<'a> {
    /// A message without content.
    pub fn begin(
        id: Option<&str>,
        model: Option<&'a str>,
        context: &'a ReplyContext,
        usage: UsageOut,
    ) -> Self {
        Self {
            id: id.map_or_else(|| format!("msg_{}", context.unique), str::to_owned),
            r#type: "message",
            role: "assistant",
            model: model.unwrap_or(&context.model),
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage,
        }
    }
}

/// Encodes an answer.
pub fn encode(response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
    let nothing = Choice::default();
    let choice = response.choices.first().unwrap_or(&nothing);
    let usage = UsageOut::of(response.usage, response.service_tier.as_deref());
    let mut message = MessageOut::begin(response.id.as_deref(), response.model.as_deref(), context, usage);
    message.content = choice.parts.iter().filter_map(block).collect();
    let said = Said {
        tool_calls: choice.parts.iter().any(|part| matches!(part, Part::ToolCall { .. })),
        refusal: choice.parts.iter().any(|part| matches!(part, Part::Refusal { .. })),
    };
    let (stop_reason, stop_sequence) = wire::stop_reason(choice.finish.as_ref(), said);
    message.stop_reason = Some(stop_reason);
    message.stop_sequence = stop_sequence;
    serde_json::to_vec(&message).unwrap_or_default()
}

/// The block of a part; `None` if it is empty or cannot be expressed in an answer of this dialect.
fn block(part: &Part) -> Option<Block<'_>> {
    Some(match part {
        Part::Text { text, citations, .. } if !text.is_empty() || !citations.is_empty() => Block::Text {
            text: text.into(),
            citations: citations.iter().filter_map(citation::write).collect(),
            cache_control: None,
        },
        Part::Refusal { text } if !text.is_empty() => Block::text(text),
        Part::Thinking { text, signature } if !text.is_empty() || signature.is_some() => {
            Block::Thinking { thinking: text, signature: signature.as_deref().unwrap_or_default() }
        }
        Part::Image { media, .. } | Part::Audio { media } | Part::File { media, .. } => {
            Block::text(media.in_words()?)
        }
        Part::RedactedThinking { data } => Block::RedactedThinking { data },
        Part::ProviderBlock { origin: SignatureOrigin::Anthropic, block } => {
            Block::Provider(Cow::Borrowed(block))
        }
        Part::ToolCall { id, name, arguments, signature, .. } => Block::ToolUse {
            id: tool_id::shown(id, signature.as_deref()),
            name,
            input: Json::arguments_object(arguments),
            cache_control: None,
        },
        _ => return None,
    })
}
