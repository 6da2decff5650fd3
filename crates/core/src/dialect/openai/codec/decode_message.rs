//! Decodes the messages of a caller's request.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use super::policy::POLICY;
use crate::dialect::canonical::{CacheControl, Media, Message, Part, Role};
use crate::dialect::openai::request;
use crate::error::ApiError;
use crate::json::fields::Fields;
use crate::json::object::Kind;

/// Calls in the old `function_call` form have no ids. Ids are generated, and held until the results of the calls.
#[derive(Default)]
struct OldCalls {
    open: VecDeque<(String, String)>,
}

/// Decodes all messages.
pub(super) fn all(messages: &[request::Message<'_>]) -> Result<Vec<Message>, ApiError> {
    let mut old_calls = OldCalls::default();
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| {
            let fields = POLICY.of(message.fields().clone(), format!("messages[{index}]"));
            one(&fields, index, &mut old_calls)
        })
        .collect()
}

fn one(fields: &Fields<'_>, index: usize, old_calls: &mut OldCalls) -> Result<Message, ApiError> {
    let role = match fields.required_string("role")?.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => return tool(fields, fields.required_string("tool_call_id")?, fields.string("name")?),
        "function" => {
            let name = fields.required_string("name")?;
            return tool(fields, old_calls.answered(&name), Some(name));
        }
        _ => {
            return Err(fields.invalid(
                "role",
                "must be `system`, `developer`, `user`, `assistant`, `tool` or `function`",
            ));
        }
    };
    let mut parts = Vec::new();
    if role == Role::Assistant {
        thoughts(fields, &mut parts)?;
    }
    content(fields, &mut parts)?;
    if role == Role::Assistant {
        if let Some(text) = fields.string("refusal")?.filter(|text| !text.is_empty()) {
            parts.push(Part::Refusal { text });
        }
        if let Some(audio) = fields.object("audio")? {
            parts.push(Part::Audio { media: Media::FileId { id: audio.required_string("id")? } });
        }
        for (position, call) in fields.objects("tool_calls")?.into_iter().enumerate() {
            parts.push(tool_call(&call, index, position)?);
        }
        if let Some(call) = fields.object("function_call")? {
            let name = call.required_string("name")?;
            let id = format!("call_{index}_0");
            old_calls.open.push_back((name.clone(), id.clone()));
            parts.push(Part::ToolCall {
                id,
                name,
                arguments: arguments(&call, "arguments")?,
                signature: None,
                cache: None,
            });
        }
    }
    mark_last(&mut parts, cache_of(fields)?);
    Ok(Message { role, parts, name: fields.string("name")?.filter(|name| !name.is_empty()) })
}

impl OldCalls {
    /// The id of the earliest call with this name and without a result.
    fn answered(&mut self, name: &str) -> String {
        let found = self.open.iter().position(|(called, _)| called == name);
        match found.and_then(|position| self.open.remove(position)) {
            Some((_, id)) => id,
            None => format!("call_{name}"),
        }
    }
}

/// A message with the result of a call.
fn tool(fields: &Fields<'_>, call_id: String, name: Option<String>) -> Result<Message, ApiError> {
    let mut parts = Vec::new();
    content(fields, &mut parts)?;
    // A cache mark on the last part of the result applies to the result.
    let cache = cache_of(fields)?.or_else(|| parts.last_mut().and_then(take_cache));
    let result = Part::ToolResult { call_id, name, parts, is_error: false, cache };
    Ok(Message::new(Role::Tool, vec![result]))
}

/// Thinking blocks of an earlier answer. They contain more than the plain text.
fn thoughts(fields: &Fields<'_>, parts: &mut Vec<Part>) -> Result<(), ApiError> {
    let blocks = fields.objects("thinking_blocks")?;
    for thought in &blocks {
        parts.push(block(thought)?);
    }
    if blocks.is_empty() {
        let text = match fields.string("reasoning_content")? {
            None => fields.string("reasoning")?,
            text => text,
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            parts.push(Part::Thinking { text, signature: None });
        }
    }
    Ok(())
}

