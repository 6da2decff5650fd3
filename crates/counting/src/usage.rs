//! The usage of an exchange whose upstream reported none, one side only, or broke off before it reported all of it.

use nexus_edge_core::dialect::canonical::{Answered, ChatRequest, Part};
use nexus_edge_core::dialect::pipe::MAX_ANSWER_TEXT;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::stats::{Outcome, UsageEvent};
use nexus_edge_core::tokens::{TokenUsage, UsageSource};

use crate::answer::CountedAnswer;
use crate::{answer, request};

/// Bytes of text, each way, that are counted exactly. A megabyte takes some tens of milliseconds; longer texts are
/// extrapolated.
const EXACT_BYTES: usize = 1 << 20;
/// An answer that ends this close to the limit of stored text was truncated by the gateway itself.
const LONGEST_PIECE: usize = 64 << 10;

/// Counts what the upstream did not report. What it reported of a complete answer is never counted again; a side of which it
/// reported no tokens is, if it has text.
///
/// Afterwards the source is [`UsageSource::Counted`] if all of the text that was not reported was counted by a tokenizer, and
/// [`UsageSource::Estimated`] if only a part of it was, or nothing is left to count.
pub fn complete(event: &mut UsageEvent, transcript: &mut Transcript) {
    match event.usage_source {
        UsageSource::Estimated => {
            if let (Some(request), Some(answered)) = (transcript.request(), transcript.answer()) {
                count(event, &request, &answered);
            }
        }
        // Some upstreams report the usage of the prompt at the start of a stream and that of the answer only at its
        // end.
        UsageSource::Reported => {
            if event.outcome != Outcome::Completed
                && let Some(answered) = transcript.answer().filter(|answered| !answered.is_whole)
            {
                count_unreported(event, &answered);
            }
            if event.usage.is_one_sided() {
                count_missing_side(event, transcript);
            }
        }
        UsageSource::Counted | UsageSource::None => {}
    }
}

fn count(event: &mut UsageEvent, request: &ChatRequest, answered: &Answered) {
    let model = model_of(event);
    let prompt = request::count(model, request, EXACT_BYTES);
    let completion = answer::count(model, &answered.response, EXACT_BYTES);
    let is_cut = is_cut(answered);
    let estimated = event.usage.completion;
    event.usage = TokenUsage {
        prompt: prompt.tokens,
        // The estimate includes the text that was not stored.
        completion: if is_cut { completion.all.tokens.max(estimated) } else { completion.all.tokens },
        reasoning: completion.reasoning,
        audio_completion: completion.audio,
        is_suspect: event.usage.is_suspect,
        ..TokenUsage::default()
    };
    if prompt.whole && completion.all.whole && !is_cut {
        event.usage_source = UsageSource::Counted;
    }
}

/// Counts the side of which no tokens were reported. A prompt of 0 tokens has none from a cache either.
fn count_missing_side(event: &mut UsageEvent, transcript: &mut Transcript) {
    if event.usage.completion == 0 {
        if let Some(answered) = transcript.answer() {
            count_unreported(event, &answered);
        }
    } else if let Some(request) = transcript.request() {
        let prompt = request::count(model_of(event), &request, EXACT_BYTES);
        event.usage.prompt = prompt.tokens;
        let is_counted = prompt.whole && event.usage_source != UsageSource::Estimated;
        event.usage_source = if is_counted { UsageSource::Counted } else { UsageSource::Estimated };
    }
}

/// Counts an answer of which fewer tokens were reported than it has, or none.
fn count_unreported(event: &mut UsageEvent, answered: &Answered) {
    let CountedAnswer { all, reasoning, audio } =
        answer::count(model_of(event), &answered.response, EXACT_BYTES);
    if all.tokens <= event.usage.completion {
        return;
    }
    event.usage.completion = all.tokens;
    event.usage.reasoning = event.usage.reasoning.max(reasoning);
    event.usage.audio_completion = event.usage.audio_completion.max(audio);
    let is_counted = all.whole && !is_cut(answered);
    event.usage_source = if is_counted { UsageSource::Counted } else { UsageSource::Estimated };
}

fn model_of(event: &UsageEvent) -> &str {
    event.upstream_model.as_deref().unwrap_or(&event.model)
}

/// Whether the answer is longer than its stored part.
fn is_cut(answered: &Answered) -> bool {
    let parts = answered.response.choices.iter().flat_map(|choice| &choice.parts);
    let length = |part: &Part| match part {
        Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => text.len(),
        Part::ToolCall { arguments, .. } => arguments.len(),
        _ => 0,
    };
    !answered.is_whole && parts.map(length).sum::<usize>() + LONGEST_PIECE > MAX_ANSWER_TEXT
}

#[cfg(all(test, feature = "exact-tokens"))]
mod tests {
    use std::rc::Rc;

    use nexus_edge_core::dialect::caller::CallerDialect;
    use nexus_edge_core::dialect::canonical::{ChatResponse, Choice};

    use super::*;

    const HELLO: &str = "Hello there!";

    fn event(source: UsageSource, outcome: Outcome) -> UsageEvent {
        UsageEvent {
            id: "01".into(),
            ts: 5,
            request_id: "req_1".into(),
            key_id: "k".into(),
            provider_id: Some(1),
            provider_name: None,
            model: "alias".into(),
            upstream_model: Some("gpt-4o".into()),
            stream: true,
            status: 200,
            outcome,
            error_code: None,
            finish_reason: None,
            usage: TokenUsage { prompt: 1000, completion: 2, ..TokenUsage::default() },
            usage_source: source,
            first_byte_ms: None,
            duration_ms: 9,
            conversation_id: "c".into(),
            attempts: Vec::new(),
            cost_micros: 0,
            price_source: nexus_edge_core::stats::PriceSource::None,
            price_table: None,
            tags: std::collections::BTreeMap::new(),
            ..UsageEvent::default()
        }
    }

