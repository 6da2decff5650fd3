//! Tokens of audio input.

use crate::model::base_name;

/// Milliseconds per token. OpenAI ("Managing costs" of the realtime guide): a token for 100 ms of user audio. Google
/// ("Understand and count tokens"): 32 tokens a second.
const OPENAI_MILLISECONDS: (u64, u64) = (1, 100);
const GEMINI_MILLISECONDS: (u64, u64) = (32, 1000);

/// Number of tokens of this much audio.
#[must_use]
pub fn input_tokens(model: &str, milliseconds: u64) -> usize {
    let is_gemini = base_name(model).get(..6).is_some_and(|name| name.eq_ignore_ascii_case("gemini"));
    let (tokens, each) = if is_gemini { GEMINI_MILLISECONDS } else { OPENAI_MILLISECONDS };
    usize::try_from(milliseconds.saturating_mul(tokens).div_ceil(each)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_what_the_documents_say() {
        assert_eq!(input_tokens("gpt-4o-audio-preview", 60_000), 600);
        assert_eq!(input_tokens("google/Gemini-2.5-flash", 60_000), 1920);
        assert_eq!(input_tokens("gpt-realtime", 0), 0);
        assert_eq!(input_tokens("gpt-realtime", 1), 1);
    }
}
