//! The content of a message or delta of an answer: they have the same fields.
//!
//! Decoded leniently: a field of an unexpected type counts as absent. Compatible services have the same content in
//! several places, often in more than one of them at once.

use serde_json::value::RawValue;

use super::lenient::{integer, items, items_at, object, object_at, piece, piece_of, text};
use crate::dialect::canonical::{Citation, FinishReason, Json, Media};
use crate::json::lenient::{self, Object};
use crate::json::object::Kind;

/// The content.
#[derive(Default)]
pub(super) struct Said {
    pub pieces: Vec<Piece>,
    pub calls: Vec<CallPiece>,
    pub citations: Vec<Citation>,
    /// Audio, as base64.
    pub audio: Option<String>,
}

/// A piece of the content.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// Reasoning. The index distinguishes the blocks of a stream.
    Thinking {
        index: Option<u64>,
        text: String,
        signature: Option<String>,
    },
    Redacted(String),
    Refusal(String),
    Image(Media),
    /// An audio recording, or a piece of one.
    Audio(Media),
}

/// A tool call or a delta of one.
#[derive(Debug, PartialEq, Default)]
pub(super) struct CallPiece {
    pub index: Option<u64>,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
    pub signature: Option<String>,
}

/// Decodes a message or delta.
pub(super) fn read(message: &Object<'_>) -> Said {
    let mut said = Said::default();
    if let Some(content) = message.get_set("content") {
        content_pieces(content, &mut said.pieces);
    }
    // Where the content has the thoughts, the other fields repeat them, and the order of the content counts.
    if !said.pieces.iter().any(|piece| matches!(piece, Piece::Thinking { .. } | Piece::Redacted(_))) {
        said.pieces.splice(0..0, thoughts(message));
    }
    if let Some(refusal) = piece(message, "refusal") {
        said.pieces.push(Piece::Refusal(refusal));
    }
    if let Some(audio) = object_at(message, "audio") {
        // The text of speech is in `transcript`, and `content` is empty then.
        if let Some(transcript) = piece(&audio, "transcript") {
            said.pieces.push(Piece::Text(transcript));
        }
        said.audio = text(&audio, "data");
    }
    for image in items_at(message, "images") {
        let address = object(image).and_then(|image| object_at(&image, "image_url"));
        if let Some(url) = address.and_then(|address| text(&address, "url")) {
            said.pieces.push(Piece::Image(Media::from_url(&url)));
        }
    }
    said.calls
        .extend(items_at(message, "tool_calls").into_iter().filter_map(object).map(|call| call_piece(&call)));
    // Some services have an empty one beside the content.
    let old = object_at(message, "function_call");
    let is_said = |call: &Object<'_>| text(call, "name").or_else(|| text(call, "arguments")).is_some();
    if let Some(call) = old.filter(is_said) {
        said.calls.push(CallPiece {
            index: None,
            id: None,
            name: text(&call, "name"),
            arguments: arguments(&call, "arguments"),
            signature: None,
        });
    }
    said.citations.extend(items_at(message, "annotations").into_iter().filter_map(citation));
    said
}

/// Content: a string, or a list of parts, as in Mistral's reasoning models.
fn content_pieces(content: &RawValue, pieces: &mut Vec<Piece>) {
    match Kind::of(content) {
        Kind::Array => items(content).into_iter().for_each(|item| content_part(item, pieces)),
        Kind::Object => content_part(content, pieces),
        Kind::Null => {}
        Kind::String | Kind::Number | Kind::Boolean => push_text(pieces, piece_of(content)),
    }
}

/// A part with reasoning: Anthropic's, or Mistral's, whose text is a list of parts.
pub(super) fn thinking_part(part: &Object<'_>) -> Option<Piece> {
    let words = match part.get_set("thinking").or_else(|| part.get_set("text")) {
        Some(thinking) => lenient::prose(thinking, "text"),
        None => String::new(),
    };
    thinking(None, Some(words).filter(|words| !words.is_empty()), text(part, "signature"))
}

fn content_part(item: &RawValue, pieces: &mut Vec<Piece>) {
    let Some(part) = object(item) else {
        return push_text(pieces, piece_of(item));
    };
    match text(&part, "type").as_deref() {
        Some("thinking") => pieces.extend(thinking_part(&part)),
        Some("redacted_thinking") => pieces.extend(text(&part, "data").map(Piece::Redacted)),
        Some("refusal") => pieces.extend(piece(&part, "refusal").map(Piece::Refusal)),
        Some("image_url") => {
            let url = object_at(&part, "image_url").and_then(|image| text(&image, "url"));
            pieces.extend(url.map(|url| Piece::Image(Media::from_url(&url))));
        }
        _ => push_text(pieces, piece(&part, "text").unwrap_or_default()),
    }
}

