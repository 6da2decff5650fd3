//! The tokens of an answer.

use nexus_edge_core::dialect::canonical::{ChatResponse, Part};

use crate::{Counted, Tokenizer, media};

/// Tokens around a tool call besides its name and arguments, as in requests.
const PER_TOOL_CALL: u64 = 3;
/// Milliseconds of speech per output token. OpenAI ("Managing costs" of the realtime guide): 50.
const SPEECH_MILLISECONDS: u64 = 50;

/// The tokens of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedAnswer {
    /// All of it.
    pub all: Counted,
    /// The part that is reasoning.
    pub reasoning: u64,
    /// The part that is speech.
    pub audio: u64,
}

/// Number of tokens of an answer, complete or truncated, for the model that its provider knows by this name. About
/// `limit` bytes of its text are counted, and extrapolated.
#[must_use]
pub fn count(model: &str, answer: &ChatResponse, limit: usize) -> CountedAnswer {
    let tokenizer = Tokenizer::for_model(model);
    let mut said = Vec::new();
    let mut thought = Vec::new();
    let mut calls = 0;
    let mut audio = 0;
    for part in answer.choices.iter().flat_map(|choice| &choice.parts) {
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => said.push(text.as_str()),
            Part::Thinking { text, .. } => thought.push(text.as_str()),
            Part::ToolCall { name, arguments, .. } => {
                said.extend([name.as_str(), arguments.as_str()]);
                calls += PER_TOOL_CALL;
            }
            Part::Audio { media } => {
                audio += media::audio_milliseconds(media).div_ceil(SPEECH_MILLISECONDS);
            }
            // Models do not answer with these, or their tokens are not documented.
            Part::Image { .. }
            | Part::File { .. }
            | Part::ToolResult { .. }
            | Part::RedactedThinking { .. }
            | Part::ProviderBlock { .. } => {}
        }
    }
    let reasoning = tokenizer.count_parts(&thought, limit);
    let text = tokenizer.count_parts(&said, limit);
    let all = Counted {
        tokens: text.tokens + reasoning.tokens + calls + audio,
        exact: text.exact && thought.is_empty() && calls == 0 && audio == 0,
        whole: text.whole && reasoning.whole,
    };
    CountedAnswer { all, reasoning: reasoning.tokens, audio }
}

#[cfg(all(test, feature = "exact-tokens"))]
mod tests {
    use nexus_edge_core::dialect::canonical::Choice;

    use super::*;

    #[test]
    fn text_thoughts_and_calls_are_counted() {
        let answer = |parts| ChatResponse {
            choices: vec![Choice { parts, ..Choice::default() }],
            ..ChatResponse::default()
        };
        let text = Part::text("Hello! How can I assist you today?");
        let plain = count("gpt-4o", &answer(vec![text.clone()]), usize::MAX);
        assert_eq!(plain.all, Counted { tokens: 9, exact: true, whole: true });
        let thought = Part::Thinking { text: "They greet me.".into(), signature: None };
        let call = Part::ToolCall {
            id: "c".into(),
            name: "greet".into(),
            arguments: "{}".into(),
            signature: None,
            cache: None,
        };
        let more = count("gpt-4o", &answer(vec![thought, text, call]), usize::MAX);
        assert_eq!(more.reasoning, 4);
        assert!(more.all.tokens > 9 + 4 + PER_TOOL_CALL && !more.all.exact);
        assert_eq!(count("gpt-4o", &ChatResponse::default(), 0).all.tokens, 0);
    }
}