fn block(fields: &Fields<'_>) -> Result<Part, ApiError> {
    match fields.required_string("type")?.as_str() {
        "thinking" => Ok(Part::Thinking {
            text: fields.string("thinking")?.unwrap_or_default(),
            signature: fields.string("signature")?.filter(|signature| !signature.is_empty()),
        }),
        "redacted_thinking" => Ok(Part::RedactedThinking { data: fields.required_string("data")? }),
        _ => Err(fields.invalid("type", "must be `thinking` or `redacted_thinking`")),
    }
}

/// The content: a string, or a list of parts. An empty string is no content.
fn content(fields: &Fields<'_>, parts: &mut Vec<Part>) -> Result<(), ApiError> {
    let Some(content) = fields.get("content") else { return Ok(()) };
    match Kind::of(content) {
        Kind::String => {
            let text = POLICY.string(content, fields.path("content"))?;
            if !text.is_empty() {
                parts.push(Part::text(text));
            }
        }
        Kind::Object => parts.push(part(content, fields.path("content"))?),
        _ => {
            for (path, item) in fields.array("content")? {
                parts.push(part(item, path)?);
            }
        }
    }
    Ok(())
}

fn part(item: &RawValue, path: String) -> Result<Part, ApiError> {
    if Kind::of(item) == Kind::String {
        return Ok(Part::text(POLICY.string(item, &path)?));
    }
    let fields = POLICY.read(item, path)?;
    let cache = cache_of(&fields)?;
    Ok(match fields.required_string("type")?.as_str() {
        "text" => Part::Text { text: fields.required_string("text")?, citations: Vec::new(), cache },
        "image_url" => {
            let (url, detail) = match fields.get("image_url") {
                // A plain URL is common, though not documented.
                Some(url) if Kind::of(url) == Kind::String => {
                    (POLICY.string(url, fields.path("image_url"))?, None)
                }
                _ => {
                    let image = fields.required_object("image_url")?;
                    (image.required_string("url")?, image.string("detail")?)
                }
            };
            Part::Image { media: Media::from_url(&url), detail, cache }
        }
        "input_audio" => audio(&fields.required_object("input_audio")?)?,
        "file" => file(&fields.required_object("file")?, cache)?,
        "refusal" => Part::Refusal { text: fields.required_string("refusal")? },
        "thinking" | "redacted_thinking" => block(&fields)?,
        _ => {
            return Err(
                fields.invalid("type", "must be `text`, `image_url`, `input_audio`, `file` or `refusal`")
            );
        }
    })
}

fn audio(fields: &Fields<'_>) -> Result<Part, ApiError> {
    let data = fields.required_string("data")?;
    let media_type = match fields.string("format")?.as_deref() {
        Some("mp3") => "audio/mpeg".to_owned(),
        Some(format) => format!("audio/{format}"),
        None => "audio/wav".to_owned(),
    };
    let media = if data.starts_with("data:") {
        Media::from_url(&data)
    } else if data.starts_with("https://") || data.starts_with("http://") {
        Media::Url { url: data, media_type: Some(media_type) }
    } else {
        Media::Base64 { media_type, data }
    };
    Ok(Part::Audio { media })
}

fn file(fields: &Fields<'_>, cache: Option<CacheControl>) -> Result<Part, ApiError> {
    let name = fields.string("filename")?;
    let media = match (fields.string("file_data")?, fields.string("file_id")?) {
        (Some(data), _) if data.contains(':') => Media::from_url(&data),
        (Some(data), _) => Media::Base64 { media_type: "application/pdf".into(), data },
        (None, Some(id)) => Media::FileId { id },
        (None, None) => return Err(fields.missing("file_data")),
    };
    Ok(Part::File { media, name, cache })
}

