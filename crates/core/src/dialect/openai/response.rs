//! Inspects an unstreamed chat completion in pass-through.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::codec;
use super::said::Said;
use super::usage::Sources;
use crate::dialect::canonical::ErrorInfo;
use crate::dialect::pipe::{Glance, StreamFacts};
use crate::dialect::upstream::usage::{self, Tally};
use crate::json::lenient::{self, Spare, string};
use crate::tokens::estimate_tokens;

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    base_resp: Option<&'a RawValue>,
    #[serde(borrow)]
    x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<Said<'a>>,
    /// Of the legacy completions.
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

impl Choice<'_> {
    /// Whether it has content and one of the dialect's own finish reasons.
    fn is_plainly_good(&self) -> bool {
        let is_usual = self.finish_reason.and_then(string).is_some_and(|reason| {
            matches!(&*reason, "stop" | "length" | "tool_calls" | "function_call" | "content_filter")
        });
        let says_something = self.message.as_ref().is_some_and(Said::says_something);
        is_usual && self.error.is_none() && (says_something || self.text.is_some())
    }
}

/// Extracts what is recorded from an answer; an error if it has not the shape of one.
pub fn inspect(body: &[u8]) -> Result<Glance, serde_json::Error> {
    let spare = Spare::default();
    let completion = lenient::read::<Completion<'_>>(body, &spare)?;
    let mut tally = Tally::default();
    let counts = Sources {
        usage: completion.usage,
        groq: completion.x_groq,
        choice: completion.choices.iter().find_map(|choice| choice.usage),
        service_tier: completion.service_tier,
    };
    counts.add_to(&mut tally);
    let usage = tally.usage();
    let choices = &completion.choices;
    let finish_reason = choices.first().and_then(|choice| choice.finish_reason);
    let facts = StreamFacts {
        finish_reason: finish_reason.and_then(string).map(Cow::into_owned),
        estimated_completion: if usage.is_some() { 0 } else { choices.iter().map(estimate).sum() },
        usage,
    };
    let is_plainly_good = completion.error.is_none()
        && completion.base_resp.is_none()
        && !choices.is_empty()
        && choices.iter().all(Choice::is_plainly_good);
    Ok(Glance { facts, is_plainly_good })
}

/// The same for an operation without choices, such as embeddings: usage, or the error that the body is instead of an
/// answer. Anything else passes.
pub fn inspect_operation(body: &[u8]) -> Result<StreamFacts, ErrorInfo> {
    let spare = Spare::default();
    let fields = lenient::object(body, &spare).ok();
    if fields.as_ref().is_some_and(codec::is_error) {
        return Err(codec::decode_error_in_answer(body));
    }
    let mut facts = inspect(body).map(|glance| glance.facts).unwrap_or_default();
    if facts.usage.is_none() {
        // Rerankers in the manner of Cohere have the counts here.
        facts.usage = fields.and_then(|fields| usage::read(fields.get_set("meta")?));
    }
    Ok(facts)
}

fn estimate(choice: &Choice<'_>) -> u64 {
    let Some(message) = &choice.message else { return 0 };
    message.text_tokens() + message.tool_calls.map_or(0, |calls| estimate_tokens(calls.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_usage_wins_over_the_estimate() {
        let body = br#"{"choices":[{"message":{"content":"one two"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
        let facts = inspect(body).unwrap().facts;
        assert_eq!(facts.usage.unwrap().total(), 5);
        assert_eq!(facts.finish_reason.as_deref(), Some("stop"));
        assert_eq!(facts.estimated_completion, 0);
    }

    #[test]
    fn without_usage_the_text_is_estimated() {
        let facts = inspect(br#"{"choices":[{"message":{"content":"one two three"}}]}"#).unwrap().facts;
        assert_eq!((facts.usage, facts.estimated_completion), (None, 3));
    }

    #[test]
    fn only_content_with_a_usual_end_is_plainly_good() {
        for (body, is_plainly_good) in [
            (r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}"#, true),
            (
                r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"c"}]},"finish_reason":"tool_calls"}]}"#,
                true,
            ),
            (r#"{"choices":[{"text":"a","finish_reason":"length"}]}"#, true),
            (r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#, false),
            (r#"{"choices":[{"message":{"content":"a","tool_calls":[]},"finish_reason":"abort"}]}"#, false),
            (
                r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"error":{"message":"m"}}"#,
                false,
            ),
            (r#"{"choices":[]}"#, false),
            (r#"{"error":{"message":"m"}}"#, false),
        ] {
            assert_eq!(inspect(body.as_bytes()).unwrap().is_plainly_good, is_plainly_good, "{body}");
        }
    }

    #[test]
    fn an_operation_passes_unless_it_is_an_error() {
        let embedded = br#"{"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":3}}"#;
        assert_eq!(inspect_operation(embedded).unwrap().usage.unwrap().prompt, 3);
        for body in ["[[0.1]]", r#"{"text":"heard","error":null}"#, r#"{"results":[],"error":""}"#, "7"] {
            assert!(inspect_operation(body.as_bytes()).is_ok(), "{body}");
        }
        let reranked = br#"{"results":[],"meta":{"billed_units":{"input_tokens":7,"search_units":1}}}"#;
        assert_eq!(inspect_operation(reranked).unwrap().usage.unwrap().prompt, 7);
        let error = inspect_operation(br#"{"error":{"message":"m","code":429}}"#).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (429, "m"));
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(!inspect(br#"{"choices":"none","usage":7}"#).unwrap().is_plainly_good);
        assert!(inspect(b"<html>").is_err());
        assert!(inspect(br#"{"choices":[{"mess"#).is_err());
        assert!(inspect(b"").is_err());
    }
}
