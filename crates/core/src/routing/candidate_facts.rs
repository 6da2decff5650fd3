//! The input of a plan: what is known of each candidate, and what a request needs.
//!
//! Everything is borrowed and cheap to build. Unknown capabilities count as present: model cards are often
//! incomplete, and a wrong refusal costs the caller more than a wrong attempt.

use serde::{Deserialize, Serialize};

use crate::catalog::ModelRecord;
pub use crate::catalog::OperationStatus;

/// The capabilities of a model; `None`: unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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
    /// Is a reasoning model.
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
    /// The capabilities on the model's card.
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

/// The price of a model, in micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// One candidate. The default is usable and otherwise unknown.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct CandidateFacts<'a> {
    /// Name of the provider in the health registry.
    pub provider: &'a str,
    /// Name of the model at this provider in the health registry.
    pub model: &'a str,
    /// Share of the traffic, relative to the others. 0: only when no other is left.
    pub weight: u32,
    /// Lower tiers are used up first.
    pub tier: u8,
    /// Whether provider and model are enabled.
    pub enabled: bool,
    /// The operator's status of the provider.
    pub operation: OperationStatus,
    /// Whether the caller's key may use it.
    pub allowed: bool,
    /// Whether the request excludes it.
    pub excluded: bool,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Whether it has the caller's dialect, so that no translation is needed.
    pub native: bool,
    /// Its location.
    pub region: Option<&'a str>,
    /// Its price.
    pub cost: Option<Cost>,
    /// Whether the last scheduled probe failed.
    pub probed_down: bool,
    /// None of its keys can be used before this time, in milliseconds since the epoch.
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

/// What a request needs. The default needs nothing in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a need of its own")]
pub struct Needs<'a> {
    /// It contains images.
    pub vision: bool,
    /// It contains audio.
    pub audio_input: bool,
    /// It contains tools.
    pub tools: bool,
    /// It needs an answer by a JSON schema.
    pub json_schema: bool,
    /// It needs a reasoning model.
    pub reasoning: bool,
    /// Estimated tokens of the prompt.
    pub prompt_tokens: u32,
    /// The limit on tokens of the answer, if the request sets one.
    pub output_tokens: Option<u32>,
    /// It cannot be translated.
    pub native_only: bool,
    /// Candidates in this region go first within their tier.
    pub preferred_region: Option<&'a str>,
}
