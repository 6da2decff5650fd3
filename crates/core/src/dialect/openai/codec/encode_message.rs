//! Encodes the messages of a request.
//!
//! The history is in order already ([`history`](crate::dialect::upstream::history)). Every tool result becomes a
//! message of its own; images and files in a result, which this dialect does not support there, follow in a user
//! message after the last result; a failed result is marked in its text.

use std::borrow::Cow;

use super::maker::Maker;
use super::wire::{
    AudioIn, BlockOut, CacheOut, CallOut, CalledOut, ContentOut, CustomCallOut, ExtraContent, FileOut, IdOut,
    ImageOut, MessageOut, PartOut,
};
use crate::dialect::canonical::{CacheControl, Json, Media, Message, Part, Role};
use crate::dialect::upstream::constraints::OPENAI_CHAT;
use crate::dialect::upstream::history::{FILLER, History};
use crate::dialect::upstream::paragraph::paragraph;

/// Appends a text to another.
type Join = fn(&mut String, &str);

/// Properties of the upstream.
#[derive(Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "properties that have nothing to do with each other")]
pub(super) struct Rules {
    /// The role `developer`, a field for refusals, text in several parts.
    pub current_api: bool,
    /// Reasoning of earlier answers.
    pub thinking: bool,
    /// Cache marks.
    pub cache: bool,
    /// Only the media types that `OpenAI` documents.
    pub own_media_types: bool,
    /// The maker of the model.
    pub maker: Maker,
}

/// The encoder of messages.
pub(super) struct Lowering<'a> {
    rules: Rules,
    /// Tools with free-text input.
    custom_tools: Vec<String>,
    /// Names of parts that could not be expressed.
    pub dropped: Vec<String>,
    /// Whether a cache mark could not be expressed.
    pub lost_cache: bool,
    written: Vec<MessageOut<'a>>,
    /// Pictures and files of results, which wait for the next user message because nothing may come between results.
    waiting: Vec<PartOut<'a>>,
}

