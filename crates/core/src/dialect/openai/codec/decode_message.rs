//! Decodes the messages of a caller's request.
//!
//! What an assistant message contains was written by a provider, of any kind, and comes back as it was. It is read as
//! leniently as an answer: nothing in it is a reason to refuse the request. What has no canonical form goes to the
//! request's `extra` under its path, so that the encoder reports it as dropped. Thoughts are often told twice, in the
//! content and beside it: the content counts, because only there they have an order.

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;

use super::answer::{self, Piece};
use super::lenient;
use super::policy::POLICY;
use crate::dialect::canonical::{CacheControl, Json, Media, Message, Part, Role};
use crate::dialect::openai::request;
use crate::error::ApiError;
use crate::json::fields::Fields;
use crate::json::lenient::{Object, settled};
use crate::json::object::{Kind, as_str};

/// Calls in the old `function_call` form have no ids. Ids are generated, and held until the results of the calls.
#[derive(Default)]
struct OldCalls {
    open: VecDeque<(String, String)>,
}

/// Content without a canonical form, by path.
pub(super) type Extra = BTreeMap<String, Json>;

/// Decodes all messages.
pub(super) fn all(messages: &[request::Message<'_>], extra: &mut Extra) -> Result<Vec<Message>, ApiError> {
    let mut old_calls = OldCalls::default();
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| {
            if let Some(message) = plain(message) {
                return Ok(message);
            }
            let fields = POLICY.of(message.fields().clone(), format!("messages[{index}]"));
            match message.role.as_ref() {
                "assistant" => said(message, &fields, index, &mut old_calls, extra),
                _ => one(&fields, &mut old_calls, extra),
            }
        })
        .collect()
}

/// A message that has only a role and a text, without what is looked for in any other.
fn plain(message: &request::Message<'_>) -> Option<Message> {
    let role = match message.role.as_ref() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    };
    let text = as_str(message.plain_content()?)?;
    let parts = if text.is_empty() { Vec::new() } else { vec![Part::text(text.into_owned())] };
    Some(Message::new(role, parts))
}

fn one(fields: &Fields<'_>, old_calls: &mut OldCalls, extra: &mut Extra) -> Result<Message, ApiError> {
    let role = match fields.required_string("role")?.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "tool" => {
            // Some services do not require the id; the result then belongs to the first open call.
            let id = fields.string("tool_call_id")?.unwrap_or_default();
            return tool(fields, id, fields.string("name")?, extra);
        }
        "function" => {
            let name = fields.required_string("name")?;
            return tool(fields, old_calls.answered(&name), Some(name), extra);
        }
        _ => {
            return Err(fields.invalid(
                "role",
                "must be `system`, `developer`, `user`, `assistant`, `tool` or `function`",
            ));
        }
    };
    let mut parts = Vec::new();
    content(fields, role, &mut parts, extra)?;
    finished(fields, role, parts)
}

fn finished(fields: &Fields<'_>, role: Role, mut parts: Vec<Part>) -> Result<Message, ApiError> {
    mark_last(&mut parts, cache_of(fields)?);
    Ok(Message { role, parts, name: fields.string("name")?.filter(|name| !name.is_empty()) })
}

