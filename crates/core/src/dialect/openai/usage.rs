//! The `usage` object of answers and stream chunks.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::tokens::TokenUsage;

#[derive(Deserialize)]
struct Wire {
    prompt_tokens: Option<f64>,
    completion_tokens: Option<f64>,
    total_tokens: Option<f64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// `DeepSeek`'s name for cached prompt tokens.
    prompt_cache_hit_tokens: Option<f64>,
}

#[derive(Deserialize, Default)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire format")]
struct PromptDetails {
    cached_tokens: Option<f64>,
    cache_write_tokens: Option<f64>,
    /// `LiteLLM`'s name for tokens written to the cache.
    cache_creation_tokens: Option<f64>,
    audio_tokens: Option<f64>,
}

#[derive(Deserialize, Default)]
struct CompletionDetails {
    reasoning_tokens: Option<f64>,
    audio_tokens: Option<f64>,
}

/// Parses a `usage` value. `None` for `null`, for other values than a usage object, and for one without counts.
#[must_use]
pub fn parse(value: &RawValue) -> Option<TokenUsage> {
    let wire: Wire = serde_json::from_str(value.get()).ok()?;
    let prompt = count(wire.prompt_tokens);
    let completion = match (wire.completion_tokens, wire.total_tokens) {
        (None, Some(_)) => count(wire.total_tokens).saturating_sub(prompt),
        (completion, _) => count(completion),
    };
    let prompt_details = wire.prompt_tokens_details.unwrap_or_default();
    let completion_details = wire.completion_tokens_details.unwrap_or_default();
    let reasoning = count(completion_details.reasoning_tokens);
    let usage = TokenUsage {
        prompt,
        completion: completion + uncounted_reasoning(prompt, completion, reasoning, count(wire.total_tokens)),
        cached: count(prompt_details.cached_tokens.or(wire.prompt_cache_hit_tokens)),
        cache_written: count(prompt_details.cache_write_tokens.or(prompt_details.cache_creation_tokens)),
        cache_written_1h: 0,
        reasoning,
        audio_prompt: count(prompt_details.audio_tokens),
        audio_completion: count(completion_details.audio_tokens),
        ..TokenUsage::default()
    };
    (usage.total() > 0).then_some(usage)
}

/// Reasoning that the provider did not include in the tokens of the answer. xAI counts it separately, which only the
/// total shows.
fn uncounted_reasoning(prompt: u64, completion: u64, reasoning: u64, total: u64) -> u64 {
    if reasoning > 0 && total == prompt + completion + reasoning { reasoning } else { 0 }
}

/// A count; some providers write it with a decimal point.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range in which every f64 is a whole non-negative number"
)]
fn count(value: Option<f64>) -> u64 {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    value.map_or(0, |number| number.clamp(0.0, MAX_EXACT) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<TokenUsage> {
        parse(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn reads_details_and_odd_spellings() {
        let full = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
            "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}"#;
        assert_eq!(
            read(full),
            Some(TokenUsage { prompt: 10, completion: 5, cached: 4, reasoning: 3, ..TokenUsage::default() })
        );
        assert_eq!(read(r#"{"prompt_tokens":7.0,"total_tokens":9}"#).unwrap().completion, 2);
        assert_eq!(read(r#"{"prompt_tokens":7,"prompt_cache_hit_tokens":6}"#).unwrap().cached, 6);
    }

    #[test]
    fn reads_cache_writes_audio_and_reasoning_that_is_counted_beside_the_answer() {
        let full = r#"{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,
            "prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":6,"audio_tokens":2},
            "completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":5}}"#;
        let expected = TokenUsage {
            prompt: 20,
            completion: 9,
            cached: 4,
            cache_written: 6,
            cache_written_1h: 0,
            reasoning: 3,
            audio_prompt: 2,
            audio_completion: 5,
            ..TokenUsage::default()
        };
        assert_eq!(read(full), Some(expected));
        let beside = r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":10}}"#;
        assert_eq!(read(beside).unwrap().completion, 12);
    }

    #[test]
    fn nothing_counted_is_no_usage() {
        for json in ["null", "{}", "[]", "3", r#"{"prompt_tokens":0}"#, r#"{"prompt_tokens":-5}"#] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
