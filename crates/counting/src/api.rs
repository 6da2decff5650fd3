//! The bodies of the token API: requests and answers.
//!
//! Parsing a body gives the model's name, which the gateway resolves to the upstream's; the answer is computed for
//! that name.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{CallerCodec, ChatRequest};
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::dialect::openai::codec::OpenAi;
use nexus_edge_core::dialect::{anthropic, registry};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::json::error::{invalid_value, missing, not_an_object, wrong_type};
use nexus_edge_core::json::object::{JsonObject, Kind, as_str};
use nexus_edge_core::tokens::estimate_tokens;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Tokenizer, VocabularyError, request};

/// Most tokens that are listed in an answer or accepted in a request.
pub const MAX_LISTED_TOKENS: usize = 1 << 17;

/// Largest body with a text to count or a list of tokens, in bytes.
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// Bytes of the text of a chat request that are counted; longer texts are extrapolated.
const MAX_COUNTED_BYTES: usize = MAX_BODY_BYTES;

/// `POST /v1/tokenize`
#[derive(Debug)]
pub struct Tokenize {
    /// The model that the caller named.
    pub model: String,
    what: What,
    return_tokens: bool,
}

#[derive(Debug)]
enum What {
    Text(String),
    Chat(Box<ChatRequest>),
}

/// The answer to it.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Tokenized {
    /// Number of tokens.
    pub count: u64,
    /// The tokens, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<u32>>,
    /// The encoding.
    pub encoding: &'static str,
    /// Whether it equals the count of the model itself.
    pub exact: bool,
}

impl Tokenize {
    /// Parses a body: a model, and either `input` (a text) or `messages` (with `tools`, as in Chat Completions).
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields = object(body)?;
        let model = read_model(&fields)?;
        let return_tokens = match fields.get_set("return_tokens") {
            None => false,
            Some(value) if Kind::of(value) == Kind::Boolean => value.get() == "true",
            Some(value) => return Err(wrong_type("return_tokens", "a boolean", Kind::of(value))),
        };
        let what = match (fields.get_set("input"), fields.get_set("messages")) {
            (Some(_), Some(_)) => {
                let message = "`input` and `messages` cannot both be given.";
                return Err(ApiError::invalid("invalid_value", "messages", message));
            }
            (Some(input), None) => What::Text(
                as_str(input).ok_or_else(|| wrong_type("input", "a string", Kind::of(input)))?.into_owned(),
            ),
            (None, Some(_)) if return_tokens => {
                let message = "`return_tokens` needs `input`: how a model is told messages is not public.";
                return Err(ApiError::invalid("invalid_value", "return_tokens", message));
            }
            (None, Some(_)) => What::Chat(Box::new(OpenAi::default().decode_request(body)?)),
            (None, None) => return Err(missing("input")),
        };
        Ok(Self { model, what, return_tokens })
    }

    /// The answer for the model that its provider knows by this name.
    pub fn answer(&self, upstream_model: &str) -> Result<Tokenized, ApiError> {
        let tokenizer = Tokenizer::for_model(upstream_model);
        let (count, tokens, exact) = match &self.what {
            What::Text(text) if self.return_tokens => {
                let refuse = |error: VocabularyError| {
                    let param = if error == VocabularyError::Unknown { "return_tokens" } else { "input" };
                    refuse(error, param)
                };
                let tokens = tokenizer.encode(text, MAX_LISTED_TOKENS).map_err(refuse)?;
                (tokens.len() as u64, Some(tokens), true)
            }
            What::Text(text) => (tokenizer.count(text), None, tokenizer.is_exact()),
            What::Chat(chat) => {
                let counted = request::count(upstream_model, chat, usize::MAX);
                (counted.tokens, None, counted.exact)
            }
        };
        Ok(Tokenized { count, tokens, encoding: tokenizer.name(), exact })
    }
}

/// `POST /v1/detokenize`
#[derive(Debug)]
pub struct Detokenize {
    /// The model that the caller named.
    pub model: String,
    tokens: Vec<u32>,
}