/// A message of the assistant.
fn said(
    message: &request::Message<'_>,
    fields: &Fields<'_>,
    index: usize,
    old_calls: &mut OldCalls,
    extra: &mut Extra,
) -> Result<Message, ApiError> {
    let mut parts = Vec::new();
    content(fields, Role::Assistant, &mut parts, extra)?;
    thoughts(message, fields, &mut parts, extra);
    if let Some(text) = fields.string("refusal")?.filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal { text });
    }
    if let Some(audio) = fields.object("audio")? {
        // Without an id there is nothing to refer to, and what was said is in the transcript.
        match (audio.string("id")?, audio.string("transcript")?) {
            (Some(id), _) => parts.push(Part::Audio { media: Media::FileId { id } }),
            (None, Some(transcript)) => parts.push(Part::text(transcript)),
            (None, None) => {}
        }
    }
    for image in lenient::items_at(&Object::from(message.fields()), "images") {
        let address = lenient::object(image).and_then(|image| lenient::object_at(&image, "image_url"));
        if let Some(url) = address.and_then(|address| lenient::text(&address, "url")) {
            parts.push(Part::Image { media: Media::from_url(&url), detail: None, cache: None });
        }
    }
    for (position, (path, call)) in fields.array("tool_calls")?.into_iter().enumerate() {
        match tool_call(&POLICY.read(call, path.as_str())?, index, position)? {
            Some(call) => parts.push(call),
            None => _ = extra.insert(path, Json::carried(call)),
        }
    }
    if let Some(call) = fields.object("function_call")? {
        let name = call.string("name")?.unwrap_or_default();
        let arguments = arguments(&call, "arguments")?;
        // Some services write an empty call in every message.
        if !(name.is_empty() && arguments.is_empty()) {
            let id = format!("call_{index}_0");
            old_calls.open.push_back((name.clone(), id.clone()));
            parts.push(Part::ToolCall { id, name, arguments, signature: None, cache: None });
        }
    }
    finished(fields, Role::Assistant, parts)
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
fn tool(
    fields: &Fields<'_>,
    call_id: String,
    name: Option<String>,
    extra: &mut Extra,
) -> Result<Message, ApiError> {
    let mut parts = Vec::new();
    content(fields, Role::Tool, &mut parts, extra)?;
    // A cache mark on the last part of the result applies to the result.
    let cache = cache_of(fields)?.or_else(|| parts.last_mut().and_then(take_cache));
    let result = Part::ToolResult { call_id, name, parts, is_error: false, cache };
    Ok(Message::new(Role::Tool, vec![result]))
}

/// Adds the thoughts of an earlier answer that are beside its content, unless the content has them. A signature is
/// added to the same thought in the content, if that has none.
fn thoughts(message: &request::Message<'_>, fields: &Fields<'_>, parts: &mut Vec<Part>, extra: &mut Extra) {
    let message = Object::from(message.fields());
    for (number, item) in lenient::items_at(&message, "thinking_blocks").into_iter().enumerate() {
        let kind = lenient::object(item).and_then(|block| lenient::text(&block, "type"));
        if !matches!(kind.as_deref(), Some("thinking" | "redacted_thinking")) {
            extra.insert(format!("{}[{number}]", fields.path("thinking_blocks")), Json::carried(item));
        }
    }
    let mut foreign = Vec::new();
    for (number, item) in lenient::items_at(&message, "reasoning_details").into_iter().enumerate() {
        foreign.extend(lenient::object(item).and_then(|detail| foreign_data(&detail)).inspect(|_| {
            extra.insert(format!("{}[{number}]", fields.path("reasoning_details")), Json::carried(item));
        }));
    }
    let mut beside: Vec<Part> = answer::thoughts(&message).into_iter().filter_map(thought).collect();
    beside.retain(|part| !matches!(part, Part::RedactedThinking { data } if foreign.contains(data)));
    let is_told = |part: &Part| matches!(part, Part::Thinking { .. } | Part::RedactedThinking { .. });
    if !parts.iter().any(is_told) {
        parts.splice(0..0, beside);
        return;
    }
    for part in parts {
        if let Part::Thinking { text, signature: signature @ None } = part {
            *signature = beside.iter().find_map(|thought| match thought {
                Part::Thinking { text: same, signature } if same == text => signature.clone(),
                _ => None,
            });
        }
    }
}

/// Encrypted reasoning in a detail of `OpenRouter`'s whose `format` names another vendor than Anthropic. Only the
/// latter has encrypted thinking blocks of their own; what others encrypt belongs to an item or a call.
fn foreign_data(detail: &Object<'_>) -> Option<String> {
    let is_encrypted = lenient::text(detail, "type")? == "reasoning.encrypted";
    let format = lenient::text(detail, "format").filter(|format| !format.starts_with("anthropic"));
    format.filter(|_| is_encrypted).and_then(|_| lenient::text(detail, "data"))
}

