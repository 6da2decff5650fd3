//! Encodes the messages.
//!
//! The service requires content in every message. Instructions at the end are what the model is to answer, and are
//! written as the user's.

use std::borrow::Cow;

use serde::Serialize;

use crate::dialect::canonical::{Json, Media, Message, Part, Role};
use crate::dialect::upstream::constraints::COHERE;
use crate::dialect::upstream::history::{EMPTY_FAILURE, EMPTY_RESULT, FILLER, History};

/// A message.
#[derive(Debug, Serialize)]
pub struct MessageOut<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ContentOut<'a> {
    Text(&'a str),
    Blocks(Vec<BlockOut<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockOut<'a> {
    Text {
        text: &'a str,
    },
    /// Text of a document.
    #[serde(rename = "text")]
    Words {
        text: String,
    },
    Thinking {
        thinking: &'a str,
    },
    ImageUrl {
        image_url: ImageUrl<'a>,
    },
}

#[derive(Debug, Serialize)]
struct ImageUrl<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct CallOut<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionOut<'a>,
}

#[derive(Debug, Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}

/// The encoded messages, and what could not be expressed.
pub fn encode<'a>(history: &'a History<'_>, dropped: &mut Vec<String>) -> Vec<MessageOut<'a>> {
    let mut out = Vec::with_capacity(history.messages.len());
    for (index, message) in history.messages.iter().enumerate() {
        if message.name.is_some() {
            dropped.push(format!("messages[{index}].name"));
        }
        let mut drop_at = |part: usize, field: &str| {
            dropped.push(format!("messages[{index}].content[{part}]{field}"));
        };
        match history.role_of(index) {
            Role::Tool => encode_results(message, &mut out, &mut drop_at),
            Role::Assistant => out.extend(encode_assistant(message, &mut drop_at)),
            Role::System | Role::Developer => out.extend(encode_plain(message, "system", &mut drop_at)),
            Role::User => out.extend(encode_plain(message, "user", &mut drop_at)),
        }
    }
    for last in out.iter_mut().rev().take_while(|message| message.role == "system") {
        last.role = "user";
    }
    // The last message must be the user's or a result, also where an answer is to go on.
    if out.last().is_none_or(|last| last.role == "assistant") {
        out.push(plain("user", Some(ContentOut::Text(FILLER))));
    }
    out
}

fn plain<'a>(role: &'static str, content: Option<ContentOut<'a>>) -> MessageOut<'a> {
    MessageOut { role, content, tool_plan: None, tool_calls: Vec::new(), tool_call_id: None }
}

/// A single text as a string, which is equivalent; `None` if there is no content.
fn content_of(mut blocks: Vec<BlockOut<'_>>) -> Option<ContentOut<'_>> {
    blocks.retain(|block| !matches!(block, BlockOut::Text { text: "" }));
    if let [BlockOut::Text { text }] = blocks.as_slice() {
        return Some(ContentOut::Text(text));
    }
    (!blocks.is_empty()).then_some(ContentOut::Blocks(blocks))
}

fn encode_plain<'a>(
    message: &'a Message,
    role: &'static str,
    drop_at: &mut dyn FnMut(usize, &str),
) -> Option<MessageOut<'a>> {
    let mut blocks = Vec::with_capacity(message.parts.len());
    for (number, part) in message.parts.iter().enumerate() {
        match part {
            Part::Text { text, cache, .. } => {
                blocks.push(BlockOut::Text { text });
                if cache.is_some() {
                    drop_at(number, ".cache_control");
                }
            }
            Part::Image { media, detail, .. } if role == "user" => match image(media, detail.as_deref()) {
                Some(block) => blocks.push(block),
                None => drop_at(number, ""),
            },
            Part::File { media, .. } if role == "user" => match media.words() {
                Some(words) => blocks.push(BlockOut::Words { text: words }),
                None => drop_at(number, ""),
            },
            _ => drop_at(number, ""),
        }
    }
    Some(plain(role, Some(content_of(blocks)?)))
}

fn image<'a>(media: &'a Media, detail: Option<&'a str>) -> Option<BlockOut<'a>> {
    let is_accepted = |kind: &str| COHERE.media.find(kind).is_some();
    if !media.media_type().is_none_or(is_accepted) {
        return None;
    }
    let detail = detail.filter(|detail| matches!(*detail, "auto" | "low" | "high"));
    Some(BlockOut::ImageUrl { image_url: ImageUrl { url: media.to_url()?, detail } })
}

/// Reasoning before tool calls becomes their plan, unless there is also text.
fn encode_assistant<'a>(
    message: &'a Message,
    drop_at: &mut dyn FnMut(usize, &str),
) -> Option<MessageOut<'a>> {
    let mut blocks = Vec::new();
    let mut tool_calls = Vec::new();
    for (number, part) in message.parts.iter().enumerate() {
        match part {
            Part::Text { text, citations, .. } => {
                if !citations.is_empty() {
                    drop_at(number, ".annotations");
                }
                if !text.is_empty() {
                    blocks.push(BlockOut::Text { text });
                }
            }
            Part::Refusal { text } => blocks.push(BlockOut::Text { text }),
            // Signed thinking blocks belong to another vendor.
            Part::Thinking { text, signature: None } if !text.is_empty() => {
                blocks.push(BlockOut::Thinking { thinking: text });
            }
            Part::ToolCall { id, name, arguments, signature, .. } => {
                if signature.is_some() {
                    drop_at(number, ".thought_signature");
                }
                let arguments = Json::arguments_text(arguments);
                tool_calls.push(CallOut {
                    id,
                    r#type: "function",
                    function: FunctionOut { name, arguments },
                });
            }
            _ => drop_at(number, ""),
        }
    }
    let tool_plan = match blocks.as_slice() {
        [BlockOut::Thinking { thinking }] if !tool_calls.is_empty() => Some(*thinking),
        _ => None,
    };
    if tool_plan.is_some() {
        blocks.clear();
    }
    let content = content_of(blocks);
    if content.is_none() && tool_calls.is_empty() {
        return None;
    }
    Some(MessageOut { role: "assistant", content, tool_plan, tool_calls, tool_call_id: None })
}

fn encode_results<'a>(
    message: &'a Message,
    out: &mut Vec<MessageOut<'a>>,
    drop_at: &mut dyn FnMut(usize, &str),
) {
    for (number, part) in message.parts.iter().enumerate() {
        let Part::ToolResult { call_id, parts, is_error, .. } = part else {
            drop_at(number, "");
            continue;
        };
        if *is_error {
            drop_at(number, ".is_error");
        }
        let mut blocks = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text { text, .. } => blocks.push(BlockOut::Text { text }),
                _ => drop_at(number, ""),
            }
        }
        let empty = if *is_error { EMPTY_FAILURE } else { EMPTY_RESULT };
        let content = content_of(blocks).unwrap_or(ContentOut::Text(empty));
        out.push(MessageOut { tool_call_id: Some(call_id), ..plain("tool", Some(content)) });
    }
}
