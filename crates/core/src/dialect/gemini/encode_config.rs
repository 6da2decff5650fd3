//! `generationConfig` (<https://ai.google.dev/api/generate-content#generationconfig>).

use std::borrow::Cow;

use serde_json::json;

use super::wire::{GenerationConfigOut, ThinkingOut};
use super::{model_name, schema};
use crate::dialect::canonical::{ChatRequest, Json, Reasoning, ResponseFormat};
use crate::dialect::upstream::constraints;

/// Prefix of `generationConfig` fields without a canonical form among the extra fields of a request.
pub(super) const EXTRA_PREFIX: &str = "generationConfig.";
/// Those of them that are passed on.
const OWN_FIELDS: &[&str] = &[
    "audioTimestamp",
    "enableAffectiveDialog",
    "enableEnhancedCivicAnswers",
    "imageConfig",
    "mediaResolution",
    "modelSelectionConfig",
    "responseMimeType",
    "responseModalities",
    "routingConfig",
    "speechConfig",
];
const JSON_TYPE: &str = "application/json";

/// Whether an extra field of a request is one that [`write`] passes on.
pub(super) fn is_own(name: &str) -> bool {
    name.strip_prefix(EXTRA_PREFIX).is_some_and(|field| OWN_FIELDS.contains(&field))
}

/// The settings of a request. `has_functions`: the request declares functions.
pub(super) fn write<'a>(
    request: &'a ChatRequest,
    model: &str,
    has_functions: bool,
    dropped: &mut Vec<String>,
) -> GenerationConfigOut<'a> {
    let sampling = &request.sampling;
    if sampling.logit_bias.is_some() {
        dropped.push("logit_bias".to_owned());
    }
    if sampling.stop.len() > constraints::GEMINI_COUNTS.stops {
        dropped.push(format!("stop[{}]", constraints::GEMINI_COUNTS.stops));
    }
    let stop =
        sampling.stop.get(..constraints::GEMINI_COUNTS.stops.min(sampling.stop.len())).unwrap_or_default();
    let mut config = GenerationConfigOut {
        stop_sequences: (!stop.is_empty()).then_some(stop),
        candidate_count: sampling.n,
        max_output_tokens: request.max_tokens,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        // The service uses 32 bits.
        seed: sampling.seed.map(|seed| i32::try_from(seed).map_or(seed & i64::from(i32::MAX), i64::from)),
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        response_logprobs: sampling.logprobs,
        // Without the other they are refused.
        logprobs: sampling.top_logprobs.filter(|_| sampling.logprobs == Some(true)),
        ..GenerationConfigOut::default()
    };
    format(request, model, has_functions, &mut config, dropped);
    audio(request, &mut config, dropped);
    if let Some(reasoning) = &request.reasoning {
        config.thinking_config = thinking(reasoning, model);
    }
    own_fields(request, &mut config);
    config
}

fn format(
    request: &ChatRequest,
    model: &str,
    has_functions: bool,
    config: &mut GenerationConfigOut<'_>,
    dropped: &mut Vec<String>,
) {
    let schema = match &request.response_format {
        None | Some(ResponseFormat::Text) => return,
        Some(ResponseFormat::JsonObject) => None,
        Some(ResponseFormat::JsonSchema { schema, .. }) => Some(schema),
    };
    if has_functions && model_name::generation(model).is_some_and(|generation| generation < 3) {
        // Older models do not support functions and a response format at the same time.
        dropped.push("response_format".to_owned());
        return;
    }
    config.response_mime_type = Some(Cow::Borrowed(JSON_TYPE));
    config.response_schema = schema.map(|schema| schema::to_gemini(schema, true));
}

fn audio(request: &ChatRequest, config: &mut GenerationConfigOut<'_>, dropped: &mut Vec<String>) {
    let Some(audio) = &request.audio else { return };
    config.response_modalities = Some(vec!["AUDIO"]);
    if audio.format.is_some() {
        dropped.push("audio.format".to_owned());
    }
    let Some(voice) = &audio.voice else { return };
    // The voices of the service have names such as `Kore`; those of others are in lower case.
    if voice.starts_with(|first: char| first.is_ascii_uppercase()) {
        config.speech_config = Some(json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}));
    } else {
        dropped.push("audio.voice".to_owned());
    }
}

/// Newer models accept a level, older ones a number of tokens, and never both.
fn thinking<'a>(reasoning: &'a Reasoning, model: &str) -> Option<ThinkingOut<'a>> {
    let effort = reasoning.effort.as_deref();
    let mut config = ThinkingOut::default();
    match (effort, reasoning.budget_tokens) {
        (Some(effort), _) if model_name::has_thinking_levels(model) => {
            config.thinking_level = Some(model_name::thinking_level(model, effort));
        }
        (None, Some(0)) if model_name::has_thinking_levels(model) => {
            config.thinking_level = Some(model_name::thinking_level(model, "none"));
        }
        (_, Some(budget)) => {
            config.thinking_budget = Some(as_budget(model_name::clamp_budget(model, budget)));
        }
        (Some(effort), None) => {
            let budget = model_name::budget_of_effort(effort);
            config.thinking_budget = Some(as_budget(model_name::clamp_budget(model, budget)));
        }
        (None, None) if reasoning.adaptive => config.thinking_budget = Some(-1),
        (None, None) => {}
    }
    let thinks = config.thinking_budget.is_some_and(|budget| budget != 0) || config.thinking_level.is_some();
    config.include_thoughts = reasoning
        .include
        .or_else(|| reasoning.summary.as_deref().map(|summary| summary != "none"))
        .or((thinks && effort != Some("none")).then_some(true));
    let says_something = config.include_thoughts.is_some() || thinks || config.thinking_budget.is_some();
    says_something.then_some(config)
}

fn as_budget(tokens: u64) -> i64 {
    i64::from(i32::try_from(tokens).unwrap_or(i32::MAX))
}

/// Fields of this dialect that a caller of the same dialect set.
fn own_fields<'a>(request: &'a ChatRequest, config: &mut GenerationConfigOut<'a>) {
    for (name, value) in &request.extra {
        let Some(field) = name.strip_prefix(EXTRA_PREFIX).filter(|_| is_own(name)) else { continue };
        let is_set = match field {
            "responseMimeType" => config.response_mime_type.is_some(),
            "responseModalities" => config.response_modalities.is_some(),
            "speechConfig" => config.speech_config.is_some(),
            _ => false,
        };
        if !is_set {
            config.own.insert(field, Json::to_value(value));
        }
    }
}