fn thought(piece: Piece) -> Option<Part> {
    match piece {
        Piece::Thinking { text, signature, .. } => Some(Part::Thinking { text: settled(text), signature }),
        Piece::Redacted(data) => Some(Part::RedactedThinking { data }),
        _ => None,
    }
}

/// The content: a string, or a list of parts. An empty string is no content.
fn content(
    fields: &Fields<'_>,
    role: Role,
    parts: &mut Vec<Part>,
    extra: &mut Extra,
) -> Result<(), ApiError> {
    let Some(content) = fields.get("content") else { return Ok(()) };
    let items = match Kind::of(content) {
        Kind::String => {
            let text = POLICY.string(content, fields.path("content"))?;
            if !text.is_empty() {
                parts.push(Part::text(text));
            }
            return Ok(());
        }
        Kind::Object => vec![(fields.path("content"), content)],
        _ => fields.array("content")?,
    };
    for (path, item) in items {
        if role != Role::Assistant {
            parts.push(part(item, path)?);
            continue;
        }
        match said_part(item, &path)? {
            Some(part) => parts.push(part),
            None => _ = extra.insert(path, Json::carried(item)),
        }
    }
    Ok(())
}

/// A part of an earlier answer; `None` if it has no canonical form.
fn said_part(item: &RawValue, path: &str) -> Result<Option<Part>, ApiError> {
    let Some(object) = lenient::object(item) else { return part(item, path.to_owned()).map(Some) };
    let text = |name| lenient::text(&object, name).unwrap_or_default();
    Ok(match text("type").as_str() {
        "text" | "output_text" | "input_text" if object.get_set("text").is_none() => Some(Part::text("")),
        "text" => Some(part(item, path.to_owned())?),
        "output_text" | "input_text" => Some(Part::text(text("text"))),
        "refusal" => Some(Part::Refusal { text: text("refusal") }),
        "thinking" | "reasoning" | "reasoning_text" | "summary_text" => {
            answer::thinking_part(&object).and_then(thought).or_else(|| Some(Part::text("")))
        }
        "redacted_thinking" => lenient::text(&object, "data").map(|data| Part::RedactedThinking { data }),
        "tool_use" => lenient::text(&object, "id").zip(lenient::text(&object, "name")).map(|(id, name)| {
            let arguments = object.get_set("input").map_or("{}", RawValue::get).to_owned();
            Part::ToolCall { id, name, arguments, signature: None, cache: None }
        }),
        "image_url" | "input_audio" | "file" => part(item, path.to_owned()).ok(),
        _ => None,
    })
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
            let (url, detail) = address(&fields, "image_url", "detail")?;
            Part::Image { media: Media::from_url(&url), detail, cache }
        }
        "input_audio" => audio(&fields.required_object("input_audio")?)?,
        "file" => file(&fields.required_object("file")?, cache)?,
        // What other services with this dialect have for documents (Mistral, Perplexity) and films (Qwen, OpenRouter).
        kind @ ("document_url" | "file_url") => {
            let (data, _) = address(&fields, kind, "")?;
            let name = fields.string("document_name")?.or(fields.string("file_name")?);
            Part::File { media: document(data), name, cache }
        }
        "video_url" => {
            let (url, _) = address(&fields, "video_url", "")?;
            let media = match Media::from_url(&url) {
                Media::Url { url, .. } => Media::Url { media_type: Some(film_type(&url).to_owned()), url },
                media => media,
            };
            Part::File { media, name: None, cache }
        }
        "refusal" => Part::Refusal { text: fields.required_string("refusal")? },
        _ => {
            return Err(
                fields.invalid("type", "must be `text`, `image_url`, `input_audio`, `file` or `refusal`")
            );
        }
    })
}

