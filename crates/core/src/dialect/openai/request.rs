//! A chat completion request in pass-through: what the gateway must know of it, and the bytes that it changes.
//!
//! The body is validated only as far as every `OpenAI`-compatible service agrees: known fields have the documented
//! JSON type, messages have a role. Ranges, unknown fields and combinations are left to the upstream.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::json::error::{invalid_value, missing, not_an_object, reason, wrong_kind};
use crate::json::object::{JsonObject, Kind, as_str};
use crate::json::splice::{Edit, apply, offset_in, quote};
use crate::tokens::estimate_tokens;

/// How many bytes of a prompt's text are estimated token by token; the rest is extrapolated by its length.
const ESTIMATE_SAMPLE_BYTES: usize = 16 * 1024;

/// Documented types of the fields that are validated. `null` is always accepted and means "not set".
const FIELD_KINDS: &[(&str, &[Kind])] = &[
    ("frequency_penalty", &[Kind::Number]),
    ("function_call", &[Kind::String, Kind::Object]),
    ("functions", &[Kind::Array]),
    ("logit_bias", &[Kind::Object]),
    ("logprobs", &[Kind::Boolean]),
    ("max_completion_tokens", &[Kind::Number]),
    ("max_tokens", &[Kind::Number]),
    ("messages", &[Kind::Array]),
    ("metadata", &[Kind::Object]),
    ("modalities", &[Kind::Array]),
    ("model", &[Kind::String]),
    ("n", &[Kind::Number]),
    ("parallel_tool_calls", &[Kind::Boolean]),
    ("presence_penalty", &[Kind::Number]),
    ("reasoning_effort", &[Kind::String]),
    ("response_format", &[Kind::Object]),
    ("seed", &[Kind::Number]),
    ("stop", &[Kind::String, Kind::Array]),
    ("store", &[Kind::Boolean]),
    ("stream", &[Kind::Boolean]),
    ("stream_options", &[Kind::Object]),
    ("temperature", &[Kind::Number]),
    ("tool_choice", &[Kind::String, Kind::Object]),
    ("tools", &[Kind::Array]),
    ("top_logprobs", &[Kind::Number]),
    ("top_p", &[Kind::Number]),
    ("user", &[Kind::String]),
];

/// A validated request body. Borrows the body.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    body: &'a [u8],
    fields: JsonObject<'a>,
    messages: Vec<Message<'a>>,
    /// The model that the caller named.
    pub model: Cow<'a, str>,
    /// Whether the caller requests a stream.
    pub stream: bool,
    /// Whether the caller requested the usage chunk at the end of the stream.
    pub wants_usage: bool,
}

/// One message, as far as it is needed.
#[derive(Debug)]
pub struct Message<'a> {
    /// `system`, `user`, `assistant`, …
    pub role: Cow<'a, str>,
    fields: JsonObject<'a>,
}

