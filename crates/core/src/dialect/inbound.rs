//! A caller's request: what must be known of it, in any dialect, before an upstream is chosen.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use serde_json::value::RawValue;

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical;
use crate::dialect::openai::request::ChatRequest;
use crate::dialect::references::{self, Named};
use crate::dialect::{openai, registry};
use crate::error::ApiError;
use crate::json::error::{invalid_value, missing, not_an_object, wrong_type};
use crate::json::object::{JsonObject, Kind, as_str};
use crate::json::splice::{Edit, apply, offset_in, quote};

/// The field of a request that lists fallback models.
const FALLBACKS: &str = "models";

/// A request in a caller dialect. Borrows the body.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// The dialect.
    pub caller_dialect: CallerDialect,
    /// The model that the caller named.
    pub model: Cow<'a, str>,
    /// Whether the caller requests a stream.
    pub stream: bool,
    /// Whether the stream is one growing JSON array instead of Server-Sent Events.
    pub as_array: bool,
    /// The body as received.
    pub body: &'a [u8],
    /// Whether the gateway used the list of fallback models, so that it must be removed for the upstream.
    pub fallbacks_taken: bool,
    prompt_estimate: OnceCell<u64>,
    canonical: OnceCell<Result<Rc<canonical::ChatRequest>, ApiError>>,
    reading: Reading<'a>,
}

#[derive(Debug)]
enum Reading<'a> {
    Chat(ChatRequest<'a>),
    Other(JsonObject<'a>),
}

/// Model and streaming from the path, in the dialect that has them there.
#[derive(Debug, Clone, Copy)]
pub struct FromPath<'a> {
    /// The model.
    pub model: &'a str,
    /// Whether a stream is requested.
    pub stream: bool,
    /// Whether the stream is one growing JSON array instead of Server-Sent Events.
    pub as_array: bool,
}