/// The answer to it.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Detokenized {
    /// The text of the tokens.
    pub text: String,
    /// The encoding.
    pub encoding: &'static str,
}

impl Detokenize {
    /// Parses a body: a model and its tokens.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields = object(body)?;
        let model = read_model(&fields)?;
        let list = fields.get_set("tokens").ok_or_else(|| missing("tokens"))?;
        if Kind::of(list) != Kind::Array {
            return Err(wrong_type("tokens", "an array", Kind::of(list)));
        }
        let items: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
        if items.len() > MAX_LISTED_TOKENS {
            return Err(refuse(VocabularyError::TooMany(MAX_LISTED_TOKENS), "tokens"));
        }
        let number = |(index, item): (usize, &RawValue)| {
            item.get()
                .parse()
                .map_err(|_| invalid_value(format_args!("tokens[{index}]"), "must be the number of a token"))
        };
        let tokens = items.into_iter().enumerate().map(number).collect::<Result<_, _>>()?;
        Ok(Self { model, tokens })
    }

    /// The answer for the model that its provider knows by this name.
    pub fn answer(&self, upstream_model: &str) -> Result<Detokenized, ApiError> {
        let tokenizer = Tokenizer::for_model(upstream_model);
        let text = tokenizer.decode(&self.tokens).map_err(|error| match error {
            VocabularyError::Unknown => refuse(error, "model"),
            VocabularyError::NoSuchToken { index, .. } => refuse(error, &format!("tokens[{index}]")),
            VocabularyError::TooMany(_) | VocabularyError::NotUtf8 => refuse(error, "tokens"),
        })?;
        Ok(Detokenized { text, encoding: tokenizer.name() })
    }
}

/// `POST /v1/responses/input_tokens`
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct InputTokens {
    object: &'static str,
    input_tokens: u64,
}

impl InputTokens {
    /// The answer for a decoded and completed request.
    #[must_use]
    pub fn of(upstream_model: &str, request: &ChatRequest) -> Self {
        let input_tokens = request::count(upstream_model, request, MAX_COUNTED_BYTES).tokens;
        Self { object: "response.input_tokens", input_tokens }
    }
}

/// `POST /v1/messages/count_tokens` and Gemini's `countTokens`, if no upstream can be asked: the tokens of a request
/// in a caller dialect.
pub fn count_in_dialect(inbound: &Inbound<'_>, upstream_model: &str) -> Result<u64, ApiError> {
    let request = match inbound.caller_dialect {
        CallerDialect::Anthropic => anthropic::decode_count_tokens(inbound.body)?,
        CallerDialect::Gemini => decode_gemini(inbound.body)?,
        caller_dialect => registry::caller(caller_dialect).decode_request(inbound.body)?,
    };
    Ok(request::count(upstream_model, &request, MAX_COUNTED_BYTES).tokens)
}

/// Gemini counts `contents` alone, or a complete request under `generateContentRequest`.
fn decode_gemini(body: &[u8]) -> Result<ChatRequest, ApiError> {
    let fields = object(body)?;
    let whole = fields.get_set("generateContentRequest").map(|request| request.get().as_bytes());
    registry::caller(CallerDialect::Gemini).decode_request(whole.unwrap_or(body))
}

/// `POST /stats/estimate`
#[derive(Debug, Serialize, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// Estimated tokens.
    pub tokens: u64,
    /// Characters of the text; absent for messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<u64>,
    /// Always `estimate`: no vocabulary is used.
    pub method: &'static str,
}

