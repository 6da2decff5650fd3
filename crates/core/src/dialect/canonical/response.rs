//! The answer to a request.

use super::json::Json;
use super::message::Part;
use crate::tokens::TokenUsage;

/// An unstreamed answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatResponse {
    /// The upstream's id of the answer.
    pub id: Option<String>,
    /// Seconds since the epoch.
    pub created: Option<u64>,
    /// The model that answered, in the upstream's word.
    pub model: Option<String>,
    /// The answers; usually one.
    pub choices: Vec<Choice>,
    /// Tokens used, if the upstream says so.
    pub usage: Option<TokenUsage>,
    /// The tier that served it.
    pub service_tier: Option<String>,
    /// `OpenAI`'s name of the configuration that served it.
    pub system_fingerprint: Option<String>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// What is said, in order: text, tool calls, thoughts.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Option<FinishReason>,
    /// Log probabilities in `OpenAI`'s form.
    pub logprobs: Option<Json>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// One of the caller's stop sequences came up; which one, if the upstream says so.
    StopSequence(Option<String>),
    /// The token limit was reached.
    Length,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// A filter of the provider cut in.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused a long turn, which may be continued.
    Pause,
    /// Any other reason, in the upstream's word.
    Other(String),
}

/// What an encoder needs to know besides the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyContext {
    /// A unique string for ids that the upstream did not give, of letters and digits.
    pub unique: String,
    /// Seconds since the epoch, where the upstream did not say.
    pub created: u64,
    /// The model that the caller named, where the upstream did not say which one answered.
    pub model: String,
}