impl<'a> Inbound<'a> {
    /// Parses a body. The error names the invalid field.
    pub fn parse(
        caller_dialect: CallerDialect,
        body: &'a [u8],
        from_path: Option<FromPath<'a>>,
    ) -> Result<Self, ApiError> {
        if caller_dialect == CallerDialect::OpenaiChat {
            let chat = ChatRequest::parse(body)?;
            let (model, stream) = (chat.model.clone(), chat.stream);
            return Ok(Self {
                caller_dialect,
                model,
                stream,
                as_array: false,
                body,
                fallbacks_taken: false,
                prompt_estimate: OnceCell::new(),
                canonical: OnceCell::new(),
                reading: Reading::Chat(chat),
            });
        }
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(ApiError::invalid_json("The request body is empty; a JSON object is expected."));
        }
        let fields: JsonObject<'a> =
            serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
        let (model, stream) = match from_path {
            Some(path) => (Cow::Borrowed(path.model), path.stream),
            None => (read_model(&fields)?, read_stream(&fields)?),
        };
        if model.trim().is_empty() {
            return Err(invalid_value("model", "must not be empty"));
        }
        let as_array = stream && from_path.is_some_and(|path| path.as_array);
        Ok(Self {
            caller_dialect,
            model,
            stream,
            as_array,
            body,
            fallbacks_taken: false,
            prompt_estimate: OnceCell::new(),
            canonical: OnceCell::new(),
            reading: Reading::Other(fields),
        })
    }

    /// The same request with another body.
    pub fn with_body<'b>(
        &self,
        body: &'b [u8],
        from_path: Option<FromPath<'b>>,
    ) -> Result<Inbound<'b>, ApiError> {
        let parsed = Inbound::parse(self.caller_dialect, body, from_path)?;
        Ok(Inbound { fallbacks_taken: self.fallbacks_taken, ..parsed })
    }

    /// Parses a body of which only the model matters: that of an operation that is not translated.
    pub fn parse_any(body: &'a [u8]) -> Result<Self, ApiError> {
        Self::parse(CallerDialect::OpenaiCompletions, body, None)
    }

    /// The request in pass-through form.
    #[must_use]
    pub fn chat(&self) -> Option<&ChatRequest<'a>> {
        match &self.reading {
            Reading::Chat(chat) => Some(chat),
            Reading::Other(_) => None,
        }
    }

    /// The request in the canonical model. Decoded at the first call only.
    pub fn canonical(&self) -> Result<Rc<canonical::ChatRequest>, ApiError> {
        let read = || {
            let mut request = match &self.reading {
                Reading::Chat(chat) => openai::codec::decode_checked(chat)?,
                Reading::Other(_) => registry::caller(self.caller_dialect).decode_request(self.body)?,
            };
            request.model = self.model.to_string();
            request.stream = self.stream;
            Ok(Rc::new(request))
        };
        self.canonical.get_or_init(read).clone()
    }

    /// The body for an upstream of the same dialect: the caller's own bytes, with the upstream's name of the model
    /// spliced in if it differs.
    #[must_use]
    pub fn native_body(&self, upstream_model: &str, asks_usage: bool) -> Cow<'a, [u8]> {
        match &self.reading {
            Reading::Chat(chat) => {
                let without = self.fallbacks_taken.then_some(FALLBACKS);
                chat.upstream_body(upstream_model, asks_usage, without)
            }
            Reading::Other(fields) => match fields.get("model").filter(|_| self.model != upstream_model) {
                Some(model) if self.caller_dialect != CallerDialect::Gemini => {
                    Cow::Owned(apply(self.body, vec![Edit::replace(self.body, model, quote(upstream_model))]))
                }
                _ => Cow::Borrowed(self.body),
            },
        }
    }

    /// The fallback models that the request lists (`models`, as in `OpenRouter`'s API).
    #[must_use]
    pub fn fallback_models(&self) -> Vec<String> {
        let listed = self.chat().and_then(|chat| chat.field(FALLBACKS));
        listed.and_then(|models| serde_json::from_str(models.get()).ok()).unwrap_or_default()
    }

    /// All top-level fields.
    #[must_use]
    pub fn fields(&self) -> &JsonObject<'a> {
        match &self.reading {
            Reading::Chat(chat) => chat.fields(),
            Reading::Other(fields) => fields,
        }
    }

    /// A top-level field that is neither absent nor `null`. Not available for chat completions, of which more is
    /// parsed at once.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a RawValue> {
        match &self.reading {
            Reading::Chat(_) => None,
            Reading::Other(fields) => fields.get_set(name),
        }
    }

    /// Estimated tokens of the prompt. Computed at the first call only.
    #[must_use]
    pub fn estimate_prompt_tokens(&self) -> u64 {
        *self.prompt_estimate.get_or_init(|| self.estimate_prompt())
    }

    fn estimate_prompt(&self) -> u64 {
        /// Bytes of JSON per token, punctuation included.
        const BYTES_PER_TOKEN: usize = 5;
        match &self.reading {
            Reading::Chat(chat) => chat.estimate_prompt_tokens(),
            Reading::Other(fields) => {
                let prompts = ["messages", "system", "input", "instructions", "contents", "prompt", "tools"];
                let bytes: usize =
                    prompts.iter().filter_map(|name| fields.get(name)).map(|value| value.get().len()).sum();
                bytes.div_ceil(BYTES_PER_TOKEN) as u64
            }
        }
    }

    /// What it names of the provider's account.
    ///
    /// # Errors
    /// Those of [`references::find`].
    pub fn references(&self) -> Result<Named, ApiError> {
        let named = self.chat().and_then(|chat| openai::references::named(chat).ok());
        named.map_or_else(|| references::find(self.caller_dialect, self.body), Ok)
    }

    /// The limit on tokens of the answer, if the request sets one.
    #[must_use]
    pub fn max_completion_tokens(&self) -> Option<u64> {
        match &self.reading {
            Reading::Chat(chat) => {
                chat.integer("max_completion_tokens").or_else(|| chat.integer("max_tokens"))
            }
            Reading::Other(fields) => {
                let number = |fields: &JsonObject<'_>, name: &str| {
                    fields.get_set(name).and_then(|value| value.get().parse().ok())
                };
                let direct = ["max_output_tokens", "max_tokens", "max_completion_tokens"];
                direct.iter().find_map(|name| number(fields, name)).or_else(|| {
                    let config = fields.get_set("generationConfig")?;
                    let config: JsonObject<'_> = serde_json::from_str(config.get()).ok()?;
                    number(&config, "maxOutputTokens")
                })
            }
        }
    }

    /// The body with a limit on tokens of the answer, for a request that sets none; `None` if it does. `by_completion`: in Chat
    /// Completions, as `max_completion_tokens`.
    #[must_use]
    pub fn limited_to(&self, tokens: u64, by_completion: bool) -> Option<Vec<u8>> {
        let fields = self.fields();
        let limit = tokens.to_string();
        let edit = match self.caller_dialect {
            CallerDialect::Gemini => {
                let names = ["generationConfig", "generation_config"];
                let config = names.iter().find_map(|name| fields.get_set(name));
                if let Some(config) = config {
                    let inner: JsonObject<'_> = serde_json::from_str(config.get()).ok()?;
                    setting(self.body, offset_in(self.body, config), &inner, "maxOutputTokens", limit)?
                } else {
                    let config = format!("{{\"maxOutputTokens\":{limit}}}");
                    setting(self.body, 0, fields, "generationConfig", config)?
                }
            }
            CallerDialect::OpenaiChat if by_completion => {
                setting(self.body, 0, fields, "max_completion_tokens", limit)?
            }
            CallerDialect::OpenaiResponses => setting(self.body, 0, fields, "max_output_tokens", limit)?,
            _ => setting(self.body, 0, fields, "max_tokens", limit)?,
        };
        Some(apply(self.body, vec![edit]))
    }

    /// Whether the caller requested usage in a stream, in the dialect where that is optional.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        self.chat().is_none_or(|chat| chat.wants_usage)
    }
}

