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
    /// The model that answered, as the upstream names it.
    pub model: Option<String>,
    /// The choices; usually one.
    pub choices: Vec<Choice>,
    /// Usage, if the upstream reports it.
    pub usage: Option<TokenUsage>,
    /// The service tier.
    pub service_tier: Option<String>,
    /// `OpenAI`'s `system_fingerprint`.
    pub system_fingerprint: Option<String>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Its content, in order: text, tool calls, thinking blocks.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Option<FinishReason>,
    /// Log probabilities in `OpenAI`'s form.
    pub logprobs: Option<Json>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model finished.
    Stop,
    /// A stop sequence of the caller; which one, if the upstream reports it.
    StopSequence(Option<String>),
    /// The limit on tokens was reached.
    Length,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// A content filter of the provider.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// The provider paused a long turn, which may be continued.
    Pause,
    /// Any other reason, as the upstream names it.
    Other(String),
}

/// The context of an encoder besides the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyContext {
    /// A unique string of letters and digits, for ids that the upstream did not give.
    pub unique: String,
    /// Seconds since the epoch, if the upstream did not give the time.
    pub created: u64,
    /// The model that the caller named, if the upstream did not name the one that answered.
    pub model: String,
}