impl<'a> Lowering<'a> {
    /// Without any messages.
    pub fn new(rules: Rules, custom_tools: Vec<String>) -> Self {
        Self {
            rules,
            custom_tools,
            dropped: Vec::new(),
            lost_cache: false,
            written: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// All messages.
    pub fn all(&mut self, history: &'a History<'_>) -> Vec<MessageOut<'a>> {
        for (index, message) in history.messages.iter().enumerate() {
            let role = match self.rules.maker {
                Maker::Mistral => history.role_of(index),
                _ => message.role,
            };
            match role {
                Role::System => self.instructions("system", message, index),
                Role::Developer => {
                    self.instructions(
                        if self.rules.current_api { "developer" } else { "system" },
                        message,
                        index,
                    );
                }
                Role::User | Role::Tool => self.user(message, index),
                Role::Assistant => self.assistant(message, index),
            }
        }
        self.flush();
        let mut written = std::mem::take(&mut self.written);
        if written.is_empty() {
            let content = Some(ContentOut::Text(Cow::Borrowed(FILLER)));
            written.push(MessageOut { role: "user", content, ..MessageOut::default() });
        }
        self.rules.maker.fit(&mut written);
        written
    }

    /// The name of a participant.
    fn name(&mut self, message: &'a Message, index: usize) -> Option<&'a str> {
        let name = message.name.as_deref()?;
        if self.rules.maker.takes_unknown_fields() {
            return Some(name);
        }
        self.dropped.push(format!("messages[{index}].name"));
        None
    }

    fn instructions(&mut self, role: &'static str, message: &'a Message, index: usize) {
        self.flush();
        let mut parts = Vec::new();
        for (position, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text { text, cache, .. } => parts.push(self.text(text, cache.as_ref())),
                _ => self.drop(index, position),
            }
        }
        let content = Some(self.content(parts, paragraph));
        let name = self.name(message, index);
        self.written.push(MessageOut { role, content, name, ..MessageOut::default() });
    }

    /// A user message, or results of tool calls, or both in one.
    fn user(&mut self, message: &'a Message, index: usize) {
        let mut said = Vec::new();
        for (position, part) in message.parts.iter().enumerate() {
            if let Part::ToolResult { call_id, parts, is_error, cache, .. } = part {
                self.result(call_id, parts, *is_error, cache.as_ref(), (index, position));
            } else if let Some(part) = self.said(part) {
                said.push(part);
            } else {
                self.drop(index, position);
            }
        }
        if message.role == Role::Tool {
            self.waiting.append(&mut said);
            return;
        }
        let holds_results = message.parts.iter().any(|part| matches!(part, Part::ToolResult { .. }));
        if said.is_empty() && holds_results {
            return;
        }
        let mut parts = std::mem::take(&mut self.waiting);
        parts.append(&mut said);
        let content = Some(self.content(parts, paragraph));
        let name = self.name(message, index);
        self.written.push(MessageOut { role: "user", content, name, ..MessageOut::default() });
    }

    fn result(
        &mut self,
        call_id: &'a str,
        parts: &'a [Part],
        is_error: bool,
        cache: Option<&'a CacheControl>,
        (index, position): (usize, usize),
    ) {
        let mut texts = Vec::new();
        let mut attached = Vec::new();
        for part in parts {
            match (part, self.said(part)) {
                (Part::Text { .. }, Some(text)) => texts.push(text),
                (_, Some(media)) => attached.push(media),
                (_, None) => self.drop(index, position),
            }
        }
        if is_error {
            say_error(&mut texts);
        }
        if let Some(mark) = self.mark(cache)
            && let Some(PartOut::Text { cache_control, .. }) = texts.last_mut()
        {
            cache_control.get_or_insert(mark);
        }
        if !attached.is_empty() {
            let text = format!("Attached to the result of tool call {call_id}:");
            self.waiting.push(PartOut::Text { text: text.into(), cache_control: None });
            self.waiting.append(&mut attached);
        }
        let content = Some(self.content(texts, paragraph));
        let tool_call_id = Some(call_id);
        self.written.push(MessageOut { role: "tool", content, tool_call_id, ..MessageOut::default() });
    }

    fn assistant(&mut self, message: &'a Message, index: usize) {
        self.flush();
        let name = self.name(message, index);
        let mut out = MessageOut { role: "assistant", name, ..MessageOut::default() };
        let mut parts = Vec::new();
        let mut blocks = Vec::new();
        let mut is_signed = false;
        for (position, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text { text, citations, cache } => {
                    if !citations.is_empty() {
                        self.dropped.push(format!("messages[{index}].content[{position}].citations"));
                    }
                    parts.push(self.text(text, cache.as_ref()));
                }
                Part::Thinking { text, signature } if self.rules.thinking => {
                    if !text.is_empty() {
                        out.reasoning_content.get_or_insert_default().push_str(text);
                    }
                    is_signed |= signature.is_some();
                    let (thinking, signature) = (Some(text.as_str()), signature.as_deref());
                    blocks.push(BlockOut::Thinking { index: None, thinking, signature });
                }
                Part::RedactedThinking { data } if self.rules.thinking => {
                    is_signed = true;
                    blocks.push(BlockOut::RedactedThinking { index: None, data: data.into() });
                }
                Part::Refusal { text } if self.rules.current_api => {
                    out.refusal.get_or_insert_default().push_str(text);
                }
                Part::Refusal { text } => parts.push(self.text(text, None)),
                Part::Audio { media: Media::FileId { id } } => out.audio = Some(IdOut { id }),
                Part::ToolCall { id, name, arguments, signature, cache } => {
                    self.lost_cache |= cache.is_some();
                    out.tool_calls.push(self.call(id, name, arguments, signature.as_deref()));
                }
                _ => self.drop(index, position),
            }
        }
        if is_signed {
            out.thinking_blocks = blocks;
        }
        let says_otherwise = !out.tool_calls.is_empty() || out.refusal.is_some() || out.audio.is_some();
        let is_empty = |part: &PartOut<'_>| matches!(part, PartOut::Text { text, .. } if text.is_empty());
        let has_thoughts = out.reasoning_content.is_some() || !out.thinking_blocks.is_empty();
        // Services refuse a message of the assistant that says nothing.
        if !says_otherwise && !has_thoughts && parts.iter().all(is_empty) {
            return;
        }
        if !parts.is_empty() || !says_otherwise {
            out.content = Some(self.content(parts, String::push_str));
        }
        self.written.push(out);
    }

