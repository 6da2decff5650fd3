//! Decodes `generationConfig` (<https://ai.google.dev/api/generate-content#generationconfig>).

use super::encode_config::EXTRA_PREFIX;
use super::schema_read;
use crate::dialect::canonical::{AudioOutput, ChatRequest, Json, Reasoning, ResponseFormat};
use crate::error::ApiError;
use crate::json::fields::Fields;

/// Fields with a canonical form.
const KNOWN: &[&str] = &[
    "candidateCount",
    "frequencyPenalty",
    "logprobs",
    "maxOutputTokens",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

/// Decodes the settings into a request.
pub(super) fn read(config: &Fields<'_>, request: &mut ChatRequest) -> Result<(), ApiError> {
    let sampling = &mut request.sampling;
    sampling.temperature = config.number("temperature")?;
    sampling.top_p = config.number("topP")?;
    sampling.top_k = config.unsigned("topK")?;
    sampling.n = config.unsigned("candidateCount")?;
    sampling.stop = config.strings("stopSequences")?;
    sampling.seed = config.signed("seed")?;
    sampling.presence_penalty = config.number("presencePenalty")?;
    sampling.frequency_penalty = config.number("frequencyPenalty")?;
    sampling.logprobs = config.boolean("responseLogprobs")?;
    sampling.top_logprobs = config.unsigned("logprobs")?;
    request.max_tokens = config.unsigned("maxOutputTokens")?;
    format(config, request)?;
    speech(config, request)?;
    if let Some(thinking) = config.object("thinkingConfig")? {
        request.reasoning = Some(reasoning(&thinking)?);
    }
    for (name, value) in config.others(KNOWN) {
        keep(request, &name, Json::carried(value));
    }
    Ok(())
}

/// Keeps a field for upstreams of the same dialect.
fn keep(request: &mut ChatRequest, name: &str, value: Json) {
    request.extra.insert(format!("{EXTRA_PREFIX}{name}"), value);
}

fn format(config: &Fields<'_>, request: &mut ChatRequest) -> Result<(), ApiError> {
    let own = config.object("responseSchema")?.and(config.get("responseSchema"));
    let own = own.map(|schema| schema_read::from_gemini(&Json::carried(schema)));
    let schema = match config.get("responseJsonSchema").map(Json::carried) {
        Some(schema) => Some(schema),
        None => own,
    };
    let mime_type = config.string("responseMimeType")?;
    request.response_format = match (mime_type.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => {
            Some(ResponseFormat::JsonSchema { name: None, description: None, schema, strict: None })
        }
        (Some("application/json"), None) => Some(ResponseFormat::JsonObject),
        (Some("text/plain"), None) => Some(ResponseFormat::Text),
        // `text/x.enum`: one of the choices of the schema, unquoted.
        (Some(other), schema) => {
            keep(request, "responseMimeType", Json::of(&other));
            if let Some(schema) = schema {
                keep(request, "responseSchema", schema);
            }
            None
        }
        (None, None) => None,
    };
    Ok(())
}

fn speech(config: &Fields<'_>, request: &mut ChatRequest) -> Result<(), ApiError> {
    let modalities = config.strings("responseModalities")?;
    let voice = match config.object("speechConfig")? {
        Some(speech) => {
            let prebuilt = match speech.object("voiceConfig")? {
                Some(voice) => voice.object("prebuiltVoiceConfig")?,
                None => None,
            };
            prebuilt.map(|prebuilt| prebuilt.string("voiceName")).transpose()?.flatten()
        }
        None => None,
    };
    let speaks = modalities.iter().any(|modality| modality.eq_ignore_ascii_case("AUDIO"));
    if speaks || voice.is_some() {
        request.audio = Some(AudioOutput { voice: voice.clone(), format: None });
    } else if modalities.iter().any(|modality| !modality.eq_ignore_ascii_case("TEXT")) {
        keep(request, "responseModalities", Json::of(&modalities));
    }
    if let Some(speech) = config.get("speechConfig").filter(|_| voice.is_none()) {
        keep(request, "speechConfig", Json::carried(speech));
    }
    Ok(())
}

fn reasoning(thinking: &Fields<'_>) -> Result<Reasoning, ApiError> {
    let budget = thinking.signed("thinkingBudget")?;
    let level = thinking.string("thinkingLevel")?.map(|level| level.to_ascii_lowercase());
    Ok(Reasoning {
        effort: level.filter(|level| !level.ends_with("unspecified")),
        budget_tokens: budget.and_then(|budget| u64::try_from(budget).ok()),
        adaptive: budget.is_some_and(i64::is_negative),
        include: thinking.boolean("includeThoughts")?,
        summary: None,
    })
}