/// Appends text to the previous piece, if that is text.
pub(super) fn push_text(pieces: &mut Vec<Piece>, text: String) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(held)) => lenient::append(held, &text),
        _ => pieces.push(Piece::Text(text)),
    }
}

/// Reasoning: blocks in `thinking_blocks` (`LiteLLM`) or `reasoning_details` (`OpenRouter`), text in
/// `reasoning_content` (`DeepSeek`) or `reasoning`. If there are both, the blocks repeat the text; blocks without
/// text are there for the signature only.
pub(super) fn thoughts(message: &Object<'_>) -> Vec<Piece> {
    let mut blocks: Vec<Piece> = items_at(message, "thinking_blocks")
        .into_iter()
        .filter_map(object)
        .filter_map(|item| block(&item))
        .collect();
    let is_thinking = |piece: &Piece| matches!(piece, Piece::Thinking { .. });
    if !blocks.iter().any(is_thinking) {
        let details = items_at(message, "reasoning_details").into_iter().filter_map(object);
        let has_blocks = !blocks.is_empty();
        let details =
            details.filter_map(|item| detail(&item)).filter(|piece| !has_blocks || is_thinking(piece));
        blocks.splice(0..0, details);
    }
    let has_text =
        blocks.iter().any(|piece| matches!(piece, Piece::Thinking { text, .. } if !text.is_empty()));
    if has_text {
        return blocks;
    }
    if let Some(bare) = piece(message, "reasoning_content").or_else(|| piece(message, "reasoning")) {
        match blocks.iter_mut().find_map(|piece| match piece {
            Piece::Thinking { text, .. } => Some(text),
            _ => None,
        }) {
            Some(text) => *text = bare,
            None => blocks.insert(0, Piece::Thinking { index: None, text: bare, signature: None }),
        }
    }
    blocks
}

fn block(item: &Object<'_>) -> Option<Piece> {
    if let Some(data) = text(item, "data") {
        return Some(Piece::Redacted(data));
    }
    thinking(integer(item, "index"), piece(item, "thinking"), text(item, "signature"))
}

fn detail(item: &Object<'_>) -> Option<Piece> {
    match text(item, "type")?.as_str() {
        "reasoning.encrypted" => text(item, "data").map(Piece::Redacted),
        "reasoning.summary" => thinking(integer(item, "index"), piece(item, "summary"), None),
        _ => thinking(integer(item, "index"), piece(item, "text"), text(item, "signature")),
    }
}

fn thinking(index: Option<u64>, text: Option<String>, signature: Option<String>) -> Option<Piece> {
    (text.is_some() || signature.is_some()).then(|| Piece::Thinking {
        index,
        text: text.unwrap_or_default(),
        signature,
    })
}

fn call_piece(call: &Object<'_>) -> CallPiece {
    let function = object_at(call, "function");
    let custom = object_at(call, "custom");
    let (called, input) = match (&function, &custom) {
        (Some(function), _) => (function, "arguments"),
        (None, Some(custom)) => (custom, "input"),
        // Workers AI has the name of the function in the call itself.
        (None, None) => (call, "arguments"),
    };
    let google = object_at(call, "extra_content")
        .and_then(|content| object_at(&content, "google"))
        .or_else(|| object_at(call, "provider_specific_fields"));
    CallPiece {
        index: integer(call, "index"),
        id: text(call, "id"),
        name: text(called, "name"),
        arguments: arguments(called, input),
        signature: google.and_then(|google| text(&google, "thought_signature")),
    }
}

/// The text of the arguments, or a piece of it. Some services send the object itself.
fn arguments(called: &Object<'_>, name: &str) -> String {
    match called.get_set(name) {
        None => String::new(),
        Some(value) => lenient::piece(value).unwrap_or_else(|| lenient::clean(value.get())).into_owned(),
    }
}

fn citation(item: &RawValue) -> Option<Citation> {
    let annotation = object(item)?;
    let Some(source) = object_at(&annotation, "url_citation") else {
        let original = Some(Json::answered(item));
        return Some(Citation { original, ..Citation::default() });
    };
    let span = integer(&source, "start_index").zip(integer(&source, "end_index"));
    Some(Citation {
        url: text(&source, "url"),
        title: text(&source, "title"),
        cited_text: text(&source, "content"),
        span,
        ..Citation::default()
    })
}

/// A citation that is only a URL, as Perplexity and xAI list them at the top level of the answer.
pub(super) fn bare_citations(reply: &Object<'_>) -> Vec<Citation> {
    let addresses = items_at(reply, "citations").into_iter().filter_map(lenient::string);
    addresses.map(|url| Citation { url: Some(url.into_owned()), ..Citation::default() }).collect()
}

