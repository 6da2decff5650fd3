//! Encodes an answer as a `text_completion`.

use std::borrow::Cow;

use serde::Serialize;

use super::logprobs::{Legacy, translate};
use crate::dialect::canonical::{ChatResponse, Choice, Part, ReplyContext};
use crate::dialect::openai::codec::wire::{Field, ReplyOut, json};
use crate::dialect::openai::codec::{finish_word, usage_out};

/// A choice of an answer or chunk.
#[derive(Serialize)]
pub(super) struct ChoiceOut<'a> {
    pub text: Cow<'a, str>,
    pub index: usize,
    pub logprobs: Option<Legacy>,
    pub finish_reason: Option<&'static str>,
}

/// Writes an answer.
pub(super) fn encode(response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
    // Clients access the first choice without checking that there is one.
    let silent = [Choice::default()];
    let choices = if response.choices.is_empty() { silent.as_slice() } else { response.choices.as_slice() };
    json(&ReplyOut {
        id: match &response.id {
            Some(id) => Cow::Borrowed(id.as_str()),
            None => Cow::Owned(format!("cmpl-{}", context.unique)),
        },
        object: "text_completion",
        created: response.created.unwrap_or(context.created),
        model: response.model.as_deref().unwrap_or(&context.model),
        choices: choices
            .iter()
            .enumerate()
            .map(|(index, choice)| ChoiceOut {
                text: Cow::Owned(choice.parts.iter().filter_map(visible).collect()),
                index,
                logprobs: choice.logprobs.as_ref().and_then(|logprobs| translate(logprobs, &mut 0)),
                finish_reason: Some(word(choice)),
            })
            .collect(),
        usage: response.usage.as_ref().map(|usage| Field::Is(usage_out(usage))),
        service_tier: None,
        system_fingerprint: response.system_fingerprint.as_deref(),
    })
}

/// The text of a part. A refusal has no place of its own, an image or audio is a link.
fn visible(part: &Part) -> Option<Cow<'_, str>> {
    match part {
        Part::Text { text, .. } | Part::Refusal { text } => Some(Cow::Borrowed(text)),
        Part::Image { media, .. } | Part::Audio { media } | Part::File { media, .. } => {
            media.in_words().map(Cow::Owned)
        }
        _ => None,
    }
}

fn word(choice: &Choice) -> &'static str {
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal { .. }));
    legacy_word(finish_word(choice.finish.as_ref(), refused, false))
}

/// The old API has no tool calls.
pub(super) fn legacy_word(word: &'static str) -> &'static str {
    if word == "tool_calls" { "stop" } else { word }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::canonical::{FinishReason, Json};
    use crate::tokens::TokenUsage;

    #[test]
    fn a_text_completion() {
        let context = ReplyContext { unique: "u1".into(), created: 7, model: "m".into() };
        let choice = Choice {
            parts: vec![
                Part::Thinking { text: "hm".into(), signature: None },
                Part::text("a"),
                Part::text("b"),
            ],
            finish: Some(FinishReason::Length),
            logprobs: Json::parse(r#"{"content":[{"token":"ab","logprob":-1.0,"top_logprobs":[]}]}"#),
        };
        let response = ChatResponse {
            choices: vec![choice],
            usage: Some(TokenUsage { prompt: 1, completion: 2, ..TokenUsage::default() }),
            ..ChatResponse::default()
        };
        let body: Value = serde_json::from_slice(&encode(&response, &context)).unwrap();
        assert_eq!((&body["id"], &body["object"]), (&json!("cmpl-u1"), &json!("text_completion")));
        assert_eq!(
            body["choices"],
            json!([{"text":"ab","index":0,"finish_reason":"length",
                "logprobs":{"tokens":["ab"],"token_logprobs":[-1.0],"top_logprobs":[{}],"text_offset":[0]}}])
        );
        assert_eq!(body["usage"]["total_tokens"], 3);
        let body: Value = serde_json::from_slice(&encode(&ChatResponse::default(), &context)).unwrap();
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
    }
}