fn tool_call(fields: &Fields<'_>, message: usize, position: usize) -> Result<Part, ApiError> {
    let is_custom = match fields.string("type")?.as_deref() {
        None | Some("function") => false,
        Some("custom") => true,
        Some(_) => return Err(fields.invalid("type", "must be `function` or `custom`")),
    };
    let (called, input) = if is_custom {
        (fields.required_object("custom")?, "input")
    } else {
        (fields.required_object("function")?, "arguments")
    };
    let id = fields.string("id")?.filter(|id| !id.is_empty());
    Ok(Part::ToolCall {
        id: id.unwrap_or_else(|| format!("call_{message}_{position}")),
        name: called.required_string("name")?,
        arguments: arguments(&called, input)?,
        signature: signature(fields)?,
        cache: cache_of(fields)?,
    })
}

/// The arguments of a call, which some clients send as an object instead of its text.
fn arguments(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    match fields.get(name) {
        None => Ok(String::new()),
        Some(value) if Kind::of(value) == Kind::Object => Ok(value.get().to_owned()),
        Some(value) => POLICY.string(value, fields.path(name)),
    }
}

fn signature(call: &Fields<'_>) -> Result<Option<String>, ApiError> {
    let google = match call.object("extra_content")? {
        Some(content) => content.object("google")?,
        None => call.object("provider_specific_fields")?,
    };
    match google {
        Some(google) => Ok(google.string("thought_signature")?.filter(|signature| !signature.is_empty())),
        None => Ok(None),
    }
}

/// The cache mark of a part, message or tool.
pub(super) fn cache_of(fields: &Fields<'_>) -> Result<Option<CacheControl>, ApiError> {
    match fields.object("cache_control")? {
        Some(cache) => Ok(Some(CacheControl { ttl: cache.string("ttl")? })),
        None => Ok(None),
    }
}

/// Adds the cache mark of a message to the last of its parts that can have one.
fn mark_last(parts: &mut [Part], mark: Option<CacheControl>) {
    let Some(mark) = mark else { return };
    for part in parts.iter_mut().rev() {
        if let Part::Text { cache, .. }
        | Part::Image { cache, .. }
        | Part::File { cache, .. }
        | Part::ToolCall { cache, .. } = part
        {
            cache.get_or_insert(mark);
            return;
        }
    }
}