/// Top-level content of an odd reply instead of `choices`: text, tool calls, or both.
pub(super) fn odd(reply: &Object<'_>) -> Option<Said> {
    let text = odd_text(reply);
    let calls: Vec<CallPiece> = items_at(reply, "tool_calls")
        .into_iter()
        .filter_map(object)
        .map(|call| call_piece(&call))
        .filter(|call| call.name.is_some())
        .collect();
    if text.is_none() && calls.is_empty() {
        return None;
    }
    // An empty text is an answer if there is nothing else.
    let is_said = |text: &String| !text.is_empty() || calls.is_empty();
    let pieces = text.filter(is_said).map(Piece::Text).into_iter().collect();
    Some(Said { pieces, calls, ..Said::default() })
}

/// The text of an odd reply.
fn odd_text(reply: &Object<'_>) -> Option<String> {
    ["message", "text", "content", "response"].into_iter().find_map(|name| {
        let value = reply.get_set(name)?;
        match Kind::of(value) {
            Kind::String => Some(piece_of(value)),
            // Workers AI returns a token that looks like a number as a number, and JSON output as an object.
            Kind::Number | Kind::Boolean | Kind::Array if name == "response" => {
                Some(lenient::clean(value.get()).into_owned())
            }
            Kind::Object => {
                let inner = object(value)?;
                let is_part = |field: &str| ["role", "type", "content", "text"].contains(&field);
                if name == "response" && !inner.iter().all(|(field, _)| is_part(field)) {
                    return Some(lenient::clean(value.get()).into_owned());
                }
                let mut pieces = Vec::new();
                let said = inner.get_set("content").or_else(|| inner.get_set("text"))?;
                content_pieces(said, &mut pieces);
                match pieces.into_iter().next() {
                    Some(Piece::Text(text)) => Some(text),
                    _ => Some(String::new()),
                }
            }
            _ => None,
        }
    })
}

/// The finish reason of a choice. Services without one send an empty string or the word `null`.
pub(super) fn finish(choice: &Object<'_>) -> Option<FinishReason> {
    // The first models that saw pictures had an object instead.
    let word = text(choice, "finish_reason")
        .or_else(|| object_at(choice, "finish_details").and_then(|details| text(&details, "type")))?;
    Some(match word.as_str() {
        "null" => return None,
        "stop" | "end_turn" | "eos" | "eos_token" => match text(choice, "stop_reason") {
            // vLLM has the matched sequence in a field of its own.
            Some(sequence) => FinishReason::StopSequence(Some(sequence)),
            None => FinishReason::Stop,
        },
        "stop_sequence" => FinishReason::StopSequence(None),
        "length" | "max_tokens" | "model_length" | "max_output_tokens" => FinishReason::Length,
        "tool_calls" | "tool_call" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "sensitive" | "safety" | "SAFETY" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Other(word),
    })
}

/// The finish reason of a choice, considering its content: services use `stop` also for tool calls, and `OpenAI` for
/// a refusal. Without a reason, content that is complete ended by itself; without content either, there is no answer.
pub(super) fn settled(
    reason: Option<FinishReason>,
    has_calls: bool,
    refused: bool,
    has_content: bool,
) -> Option<FinishReason> {
    match reason {
        None | Some(FinishReason::Stop) if has_calls => Some(FinishReason::ToolCalls),
        None | Some(FinishReason::Stop) if refused => Some(FinishReason::Refusal),
        None => has_content.then_some(FinishReason::Stop),
        reason => reason,
    }
}

/// An id for a tool call without one: the same each time, and different from those of other answers.
pub(super) fn call_id(reply: Option<&str>, choice: usize, part: usize) -> String {
    let reply: String = reply.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    let tail = reply.get(reply.len().saturating_sub(24)..).unwrap_or_default();
    if tail.is_empty() { format!("call_{choice}_{part}") } else { format!("call_{tail}_{choice}_{part}") }
}

/// The media type of audio, from the beginning of its base64. The answer does not contain it.
pub(super) fn audio_type(data: &str) -> &'static str {
    const STARTS: [(&str, &str); 5] = [
        ("UklGR", "audio/wav"),
        ("SUQz", "audio/mpeg"),
        ("//", "audio/mpeg"),
        ("ZkxhQ", "audio/flac"),
        ("T2dnUw", "audio/ogg"),
    ];
    STARTS.iter().find(|(start, _)| data.starts_with(start)).map_or("audio/pcm", |(_, media_type)| media_type)
}