impl Estimate {
    /// Parses a body, `text` or `messages`, and estimates it in the same way as before a request is sent.
    pub fn of(body: &[u8]) -> Result<Self, ApiError> {
        let fields = object(body)?;
        let text = fields.get_set("text");
        let (tokens, characters) = match (text, fields.get_set("messages")) {
            (Some(_), Some(_)) => {
                let message = "`text` and `messages` cannot both be given.";
                return Err(ApiError::invalid("invalid_value", "messages", message));
            }
            (Some(text), None) => {
                let text = as_str(text).ok_or_else(|| wrong_type("text", "a string", Kind::of(text)))?;
                (estimate_tokens(&text), Some(text.chars().count() as u64))
            }
            (None, Some(messages)) => {
                // The estimate does not depend on the model.
                let tools = fields.get_set("tools").map_or("null", RawValue::get);
                let chat = format!(r#"{{"model":"any","messages":{},"tools":{tools}}}"#, messages.get());
                let path: Option<FromPath<'_>> = None;
                (
                    Inbound::parse(CallerDialect::OpenaiChat, chat.as_bytes(), path)?
                        .estimate_prompt_tokens(),
                    None,
                )
            }
            (None, None) => return Err(missing("text")),
        };
        Ok(Self { tokens, characters, method: "estimate" })
    }
}

fn object(body: &[u8]) -> Result<JsonObject<'_>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::invalid_json("The request body is empty; a JSON object is expected."));
    }
    serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))
}

fn read_model(fields: &JsonObject<'_>) -> Result<String, ApiError> {
    let model = fields.get_set("model").ok_or_else(|| missing("model"))?;
    let name = as_str(model).ok_or_else(|| wrong_type("model", "a string", Kind::of(model)))?;
    if name.trim().is_empty() {
        return Err(invalid_value("model", "must not be empty"));
    }
    Ok(name.into_owned())
}

fn refuse(error: VocabularyError, param: &str) -> ApiError {
    let code = match error {
        VocabularyError::Unknown => "unsupported_operation",
        VocabularyError::TooMany(_) => "too_many_tokens",
        VocabularyError::NoSuchToken { .. } | VocabularyError::NotUtf8 => "invalid_value",
    };
    ApiError::invalid(code, param, error.to_string())
}

#[cfg(all(test, feature = "exact-tokens"))]
mod tests {
    use super::*;

    fn tokenize(body: &str, upstream_model: &str) -> Result<Tokenized, ApiError> {
        Tokenize::parse(body.as_bytes())?.answer(upstream_model)
    }

