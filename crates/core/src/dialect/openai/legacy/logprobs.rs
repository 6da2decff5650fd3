//! Log probabilities in the old form: parallel lists instead of a list of objects.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::dialect::canonical::Json;

#[derive(Deserialize)]
struct Chat {
    content: Option<Vec<Token>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(rename = "token")]
    text: String,
    logprob: f64,
    #[serde(default)]
    top_logprobs: Vec<Likely>,
}

#[derive(Deserialize)]
struct Likely {
    token: String,
    logprob: f64,
}

/// The old form.
#[derive(Serialize, Debug, PartialEq)]
pub(super) struct Legacy {
    tokens: Vec<String>,
    token_logprobs: Vec<f64>,
    top_logprobs: Vec<BTreeMap<String, f64>>,
    text_offset: Vec<u64>,
}

/// Converts chat log probabilities to the old form; `offset` is the position of the first token in the text, in
/// characters, and is advanced past the last one. `None` if there are none.
pub(super) fn translate(logprobs: &Json, offset: &mut u64) -> Option<Legacy> {
    let tokens = serde_json::from_str::<Chat>(logprobs.text()).ok()?.content?;
    let mut legacy = Legacy {
        tokens: Vec::with_capacity(tokens.len()),
        token_logprobs: Vec::with_capacity(tokens.len()),
        top_logprobs: Vec::with_capacity(tokens.len()),
        text_offset: Vec::with_capacity(tokens.len()),
    };
    for token in tokens {
        legacy.text_offset.push(*offset);
        *offset += token.text.chars().count() as u64;
        legacy.token_logprobs.push(token.logprob);
        let likely = token.top_logprobs.into_iter().map(|likely| (likely.token, likely.logprob));
        legacy.top_logprobs.push(likely.collect());
        legacy.tokens.push(token.text);
    }
    Some(legacy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_run_in_parallel() {
        let chat = r#"{"content":[{"token":"né","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"né","logprob":-0.5}]},{"token":"!","logprob":-1}],"refusal":null}"#;
        let mut offset = 3;
        let legacy = translate(&Json::parse(chat).unwrap(), &mut offset).unwrap();
        assert_eq!(
            serde_json::to_value(&legacy).unwrap(),
            serde_json::json!({"tokens":["né","!"],"token_logprobs":[-0.5,-1.0],"top_logprobs":[{"né":-0.5},{}],"text_offset":[3,5]})
        );
        assert_eq!(offset, 6);
        assert_eq!(translate(&Json::parse("{}").unwrap(), &mut offset), None);
    }
}
