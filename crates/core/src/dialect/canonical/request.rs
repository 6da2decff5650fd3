//! A request for a chat completion.

use std::collections::BTreeMap;

use super::json::Json;
use super::message::{CacheControl, Message};

/// A request. Messages are in order; system and developer messages keep their positions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// The model that the caller named.
    pub model: String,
    /// The messages.
    pub messages: Vec<Message>,
    /// Tools of the request.
    pub tools: Vec<Tool>,
    /// Tool choice.
    pub tool_choice: Option<ToolChoice>,
    /// Whether parallel tool calls are allowed.
    pub parallel_tool_calls: Option<bool>,
    /// The response format.
    pub response_format: Option<ResponseFormat>,
    /// Sampling parameters.
    pub sampling: Sampling,
    /// Reasoning parameters.
    pub reasoning: Option<Reasoning>,
    /// Limit on tokens of the answer.
    pub max_tokens: Option<u64>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the stream is to report usage, where the dialect makes that optional.
    pub include_usage: bool,
    /// The caller's id of its own user.
    pub user: Option<String>,
    /// Metadata of the caller.
    pub metadata: Option<Json>,
    /// `auto`, `default`, `flex`, `priority` …
    pub service_tier: Option<String>,
    /// Key under which prompts share a cache.
    pub prompt_cache_key: Option<String>,
    /// Verbosity: `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// Audio output.
    pub audio: Option<AudioOutput>,
    /// Fields of the caller's dialect without a place here, by name. They are sent to upstreams of the same dialect
    /// only.
    pub extra: BTreeMap<String, Json>,
}

/// Sampling parameters. An absent value is the provider's default.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields are the well-known parameters of that name")]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub seed: Option<i64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub logit_bias: Option<Json>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u64>,
    pub n: Option<u64>,
    pub stop: Vec<String>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// A function of the caller.
    Function(Function),
    /// A server tool of a provider (web search, code execution), in its own dialect.
    Native(Json),
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// JSON schema of its arguments.
    pub parameters: Option<Json>,
    /// Whether the arguments must follow the schema strictly.
    pub strict: Option<bool>,
    /// The prompt up to here is to be cached.
    pub cache: Option<CacheControl>,
}

/// Tool choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No tool call.
    None,
    /// At least one tool call.
    Required,
    /// This function.
    Named(String),
    /// Only these functions.
    Allowed {
        /// Whether a call is required.
        mode: AllowedMode,
        /// Names of functions.
        names: Vec<String>,
    },
}

/// Whether one of the allowed tools must be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedMode {
    /// It may call one.
    Auto,
    /// It must call one.
    Required,
}

/// The response format.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON with this schema.
    JsonSchema {
        /// Name of the schema.
        name: Option<String>,
        /// Its description.
        description: Option<String>,
        /// The schema.
        schema: Json,
        /// Whether it must be followed strictly.
        strict: Option<bool>,
    },
}

/// Reasoning parameters, in all forms that providers have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh` …
    pub effort: Option<String>,
    /// Limit on reasoning tokens; 0 disables reasoning.
    pub budget_tokens: Option<u64>,
    /// The model decides how much (Anthropic's `adaptive`, Gemini's budget of -1).
    pub adaptive: bool,
    /// Whether the reasoning is to be returned.
    pub include: Option<bool>,
    /// `auto`, `concise`, `detailed`: the kind of summary.
    pub summary: Option<String>,
}

impl Reasoning {
    /// The effort that is asked for: by name, or the one that comes nearest to the limit on tokens. `None` if neither is set.
    #[must_use]
    pub fn wanted_effort(&self) -> Option<&str> {
        match (self.effort.as_deref(), self.budget_tokens) {
            (Some(effort), _) => Some(effort),
            (None, Some(0)) => Some("none"),
            (None, Some(1..2_000)) => Some("low"),
            (None, Some(2_000..10_000)) => Some("medium"),
            (None, Some(_)) => Some("high"),
            (None, None) => None,
        }
    }
}

/// Audio output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioOutput {
    /// The voice.
    pub voice: Option<String>,
    /// `wav`, `mp3`, `pcm16` …
    pub format: Option<String>,
}