impl<'a> ChatRequest<'a> {
    /// Parses a body. The error names the invalid field.
    pub fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(ApiError::invalid_json("The request body is empty; a JSON object is expected."));
        }
        let fields: JsonObject<'a> =
            serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
        check_kinds(&fields)?;
        let model = fields.get_set("model").and_then(as_str).ok_or_else(|| missing("model"))?;
        if model.trim().is_empty() {
            return Err(invalid_value("model", "must not be empty"));
        }
        let messages = read_messages(fields.get_set("messages").ok_or_else(|| missing("messages"))?)?;
        let stream = fields.get("stream").is_some_and(|value| value.get() == "true");
        let wants_usage = match fields.get_set("stream_options") {
            Some(options) => reads_include_usage(options)?,
            None => false,
        };
        Ok(Self { body, fields, messages, model, stream, wants_usage })
    }

    /// The fields of the body.
    pub(in crate::dialect) fn fields(&self) -> &JsonObject<'a> {
        &self.fields
    }

    /// The messages in their order; there is at least one.
    #[must_use]
    pub fn messages(&self) -> &[Message<'a>] {
        &self.messages
    }

    /// An integer field that is set, such as `max_tokens`.
    #[must_use]
    pub fn integer(&self, field: &str) -> Option<u64> {
        self.fields.get_set(field).and_then(|value| value.get().parse().ok())
    }

    /// The value of a field that is present and not `null`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get_set(name)
    }

    /// The body for the upstream: the caller's own bytes, with `model` replaced if the upstream's name differs, with
    /// the usage chunk requested if this is a stream and the upstream supports it (`asks_usage`), and without the
    /// field `without`.
    #[must_use]
    pub fn upstream_body(
        &self,
        upstream_model: &str,
        asks_usage: bool,
        without: Option<&str>,
    ) -> Cow<'a, [u8]> {
        let mut edits = Vec::with_capacity(3);
        if let Some(name) = without
            && let Some(value) = self.fields.get(name)
        {
            edits.extend(Edit::remove_member(self.body, value));
        }
        if let Some(model) = self.fields.get("model").filter(|_| self.model != upstream_model) {
            edits.push(Edit::replace(self.body, model, quote(upstream_model)));
        }
        if self.stream && asks_usage && !self.wants_usage {
            edits.push(self.usage_edit());
        }
        if edits.is_empty() { Cow::Borrowed(self.body) } else { Cow::Owned(apply(self.body, edits)) }
    }

    /// Estimated tokens of the prompt.
    #[must_use]
    pub fn estimate_prompt_tokens(&self) -> u64 {
        /// Tokens of the framing of every message, and once of the answer.
        const PER_MESSAGE: u64 = 4;
        const REPLY_PRIMING: u64 = 3;
        let mut sampled_bytes: usize = 0;
        let mut sampled_tokens = 0;
        let mut all_bytes: usize = 0;
        for message in &self.messages {
            for text in message.texts() {
                all_bytes += text.len();
                if sampled_bytes < ESTIMATE_SAMPLE_BYTES {
                    let room = ESTIMATE_SAMPLE_BYTES - sampled_bytes;
                    let sample = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
                    sampled_bytes += sample.len();
                    sampled_tokens += estimate_tokens(sample);
                }
            }
        }
        let text_tokens = match sampled_bytes {
            0 => 0,
            bytes => (sampled_tokens * all_bytes as u64).div_ceil(bytes as u64),
        };
        let tools = self.fields.get_set("tools").map_or(0, |tools| tools.get().len() as u64 / 5);
        text_tokens + tools + PER_MESSAGE * self.messages.len() as u64 + REPLY_PRIMING
    }

    fn usage_edit(&self) -> Edit {
        const OPTION: &str = r#""include_usage":true"#;
        match self.fields.get("stream_options") {
            Some(options) if Kind::of(options) == Kind::Object => {
                let inner: Option<JsonObject<'_>> = serde_json::from_str(options.get()).ok();
                let old = inner.as_ref().and_then(|object| object.get("include_usage"));
                if let Some(value) = old {
                    Edit {
                        at: offset_in(self.body, value),
                        removed: value.get().len(),
                        inserted: "true".into(),
                    }
                } else {
                    let comma = if inner.is_some_and(|object| object.is_empty()) { "" } else { "," };
                    Edit {
                        at: offset_in(self.body, options) + 1,
                        removed: 0,
                        inserted: format!("{OPTION}{comma}"),
                    }
                }
            }
            Some(null) => Edit {
                at: offset_in(self.body, null),
                removed: null.get().len(),
                inserted: format!("{{{OPTION}}}"),
            },
            None => {
                let end = self.body.iter().rposition(|byte| *byte == b'}').unwrap_or(self.body.len());
                Edit { at: end, removed: 0, inserted: format!(r#","stream_options":{{{OPTION}}}"#) }
            }
        }
    }
}

impl<'a> Message<'a> {
    /// The fields of the message.
    pub(in crate::dialect) fn fields(&self) -> &JsonObject<'a> {
        &self.fields
    }

    /// The content of a message that has only a role and a text, as JSON. Almost all messages are such ones.
    pub(in crate::dialect) fn plain_content(&self) -> Option<&'a RawValue> {
        let mut fields = self.fields.iter();
        let others = |(name, _): &(&str, _)| *name != "role";
        let (Some(first), Some(second), None) = (fields.next(), fields.next(), fields.next()) else {
            return None;
        };
        // No member stands there twice.
        let (name, content) = [first, second].into_iter().find(others)?;
        (name == "content" && Kind::of(content) == Kind::String).then_some(content)
    }

    /// The text of the message: the content if it is a string, otherwise its text parts.
    pub fn texts(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let content = self.fields.get_set("content");
        let parts: Vec<JsonObject<'a>> = match content.map(Kind::of) {
            Some(Kind::Array) => {
                content.and_then(|parts| serde_json::from_str(parts.get()).ok()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let whole = content.and_then(as_str);
        whole.into_iter().chain(parts.into_iter().filter_map(|part| part.get_set("text").and_then(as_str)))
    }
}

fn check_kinds(fields: &JsonObject<'_>) -> Result<(), ApiError> {
    for (name, value) in fields.iter() {
        let Some((_, expected)) = FIELD_KINDS.iter().find(|(known, _)| *known == name) else { continue };
        let found = Kind::of(value);
        if found != Kind::Null && !expected.contains(&found) {
            return Err(wrong_kind(name, expected, found));
        }
    }
    Ok(())
}

fn read_messages(value: &RawValue) -> Result<Vec<Message<'_>>, ApiError> {
    // All at once if they are valid; otherwise one by one, to report the error.
    if let Ok(messages) = serde_json::from_str::<Vec<JsonObject<'_>>>(value.get())
        && !messages.is_empty()
    {
        return messages
            .into_iter()
            .enumerate()
            .map(|(index, fields)| check_message(index, fields))
            .collect();
    }
    let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
    if items.is_empty() {
        return Err(invalid_value("messages", "must contain at least one message"));
    }
    items.into_iter().enumerate().map(|(index, item)| read_message(index, item)).collect()
}