/// The URL in an object, and its `option`. A plain URL is common, though not documented.
fn address(fields: &Fields<'_>, name: &str, option: &str) -> Result<(String, Option<String>), ApiError> {
    match fields.get(name) {
        Some(url) if Kind::of(url) == Kind::String => Ok((POLICY.string(url, fields.path(name))?, None)),
        _ => {
            let object = fields.required_object(name)?;
            Ok((object.required_string("url")?, object.string(option)?))
        }
    }
}

/// The media type of a film by the extension of its URL. Services fetch films of any address, so most have none.
fn film_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
        Some("webm") => "video/webm",
        Some("mov") => "video/quicktime",
        Some("mpeg" | "mpg") => "video/mpeg",
        _ => "video/mp4",
    }
}

/// A document, given by a URL or inline.
fn document(data: String) -> Media {
    if data.contains(':') { Media::from_url(&data) } else { Media::inline("application/pdf", data) }
}

fn audio(fields: &Fields<'_>) -> Result<Part, ApiError> {
    let data = fields.required_string("data")?;
    let media_type = match fields.string("format")?.as_deref() {
        Some("mp3") => "audio/mpeg".to_owned(),
        Some(format) => format!("audio/{format}"),
        None => "audio/wav".to_owned(),
    };
    let media = match Media::from_url(&data) {
        inline @ Media::Base64 { .. } => inline,
        _ if data.starts_with("https://") || data.starts_with("http://") => {
            Media::at(data, Some(&media_type))
        }
        _ => Media::inline(&media_type, data),
    };
    Ok(Part::Audio { media })
}

fn file(fields: &Fields<'_>, cache: Option<CacheControl>) -> Result<Part, ApiError> {
    let name = fields.string("filename")?;
    let media = match (fields.string("file_data")?, fields.string("file_id")?) {
        (Some(data), _) => document(data),
        (None, Some(id)) => Media::FileId { id },
        (None, None) => return Err(fields.missing("file_data")),
    };
    Ok(Part::File { media, name, cache })
}

