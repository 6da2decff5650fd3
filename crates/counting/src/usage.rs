//! The usage of an exchange whose upstream reported none.

use nexus_edge_core::dialect::canonical::{ChatRequest, ChatResponse};
use nexus_edge_core::tokens::{TokenUsage, UsageSource};

use crate::{answer, request};

/// Bytes of text, each way, that are counted exactly. A megabyte takes some tens of milliseconds; what is beyond is
/// taken to be like it.
const EXACT_BYTES: usize = 1 << 20;

/// The usage of a request and its answer, as much of it as came, for the model that its provider knows by this name.
/// It is [`UsageSource::Counted`] if all of the text was counted, and [`UsageSource::Estimated`] if only a part.
#[must_use]
pub fn count(model: &str, request: &ChatRequest, answer: &ChatResponse) -> (TokenUsage, UsageSource) {
    let prompt = request::count(model, request, EXACT_BYTES);
    let completion = answer::count(model, answer, EXACT_BYTES);
    let usage = TokenUsage {
        prompt: prompt.tokens,
        completion: completion.all.tokens,
        reasoning: completion.reasoning,
        audio_completion: completion.audio,
        ..TokenUsage::default()
    };
    let is_counted = prompt.whole && completion.all.whole;
    (usage, if is_counted { UsageSource::Counted } else { UsageSource::Estimated })
}

#[cfg(all(test, feature = "exact-tokens"))]
mod tests {
    use nexus_edge_core::dialect::canonical::{Choice, Message, Part, Role};

    use super::*;

    #[test]
    fn what_is_small_is_counted_and_what_is_large_is_estimated() {
        let exchange = |question: &str| {
            let message = Message::new(Role::User, vec![Part::text(question)]);
            let request = ChatRequest { messages: vec![message], ..ChatRequest::default() };
            let choice = Choice { parts: vec![Part::text("Hello there!")], ..Choice::default() };
            let answer = ChatResponse { choices: vec![choice], ..ChatResponse::default() };
            count("gpt-4o", &request, &answer)
        };
        let (usage, source) = exchange("Hello");
        assert_eq!(source, UsageSource::Counted);
        // Three around the message, one for its role, one for its text and three for the answer's beginning.
        assert_eq!((usage.prompt, usage.completion), (8, 3));
        let (usage, source) = exchange(&"word ".repeat(600_000));
        assert_eq!(source, UsageSource::Estimated);
        assert!(usage.prompt.abs_diff(600_000) < 6_000, "{usage:?}");
    }
}
