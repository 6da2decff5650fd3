//! What a plan is made from: what is known of each candidate, and what a request needs.
//!
//! Everything is borrowed and cheap to build. What is not known of a model is not held against it: model cards are
//! often incomplete, and a wrong refusal costs the caller more than a wrong attempt.

use serde::{Deserialize, Serialize};

use crate::catalog::ModelRecord;
pub use crate::catalog::OperationStatus;

/// What a model can do, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Takes images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vision: Option<bool>,
    /// Takes audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<bool>,
    /// Calls tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// Answers by a JSON schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<bool>,
    /// Thinks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<bool>,
    /// Tokens of prompt and answer together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
}

impl Capabilities {
    /// What the model's card says.
    #[must_use]
    pub fn of(model: &ModelRecord) -> Self {
        Self {
            vision: model.has_capability("vision"),
            audio_input: model.has_capability("audio"),
            tools: model.has_capability("tools"),
            json_schema: model.has_capability("json_schema"),
            reasoning: model.has_capability("reasoning"),
            context_tokens: model.context_length,
            max_output_tokens: model.max_output,
        }
    }
}

/// What a model costs, in micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// One candidate. The default is one that may be asked and of which nothing is known.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct CandidateFacts<'a> {
    /// Name of the provider on the health board.
    pub provider: &'a str,
    /// Name of the model at this provider on the health board.
    pub model: &'a str,
    /// Share of the traffic, relative to the others. 0: only when no other is left.
    pub weight: u32,
    /// Lower tiers are used up first.
    pub tier: u8,
    /// Whether provider and model are switched on.
    pub enabled: bool,
    /// What the operator says.
    pub operation: OperationStatus,
    /// Whether the caller's key may use it.
    pub allowed: bool,
    /// Whether the request itself rules it out.
    pub excluded: bool,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Whether it speaks the caller's dialect, so that nothing need be translated.
    pub native: bool,
    /// Where it is.
    pub region: Option<&'a str>,
    /// What it costs.
    pub cost: Option<Cost>,
    /// Whether the last scheduled probe found it dead.
    pub probed_down: bool,
    /// None of its keys can be used before then, in milliseconds since the epoch.
    pub keys_blocked_until_ms: Option<u64>,
}

impl Default for CandidateFacts<'_> {
    fn default() -> Self {
        Self {
            provider: "",
            model: "",
            weight: 1,
            tier: 0,
            enabled: true,
            operation: OperationStatus::Active,
            allowed: true,
            excluded: false,
            capabilities: Capabilities::default(),
            native: true,
            region: None,
            cost: None,
            probed_down: false,
            keys_blocked_until_ms: None,
        }
    }
}

/// What a request asks of a candidate. The default asks for nothing in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a need of its own")]
pub struct Needs<'a> {
    /// It has images.
    pub vision: bool,
    /// It has audio.
    pub audio_input: bool,
    /// It has tools.
    pub tools: bool,
    /// It wants an answer by a schema.
    pub json_schema: bool,
    /// It wants the model to think.
    pub reasoning: bool,
    /// About so many tokens of prompt.
    pub prompt_tokens: u32,
    /// So many tokens of answer are asked for at most, if the request says so.
    pub output_tokens: Option<u32>,
    /// It cannot be translated.
    pub native_only: bool,
    /// Candidates here go first within their tier.
    pub preferred_region: Option<&'a str>,
}