fn read_message(index: usize, item: &RawValue) -> Result<Message<'_>, ApiError> {
    let found = Kind::of(item);
    if found != Kind::Object {
        return Err(wrong_kind(format!("messages[{index}]"), &[Kind::Object], found));
    }
    let fields: JsonObject<'_> = serde_json::from_str(item.get())
        .map_err(|error| ApiError::invalid("invalid_json", format!("messages[{index}]"), reason(&error)))?;
    check_message(index, fields)
}

fn check_message(index: usize, fields: JsonObject<'_>) -> Result<Message<'_>, ApiError> {
    let path = |field: &str| format!("messages[{index}].{field}");
    let Some(role) = fields.get_set("role") else {
        return Err(missing(path("role")));
    };
    let role = as_str(role).ok_or_else(|| wrong_kind(path("role"), &[Kind::String], Kind::of(role)))?;
    match fields.get_set("content").map(Kind::of) {
        None | Some(Kind::String | Kind::Array | Kind::Object) => Ok(Message { role, fields }),
        Some(found) => Err(wrong_kind(path("content"), &[Kind::String, Kind::Array], found)),
    }
}

fn reads_include_usage(options: &RawValue) -> Result<bool, ApiError> {
    let fields: JsonObject<'_> = serde_json::from_str(options.get())
        .map_err(|error| ApiError::invalid("invalid_json", "stream_options", reason(&error)))?;
    match fields.get_set("include_usage").map(|value| (Kind::of(value), value.get())) {
        None => Ok(false),
        Some((Kind::Boolean, text)) => Ok(text == "true"),
        Some((found, _)) => Err(wrong_kind("stream_options.include_usage", &[Kind::Boolean], found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(body: &str, model: &str) -> String {
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        String::from_utf8(request.upstream_body(model, true, None).into_owned()).unwrap()
    }

    #[test]
    fn a_body_that_needs_no_change_is_the_same_slice() {
        let body =
            br#" { "model" : "m" , "messages":[{"role":"user","content":"hi"}], "x_unknown": [1.0e5,{}] } "#;
        let request = ChatRequest::parse(body).unwrap();
        assert!(
            matches!(request.upstream_body("m", true, None), Cow::Borrowed(same) if same.as_ptr() == body.as_ptr())
        );
    }

    #[test]
    fn model_and_usage_are_spliced_and_nothing_else() {
        let head = r#"{"messages":[{"role":"user","content":"\"model\":"}],"k":1e2"#;
        let cases = [
            (
                r#","model":"a","stream":true}"#,
                r#","model":"b\"c","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#","stream":true,"model":"a" } "#,
                r#","stream":true,"model":"b\"c" ,"stream_options":{"include_usage":true}} "#,
            ),
            (
                r#","stream_options":null,"model":"a","stream":true}"#,
                r#","stream_options":{"include_usage":true},"model":"b\"c","stream":true}"#,
            ),
            (
                r#","stream_options":{},"model":"a","stream":true}"#,
                r#","stream_options":{"include_usage":true},"model":"b\"c","stream":true}"#,
            ),
            (
                r#","stream_options":{"z":1},"model":"a","stream":true}"#,
                r#","stream_options":{"include_usage":true,"z":1},"model":"b\"c","stream":true}"#,
            ),
            (
                r#","stream_options":{"include_usage" : false},"model":"a","stream":true}"#,
                r#","stream_options":{"include_usage" : true},"model":"b\"c","stream":true}"#,
            ),
            (
                r#","stream_options":{"include_usage":true},"model":"a","stream":true}"#,
                r#","stream_options":{"include_usage":true},"model":"b\"c","stream":true}"#,
            ),
            (r#","model":"a"}"#, r#","model":"b\"c"}"#),
        ];
        for (given, expected) in cases {
            let spliced = upstream(&format!("{head}{given}"), "b\"c");
            assert_eq!(spliced, format!("{head}{expected}"));
            serde_json::from_str::<serde_json::Value>(&spliced).unwrap();
        }
    }

    #[test]
    fn whether_the_caller_asked_for_usage() {
        let wants = |options: &str| {
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"user"}}],"stream":true,"stream_options":{options}}}"#
            );
            ChatRequest::parse(body.as_bytes()).unwrap().wants_usage
        };
        assert!(wants(r#"{"include_usage":true}"#));
        assert!(!wants(r#"{"include_usage":false}"#) && !wants("{}") && !wants("null"));
    }

    #[test]
    fn errors_name_the_field() {
        let message = r#"{"role":"user","content":"x"}"#;
        let cases = [
            ("", "invalid_json", None),
            ("  \n", "invalid_json", None),
            ("[]", "invalid_json", None),
            ("{", "invalid_json", None),
            (r#"{"model":"m","model":"n","messages":[{"role":"user"}]}"#, "invalid_json", None),
            (r#"{"messages":[{"role":"user"}]}"#, "missing_required_parameter", Some("model")),
            (r#"{"model":null,"messages":[{"role":"user"}]}"#, "missing_required_parameter", Some("model")),
            (r#"{"model":" ","messages":[{"role":"user"}]}"#, "invalid_value", Some("model")),
            (r#"{"model":7,"messages":[{"role":"user"}]}"#, "invalid_type", Some("model")),
            (r#"{"model":"m"}"#, "missing_required_parameter", Some("messages")),
            (r#"{"model":"m","messages":[]}"#, "invalid_value", Some("messages")),
            (r#"{"model":"m","messages":{}}"#, "invalid_type", Some("messages")),
            (r#"{"model":"m","messages":["x"]}"#, "invalid_type", Some("messages[0]")),
            (
                &format!(r#"{{"model":"m","messages":[{message},{{}}]}}"#),
                "missing_required_parameter",
                Some("messages[1].role"),
            ),
            (r#"{"model":"m","messages":[{"role":1}]}"#, "invalid_type", Some("messages[0].role")),
            (
                r#"{"model":"m","messages":[{"role":"user","content":1}]}"#,
                "invalid_type",
                Some("messages[0].content"),
            ),
            (
                &format!(r#"{{"model":"m","messages":[{message}],"temperature":"hot"}}"#),
                "invalid_type",
                Some("temperature"),
            ),
            (
                &format!(r#"{{"model":"m","messages":[{message}],"stream":"yes"}}"#),
                "invalid_type",
                Some("stream"),
            ),
            (
                &format!(r#"{{"model":"m","messages":[{message}],"stream_options":{{"include_usage":1}}}}"#),
                "invalid_type",
                Some("stream_options.include_usage"),
            ),
        ];
        for (body, code, param) in cases {
            let error = ChatRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(
                (error.status, error.code, error.param.as_deref()),
                (400, code, param),
                "{body}: {error}"
            );
        }
    }

    #[test]
    fn hostile_bodies_are_refused_or_passed_but_never_break() {
        let deep = format!(
            r#"{{"model":"m","messages":[{{"role":"user"}}],"x":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let _ = ChatRequest::parse(deep.as_bytes());
        assert_eq!(
            ChatRequest::parse(b"{\"model\":\"\xff\",\"messages\":[]}").unwrap_err().code,
            "invalid_json"
        );
        assert_eq!(ChatRequest::parse(b"\0").unwrap_err().code, "invalid_json");
    }

    #[test]
    fn texts_come_from_strings_and_parts() {
        let body = r#"{"model":"m","messages":[{"role":"system","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"what is"},{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"this?"}]}]}"#;
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let texts: Vec<_> = request.messages().iter().flat_map(Message::texts).collect();
        assert_eq!(texts, ["be brief", "what is", "this?"]);
        assert!((10..30).contains(&request.estimate_prompt_tokens()));
    }

    #[test]
    fn a_long_prompt_is_estimated_by_its_length() {
        let body = |words: usize| {
            let text = "word ".repeat(words);
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#)
        };
        let small = ChatRequest::parse(body(1000).as_bytes()).unwrap().estimate_prompt_tokens();
        let large = ChatRequest::parse(body(100_000).as_bytes()).unwrap().estimate_prompt_tokens();
        assert!((95..105).contains(&(large / small)), "{large} / {small}");
    }
}
