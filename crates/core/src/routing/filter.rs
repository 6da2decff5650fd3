//! Which candidates can serve a request, and why the others cannot.
//!
//! The order of the checks is fixed, so that the reason is always the most basic one: disabled; excluded by operator,
//! key or request; lacking a capability; and last its health.

use serde::{Deserialize, Serialize};

use super::candidate_facts::{CandidateFacts, Needs, OperationStatus};
use super::health::HealthRegistry;

/// Why a candidate is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Provider or model is disabled.
    Disabled,
    /// The operator has paused the provider (`paused`).
    Paused,
    /// The operator has taken the provider offline (`offline`).
    Offline,
    /// The caller's key may not use it.
    NotAllowed,
    /// The request excludes it.
    Excluded,
    /// It does not accept images.
    NoVision,
    /// It does not accept audio.
    NoAudio,
    /// It does not call tools.
    NoTools,
    /// It does not answer by a JSON schema.
    NoJsonSchema,
    /// It is not a reasoning model.
    NoReasoning,
    /// The prompt is too long for it, by estimate.
    ContextTooLong,
    /// Its answers cannot be as long as requested.
    OutputTooLong,
    /// The request would have to be translated, but cannot be.
    NotNative,
    /// The last scheduled probe failed.
    Unhealthy,
    /// None of its keys can be used now.
    NoUsableKey,
    /// Its circuit is open.
    CircuitOpen,
    /// It is cooling down, as it requested.
    Cooldown,
}

impl SkipReason {
    /// Every reason with its code.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("disabled", Self::Disabled),
        ("paused", Self::Paused),
        ("offline", Self::Offline),
        ("not_allowed", Self::NotAllowed),
        ("excluded", Self::Excluded),
        ("no_vision", Self::NoVision),
        ("no_audio", Self::NoAudio),
        ("no_tools", Self::NoTools),
        ("no_json_schema", Self::NoJsonSchema),
        ("no_reasoning", Self::NoReasoning),
        ("context_too_long", Self::ContextTooLong),
        ("output_too_long", Self::OutputTooLong),
        ("not_native", Self::NotNative),
        ("unhealthy", Self::Unhealthy),
        ("no_usable_key", Self::NoUsableKey),
        ("circuit_open", Self::CircuitOpen),
        ("cooldown", Self::Cooldown),
    ];

    /// Its code.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(_, reason)| *reason == self).map_or("excluded", |(word, _)| word)
    }

    /// Whether the candidate is healthy but cooling down.
    #[must_use]
    pub fn is_rest(self) -> bool {
        matches!(self, Self::NoUsableKey | Self::Cooldown)
    }

    /// Whether the candidate lacks a capability that the request needs. The caller can change the request, or the
    /// operator the model.
    #[must_use]
    pub fn is_about_capability(self) -> bool {
        matches!(
            self,
            Self::NoVision
                | Self::NoAudio
                | Self::NoTools
                | Self::NoJsonSchema
                | Self::NoReasoning
                | Self::NotNative
        )
    }

    /// The reason as a sentence for people.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Disabled => "it is switched off",
            Self::Paused => "it is paused",
            Self::Offline => "it is offline",
            Self::NotAllowed => "this key has no access to it",
            Self::Excluded => "the request excludes it",
            Self::NoVision => "it takes no images",
            Self::NoAudio => "it takes no audio",
            Self::NoTools => "it calls no tools",
            Self::NoJsonSchema => "it does not answer by a JSON schema",
            Self::NoReasoning => "it does not reason",
            Self::ContextTooLong => "the prompt is too long for it",
            Self::OutputTooLong => "it gives no answers as long as asked for",
            Self::NotNative => "the request cannot be translated for it",
            Self::Unhealthy => "it is unhealthy",
            Self::NoUsableKey => "none of its keys can be used now",
            Self::CircuitOpen => "it failed too often lately",
            Self::Cooldown => "it asked to be left alone for a while",
        }
    }

    /// Whether it depends on a size, which is an estimate on our side and may be outdated on the model card. If no
    /// other candidate is left, the upstream is asked anyway: its own error says more than ours.
    #[must_use]
    pub fn is_about_size(self) -> bool {
        matches!(self, Self::ContextTooLong | Self::OutputTooLong)
    }
}

/// Why a candidate cannot serve the request, independent of its health.
#[must_use]
pub fn rule_out(facts: &CandidateFacts<'_>, needs: &Needs<'_>) -> Option<SkipReason> {
    let can = &facts.capabilities;
    let lacks = |needed: bool, known: Option<bool>| needed && known == Some(false);
    let wanted_tokens = needs.prompt_tokens.saturating_add(needs.output_tokens.unwrap_or(0));
    // The checks in order; the first that applies is the reason.
    let checks = [
        (!facts.enabled, SkipReason::Disabled),
        (facts.operation == OperationStatus::Paused, SkipReason::Paused),
        (facts.operation == OperationStatus::Offline, SkipReason::Offline),
        (!facts.allowed, SkipReason::NotAllowed),
        (facts.excluded, SkipReason::Excluded),
        (lacks(needs.vision, can.vision), SkipReason::NoVision),
        (lacks(needs.audio_input, can.audio_input), SkipReason::NoAudio),
        (lacks(needs.tools, can.tools), SkipReason::NoTools),
        (lacks(needs.json_schema, can.json_schema), SkipReason::NoJsonSchema),
        (lacks(needs.reasoning, can.reasoning), SkipReason::NoReasoning),
        (needs.native_only && !facts.native, SkipReason::NotNative),
        (can.context_tokens.is_some_and(|most| wanted_tokens > most), SkipReason::ContextTooLong),
        (
            can.max_output_tokens.zip(needs.output_tokens).is_some_and(|(most, wanted)| wanted > most),
            SkipReason::OutputTooLong,
        ),
    ];
    checks.into_iter().find(|(applies, _)| *applies).map(|(_, reason)| reason)
}