/// A call; `None` if it is of a kind that the gateway does not know.
fn tool_call(fields: &Fields<'_>, message: usize, position: usize) -> Result<Option<Part>, ApiError> {
    let is_custom = match fields.string("type")?.as_deref() {
        None | Some("function") => false,
        Some("custom") => true,
        Some(_) if fields.get("function").is_some() => false,
        Some(_) => return Ok(None),
    };
    let (called, input) = if is_custom {
        (fields.required_object("custom")?, "input")
    } else {
        (fields.required_object("function")?, "arguments")
    };
    let id = fields.string("id")?.filter(|id| !id.is_empty());
    Ok(Some(Part::ToolCall {
        id: id.unwrap_or_else(|| format!("call_{message}_{position}")),
        name: called.required_string("name")?,
        arguments: arguments(&called, input)?,
        signature: signature(fields)?,
        cache: cache_of(fields)?,
    }))
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
        all(request::ChatRequest::parse(body.as_bytes())?.messages(), &mut Extra::new())
    }

    /// The parts of an answer given back, and the paths of what has no form.
    fn given_back(json: &str) -> (Vec<Part>, Vec<String>) {
        let body = format!(r#"{{"model":"m","messages":[{json}]}}"#);
        let mut extra = Extra::new();
        let request = request::ChatRequest::parse(body.as_bytes()).unwrap();
        let parts = all(request.messages(), &mut extra).unwrap().remove(0).parts;
        (parts, extra.into_keys().collect())
    }

    fn thinking(text: &str, signature: Option<&str>) -> Part {
        Part::Thinking { text: text.into(), signature: signature.map(Into::into) }
    }

    #[test]
    fn thoughts_in_the_content_are_not_told_again() {
        let (parts, extra) = given_back(
            r#"{"role":"assistant","reasoning_content":"t1t2","reasoning_details":[{"type":"reasoning.text","text":"t1"}],
            "thinking_blocks":[{"type":"thinking","thinking":"t1","signature":"s1"},{"type":"thinking","thinking":"t2","signature":"s2"}],
            "content":[{"type":"thinking","thinking":"t1","signature":"s1"},{"type":"text","text":"a"},
            {"type":"thinking","thinking":"t2"},{"type":"text","text":"b"}]}"#,
        );
        let expected =
            [thinking("t1", Some("s1")), Part::text("a"), thinking("t2", Some("s2")), Part::text("b")];
        assert_eq!(parts, expected);
        assert_eq!(extra, Vec::<String>::new());
    }

    #[test]
    fn answers_of_every_provider_may_come_back() {
        for (json, expected, carried) in [
            (
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}],"closed":true},{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]}"#,
                vec![thinking("hm", None), Part::text("a")],
                vec!["messages[0].content[2]"],
            ),
            (
                r#"{"role":"assistant","content":"a","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s","format":"anthropic-claude-v1"},{"type":"reasoning.encrypted","data":"d"}]}"#,
                vec![thinking("hm", Some("s")), Part::RedactedThinking { data: "d".into() }, Part::text("a")],
                vec![],
            ),
            (
                r#"{"role":"assistant","content":"a","reasoning_details":[{"type":"reasoning.summary","summary":"sum"},{"type":"reasoning.encrypted","data":"d","format":"openai-responses-v1"}]}"#,
                vec![thinking("sum", None), Part::text("a")],
                vec!["messages[0].reasoning_details[1]"],
            ),
            (
                r#"{"role":"assistant","content":null,"reasoning_content":"hm","function_call":{"name":"","arguments":""},"tool_calls":null,"refusal":null,"audio":null}"#,
                vec![thinking("hm", None)],
                vec![],
            ),
            (
                r#"{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"output_text","text":"a"},{"type":"hologram"},{"type":"text","text":null}],"thinking_blocks":[{"type":"x"},7]}"#,
                vec![Part::text("a"), Part::text("")],
                vec![
                    "messages[0].content[0]",
                    "messages[0].content[2]",
                    "messages[0].thinking_blocks[0]",
                    "messages[0].thinking_blocks[1]",
                ],
            ),
            (
                r#"{"role":"assistant","content":"a","images":[{"type":"image_url","image_url":{"url":"https://a.example/x.png"}}],"audio":{"data":"AAAA","transcript":"spoken"},"tool_calls":[{"type":"web_search_call","id":"x"}]}"#,
                vec![
                    Part::text("a"),
                    Part::text("spoken"),
                    Part::Image {
                        media: Media::from_url("https://a.example/x.png"),
                        detail: None,
                        cache: None,
                    },
                ],
                vec!["messages[0].tool_calls[0]"],
            ),
        ] {
            let (parts, extra) = given_back(json);
            assert_eq!(parts, expected, "{json}");
            assert_eq!(extra, carried, "{json}");
        }
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
            {"type":"file","file":{"file_id":"file-1"}},
            {"type":"document_url","document_url":"https://a.example/x.pdf","document_name":"x"},
            {"type":"file_url","file_url":{"url":"DDDD"},"file_name":"y"},
            {"type":"video_url","video_url":{"url":"https://a.example/film.webm?x=1"}},
            {"type":"video_url","video_url":"data:video/mp4;base64,EEEE"}]}"#,
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
        assert!(
            matches!(&read[6], Part::File { name: Some(name), media: Media::Url { .. }, .. } if name == "x")
        );
        assert!(
            matches!(&read[7], Part::File { name: Some(name), media: Media::Base64 { .. }, .. } if name == "y")
        );
        assert!(
            matches!(&read[8], Part::File { media: Media::Url { media_type: Some(film), .. }, .. } if film == "video/webm")
        );
        assert!(
            matches!(&read[9], Part::File { media: Media::Base64 { media_type, .. }, .. } if media_type == "video/mp4")
        );
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
            (r#"{"role":"user","content":"\ud800"}"#, "invalid_value", "messages[0].content"),
        ] {
            let error = messages(json).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{json}");
        }
    }
}
