//! Inspects an unstreamed chat completion in pass-through.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::said::Said;
use super::usage;
use crate::dialect::pipe::StreamFacts;
use crate::json::object::as_str;
use crate::tokens::estimate_tokens;

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<Said<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

/// Extracts what is recorded from an answer; an error if it is not a JSON object.
pub fn inspect(body: &[u8]) -> Result<StreamFacts, serde_json::Error> {
    let completion = match serde_json::from_slice::<Completion<'_>>(body) {
        Ok(completion) => completion,
        Err(error) if error.is_data() && body.trim_ascii_start().first() == Some(&b'{') => {
            return Ok(StreamFacts::default());
        }
        Err(error) => return Err(error),
    };
    let usage = completion.usage.and_then(usage::parse);
    let finish_reason = completion.choices.first().and_then(|choice| choice.finish_reason);
    Ok(StreamFacts {
        finish_reason: finish_reason.and_then(as_str).map(Cow::into_owned),
        estimated_completion: if usage.is_some() { 0 } else { completion.choices.iter().map(estimate).sum() },
        usage,
    })
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
        let facts = inspect(body).unwrap();
        assert_eq!(facts.usage.unwrap().total(), 5);
        assert_eq!(facts.finish_reason.as_deref(), Some("stop"));
        assert_eq!(facts.estimated_completion, 0);
    }

    #[test]
    fn without_usage_the_text_is_estimated() {
        let facts = inspect(br#"{"choices":[{"message":{"content":"one two three"}}]}"#).unwrap();
        assert_eq!((facts.usage, facts.estimated_completion), (None, 3));
    }

    #[test]
    fn odd_objects_pass_and_garbage_is_an_error() {
        assert_eq!(inspect(br#"{"choices":"none","usage":7}"#).unwrap(), StreamFacts::default());
        assert!(inspect(b"<html>").is_err());
        assert!(inspect(br#"{"choices":[{"mess"#).is_err());
        assert!(inspect(b"").is_err());
    }
}
