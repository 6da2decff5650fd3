//! The answers of the service, as far as they are used.

use serde::Deserialize;

use crate::dialect::canonical::{Citation, FinishReason, Json};
use crate::json::lenient::{self, Piece};

/// An answer, one event of a streamed answer, or an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reply {
    pub output: Option<Output>,
    pub usage: Option<Json>,
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
    pub text: Option<Json>,
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
    /// A string from text models, a list from multimodal ones.
    pub content: Option<Json>,
    pub reasoning_content: Option<Piece>,
    pub tool_calls: Option<Vec<ToolCall>>,
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

impl Message {
    /// The text of all of its pieces.
    pub fn text(&self) -> String {
        self.content.as_ref().map(|content| lenient::prose(content.raw(), "text")).unwrap_or_default()
    }
}

impl SearchInfo {
    /// The pages that the answer cites.
    pub fn citations(self) -> Vec<Citation> {
        let results = self.search_results.unwrap_or_default();
        results
            .into_iter()
            .map(|original| {
                let read: SearchResult = lenient::nested(original.raw()).unwrap_or_default();
                Citation {
                    url: read.url,
                    title: read.title,
                    original: Some(original.cleaned()),
                    ..Citation::default()
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
