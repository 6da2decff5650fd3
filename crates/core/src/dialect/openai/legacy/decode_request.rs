//! Decodes a legacy request.

use serde_json::value::RawValue;

use crate::dialect::canonical::{ChatRequest, Json, Message, Part, Role, Sampling};
use crate::dialect::openai::codec::{POLICY, stop};
use crate::error::ApiError;
use crate::json::error::invalid_value;
use crate::json::fields::Fields;
use crate::json::object::Kind;

/// Fields that are decoded here; all others are extra.
const KNOWN: &[&str] = &[
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "model",
    "n",
    "presence_penalty",
    "prompt",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "top_p",
    "user",
];

/// Decodes a request body.
pub(super) fn decode(body: &[u8]) -> Result<ChatRequest, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::invalid_json("The request body is empty; a JSON object is expected."));
    }
    let fields = POLICY.of_body(body)?;
    let model = fields.required_string("model")?;
    if model.trim().is_empty() {
        return Err(fields.invalid("model", "must not be empty"));
    }
    let n = fields.unsigned("n")?;
    let top_logprobs = fields.unsigned("logprobs")?;
    let mut request = ChatRequest {
        model,
        messages: prompts(&fields)?
            .into_iter()
            .map(|prompt| Message::new(Role::User, vec![Part::text(prompt)]))
            .collect(),
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            seed: fields.signed("seed")?,
            frequency_penalty: fields.number("frequency_penalty")?,
            presence_penalty: fields.number("presence_penalty")?,
            logit_bias: fields
                .object("logit_bias")?
                .and_then(|_| fields.get("logit_bias"))
                .map(Json::carried),
            logprobs: top_logprobs.map(|_| true),
            top_logprobs,
            n,
            stop: stop(&fields)?,
            ..Sampling::default()
        },
        max_tokens: fields.unsigned("max_tokens")?,
        stream: fields.boolean("stream")?.unwrap_or(false),
        include_usage: match fields.object("stream_options")? {
            Some(options) => options.boolean("include_usage")?.unwrap_or(false),
            None => false,
        },
        user: fields.string("user")?,
        extra: fields.others(KNOWN).map(|(name, value)| (name, Json::carried(value))).collect(),
        ..ChatRequest::default()
    };
    // Only values that would change the answer are reported.
    if fields.boolean("echo")? == Some(true) {
        request.extra.insert("echo".into(), Json::of(&true));
    }
    if let Some(suffix) = fields.string("suffix")?.filter(|suffix| !suffix.is_empty()) {
        request.extra.insert("suffix".into(), Json::of(&suffix));
    }
    if let Some(best_of) = fields.unsigned("best_of")?.filter(|best_of| *best_of > n.unwrap_or(1)) {
        request.extra.insert("best_of".into(), Json::of(&best_of));
    }
    Ok(request)
}

/// The prompt: a string or a list of strings. Token numbers depend on the vocabulary and are refused.
fn prompts(fields: &Fields<'_>) -> Result<Vec<String>, ApiError> {
    let Some(prompt) = fields.get("prompt") else { return Err(fields.missing("prompt")) };
    if Kind::of(prompt) == Kind::String {
        return Ok(vec![POLICY.string(prompt, "prompt")?]);
    }
    let items = fields.array("prompt")?;
    if items.is_empty() {
        return Err(fields.invalid("prompt", "must not be empty"));
    }
    let texts: Vec<String> =
        items.into_iter().map(|(path, item)| prompt_text(item, path)).collect::<Result<_, _>>()?;
    if texts.len() > 1 {
        // Each would be a conversation of its own with its own answer.
        return Err(fields.invalid("prompt", "must be one prompt; send a request for each"));
    }
    Ok(texts)
}

fn prompt_text(item: &RawValue, path: String) -> Result<String, ApiError> {
    match Kind::of(item) {
        Kind::Number | Kind::Array => {
            Err(invalid_value(path, "must be text; token numbers cannot be translated"))
        }
        _ => POLICY.string(item, &path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_become_messages() {
        let texts = |prompt: &str| -> Vec<String> {
            let body = format!(r#"{{"model":"m","prompt":{prompt}}}"#);
            decode(body.as_bytes()).unwrap().messages.iter().map(Message::text).collect()
        };
        assert_eq!(texts("\"hi\""), ["hi"]);
        assert_eq!(texts("[\"a\"]"), ["a"]);
        let several = decode(br#"{"model":"m","prompt":["a","b"]}"#).unwrap_err();
        assert_eq!((several.status, several.param.as_deref()), (400, Some("prompt")));
    }

    #[test]
    fn parameters_and_what_a_chat_cannot_do() {
        let request = decode(
            br#"{"model":"m","prompt":"x","max_tokens":5,"temperature":0,"n":2,"logprobs":3,"stop":["\n"],"stream":true,
            "stream_options":{"include_usage":true},"echo":true,"suffix":"!","best_of":4,"user":"u","top_k":3}"#,
        )
        .unwrap();
        assert_eq!((request.max_tokens, request.sampling.n, request.stream), (Some(5), Some(2), true));
        assert_eq!((request.sampling.logprobs, request.sampling.top_logprobs), (Some(true), Some(3)));
        assert!(request.include_usage);
        assert_eq!(request.extra.keys().collect::<Vec<_>>(), ["best_of", "echo", "suffix", "top_k"]);
        let plain = decode(br#"{"model":"m","prompt":"x","echo":false,"suffix":null,"best_of":1}"#).unwrap();
        assert!(plain.extra.is_empty());
    }

    #[test]
    fn errors_name_the_path() {
        for (body, code, param) in [
            ("", "invalid_json", None),
            (r#"{"prompt":"x"}"#, "missing_required_parameter", Some("model")),
            (r#"{"model":" ","prompt":"x"}"#, "invalid_value", Some("model")),
            (r#"{"model":"m"}"#, "missing_required_parameter", Some("prompt")),
            (r#"{"model":"m","prompt":[]}"#, "invalid_value", Some("prompt")),
            (r#"{"model":"m","prompt":[1,2]}"#, "invalid_value", Some("prompt[0]")),
            (r#"{"model":"m","prompt":[[1],[2]]}"#, "invalid_value", Some("prompt[0]")),
            (r#"{"model":"m","prompt":{}}"#, "invalid_type", Some("prompt")),
            (r#"{"model":"m","prompt":"x","logprobs":true}"#, "invalid_type", Some("logprobs")),
            (r#"{"model":"m","prompt":"x","stream":1}"#, "invalid_type", Some("stream")),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, param), "{body}");
        }
    }
}
