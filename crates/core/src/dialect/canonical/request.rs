//! A request for a chat completion.

use std::collections::BTreeMap;

use super::json::Json;
use super::message::{CacheControl, Message};

/// A request, in the order in which its messages were said. System and developer messages stay where they stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// The model that the caller named.
    pub model: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// Tools that the model may call.
    pub tools: Vec<Tool>,
    /// Which of them it must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// How the answer is drawn.
    pub sampling: Sampling,
    /// How much the model thinks.
    pub reasoning: Option<Reasoning>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u64>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the stream is to report usage, where the dialect makes that optional.
    pub include_usage: bool,
    /// The caller's name for its own user.
    pub user: Option<String>,
    /// Labels of the caller.
    pub metadata: Option<Json>,
    /// `auto`, `default`, `flex`, `priority` …
    pub service_tier: Option<String>,
    /// Key under which prompts share a cache.
    pub prompt_cache_key: Option<String>,
    /// `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// Spoken output.
    pub audio: Option<AudioOutput>,
    /// Fields of the caller's dialect that have no place here, by name. They go to upstreams of the same dialect only.
    pub extra: BTreeMap<String, Json>,
}

/// How tokens are drawn. A value that is absent is the provider's default.
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
    /// A function of the caller's.
    Function(Function),
    /// A tool that the provider runs itself (web search, code execution), in the words of its own dialect.
    Native(Json),
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// JSON schema of its arguments.
    pub parameters: Option<Json>,
    /// Whether the arguments must follow the schema to the letter.
    pub strict: Option<bool>,
    /// The prompt up to here is to be cached.
    pub cache: Option<CacheControl>,
}

/// Which tool must be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
    /// The model decides, or must call one, among these.
    Allowed {
        /// How free it is.
        mode: AllowedMode,
        /// Names of functions.
        names: Vec<String>,
    },
}

/// How free the model is among allowed tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedMode {
    /// It may call one.
    Auto,
    /// It must call one.
    Required,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema {
        /// Name of the schema.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Json,
        /// Whether it must be followed to the letter.
        strict: Option<bool>,
    },
}

/// How much the model thinks, in all the ways in which providers let it be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh` …
    pub effort: Option<String>,
    /// Most tokens of thought; 0 switches thinking off.
    pub budget_tokens: Option<u64>,
    /// The model decides how much (Anthropic's `adaptive`, Gemini's budget of -1).
    pub adaptive: bool,
    /// Whether the thoughts are to be shown.
    pub include: Option<bool>,
    /// `auto`, `concise`, `detailed`: the kind of summary to show.
    pub summary: Option<String>,
}

/// Spoken output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioOutput {
    /// Whose voice.
    pub voice: Option<String>,
    /// `wav`, `mp3`, `pcm16` …
    pub format: Option<String>,
}
