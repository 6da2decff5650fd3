//! Decodes a caller's messages: roles and content blocks.
//!
//! Tool results, which this dialect has inside the user's turn, become messages of their own, in order. A block of a
//! kind without a canonical form goes to the request's `extra` under its path, so that the encoder of the request
//! reports it as dropped.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::citation;
use super::fields::{self, Path};
use super::{tool_id, wire};
use crate::dialect::canonical::{CacheControl, Json, Media, Message, Part, Role, SignatureOrigin};
use crate::error::ApiError;
use crate::json::error::{invalid_value, missing, wrong_type};
use crate::json::object::{JsonObject, Kind};

/// Content without a canonical form, by path.
pub type Extra = BTreeMap<String, Json>;

/// The decoded form of a content block.
enum Block {
    Part(Part),
    /// Several parts in its place.
    Parts(Vec<Part>),
    /// Instructions of the operator.
    System(Vec<Part>),
    Unknown,
}

/// Decodes one message to one or more canonical ones.
pub fn message(
    value: &RawValue,
    path: Path<'_>,
    messages: &mut Vec<Message>,
    extra: &mut Extra,
) -> Result<(), ApiError> {
    let object = fields::object(value, path)?;
    let role = match fields::required(&object, "role", path, fields::string)?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => {
            return Err(invalid_value(path.field("role"), "must be `user`, `assistant` or `system`"));
        }
    };
    let content_path = path.field("content");
    let content = object.get_set("content").ok_or_else(|| missing(content_path))?;
    if Kind::of(content) == Kind::String {
        messages.push(Message::new(role, vec![Part::text(fields::string(content, content_path)?)]));
        return Ok(());
    }
    let first = messages.len();
    let mut say = |role, part| match messages.get_mut(first..).and_then(<[Message]>::last_mut) {
        Some(message) if message.role == role => message.parts.push(part),
        _ => messages.push(Message::new(role, vec![part])),
    };
    for (index, item) in blocks_of(content, content_path)?.into_iter().enumerate() {
        let path = content_path.item(index);
        match block(item, path, extra)? {
            Block::Part(part @ Part::ToolResult { .. }) => say(Role::Tool, part),
            Block::Part(part) => say(role, part),
            Block::Parts(parts) => parts.into_iter().for_each(|part| say(role, part)),
            Block::System(parts) => parts.into_iter().for_each(|part| say(Role::System, part)),
            Block::Unknown => {
                extra.insert(path.to_string(), Json::of(&item));
            }
        }
    }
    Ok(())
}

/// Decodes content that consists of text only, like the system prompt: a string or text blocks.
pub fn texts(value: &RawValue, path: Path<'_>) -> Result<Vec<Part>, ApiError> {
    if Kind::of(value) == Kind::String {
        return Ok(vec![Part::text(fields::string(value, path)?)]);
    }
    let items = blocks_of(value, path)?.into_iter().enumerate();
    items
        .map(|(index, item)| {
            let path = path.item(index);
            let object = fields::object(item, path)?;
            match fields::required(&object, "type", path, fields::string)?.as_str() {
                "text" => text(&object, path),
                _ => Err(invalid_value(path.field("type"), "must be `text` here")),
            }
        })
        .collect()
}

fn blocks_of<'a>(value: &'a RawValue, path: Path<'_>) -> Result<Vec<&'a RawValue>, ApiError> {
    match Kind::of(value) {
        Kind::Array => fields::array(value, path),
        _ => Err(wrong_type(path, "a string or an array", Kind::of(value))),
    }
}

fn block(item: &RawValue, path: Path<'_>, extra: &mut Extra) -> Result<Block, ApiError> {
    let object = fields::object(item, path)?;
    let kind = fields::required(&object, "type", path, fields::string)?;
    Ok(match kind.as_str() {
        "text" => Block::Part(text(&object, path)?),
        "image" => Block::Part(Part::Image {
            media: media(&object, path)?,
            detail: None,
            cache: cache(&object, path)?,
        }),
        "document" => document(&object, path, extra)?,
        "search_result" => Block::Part(search_result(&object, path)?),
        "tool_use" => Block::Part(tool_call(&object, path)?),
        "tool_result" => Block::Part(tool_result(&object, path, extra)?),
        "thinking" => Block::Part(Part::Thinking {
            text: fields::optional(&object, "thinking", path, fields::string)?.unwrap_or_default(),
            signature: fields::optional(&object, "signature", path, fields::string)?
                .filter(|signature| !signature.is_empty()),
        }),
        "redacted_thinking" => Block::Part(Part::RedactedThinking {
            data: fields::required(&object, "data", path, fields::string)?,
        }),
        "mid_conv_system" => {
            let content_path = path.field("content");
            let content = object.get_set("content").ok_or_else(|| missing(content_path))?;
            Block::System(texts(content, content_path)?)
        }
        kind if wire::is_provider_block(kind) => {
            Block::Part(Part::ProviderBlock { origin: SignatureOrigin::Anthropic, block: Json::of(&item) })
        }
        _ => Block::Unknown,
    })
}

fn text(object: &JsonObject<'_>, path: Path<'_>) -> Result<Part, ApiError> {
    let citations = fields::optional(object, "citations", path, fields::array)?.unwrap_or_default();
    Ok(Part::Text {
        text: fields::required(object, "text", path, fields::string)?,
        citations: citations.into_iter().map(citation::read).collect(),
        cache: cache(object, path)?,
    })
}