/// Estimated tokens of the prompt in a body; 0 if it cannot be parsed.
#[must_use]
pub fn estimate_prompt_tokens(caller_dialect: CallerDialect, body: &[u8]) -> u64 {
    // The prompt does not depend on where the model comes from.
    let from_path = (caller_dialect == CallerDialect::Gemini).then_some(FromPath {
        model: "any",
        stream: false,
        as_array: false,
    });
    Inbound::parse(caller_dialect, body, from_path).map_or(0, |inbound| inbound.estimate_prompt_tokens())
}

/// The body with a model, if it is a JSON object that names none.
#[must_use]
pub fn with_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let fields: JsonObject<'_> = serde_json::from_slice(body).ok()?;
    Some(apply(body, vec![setting(body, 0, &fields, "model", quote(model))?]))
}

/// The edit that sets a field which an object has not, or only as `null`; `None` if it has. The object begins at or after
/// `from` in `body`.
fn setting(body: &[u8], from: usize, fields: &JsonObject<'_>, name: &str, value: String) -> Option<Edit> {
    match fields.get(name) {
        Some(null) if Kind::of(null) == Kind::Null => Some(Edit::replace(body, null, value)),
        Some(_) => None,
        None => {
            let at = from + body.get(from..)?.iter().position(|byte| *byte == b'{')? + 1;
            let comma = if fields.is_empty() { "" } else { "," };
            Some(Edit { at, removed: 0, inserted: format!("{}:{value}{comma}", quote(name)) })
        }
    }
}

/// The body that asks the provider to store nothing, for a key of which no texts are kept; `None` if it asks that already. The
/// Responses API stores unless it is told not to, Chat Completions only if it is told to.
#[must_use]
pub fn without_storing(caller_dialect: CallerDialect, body: &[u8]) -> Option<Vec<u8>> {
    let stores_by_default = match caller_dialect {
        CallerDialect::OpenaiResponses => true,
        CallerDialect::OpenaiChat => false,
        CallerDialect::OpenaiCompletions | CallerDialect::Anthropic | CallerDialect::Gemini => return None,
    };
    let fields: JsonObject<'_> = serde_json::from_slice(body).ok()?;
    let edit = match fields.get("store") {
        Some(value) if value.get() == "false" => return None,
        Some(value) => Edit::replace(body, value, "false".to_owned()),
        None if !stores_by_default => return None,
        None => {
            let at = body.iter().position(|byte| *byte == b'{')? + 1;
            let comma = if fields.is_empty() { "" } else { "," };
            Edit { at, removed: 0, inserted: format!("\"store\":false{comma}") }
        }
    };
    Some(apply(body, vec![edit]))
}

fn read_model<'a>(fields: &JsonObject<'a>) -> Result<Cow<'a, str>, ApiError> {
    let model = fields.get_set("model").ok_or_else(|| missing("model"))?;
    as_str(model).ok_or_else(|| wrong_type("model", "a string", Kind::of(model)))
}