    fn transcript(question: &str, answer: &str, is_whole: bool) -> Transcript {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{question}"}}]}}"#);
        let choice = Choice { parts: vec![Part::text(answer)], ..Choice::default() };
        let response = ChatResponse { choices: vec![choice], ..ChatResponse::default() };
        let mut transcript = Transcript::default();
        transcript.keep_request(CallerDialect::OpenaiChat, Rc::new(body.into_bytes()), "m", true);
        transcript.keep_read_answer(Answered { response, is_whole });
        transcript
    }

    fn completed(mut event: UsageEvent, mut transcript: Transcript) -> (u64, u64, UsageSource) {
        complete(&mut event, &mut transcript);
        (event.usage.prompt, event.usage.completion, event.usage_source)
    }

    #[test]
    fn what_was_not_reported_is_counted_whole_or_broken_off() {
        for (outcome, is_whole) in [(Outcome::Completed, true), (Outcome::Cancelled, false)] {
            let event = event(UsageSource::Estimated, outcome);
            // Three around the message, one for its role, one for its text and three for the answer's beginning.
            assert_eq!(completed(event, transcript("Hello", HELLO, is_whole)), (8, 3, UsageSource::Counted));
        }
    }

    #[test]
    fn what_was_reported_stays_unless_it_broke_off_before_the_end() {
        let reported = |outcome| event(UsageSource::Reported, outcome);
        let whole = transcript("Hello", HELLO, true);
        assert_eq!(completed(reported(Outcome::Completed), whole), (1000, 2, UsageSource::Reported));
        let part = transcript("Hello", HELLO, false);
        assert_eq!(completed(reported(Outcome::Cancelled), part), (1000, 3, UsageSource::Counted));
        let less = transcript("Hello", "Hello", false);
        assert_eq!(completed(reported(Outcome::Cancelled), less), (1000, 2, UsageSource::Reported));
    }

    #[test]
    fn a_side_that_was_not_reported_is_counted_and_the_other_stays() {
        let reported = |prompt, completion| UsageEvent {
            usage: TokenUsage { prompt, completion, ..TokenUsage::default() },
            ..event(UsageSource::Reported, Outcome::Completed)
        };
        let spoken = || transcript("Hello", HELLO, true);
        assert_eq!(completed(reported(1000, 0), spoken()), (1000, 3, UsageSource::Counted));
        assert_eq!(completed(reported(0, 2), spoken()), (8, 2, UsageSource::Counted));
        let silent = transcript("Hello", "", true);
        assert_eq!(completed(reported(1000, 0), silent), (1000, 0, UsageSource::Reported), "it said nothing");
        // Operations without an answer of text keep none.
        assert_eq!(completed(reported(9, 0), Transcript::default()), (9, 0, UsageSource::Reported));
        let mut only_total = reported(0, 30);
        only_total.usage.is_only_total = true;
        assert_eq!(completed(only_total, spoken()), (0, 30, UsageSource::Reported), "the prompt is in it");
        let cut = UsageEvent { outcome: Outcome::Cancelled, ..reported(0, 2) };
        assert_eq!(completed(cut, transcript("Hello", HELLO, false)), (8, 3, UsageSource::Counted));
    }

    #[test]
    fn a_thought_or_a_call_is_an_answer() {
        for part in [
            Part::Thinking { text: "Hm.".into(), signature: None },
            Part::ToolCall {
                id: "c".into(),
                name: "f".into(),
                arguments: "{}".into(),
                signature: None,
                cache: None,
            },
        ] {
            let mut event = event(UsageSource::Reported, Outcome::Completed);
            event.usage.completion = 0;
            let mut transcript = Transcript::default();
            let choices = vec![Choice { parts: vec![part], ..Choice::default() }];
            let response = ChatResponse { choices, ..ChatResponse::default() };
            transcript.keep_read_answer(Answered { response, is_whole: true });
            complete(&mut event, &mut transcript);
            assert!(event.usage.completion > 0 && event.usage_source == UsageSource::Counted);
        }
    }

    #[test]
    fn what_is_large_is_estimated_from_a_part() {
        let event = || event(UsageSource::Estimated, Outcome::Completed);
        let (prompt, _, source) = completed(event(), transcript(&"word ".repeat(600_000), HELLO, true));
        assert_eq!(source, UsageSource::Estimated);
        assert!(prompt.abs_diff(600_000) < 6_000, "{prompt}");
        let mut long = event();
        long.usage.completion = 700_000;
        let cut = transcript("Hello", &"a ".repeat(MAX_ANSWER_TEXT / 2), false);
        assert_eq!(completed(long, cut), (8, 700_000, UsageSource::Estimated));
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_is() {
        let estimated = event(UsageSource::Estimated, Outcome::Completed);
        assert_eq!(completed(estimated, Transcript::default()), (1000, 2, UsageSource::Estimated));
        let nothing = event(UsageSource::None, Outcome::Rejected);
        assert_eq!(completed(nothing, transcript("Hello", HELLO, true)), (1000, 2, UsageSource::None));
    }
}
