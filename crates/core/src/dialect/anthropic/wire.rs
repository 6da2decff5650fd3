//! The JSON of the Messages API: content blocks for encoding, and common parts of requests, answers and events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::canonical::{CacheControl, FinishReason, Json, anthropic_tier};
use crate::json::lenient;
use crate::tokens::TokenUsage;

/// A content block to be encoded.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Json>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheMark<'a>>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheMark<'a>>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheMark<'a>>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Json,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheMark<'a>>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "content_of")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "is_false")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheMark<'a>>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    /// A block of a server tool, unchanged.
    #[serde(untagged)]
    Provider(Cow<'a, Json>),
}

/// Whether a block of this kind comes from a server tool: a call of it, or its result.
pub fn is_provider_block(kind: &str) -> bool {
    matches!(kind, "server_tool_use" | "mcp_tool_use") || kind.ends_with("_tool_result")
}

/// The source of an image or document.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
    File { file_id: &'a str },
    Text { media_type: &'static str, data: String },
}

/// `cache_control`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CacheMark<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'a str>,
}

impl<'a> CacheMark<'a> {
    /// The cache mark in this dialect; an unknown lifetime becomes the default.
    pub fn of(cache: Option<&'a CacheControl>) -> Option<Self> {
        let ttl = cache?.ttl.as_deref().filter(|ttl| matches!(*ttl, "5m" | "1h"));
        Some(Self { r#type: "ephemeral", ttl })
    }
}

impl<'a> Block<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { text: text.into(), citations: Vec::new(), cache_control: None }
    }

    /// The block's cache mark, if it may have one.
    pub fn cache_control_mut(&mut self) -> Option<&mut Option<CacheMark<'a>>> {
        match self {
            Self::Text { cache_control, .. }
            | Self::Image { cache_control, .. }
            | Self::Document { cache_control, .. }
            | Self::ToolUse { cache_control, .. }
            | Self::ToolResult { cache_control, .. } => Some(cache_control),
            Self::Thinking { .. } | Self::RedactedThinking { .. } | Self::Provider(_) => None,
        }
    }
}

/// Encodes blocks; a single plain text becomes a string, which is equivalent.
pub fn content_of<S: serde::Serializer>(blocks: &[Block<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    match blocks {
        [Block::Text { text, citations, cache_control: None }] if citations.is_empty() => {
            text.serialize(serializer)
        }
        blocks => blocks.serialize(serializer),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
pub fn is_false(flag: &bool) -> bool {
    !flag
}

/// The `usage` object of an answer. `input_tokens` counts only tokens that were neither read from the cache nor
/// written to it.
#[derive(Debug, Serialize)]
pub struct UsageOut {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<ByLifetimeOut>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_tool_use: Option<ServerTools>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<String>,
}

#[derive(Debug, Serialize)]
struct ByLifetimeOut {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Debug, Serialize)]
struct ServerTools {
    web_search_requests: u64,
    web_fetch_requests: u64,
}

#[derive(Debug, Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl UsageOut {
    pub fn of(usage: Option<TokenUsage>, service_tier: Option<&str>) -> Self {
        let usage = usage.unwrap_or_default();
        Self {
            input_tokens: usage.prompt.saturating_sub(usage.cached).saturating_sub(usage.cache_written),
            cache_creation_input_tokens: usage.cache_written,
            cache_read_input_tokens: usage.cached,
            cache_creation: (usage.cache_written > 0).then(|| ByLifetimeOut {
                ephemeral_5m_input_tokens: usage.cache_written.saturating_sub(usage.cache_written_1h),
                ephemeral_1h_input_tokens: usage.cache_written_1h,
            }),
            output_tokens: usage.completion,
            output_tokens_details: (usage.reasoning > 0)
                .then_some(OutputDetails { thinking_tokens: usage.reasoning }),
            server_tool_use: (usage.web_searches > 0)
                .then_some(ServerTools { web_search_requests: usage.web_searches, web_fetch_requests: 0 }),
            service_tier: service_tier.and_then(anthropic_tier).map(str::to_owned),
        }
    }
}

/// The service tier, under the name of most dialects.
pub fn served_tier(usage: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Wire {
        service_tier: Option<String>,
    }
    let tier = lenient::nested::<Wire>(usage)?.service_tier?;
    Some(if tier == "standard" { "default".to_owned() } else { tier })
}

/// Decodes a `stop_reason`.
pub fn finish_reason(stop_reason: &str, stop_sequence: Option<String>, has_tool_calls: bool) -> FinishReason {
    match stop_reason {
        "end_turn" if has_tool_calls => FinishReason::ToolCalls,
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence(stop_sequence),
        // For the caller it is the same: the answer was cut short for lack of space.
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "pause_turn" => FinishReason::Pause,
        "refusal" => FinishReason::Refusal,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The facts about a message that determine its `stop_reason`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    pub tool_calls: bool,
    pub refusal: bool,
}

/// Encodes a `stop_reason` with its `stop_sequence`. Only values of the dialect are used: typed clients reject
/// others.
pub fn stop_reason(finish: Option<&FinishReason>, said: Said) -> (&'static str, Option<&str>) {
    let reason = match finish {
        Some(FinishReason::StopSequence(sequence)) => return ("stop_sequence", sequence.as_deref()),
        Some(FinishReason::Length) => "max_tokens",
        Some(FinishReason::ToolCalls) => "tool_use",
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => "refusal",
        Some(FinishReason::Pause) => "pause_turn",
        Some(FinishReason::Stop | FinishReason::Other(_)) | None if said.refusal => "refusal",
        Some(FinishReason::Stop | FinishReason::Other(_)) | None if said.tool_calls => "tool_use",
        Some(FinishReason::Stop | FinishReason::Other(_)) | None => "end_turn",
    };
    (reason, None)
}
