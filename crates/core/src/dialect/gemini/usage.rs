//! `usageMetadata` (<https://ai.google.dev/api/generate-content#UsageMetadata>).
//!
//! The service counts cached tokens as part of the prompt, but neither thinking as part of the answer nor the input
//! of its own tools as part of the prompt.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{ModalityCount, UsageOut};
use crate::dialect::canonical::Json;
use crate::tokens::TokenUsage;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UsageIn {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    total_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    prompt_tokens_details: Option<Vec<ModalityCount>>,
    candidates_tokens_details: Option<Vec<ModalityCount>>,
}

/// Decodes the counts; `None` if it is not such an object or contains no count.
pub(super) fn read(json: &Json) -> Option<TokenUsage> {
    read_text(json.text())
}

/// The same from JSON text.
pub(super) fn read_text(json: &str) -> Option<TokenUsage> {
    let wire: UsageIn = serde_json::from_str(json).ok()?;
    let prompt =
        wire.prompt_token_count.unwrap_or(0).saturating_add(wire.tool_use_prompt_token_count.unwrap_or(0));
    let thoughts = wire.thoughts_token_count.unwrap_or(0);
    let completion = match (wire.candidates_token_count, wire.total_token_count) {
        // Some answers omit the count of the candidates.
        (None, Some(total)) => total.saturating_sub(prompt).max(thoughts),
        (candidates, _) => candidates.unwrap_or(0).saturating_add(thoughts),
    };
    let usage = TokenUsage {
        prompt,
        completion,
        cached: wire.cached_content_token_count.unwrap_or(0),
        reasoning: thoughts,
        audio_prompt: audio(wire.prompt_tokens_details),
        audio_completion: audio(wire.candidates_tokens_details),
        ..TokenUsage::default()
    };
    (usage.total() > 0).then_some(usage)
}

fn audio(details: Option<Vec<ModalityCount>>) -> u64 {
    let details = details.unwrap_or_default();
    details.iter().filter(|count| count.modality == "AUDIO").map(|count| count.token_count).sum()
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

    #[test]
    fn thoughts_and_tool_prompts_are_added() {
        let usage = read_text(
            r#"{"promptTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":30,"totalTokenCount":157,
                "toolUsePromptTokenCount":7,"cachedContentTokenCount":60,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":90},{"modality":"AUDIO","tokenCount":10}]}"#,
        );
        let expected = TokenUsage {
            prompt: 107,
            completion: 50,
            cached: 60,
            reasoning: 30,
            audio_prompt: 10,
            ..TokenUsage::default()
        };
        assert_eq!(usage, Some(expected));
        assert_eq!(expected.total(), 157);
    }

    #[test]
    fn counts_that_are_left_out_are_worked_out() {
        let usage =
            read_text(r#"{"promptTokenCount":5,"totalTokenCount":12,"thoughtsTokenCount":4}"#).unwrap();
        assert_eq!((usage.completion, usage.reasoning), (7, 4));
        for nothing in ["{}", "null", "[]", r#"{"promptTokenCount":0}"#, r#"{"promptTokenCount":"x"}"#] {
            assert_eq!(read_text(nothing), None, "{nothing}");
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
        assert_eq!(read(&Json::of(&write(&usage))), Some(usage));
    }
}
