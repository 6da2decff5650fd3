//! The JSON of the response object and of stream events.
//!
//! <https://platform.openai.com/docs/api-reference/responses/object>,
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use serde::Serialize;

use super::error::Detail;
use super::settings::Settings;
use crate::dialect::canonical::Json;
use crate::tokens::TokenUsage;

/// The status of an item or a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

/// An item of the answer.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Message {
        id: String,
        status: Status,
        role: &'static str,
        content: Vec<Content>,
    },
    Reasoning {
        id: String,
        summary: Vec<Summary>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
    },
    FunctionCall {
        id: String,
        status: Status,
        arguments: String,
        call_id: String,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
    },
    CustomToolCall {
        id: String,
        status: Status,
        call_id: String,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        input: String,
    },
    /// A picture that the model made.
    ImageGenerationCall {
        id: String,
        status: Status,
        output_format: &'static str,
        /// Base64, once it is complete.
        result: Option<String>,
    },
}

/// A part of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content {
    OutputText { annotations: Vec<Annotation>, logprobs: Vec<Json>, text: String },
    Refusal { refusal: String },
}

/// A part of a reasoning summary.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Summary {
    SummaryText { text: String },
}

/// A citation of a text.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Annotation {
    UrlCitation {
        start_index: u64,
        end_index: u64,
        title: String,
        url: String,
    },
    FileCitation {
        file_id: String,
        filename: String,
        index: u64,
    },
    /// As the service wrote it.
    #[serde(untagged)]
    Own(Json),
}

/// A part that starts or ends in a stream.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Part<'a> {
    Content(&'a Content),
    Summary(&'a Summary),
}

impl Item {
    /// The id of the item.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message { id, .. }
            | Self::Reasoning { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::CustomToolCall { id, .. }
            | Self::ImageGenerationCall { id, .. } => id,
        }
    }

    /// Sets the status; reasoning items have none.
    pub(super) fn set_status(&mut self, new: Status) {
        match self {
            Self::Message { status, .. }
            | Self::FunctionCall { status, .. }
            | Self::CustomToolCall { status, .. } => *status = new,
            // A picture is complete, or it is not there.
            Self::ImageGenerationCall { status, .. } => {
                *status = if new == Status::Incomplete { Status::Completed } else { new };
            }
            Self::Reasoning { .. } => {}
        }
    }
}

/// The response object.
#[derive(Debug, Serialize)]
pub(super) struct Response<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created_at: u64,
    pub(super) status: Status,
    pub(super) background: bool,
    pub(super) completed_at: Option<u64>,
    pub(super) error: Option<Failure<'a>>,
    pub(super) incomplete_details: Option<Incomplete>,
    pub(super) model: &'a str,
    pub(super) output: &'a [Item],
    pub(super) service_tier: Option<&'a str>,
    pub(super) usage: Option<Usage>,
    #[serde(flatten)]
    pub(super) settings: &'a Settings,
}

/// The error of a failed response.
#[derive(Debug, Serialize)]
pub(super) struct Failure<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}

/// Why a response is incomplete.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Incomplete {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
}

/// Tokens used.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Usage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        Self {
            input_tokens: usage.prompt,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached,
                cache_write_tokens: usage.cache_written,
            },
            output_tokens: usage.completion,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.total(),
        }
    }
}

/// An event of a stream; each kind has some of the fields.
#[derive(Debug, Default, Serialize)]
pub(super) struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<&'a Annotation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Json]>,
    /// According to the documentation an `error` event has the details beside the type; the service itself sends them
    /// as an object. Clients read either, so both are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a Detail<'a>>,
    #[serde(flatten)]
    pub(super) flat_error: Option<FlatError<'a>>,
}

/// The details of an `error` event.
#[derive(Debug, Serialize)]
pub(super) struct FlatError<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) param: Option<&'a str>,
}

/// An event with the common fields.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'a> {
    pub(super) r#type: &'a str,
    pub(super) sequence_number: u64,
    #[serde(flatten)]
    pub(super) event: Event<'a>,
}