    fn call(
        &self,
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
        signature: Option<&'a str>,
    ) -> CallOut<'a> {
        let extra_content = signature.map(ExtraContent::signature);
        let base = CallOut { id: Some(id), extra_content, ..CallOut::default() };
        if self.custom_tools.iter().any(|custom| custom == name) {
            return CallOut {
                r#type: Some("custom"),
                custom: Some(CustomCallOut { name, input: arguments }),
                ..base
            };
        }
        // Services parse the arguments of earlier calls, and some take only an object.
        let arguments = Some(Json::arguments_text(arguments));
        CallOut {
            r#type: Some("function"),
            function: Some(CalledOut { name: Some(name), arguments }),
            ..base
        }
    }

    /// Content of the user or of a result; `None` if the dialect cannot express it.
    fn said(&mut self, part: &'a Part) -> Option<PartOut<'a>> {
        match part {
            Part::Text { text, cache, .. } => Some(self.text(text, cache.as_ref())),
            Part::Image { media, detail, cache } if self.accepts(media) => {
                let image_url = ImageOut { url: media.to_url()?, detail: detail.as_deref() };
                Some(PartOut::ImageUrl { image_url, cache_control: self.mark(cache.as_ref()) })
            }
            Part::Audio { media: media @ Media::Base64 { media_type, data } } if self.accepts(media) => {
                Some(PartOut::InputAudio { input_audio: AudioIn { data, format: audio_format(media_type) } })
            }
            Part::File { media, name, cache } => self.file(media, name.as_deref(), cache.as_ref()),
            _ => None,
        }
    }

    fn file(
        &mut self,
        media: &'a Media,
        name: Option<&'a str>,
        cache: Option<&'a CacheControl>,
    ) -> Option<PartOut<'a>> {
        let file = match media {
            Media::Url { .. } => return None,
            Media::FileId { id } => FileOut { file_id: Some(id), ..FileOut::default() },
            Media::Base64 { media_type, data } => {
                // Only documents are accepted as files; text is sent as text.
                if let Some(text) = media.words() {
                    let text = Cow::Owned(text);
                    return Some(PartOut::Text { text, cache_control: self.mark(cache) });
                }
                if media_type.starts_with("image/") {
                    let image_url = ImageOut { url: media.to_url()?, detail: None };
                    let cache_control = self.mark(cache);
                    return self.accepts(media).then_some(PartOut::ImageUrl { image_url, cache_control });
                }
                if media_type.starts_with("audio/") {
                    let input_audio = AudioIn { data, format: audio_format(media_type) };
                    return self.accepts(media).then_some(PartOut::InputAudio { input_audio });
                }
                if !self.accepts(media) {
                    return None;
                }
                FileOut {
                    file_data: media.to_url(),
                    filename: Some(name.unwrap_or("document.pdf")),
                    ..FileOut::default()
                }
            }
        };
        Some(PartOut::File { file, cache_control: self.mark(cache) })
    }

    /// Whether the service accepts media of this type. What compatible services accept is not known.
    fn accepts(&self, media: &Media) -> bool {
        let accepted = |kind: &str| OPENAI_CHAT.media.find(kind).is_some();
        !self.rules.own_media_types || media.media_type().is_none_or(accepted)
    }

    fn text(&mut self, text: &'a str, cache: Option<&'a CacheControl>) -> PartOut<'a> {
        PartOut::Text { text: Cow::Borrowed(text), cache_control: self.mark(cache) }
    }

    fn mark(&mut self, cache: Option<&'a CacheControl>) -> Option<CacheOut<'a>> {
        self.lost_cache |= cache.is_some() && !self.rules.cache;
        cache.filter(|_| self.rules.cache).map(CacheOut::of)
    }

    /// The content in its simplest form: a string, unless a list is needed.
    fn content(&self, mut parts: Vec<PartOut<'a>>, join: Join) -> ContentOut<'a> {
        if parts.len() > 1 {
            parts.retain(|part| !matches!(part, PartOut::Text { text, .. } if text.is_empty()));
        }
        let is_plain = |part: &PartOut<'a>| matches!(part, PartOut::Text { cache_control: None, .. });
        if !parts.iter().all(is_plain) || (self.rules.current_api && parts.len() > 1) {
            return ContentOut::Parts(parts);
        }
        let mut texts = parts.drain(..).filter_map(|part| match part {
            PartOut::Text { text, .. } => Some(text),
            _ => None,
        });
        let mut joined = texts.next().unwrap_or_default();
        for text in texts {
            join(joined.to_mut(), &text);
        }
        ContentOut::Text(joined)
    }

    /// Writes what was held back.
    fn flush(&mut self) {
        if !self.waiting.is_empty() {
            let parts = std::mem::take(&mut self.waiting);
            let content = Some(self.content(parts, paragraph));
            self.written.push(MessageOut { role: "user", content, ..MessageOut::default() });
        }
    }

    fn drop(&mut self, message: usize, part: usize) {
        let name = format!("messages[{message}].content[{part}]");
        if self.dropped.last() != Some(&name) {
            self.dropped.push(name);
        }
    }
}

/// Marks the text of a failed result, unless it is marked.
fn say_error(texts: &mut Vec<PartOut<'_>>) {
    const PREFIX: &str = "Error: ";
    match texts.first_mut() {
        Some(PartOut::Text { text, .. }) => {
            let says_so = text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"));
            if !says_so {
                text.to_mut().insert_str(0, PREFIX);
            }
        }
        _ => texts.insert(0, PartOut::Text { text: "Error: the tool failed.".into(), cache_control: None }),
    }
}

/// The name of an audio format in this dialect.
fn audio_format(media_type: &str) -> &str {
    match OPENAI_CHAT.media.find(media_type) {
        Some((_, format)) => format,
        None => media_type.strip_prefix("audio/").unwrap_or(media_type),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(rules: Rules, messages: &[Message]) -> (Value, Vec<String>) {
        let mut lowering = Lowering::new(rules, vec!["shell".into()]);
        let history = History::as_given(messages);
        let written = lowering.all(&history);
        (serde_json::to_value(&written).unwrap(), lowering.dropped)
    }

    fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
        Part::ToolResult { call_id: id.into(), name: None, parts, is_error, cache: None }
    }

    fn call(name: &str, arguments: &str) -> Part {
        Part::ToolCall {
            id: "c".into(),
            name: name.into(),
            arguments: arguments.into(),
            signature: Some("sig".into()),
            cache: None,
        }
    }

    #[test]
    fn results_stand_together_and_pictures_follow_them() {
        let image =
            Part::Image { media: Media::from_url("https://a.example/x.png"), detail: None, cache: None };
        let messages = [
            Message::new(Role::Tool, vec![result("a", vec![Part::text("one"), image], false)]),
            Message::new(Role::User, vec![result("b", vec![Part::text("boom")], true), Part::text("go on")]),
        ];
        let (out, dropped) = written(Rules::default(), &messages);
        assert_eq!(
            out,
            json!([
                {"role":"tool","tool_call_id":"a","content":"one"},
                {"role":"tool","tool_call_id":"b","content":"Error: boom"},
                {"role":"user","content":[
                    {"type":"text","text":"Attached to the result of tool call a:"},
                    {"type":"image_url","image_url":{"url":"https://a.example/x.png"}},
                    {"type":"text","text":"go on"},
                ]},
            ])
        );
        assert!(dropped.is_empty());
    }

    #[test]
    fn an_answer_given_back() {
        let messages = [Message::new(
            Role::Assistant,
            vec![
                Part::Thinking { text: "hm".into(), signature: Some("s".into()) },
                Part::text("a"),
                Part::text("b"),
                call("f", ""),
                call("shell", "ls"),
            ],
        )];
        let rules = Rules { thinking: true, ..Rules::default() };
        let google = json!({"google":{"thought_signature":"sig"}});
        let (out, _) = written(rules, &messages);
        assert_eq!(
            out[0],
            json!({"role":"assistant","content":"ab","reasoning_content":"hm",
            "thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"s"}],
            "tool_calls":[
                {"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":google},
                {"id":"c","type":"custom","custom":{"name":"shell","input":"ls"},"extra_content":google},
            ]})
        );
        let (out, dropped) = written(Rules { current_api: true, ..Rules::default() }, &messages);
        assert_eq!(dropped, ["messages[0].content[0]"]);
        assert!(out[0].get("thinking_blocks").is_none() && out[0]["content"].as_array().unwrap().len() == 2);
    }

    #[test]
    fn instructions_files_and_what_cannot_be_said() {
        let file = |media_type: &str, data: &str| Part::File {
            media: Media::Base64 { media_type: media_type.into(), data: data.into() },
            name: None,
            cache: Some(CacheControl::default()),
        };
        let address = Media::Url { url: "https://a.example/a.pdf".into(), media_type: None };
        let messages = [
            Message::new(Role::Developer, vec![Part::text("x"), Part::text("y")]),
            Message::new(
                Role::User,
                vec![
                    file("text/plain", "aGk="),
                    file("application/pdf", "AAAA"),
                    Part::File { media: address, name: None, cache: None },
                    Part::Audio { media: Media::Base64 { media_type: "audio/wav".into(), data: "B".into() } },
                ],
            ),
        ];
        let (out, dropped) = written(Rules::default(), &messages);
        assert_eq!(out[0], json!({"role":"system","content":"x\n\ny"}));
        assert_eq!(
            out[1]["content"],
            json!([
                {"type":"text","text":"hi"},
                {"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"document.pdf"}},
                {"type":"input_audio","input_audio":{"data":"B","format":"wav"}},
            ])
        );
        assert_eq!(dropped, ["messages[1].content[2]"]);
        let (out, _) = written(Rules { cache: true, current_api: true, ..Rules::default() }, &messages);
        assert_eq!(out[0]["role"], "developer");
        assert_eq!(out[1]["content"][0]["cache_control"], json!({"type":"ephemeral"}));
    }

    #[test]
    fn an_answer_without_words_is_left_out() {
        for parts in [vec![], vec![Part::text("")]] {
            let asked = Message::new(Role::User, vec![Part::text("q")]);
            let (out, _) = written(Rules::default(), &[asked, Message::new(Role::Assistant, parts.clone())]);
            assert_eq!(out, json!([{"role": "user", "content": "q"}]));
            let (out, _) = written(Rules::default(), &[Message::new(Role::Assistant, parts)]);
            assert_eq!(out, json!([{"role": "user", "content": "Continue."}]));
        }
        let thought = Part::Thinking { text: "t".into(), signature: None };
        let thoughtful = [Message::new(Role::Assistant, vec![thought])];
        let (out, _) = written(Rules { thinking: true, ..Rules::default() }, &thoughtful);
        assert_eq!((&out[0]["reasoning_content"], &out[0]["content"]), (&json!("t"), &json!("")));
        let refusal = [Message::new(Role::Assistant, vec![Part::Refusal { text: "no".into() }])];
        assert_eq!(written(Rules::default(), &refusal).0[0]["content"], "no");
        let (out, _) = written(Rules { current_api: true, ..Rules::default() }, &refusal);
        assert_eq!((&out[0]["content"], &out[0]["refusal"]), (&Value::Null, &json!("no")));
    }
}
