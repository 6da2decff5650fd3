//! `usageMetadata` (<https://ai.google.dev/api/generate-content#UsageMetadata>).
//!
//! The service counts cached tokens as part of the prompt, but neither thinking as part of the answer nor the input
//! of its own tools as part of the prompt. Its searches are in the grounding of each candidate.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{ModalityCount, UsageOut};
use crate::tokens::TokenUsage;

/// The searches of the web that are charged for a candidate with this `groundingMetadata`: each different one since Gemini 3,
/// and a prompt with any for the models before
/// (<https://ai.google.dev/gemini-api/docs/pricing>: "per 1,000 grounded prompts").
pub(super) fn searches(grounding: &RawValue, model: &str) -> u64 {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Wire {
        web_search_queries: Vec<String>,
        image_search_queries: Vec<String>,
    }
    let wire: Wire = crate::json::lenient::nested(grounding).unwrap_or_default();
    let different = |queries: Vec<String>| {
        queries.into_iter().filter(|query| !query.is_empty()).collect::<BTreeSet<_>>().len() as u64
    };
    let all = different(wire.web_search_queries) + different(wire.image_search_queries);
    let is_by_prompt = ["gemini-1", "gemini-2"].iter().any(|generation| model.contains(generation));
    if is_by_prompt { all.min(1) } else { all }
}

/// Encodes the counts.
pub(super) fn write(usage: &TokenUsage) -> UsageOut {
    let candidates = usage.completion.saturating_sub(usage.reasoning);
    UsageOut {
        prompt_token_count: usage.prompt,
        candidates_token_count: candidates,
        total_token_count: usage.total(),
        cached_content_token_count: usage.cached,
        thoughts_token_count: usage.reasoning,
        prompt_tokens_details: modalities(usage.prompt, usage.audio_prompt),
        candidates_tokens_details: modalities(candidates, usage.audio_completion),
    }
}

fn modalities(all: u64, audio: u64) -> Vec<ModalityCount> {
    if audio == 0 {
        return Vec::new();
    }
    [("TEXT", all.saturating_sub(audio)), ("AUDIO", audio)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(modality, token_count)| ModalityCount { modality: Cow::Borrowed(modality), token_count })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::Json;
    use crate::dialect::upstream::usage;

    #[test]
    fn each_search_counts_once() {
        for (json, count) in [
            (r#"{"webSearchQueries":["a","b","a",""],"imageSearchQueries":["a"],"groundingChunks":7}"#, 3),
            (r#"{"webSearchQueries":null}"#, 0),
            ("{}", 0),
            ("[]", 0),
        ] {
            let grounding = RawValue::from_string(json.to_owned()).unwrap();
            for model in ["gemini-3-flash-preview", "gemini-4-hydrogen", ""] {
                assert_eq!(searches(&grounding, model), count, "{json}");
            }
            assert_eq!(searches(&grounding, "models/gemini-2.5-flash"), count.min(1), "{json}");
        }
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let usage = TokenUsage {
            prompt: 9,
            completion: 8,
            cached: 3,
            reasoning: 5,
            audio_prompt: 2,
            audio_completion: 1,
            ..TokenUsage::default()
        };
        assert_eq!(usage::read(Json::of(&write(&usage)).raw()), Some(usage));
    }
}
