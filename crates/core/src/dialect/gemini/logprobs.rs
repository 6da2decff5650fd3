//! `logprobsResult` (<https://ai.google.dev/api/generate-content#LogprobsResult>) and the form of `OpenAI`, which is
//! that of the canonical model.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::dialect::canonical::Json;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ResultIn {
    chosen_candidates: Vec<TokenIn>,
    top_candidates: Vec<TopIn>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TopIn {
    candidates: Vec<TokenIn>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct TokenIn {
    token: String,
    log_probability: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CanonicalIn {
    content: Option<Vec<CanonicalToken>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CanonicalToken {
    token: String,
    logprob: f64,
    top_logprobs: Vec<CanonicalToken>,
}

/// Decodes the service's form; `None` without tokens.
pub(super) fn read(result: &Json) -> Option<Json> {
    let result: ResultIn = crate::json::lenient::nested(result.raw())?;
    if result.chosen_candidates.is_empty() {
        return None;
    }
    let mut tops = result.top_candidates.iter();
    let content: Vec<Value> = result
        .chosen_candidates
        .iter()
        .map(|chosen| {
            let top = tops.next().map(|top| top.candidates.as_slice()).unwrap_or_default();
            let mut entry = token(chosen);
            if let Some(fields) = entry.as_object_mut() {
                fields.insert("top_logprobs".into(), top.iter().map(token).collect());
            }
            entry
        })
        .collect();
    Some(Json::of(&json!({ "content": content })))
}

fn token(token: &TokenIn) -> Value {
    json!({"token": token.token, "logprob": token.log_probability, "bytes": token.token.as_bytes()})
}

/// Encodes the service's form; `None` without tokens.
pub(super) fn write(logprobs: &Json) -> Option<Value> {
    let tokens = serde_json::from_str::<CanonicalIn>(logprobs.text()).ok()?.content?;
    if tokens.is_empty() {
        return None;
    }
    let write = |token: &CanonicalToken| json!({"token": token.token, "logProbability": token.logprob});
    let top = |token: &CanonicalToken| json!({"candidates": token.top_logprobs.iter().map(write).collect::<Vec<_>>()});
    Some(json!({
        "topCandidates": tokens.iter().map(top).collect::<Vec<_>>(),
        "chosenCandidates": tokens.iter().map(write).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let result = json!({"topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.5}]}],
            "chosenCandidates": [{"token": "a", "logProbability": -0.5}]});
        let canonical = read(&Json::of(&result)).unwrap();
        assert_eq!(canonical.to_value()["content"][0]["bytes"], json!([97]));
        assert_eq!(write(&canonical), Some(result));
        assert!(read(&Json::null()).is_none() && write(&Json::null()).is_none());
    }
}