fn take_cache(part: &mut Part) -> Option<CacheControl> {
    match part {
        Part::Text { cache, .. } | Part::Image { cache, .. } | Part::File { cache, .. } => cache.take(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(json: &str) -> Result<Vec<Message>, ApiError> {
        let body = format!(r#"{{"model":"m","messages":[{json}]}}"#);
        all(request::ChatRequest::parse(body.as_bytes())?.messages())
    }

    fn parts(json: &str) -> Vec<Part> {
        messages(json).unwrap().remove(0).parts
    }

    #[test]
    fn contents_of_every_kind() {
        let read = parts(
            r#"{"role":"user","name":"ann","content":[
            {"type":"text","text":"look","cache_control":{"type":"ephemeral","ttl":"1h"}},
            {"type":"image_url","image_url":{"url":"https://a.example/x.png","detail":"low"}},
            {"type":"image_url","image_url":"data:image/png;base64,AAAA"},
            {"type":"input_audio","input_audio":{"data":"BBBB","format":"mp3"}},
            {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,CCCC"}},
            {"type":"file","file":{"file_id":"file-1"}}]}"#,
        );
        let cache = Some(CacheControl { ttl: Some("1h".into()) });
        assert_eq!(read[0], Part::Text { text: "look".into(), citations: vec![], cache });
        assert!(
            matches!(&read[1], Part::Image { media: Media::Url { .. }, detail: Some(detail), .. } if detail == "low")
        );
        assert!(matches!(&read[2], Part::Image { media: Media::Base64 { data, .. }, .. } if data == "AAAA"));
        assert!(
            matches!(&read[3], Part::Audio { media: Media::Base64 { media_type, .. } } if media_type == "audio/mpeg")
        );
        assert!(
            matches!(&read[4], Part::File { name: Some(name), media: Media::Base64 { .. }, .. } if name == "a.pdf")
        );
        assert!(matches!(&read[5], Part::File { media: Media::FileId { .. }, .. }));
    }

    #[test]
    fn an_answer_given_back_keeps_thoughts_calls_and_signatures() {
        let read = parts(
            r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"audio":{"id":"audio_1"},
            "reasoning_content":"ab","thinking_blocks":[{"type":"thinking","thinking":"ab","signature":"s"},{"type":"redacted_thinking","data":"d"}],
            "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"g"}}},
            {"type":"custom","custom":{"name":"c","input":"free text"}}]}"#,
        );
        let call = |id: &str, name: &str, arguments: &str, signature: Option<&str>| Part::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            signature: signature.map(Into::into),
            cache: None,
        };
        assert_eq!(
            read,
            [
                Part::Thinking { text: "ab".into(), signature: Some("s".into()) },
                Part::RedactedThinking { data: "d".into() },
                Part::Audio { media: Media::FileId { id: "audio_1".into() } },
                call("c1", "f", "{}", Some("g")),
                call("call_0_1", "c", "free text", None),
            ]
        );
    }

    #[test]
    fn old_calls_find_their_results() {
        let read = messages(
            r#"{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
            {"role":"function","name":"f","content":"42"},{"role":"function","name":"g","content":null}"#,
        )
        .unwrap();
        let ids: Vec<&str> = read
            .iter()
            .map(|message| match &message.parts[0] {
                Part::ToolCall { id, .. } => id.as_str(),
                Part::ToolResult { call_id, .. } => call_id,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ids, ["call_0_0", "call_0_0", "call_g"]);
    }

    #[test]
    fn results_and_marks() {
        let read = parts(
            r#"{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"42","cache_control":{"type":"ephemeral"}}]}"#,
        );
        assert_eq!(
            read,
            [Part::ToolResult {
                call_id: "c1".into(),
                name: None,
                parts: vec![Part::text("42")],
                is_error: false,
                cache: Some(CacheControl::default()),
            }]
        );
        let marked = parts(r#"{"role":"system","content":"x","cache_control":{"type":"ephemeral"}}"#);
        assert!(matches!(&marked[0], Part::Text { cache: Some(_), .. }));
        assert_eq!(parts(r#"{"role":"user","content":""}"#), []);
    }

    #[test]
    fn errors_name_the_path() {
        for (json, code, param) in [
            (r#"{"role":"wizard","content":"x"}"#, "invalid_value", "messages[0].role"),
            (r#"{"role":"tool","content":"x"}"#, "missing_required_parameter", "messages[0].tool_call_id"),
            (
                r#"{"role":"user","content":[{"type":"text"}]}"#,
                "missing_required_parameter",
                "messages[0].content[0].text",
            ),
            (
                r#"{"role":"user","content":[{"type":"hologram"}]}"#,
                "invalid_value",
                "messages[0].content[0].type",
            ),
            (
                r#"{"role":"user","content":[{"type":"image_url","image_url":{}}]}"#,
                "missing_required_parameter",
                "messages[0].content[0].image_url.url",
            ),
            (
                r#"{"role":"user","content":[{"type":"file","file":{}}]}"#,
                "missing_required_parameter",
                "messages[0].content[0].file.file_data",
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"x"}]}"#,
                "missing_required_parameter",
                "messages[0].tool_calls[0].function",
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":7}}]}"#,
                "invalid_type",
                "messages[0].tool_calls[0].function.arguments",
            ),
            (
                r#"{"role":"assistant","thinking_blocks":[{"type":"x"}]}"#,
                "invalid_value",
                "messages[0].thinking_blocks[0].type",
            ),
            (r#"{"role":"user","content":"\ud800"}"#, "invalid_value", "messages[0].content"),
        ] {
            let error = messages(json).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{json}");
        }
    }
}