fn read_stream(fields: &JsonObject<'_>) -> Result<bool, ApiError> {
    match fields.get_set("stream").map(|value| (Kind::of(value), value.get())) {
        None => Ok(false),
        Some((Kind::Boolean, text)) => Ok(text == "true"),
        Some((found, _)) => Err(wrong_type("stream", "a boolean", found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_stream_come_from_the_body_or_the_path() {
        let body = br#"{"model":"m","stream":true,"messages":[]}"#;
        let inbound = Inbound::parse(CallerDialect::Anthropic, body, None).unwrap();
        assert_eq!((inbound.model.as_ref(), inbound.stream), ("m", true));
        assert_eq!(inbound.native_body("m", true).as_ref(), body.as_slice());
        assert_eq!(
            inbound.native_body("real", true).as_ref(),
            br#"{"model":"real","stream":true,"messages":[]}"#
        );
        let path = FromPath { model: "gemini-x", stream: true, as_array: false };
        let inbound = Inbound::parse(CallerDialect::Gemini, br#"{"contents":[]}"#, Some(path)).unwrap();
        assert_eq!((inbound.model.as_ref(), inbound.stream), ("gemini-x", true));
    }

    #[test]
    fn a_limit_is_added_in_the_field_of_the_dialect_and_only_where_there_is_none() {
        use CallerDialect::{Anthropic, Gemini, OpenaiChat, OpenaiCompletions, OpenaiResponses};
        let words = r#""messages":[{"role":"user","content":"x"}]"#;
        let chat = |rest: &str| format!(r#"{{"model":"m",{words}{rest}}}"#);
        for (dialect, body, expected) in [
            (OpenaiChat, chat(""), Some(format!(r#"{{"max_tokens":9,"model":"m",{words}}}"#))),
            (OpenaiChat, chat(r#","max_tokens":null"#), Some(chat(r#","max_tokens":9"#))),
            (OpenaiChat, chat(r#","max_tokens":1"#), None),
            (OpenaiCompletions, r#"{"model":"m"}"#.into(), Some(r#"{"max_tokens":9,"model":"m"}"#.into())),
            (Anthropic, r#"{"model":"m"}"#.into(), Some(r#"{"max_tokens":9,"model":"m"}"#.into())),
            (
                OpenaiResponses,
                r#"{"model":"m"}"#.into(),
                Some(r#"{"max_output_tokens":9,"model":"m"}"#.into()),
            ),
            (Gemini, "{}".into(), Some(r#"{"generationConfig":{"maxOutputTokens":9}}"#.into())),
            (
                Gemini,
                r#"{"contents":[],"generation_config": { "topK":1}}"#.into(),
                Some(r#"{"contents":[],"generation_config": {"maxOutputTokens":9, "topK":1}}"#.into()),
            ),
        ] {
            let path = FromPath { model: "m", stream: false, as_array: false };
            let from_path = (dialect == Gemini).then_some(path);
            let inbound = Inbound::parse(dialect, body.as_bytes(), from_path).unwrap();
            let limited = inbound.limited_to(9, false).map(|body| String::from_utf8(body).unwrap());
            assert_eq!(limited, expected, "{body}");
        }
        let inbound = chat("");
        let inbound = Inbound::parse(OpenaiChat, inbound.as_bytes(), None).unwrap();
        assert!(inbound.limited_to(9, true).unwrap().starts_with(br#"{"max_completion_tokens":9,"#));
    }

    #[test]
    fn a_model_is_added_where_none_is_named() {
        for (body, named) in [
            (r#"{"input":"x"}"#, Some(r#"{"model":"m","input":"x"}"#)),
            (r" { } ", Some(r#" {"model":"m" } "#)),
            (r#"{"input":"x","model":null}"#, Some(r#"{"input":"x","model":"m"}"#)),
            (r#"{"model":"own"}"#, None),
            (r#"{"model":1}"#, None),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(with_model(body.as_bytes(), "m").as_deref(), named.map(str::as_bytes), "{body}");
        }
    }

    #[test]
    fn a_provider_is_told_to_store_nothing() {
        use CallerDialect::{Anthropic, OpenaiChat, OpenaiResponses};
        for (caller_dialect, body, told) in [
            (OpenaiResponses, r#"{"model":"m"}"#, Some(r#"{"store":false,"model":"m"}"#)),
            (OpenaiResponses, " {} ", Some(r#" {"store":false} "#)),
            (
                OpenaiResponses,
                r#"{"store":true,"a":{"store":true}}"#,
                Some(r#"{"store":false,"a":{"store":true}}"#),
            ),
            (OpenaiResponses, r#"{"store":null}"#, Some(r#"{"store":false}"#)),
            (OpenaiResponses, r#"{"\u0073tore":true}"#, Some(r#"{"\u0073tore":false}"#)),
            (OpenaiResponses, r#"{"store":false}"#, None),
            (OpenaiChat, r#"{"model":"m"}"#, None),
            (OpenaiChat, r#"{"store":true}"#, Some(r#"{"store":false}"#)),
            (Anthropic, r#"{"store":true}"#, None),
            (OpenaiResponses, "[]", None),
        ] {
            let said = without_storing(caller_dialect, body.as_bytes());
            assert_eq!(said.as_deref(), told.map(str::as_bytes), "{body}");
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (body, code, param) in [
            ("", "invalid_json", None),
            ("[]", "invalid_json", None),
            ("{}", "missing_required_parameter", Some("model")),
            (r#"{"model":1}"#, "invalid_type", Some("model")),
            (r#"{"model":""}"#, "invalid_value", Some("model")),
            (r#"{"model":"m","stream":1}"#, "invalid_type", Some("stream")),
        ] {
            let error = Inbound::parse(CallerDialect::Anthropic, body.as_bytes(), None).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, param), "{body}");
        }
    }
}
