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

/// The different searches of the web that a candidate's `groundingMetadata` lists. Models since Gemini 3 charge for
/// each; for earlier ones it matters only whether there is one.
pub(super) fn searches(grounding: &RawValue) -> u64 {
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
    different(wire.web_search_queries) + different(wire.image_search_queries)
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
            assert_eq!(searches(&RawValue::from_string(json.to_owned()).unwrap()), count, "{json}");
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
