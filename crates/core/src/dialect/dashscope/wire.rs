//! The answers of the service, as far as they are used.

use serde::Deserialize;
use serde_json::Number;

use crate::dialect::canonical::{Citation, FinishReason, Json};
use crate::dialect::upstream::count;
use crate::tokens::TokenUsage;

/// An answer, one event of a streamed answer, or an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reply {
    pub output: Option<Output>,
    pub usage: Option<Usage>,
    pub request_id: Option<String>,
    pub code: Option<serde_json::Value>,
    pub message: Option<String>,
    /// The form of errors of the service's gateway.
    pub error: Option<GatewayError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GatewayError {
    pub code: Option<serde_json::Value>,
    pub message: Option<String>,
    pub r#type: Option<String>,
    pub param: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Output {
    pub text: Option<String>,
    pub finish_reason: Option<String>,
    pub choices: Option<Vec<Choice>>,
    pub search_info: Option<SearchInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub index: Option<usize>,
    pub message: Option<Message>,
    pub finish_reason: Option<String>,
    pub logprobs: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    pub content: Option<Content>,
    pub reasoning_content: Option<String>,
    pub tool_calls: Option<Vec<ToolCall>>,
}

/// A string from text models, a list from multimodal ones.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Content {
    Text(String),
    Pieces(Vec<Piece>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Piece {
    pub text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    pub index: Option<u64>,
    pub id: Option<String>,
    pub function: Option<FunctionCall>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FunctionCall {
    pub name: Option<String>,
    pub arguments: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SearchInfo {
    pub search_results: Option<Vec<Json>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SearchResult {
    title: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Usage {
    input_tokens: Option<Number>,
    output_tokens: Option<Number>,
    total_tokens: Option<Number>,
    audio_tokens: Option<Number>,
    cached_tokens: Option<Number>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire")]
struct Details {
    audio_tokens: Option<Number>,
    cached_tokens: Option<Number>,
    cache_creation_input_tokens: Option<Number>,
    reasoning_tokens: Option<Number>,
}

impl Usage {
    /// The counts; `None` if nothing was counted.
    pub fn counted(&self) -> Option<TokenUsage> {
        let empty = Details::default();
        let input = self.input_tokens_details.as_ref().unwrap_or(&empty);
        let output = self.output_tokens_details.as_ref().unwrap_or(&empty);
        let prompt_details = self.prompt_tokens_details.as_ref().unwrap_or(&empty);
        let completion = count(self.output_tokens.as_ref());
        let audio = count(self.audio_tokens.as_ref().or(input.audio_tokens.as_ref()));
        let mut prompt = count(self.input_tokens.as_ref());
        // The early audio models count text without audio; elsewhere audio is part of the input.
        if prompt < audio {
            prompt = prompt.saturating_add(audio);
        }
        if self.input_tokens.is_none() {
            prompt = count(self.total_tokens.as_ref()).saturating_sub(completion);
        }
        let cached = prompt_details.cached_tokens.as_ref().or(input.cached_tokens.as_ref());
        let usage = TokenUsage {
            prompt,
            completion,
            cached: count(cached.or(self.cached_tokens.as_ref())),
            cache_written: count(prompt_details.cache_creation_input_tokens.as_ref()),
            reasoning: count(output.reasoning_tokens.as_ref()),
            audio_prompt: audio,
            audio_completion: count(output.audio_tokens.as_ref()),
            ..TokenUsage::default()
        };
        (usage.total() > 0).then_some(usage)
    }
}

impl Content {
    /// The text of all pieces.
    pub fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Pieces(pieces) => pieces.into_iter().filter_map(|piece| piece.text).collect(),
        }
    }
}

impl SearchInfo {
    /// The pages that the answer cites.
    pub fn citations(self) -> Vec<Citation> {
        let results = self.search_results.unwrap_or_default();
        results
            .into_iter()
            .map(|original| {
                let read: SearchResult = serde_json::from_str(original.text()).unwrap_or_default();
                Citation {
                    url: read.url,
                    title: read.title,
                    cited_text: None,
                    span: None,
                    original: Some(original),
                }
            })
            .collect()
    }
}

/// The finish reason; `None` before the end, which the service also writes as the word `null`.
pub fn finish_reason(reason: Option<&str>, has_calls: bool) -> Option<FinishReason> {
    Some(match reason? {
        "" | "null" => return None,
        "stop" | "tool_calls" if has_calls => FinishReason::ToolCalls,
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "tool_calls" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    })
}
