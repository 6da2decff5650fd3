//! The JSON of Converse: content blocks for encoding, and common parts of answers and events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::canonical::{CacheControl, Citation, FinishReason, Json, Place, Unit};
use crate::json::lenient;

/// A content block to be encoded: an object with a single field that names its kind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Block<'a> {
    Text(Cow<'a, str>),
    Image(Media<'a>),
    Video(Media<'a>),
    Audio(Media<'a>),
    Document(Document<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(ToolResult<'a>),
    ReasoningContent(Reasoning<'a>),
    CachePoint(CachePoint),
}

/// An image or audio.
#[derive(Debug, Serialize)]
pub struct Media<'a> {
    pub format: &'a str,
    pub source: Source<'a>,
}

/// Its source: inline base64, or S3.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source<'a> {
    Bytes(&'a str),
    S3Location { uri: &'a str },
}

#[derive(Debug, Serialize)]
pub struct Document<'a> {
    pub format: &'a str,
    pub name: String,
    pub source: Source<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire")]
pub struct ToolUse<'a> {
    pub tool_use_id: Cow<'a, str>,
    pub name: &'a str,
    pub input: Json,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult<'a> {
    pub tool_use_id: Cow<'a, str>,
    pub content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reasoning<'a> {
    ReasoningText {
        text: &'a str,
        signature: &'a str,
    },
    /// Base64.
    RedactedContent(&'a str),
}

/// A cache mark, which is a block of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CachePoint {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl CachePoint {
    /// The cache mark in this dialect. A lifetime is only sent if it is not the default: models without lifetimes
    /// refuse the field.
    pub fn of(cache: &CacheControl) -> Self {
        Self { r#type: "default", ttl: (cache.ttl.as_deref() == Some("1h")).then_some("1h") }
    }
}

/// A citation in answers and streams.
pub fn read_citation(raw: &RawValue) -> Citation {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        title: Option<String>,
        source: Option<String>,
        source_content: Option<Vec<SourceContent>>,
        location: Option<Location>,
    }
    #[derive(Deserialize)]
    struct SourceContent {
        text: Option<String>,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Location {
        web: Option<Web>,
        document_char: Option<Range>,
        document_page: Option<Range>,
        document_chunk: Option<Range>,
        #[serde(rename = "searchResultLocation")]
        search_result: Option<Range>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Range {
        document_index: Option<u64>,
        search_result_index: Option<u64>,
        start: Option<u64>,
        end: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Web {
        url: Option<String>,
    }
    let wire: Wire = lenient::nested(raw).unwrap_or_default();
    let cited: String =
        wire.source_content.unwrap_or_default().into_iter().filter_map(|content| content.text).collect();
    let location = wire.location.unwrap_or_default();
    let web = location.web.and_then(|web| web.url);
    let (address, source) = match wire.source {
        Some(source) if source.starts_with("http") => (Some(source), None),
        source => (None, source),
    };
    let ranges = [
        (Unit::Characters, location.document_char),
        (Unit::Pages, location.document_page),
        (Unit::Blocks, location.document_chunk),
        (Unit::ResultBlocks, location.search_result),
    ];
    let place = ranges.into_iter().find_map(|(unit, range)| {
        let range = range?;
        let document = range.document_index.or(range.search_result_index)?;
        Some(Place { unit, document, start: range.start?, end: range.end? })
    });
    Citation {
        url: web.or(address),
        title: wire.title,
        cited_text: Some(cited).filter(|cited| !cited.is_empty()),
        span: None,
        source,
        place,
        original: Some(Json::answered(raw)),
    }
}

/// The service tier in answers.
#[derive(Deserialize)]
pub struct ServiceTier {
    pub r#type: Option<String>,
}

/// Fields of the model's own that the request asked for.
#[derive(Deserialize, Default)]
pub struct ModelFields {
    pub stop_sequence: Option<String>,
}

/// Decodes a `stopReason`.
pub fn finish_reason(stop_reason: &str, fields: Option<ModelFields>, has_tool_calls: bool) -> FinishReason {
    match stop_reason {
        "end_turn" if has_tool_calls => FinishReason::ToolCalls,
        "end_turn" => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCalls,
        "stop_sequence" => FinishReason::StopSequence(fields.and_then(|fields| fields.stop_sequence)),
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        other => FinishReason::Other(other.to_owned()),
    }
}