/// Why a candidate should not be asked now, and until when, in milliseconds since the epoch.
#[must_use]
pub fn spare(
    facts: &CandidateFacts<'_>,
    registry: &HealthRegistry,
    now_ms: u64,
) -> Option<(SkipReason, u64)> {
    let blocks = registry.blocks(facts.provider, now_ms).or(registry.blocks(facts.model, now_ms));
    let keys = facts.keys_blocked_until_ms.filter(|until| *until > now_ms);
    let reason = if facts.probed_down {
        SkipReason::Unhealthy
    } else if keys.is_some() {
        SkipReason::NoUsableKey
    } else if blocks.by_circuit_ms.is_some() {
        SkipReason::CircuitOpen
    } else {
        blocks.by_rest_ms?;
        SkipReason::Cooldown
    };
    let until_ms = keys.max(blocks.by_circuit_ms).max(blocks.by_rest_ms).unwrap_or(now_ms);
    Some((reason, until_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::candidate_facts::Capabilities;
    use crate::routing::health::{Outcome, RegistrySettings};

    type Repair = fn(&mut CandidateFacts<'_>);

    #[test]
    fn the_most_basic_reason_is_given() {
        let none = Capabilities {
            vision: Some(false),
            audio_input: Some(false),
            tools: Some(false),
            json_schema: Some(false),
            reasoning: Some(false),
            context_tokens: Some(10),
            max_output_tokens: Some(5),
        };
        let mut facts = CandidateFacts {
            enabled: false,
            operation: OperationStatus::Paused,
            allowed: false,
            excluded: true,
            capabilities: none,
            native: false,
            ..Default::default()
        };
        let needs = Needs {
            vision: true,
            audio_input: true,
            tools: true,
            json_schema: true,
            reasoning: true,
            prompt_tokens: 5,
            output_tokens: Some(6),
            native_only: true,
            preferred_region: None,
        };
        // Each repair uncovers the next reason.
        let repairs: [(SkipReason, Repair); 13] = [
            (SkipReason::Disabled, |facts| facts.enabled = true),
            (SkipReason::Paused, |facts| facts.operation = OperationStatus::Offline),
            (SkipReason::Offline, |facts| facts.operation = OperationStatus::Active),
            (SkipReason::NotAllowed, |facts| facts.allowed = true),
            (SkipReason::Excluded, |facts| facts.excluded = false),
            (SkipReason::NoVision, |facts| facts.capabilities.vision = None),
            (SkipReason::NoAudio, |facts| facts.capabilities.audio_input = Some(true)),
            (SkipReason::NoTools, |facts| facts.capabilities.tools = None),
            (SkipReason::NoJsonSchema, |facts| facts.capabilities.json_schema = None),
            (SkipReason::NoReasoning, |facts| facts.capabilities.reasoning = None),
            (SkipReason::NotNative, |facts| facts.native = true),
            (SkipReason::ContextTooLong, |facts| facts.capabilities.context_tokens = Some(11)),
            (SkipReason::OutputTooLong, |facts| facts.capabilities.max_output_tokens = Some(6)),
        ];
        for (reason, repair) in repairs {
            assert_eq!(rule_out(&facts, &needs), Some(reason));
            repair(&mut facts);
        }
        assert_eq!(rule_out(&facts, &needs), None);
    }

    #[test]
    fn what_a_request_does_not_need_may_be_lacking() {
        let capabilities = Capabilities { vision: Some(false), tools: Some(false), ..Default::default() };
        let facts = CandidateFacts { capabilities, native: false, ..Default::default() };
        assert_eq!(rule_out(&facts, &Needs { prompt_tokens: u32::MAX, ..Default::default() }), None);
    }

    #[test]
    fn health_is_that_of_model_provider_and_keys() {
        let mut registry = HealthRegistry::new(RegistrySettings::default(), 1);
        let facts = CandidateFacts { provider: "p", model: "p/m", ..Default::default() };
        assert_eq!(spare(&facts, &registry, 1_000), None);
        registry.note("p", 1_000, Outcome::RateLimited { retry_after_ms: Some(500) }, None);
        assert_eq!(spare(&facts, &registry, 1_000), Some((SkipReason::Cooldown, 1_500)));
        for _ in 0..5 {
            registry.note("p/m", 1_000, Outcome::Failure, None);
        }
        let (reason, until) = spare(&facts, &registry, 1_000).unwrap();
        assert!(reason == SkipReason::CircuitOpen && until > 1_500);
        let no_key = CandidateFacts { keys_blocked_until_ms: Some(90_000), ..facts };
        assert_eq!(spare(&no_key, &registry, 1_000), Some((SkipReason::NoUsableKey, 90_000)));
        let down = CandidateFacts { probed_down: true, provider: "q", model: "q/m", ..facts };
        assert_eq!(spare(&down, &registry, 1_000), Some((SkipReason::Unhealthy, 1_000)));
    }

    #[test]
    fn every_reason_has_the_word_that_it_is_stored_by() {
        for (word, reason) in SkipReason::NAMES {
            assert_eq!(reason.word(), *word);
            assert_eq!(serde_json::to_string(reason).unwrap(), format!("\"{word}\""));
        }
    }
}
