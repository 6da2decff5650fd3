//! The answers of the service, as far as they are used.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::canonical::{Citation, FinishReason, Json};
use crate::dialect::upstream::seconds;
use crate::dialect::upstream::usage;
use crate::json::lenient::{self, Piece};
use crate::tokens::TokenUsage;

/// An unstreamed answer, an event of a stream, or an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reply {
    pub event: Option<String>,
    pub conversation_id: Option<String>,
    pub message_id: Option<String>,
    pub task_id: Option<String>,
    pub id: Option<String>,
    pub answer: Option<Piece>,
    created_at: Option<Box<RawValue>>,
    pub metadata: Option<Metadata>,
    /// Parsed only where needed: unknown events contain anything.
    data: Option<Json>,
    // Of a thought.
    pub thought: Option<String>,
    pub tool: Option<String>,
    pub tool_input: Option<Json>,
    pub observation: Option<String>,
    // Of a file.
    pub r#type: Option<String>,
    pub belongs_to: Option<String>,
    pub url: Option<String>,
    // Of an error.
    pub code: Option<String>,
    pub message: Option<String>,
    pub status: Option<serde_json::Value>,
}

impl Reply {
    /// When the answer was created, in seconds since the epoch, if it says that in a way that can be.
    pub fn created(&self) -> Option<u64> {
        self.created_at.as_deref().and_then(lenient::integer).and_then(seconds)
    }
}

/// The data of the end of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    pub usage: Option<Box<RawValue>>,
    pub retriever_resources: Option<Vec<Json>>,
}

/// The data of workflow events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Data {
    pub reasoning: Option<Piece>,
    pub status: Option<String>,
    pub error: Option<String>,
    pub form_content: Option<String>,
    pub text: Option<Piece>,
    outputs: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    document_name: Option<String>,
    dataset_name: Option<String>,
    title: Option<String>,
    url: Option<String>,
    content: Option<String>,
}

impl Reply {
    /// The data of a workflow event.
    pub fn data(&self) -> Data {
        self.data.as_ref().and_then(|data| lenient::nested(data.raw())).unwrap_or_default()
    }
}

impl Data {
    /// The output of a workflow, as text.
    pub fn output(&self) -> Option<String> {
        let outputs = self.outputs.as_ref().filter(|outputs| !outputs.is_empty())?;
        let named =
            ["text", "answer", "output", "result"].into_iter().find_map(|name| outputs.get(name)?.as_str());
        let only = || outputs.values().next().filter(|_| outputs.len() == 1)?.as_str();
        let text = named.or_else(only).map(str::to_owned);
        Some(text.unwrap_or_else(|| serde_json::Value::Object(outputs.clone()).to_string()))
    }
}

/// How a workflow ended that did not fail.
pub fn finish_of(data: &Data) -> FinishReason {
    match data.status.as_deref() {
        None | Some("" | "succeeded" | "partial-succeeded") => FinishReason::Stop,
        Some("paused") => FinishReason::Pause,
        Some(word) => FinishReason::Other(word.to_owned()),
    }
}

impl Metadata {
    /// Tokens used.
    pub fn usage(&self) -> Option<TokenUsage> {
        self.usage.as_deref().and_then(usage::read)
    }

    /// The retrieved passages that the answer is based on.
    pub fn citations(&mut self) -> Vec<Citation> {
        let resources = self.retriever_resources.take().unwrap_or_default();
        resources
            .into_iter()
            .map(|original| {
                let read: Resource = lenient::nested(original.raw()).unwrap_or_default();
                Citation {
                    url: read.url.filter(|url| !url.is_empty()),
                    title: read.document_name.or(read.title).or(read.dataset_name),
                    cited_text: read.content,
                    original: Some(original.cleaned()),
                    ..Citation::default()
                }
            })
            .collect()
    }
}