    #[test]
    fn a_text_is_counted_listed_and_comes_back() {
        let counted = tokenize(r#"{"model":"m","input":"tiktoken is great!"}"#, "gpt-4o").unwrap();
        assert_eq!(counted, Tokenized { count: 6, tokens: None, encoding: "o200k_base", exact: true });
        let body = r#"{"model":"m","input":"tiktoken is great!","return_tokens":true}"#;
        // The example of OpenAI's cookbook.
        let listed = tokenize(body, "gpt-4").unwrap();
        assert_eq!(listed.tokens.as_deref(), Some(&[83, 1609, 5963, 374, 2294, 0][..]));
        assert_eq!((listed.count, listed.encoding), (6, "cl100k_base"));
        let back = Detokenize::parse(br#"{"model":"m","tokens":[83,1609,5963,374,2294,0]}"#).unwrap();
        assert_eq!(back.answer("gpt-4").unwrap().text, "tiktoken is great!");
    }

    #[test]
    fn messages_are_counted_as_a_chat() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
        let counted = tokenize(body, "gpt-4o").unwrap();
        assert_eq!((counted.count, counted.exact), (8, true));
        assert!(!tokenize(body, "qwen3-max").unwrap().exact);
    }

    #[test]
    fn errors_name_the_field() {
        let tokenizes = |body: &str| tokenize(body, "gpt-4o").unwrap_err();
        for (body, code, param) in [
            ("", "invalid_json", None),
            ("[]", "invalid_json", None),
            (r#"{"input":"a"}"#, "missing_required_parameter", Some("model")),
            (r#"{"model":"m"}"#, "missing_required_parameter", Some("input")),
            (r#"{"model":" ","input":"a"}"#, "invalid_value", Some("model")),
            (r#"{"model":"m","input":["a"]}"#, "invalid_type", Some("input")),
            (r#"{"model":"m","input":"a","return_tokens":1}"#, "invalid_type", Some("return_tokens")),
            (r#"{"model":"m","input":"a","messages":[]}"#, "invalid_value", Some("messages")),
            (r#"{"model":"m","messages":[{"role":1}]}"#, "invalid_type", Some("messages[0].role")),
            (
                r#"{"model":"m","messages":[{"role":"user","content":""}],"return_tokens":true}"#,
                "invalid_value",
                Some("return_tokens"),
            ),
        ] {
            let error = tokenizes(body);
            assert_eq!((error.status, error.code, error.param.as_deref()), (400, code, param), "{body}");
        }
        let long = format!(r#"{{"model":"m","input":"{}","return_tokens":true}}"#, "a b ".repeat(70_000));
        assert_eq!(tokenizes(&long).code, "too_many_tokens");
        let error = tokenize(r#"{"model":"m","input":"a","return_tokens":true}"#, "claude-x").unwrap_err();
        assert_eq!((error.code, error.param.as_deref()), ("unsupported_operation", Some("return_tokens")));
    }

    #[test]
    fn tokens_that_are_no_text_are_refused() {
        let detokenize = |tokens: &str, model: &str| {
            let body = format!(r#"{{"model":"m","tokens":{tokens}}}"#);
            Detokenize::parse(body.as_bytes()).and_then(|body| body.answer(model))
        };
        for (tokens, param) in [
            ("1", "tokens"),
            ("[1,-1]", "tokens[1]"),
            ("[1.5]", "tokens[0]"),
            (r#"["1"]"#, "tokens[0]"),
            ("[4294967296]", "tokens[0]"),
            ("[0,1,250000]", "tokens[2]"),
        ] {
            let error = detokenize(tokens, "gpt-4o").unwrap_err();
            assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{tokens}: {error}");
        }
        let half_a_character = Tokenizer::for_model("gpt-4o").encode("\u{1f9ff}", 9).unwrap()[0];
        let error = detokenize(&format!("[{half_a_character}]"), "gpt-4o").unwrap_err();
        assert_eq!((error.code, error.param.as_deref()), ("invalid_value", Some("tokens")));
        assert_eq!(detokenize("[1]", "gemini-3-pro").unwrap_err().param.as_deref(), Some("model"));
        assert_eq!(detokenize("[]", "gpt-4o").unwrap().text, "");
    }

    #[test]
    fn every_dialect_counts_the_same() {
        let anthropic = br#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
        let inbound = Inbound::parse(CallerDialect::Anthropic, anthropic, None).unwrap();
        assert_eq!(count_in_dialect(&inbound, "gpt-4o"), Ok(8));
        let path = FromPath { model: "m", stream: false, as_array: false };
        for body in [
            r#"{"contents":[{"parts":[{"text":"Hello"}]}]}"#,
            r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"Hello"}]}]}}"#,
        ] {
            let inbound = Inbound::parse(CallerDialect::Gemini, body.as_bytes(), Some(path)).unwrap();
            assert_eq!(count_in_dialect(&inbound, "gpt-4o"), Ok(8), "{body}");
        }
        let inbound = Inbound::parse(CallerDialect::Anthropic, br#"{"model":"m"}"#, None).unwrap();
        assert_eq!(count_in_dialect(&inbound, "gpt-4o").unwrap_err().param.as_deref(), Some("messages"));
    }

    #[test]
    fn an_estimate_needs_no_model() {
        let estimate = Estimate::of("{\"text\":\"你好，世界\"}".as_bytes()).unwrap();
        assert_eq!((estimate.characters, estimate.method), (Some(5), "estimate"));
        assert!((2..=6).contains(&estimate.tokens));
        let chat = Estimate::of(br#"{"messages":[{"role":"user","content":"Hello"}]}"#).unwrap();
        assert!((5..=12).contains(&chat.tokens) && chat.characters.is_none());
        for (body, param) in [
            ("{}", "text"),
            (r#"{"text":1}"#, "text"),
            (r#"{"text":"","messages":[]}"#, "messages"),
            (r#"{"messages":[]}"#, "messages"),
        ] {
            assert_eq!(Estimate::of(body.as_bytes()).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }
}