fn tool_call(object: &JsonObject<'_>, path: Path<'_>) -> Result<Part, ApiError> {
    let shown = fields::required(object, "id", path, fields::string)?;
    let (id, signature) = tool_id::read(&shown);
    let input = object.get_set("input").ok_or_else(|| missing(path.field("input")))?;
    if Kind::of(input) != Kind::Object {
        return Err(wrong_type(path.field("input"), "an object", Kind::of(input)));
    }
    Ok(Part::ToolCall {
        id: id.into_owned(),
        name: fields::required(object, "name", path, fields::string)?,
        arguments: input.get().to_owned(),
        signature,
        cache: cache(object, path)?,
    })
}

fn tool_result(object: &JsonObject<'_>, path: Path<'_>, extra: &mut Extra) -> Result<Part, ApiError> {
    let shown = fields::required(object, "tool_use_id", path, fields::string)?;
    let content_path = path.field("content");
    let mut parts = Vec::new();
    match object.get_set("content") {
        None => {}
        Some(content) if Kind::of(content) == Kind::String => {
            parts.push(Part::text(fields::string(content, content_path)?));
        }
        Some(content) => {
            for (index, item) in blocks_of(content, content_path)?.into_iter().enumerate() {
                let path = content_path.item(index);
                match result_block(item, path, extra)? {
                    Block::Part(part) => parts.push(part),
                    Block::Parts(several) | Block::System(several) => parts.extend(several),
                    Block::Unknown => {
                        extra.insert(path.to_string(), Json::of(&item));
                    }
                }
            }
        }
    }
    Ok(Part::ToolResult {
        call_id: tool_id::read(&shown).0.into_owned(),
        name: None,
        parts,
        is_error: fields::optional(object, "is_error", path, fields::boolean)?.unwrap_or(false),
        cache: cache(object, path)?,
    })
}

/// A block of a tool result, which allows fewer kinds than a message; in particular no nested tool result.
fn result_block(item: &RawValue, path: Path<'_>, extra: &mut Extra) -> Result<Block, ApiError> {
    let object = fields::object(item, path)?;
    match fields::required(&object, "type", path, fields::string)?.as_str() {
        "text" | "image" | "document" | "search_result" => block(item, path, extra),
        _ => Ok(Block::Unknown),
    }
}

fn document(object: &JsonObject<'_>, path: Path<'_>, extra: &mut Extra) -> Result<Block, ApiError> {
    for name in ["citations", "context"] {
        if let Some(value) = object.get_set(name) {
            extra.insert(path.field(name).to_string(), Json::of(&value));
        }
    }
    let name = fields::optional(object, "title", path, fields::string)?;
    let cache = cache(object, path)?;
    let source_path = path.field("source");
    let source = fields::required(object, "source", path, fields::object)?;
    if fields::required(&source, "type", source_path, fields::string)? != "content" {
        return Ok(Block::Part(Part::File { media: media(object, path)?, name, cache }));
    }
    // A document given as content: with text only it is a text document; with images it becomes its parts.
    let content_path = source_path.field("content");
    let content = source.get_set("content").ok_or_else(|| missing(content_path))?;
    if Kind::of(content) == Kind::String {
        let media = text_media(&fields::string(content, content_path)?);
        return Ok(Block::Part(Part::File { media, name, cache }));
    }
    let mut parts = Vec::new();
    for (index, item) in blocks_of(content, content_path)?.into_iter().enumerate() {
        match result_block(item, content_path.item(index), extra)? {
            Block::Part(part @ (Part::Text { .. } | Part::Image { .. })) => parts.push(part),
            _ => return Err(invalid_value(content_path.item(index), "must be text or an image")),
        }
    }
    if parts.iter().all(|part| part.as_text().is_some()) {
        let text: Vec<&str> = parts.iter().filter_map(Part::as_text).collect();
        return Ok(Block::Part(Part::File { media: text_media(&text.join("\n")), name, cache }));
    }
    Ok(Block::Parts(parts))
}

/// A search result of the caller. No other dialect has these: it becomes text.
fn search_result(object: &JsonObject<'_>, path: Path<'_>) -> Result<Part, ApiError> {
    let title = fields::required(object, "title", path, fields::string)?;
    let source = fields::required(object, "source", path, fields::string)?;
    let content_path = path.field("content");
    let content = object.get_set("content").ok_or_else(|| missing(content_path))?;
    let parts = texts(content, content_path)?;
    let text: Vec<&str> = parts.iter().filter_map(Part::as_text).collect();
    Ok(Part::Text {
        text: format!("{title}\n{source}\n\n{}", text.join("\n")),
        citations: Vec::new(),
        cache: cache(object, path)?,
    })
}

/// Decodes the `source` of an image or document.
fn media(object: &JsonObject<'_>, path: Path<'_>) -> Result<Media, ApiError> {
    let source = fields::required(object, "source", path, fields::object)?;
    let path = path.field("source");
    let text = |name| fields::required(&source, name, path, fields::string);
    Ok(match text("type")?.as_str() {
        "base64" => Media::inline(&text("media_type")?, text("data")?),
        "url" => Media::Url { url: text("url")?, media_type: None },
        "file" => Media::FileId { id: text("file_id")? },
        "text" => text_media(&text("data")?),
        _ => {
            return Err(invalid_value(path.field("type"), "is of no kind that the gateway knows"));
        }
    })
}

fn text_media(text: &str) -> Media {
    Media::Base64 { media_type: "text/plain".to_owned(), data: STANDARD.encode(text) }
}

/// Decodes `cache_control`.
pub fn cache(object: &JsonObject<'_>, path: Path<'_>) -> Result<Option<CacheControl>, ApiError> {
    let Some(mark) = fields::optional(object, "cache_control", path, fields::object)? else {
        return Ok(None);
    };
    let ttl = fields::optional(&mark, "ttl", path.field("cache_control"), fields::string)?;
    Ok(Some(CacheControl { ttl }))
}
