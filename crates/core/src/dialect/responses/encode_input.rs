//! Encodes messages as input items for a service with the Responses API.
//!
//! A message of the assistant becomes several items in its order: reasoning, text, calls. Reasoning is sent back only to
//! the service that sealed it, and only with what follows it, because the service refuses the one without the other.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::reasoning_seal::Seal;
use crate::dialect::canonical::{Media, Message, Part, Role};
use crate::dialect::upstream::history::FILLER;
use crate::dialect::upstream::paragraph::paragraph;

/// An item of the input.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum InputItem<'a> {
    Message {
        role: &'static str,
        content: Content<'a>,
    },
    Reasoning {
        #[serde(skip_serializing_if = "String::is_empty")]
        id: String,
        summary: Vec<Summary<'a>>,
        encrypted_content: String,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Content<'a>,
    },
    CustomToolCall {
        call_id: &'a str,
        name: &'a str,
        input: &'a str,
    },
    CustomToolCallOutput {
        call_id: &'a str,
        output: Content<'a>,
    },
}

/// Content in its simplest form: a text, unless a list is needed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Piece<'a> {
    InputText {
        text: Cow<'a, str>,
    },
    OutputText {
        text: &'a str,
        annotations: [(); 0],
    },
    Refusal {
        refusal: &'a str,
    },
    InputImage {
        #[serde(skip_serializing_if = "Option::is_none")]
        image_url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
        detail: &'a str,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
    },
    InputAudio {
        input_audio: Audio<'a>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Audio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Summary<'a> {
    SummaryText { text: &'a str },
}

/// The messages in this dialect.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    /// Instructions before the first turn.
    pub(super) instructions: Option<String>,
    pub(super) items: Vec<InputItem<'a>>,
    /// Names of parts that could not be expressed.
    pub(super) dropped: Vec<String>,
    /// Whether a cache mark could not be expressed.
    pub(super) lost_cache: bool,
}

/// Whether a message contains audio.
pub(super) fn has_audio(messages: &[Message]) -> bool {
    messages.iter().flat_map(|message| &message.parts).any(|part| matches!(part, Part::Audio { .. }))
}

/// Writes all messages. `custom` are the names of tools with free-text input.
pub(super) fn write<'a>(messages: &'a [Message], host: &str, custom: &[String]) -> Written<'a> {
    let mut writer = Writer { host, custom, custom_calls: Vec::new(), written: Written::default() };
    let is_instruction = |message: &&Message| matches!(message.role, Role::System | Role::Developer);
    let leading = messages.iter().take_while(is_instruction).count();
    let mut instructions: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        writer.name(index, message);
        if index < leading {
            instructions.extend(writer.instruction(index, message));
        } else {
            writer.message(index, message);
        }
    }
    let mut text = String::new();
    for more in instructions {
        paragraph(&mut text, more);
    }
    let mut written = writer.written;
    if written.items.is_empty() && text.is_empty() {
        let content = Content::Text(Cow::Borrowed(FILLER));
        written.items.push(InputItem::Message { role: "user", content });
    }
    if written.items.is_empty() {
        // A request without input is refused.
        let content = Content::Text(Cow::Owned(text));
        written.items.push(InputItem::Message { role: "developer", content });
        return written;
    }
    Written { instructions: (!text.is_empty()).then_some(text), ..written }
}

struct Writer<'a, 'b> {
    host: &'b str,
    custom: &'b [String],
    /// Calls of tools with free-text input.
    custom_calls: Vec<&'a str>,
    written: Written<'a>,
}

impl<'a> Writer<'a, '_> {
    fn name(&mut self, index: usize, message: &Message) {
        if message.name.is_some() {
            self.written.dropped.push(format!("messages[{index}].name"));
        }
    }

    /// The texts of instructions.
    fn instruction(&mut self, index: usize, message: &'a Message) -> Vec<&'a str> {
        let mut texts = Vec::new();
        for (position, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text { text, cache, .. } => {
                    self.written.lost_cache |= cache.is_some();
                    texts.push(text.as_str());
                }
                _ => self.drop(index, position),
            }
        }
        texts
    }

    fn message(&mut self, index: usize, message: &'a Message) {
        match message.role {
            Role::System | Role::Developer => {
                let role = if message.role == Role::System { "system" } else { "developer" };
                let texts = self.instruction(index, message).into_iter();
                let pieces = texts.map(|text| Piece::InputText { text: text.into() }).collect();
                self.written.items.push(InputItem::Message { role, content: simplest(pieces) });
            }
            Role::User | Role::Tool => self.said(index, message),
            Role::Assistant => self.answer(index, message),
        }
    }

    /// A message of the user, or results of tools, or both.
    fn said(&mut self, index: usize, message: &'a Message) {
        let mut pieces = Vec::new();
        let mut has_results = false;
        for (position, part) in message.parts.iter().enumerate() {
            if let Part::ToolResult { call_id, parts, is_error, cache, .. } = part {
                has_results = true;
                self.written.lost_cache |= cache.is_some();
                self.result(call_id, parts, *is_error, (index, position));
            } else {
                pieces.extend(self.piece(part, (index, position)));
            }
        }
        if !pieces.is_empty() || !has_results {
            self.written.items.push(InputItem::Message { role: "user", content: simplest(pieces) });
        }
    }

    fn result(&mut self, call_id: &'a str, parts: &'a [Part], is_error: bool, at: (usize, usize)) {
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        for part in parts {
            pieces.extend(self.piece(part, at));
        }
        if is_error {
            say_error(&mut pieces);
        }
        let output = simplest(pieces);
        self.written.items.push(if self.custom_calls.contains(&call_id) {
            InputItem::CustomToolCallOutput { call_id, output }
        } else {
            InputItem::FunctionCallOutput { call_id, output }
        });
    }

    /// An answer of the model.
    fn answer(&mut self, index: usize, message: &'a Message) {
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        // Reasoning that waits for what follows it, and where it stood.
        let mut thoughts: Vec<(usize, InputItem<'a>)> = Vec::new();
        for (position, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text { text, citations, cache } => {
                    self.written.lost_cache |= cache.is_some();
                    if !citations.is_empty() {
                        self.written.dropped.push(format!("messages[{index}].content[{position}].citations"));
                    }
                    if text.is_empty() {
                        continue;
                    }
                    self.release(&mut thoughts);
                    pieces.push(Piece::OutputText { text, annotations: [] });
                }
                Part::Refusal { text } => {
                    self.release(&mut thoughts);
                    pieces.push(Piece::Refusal { refusal: text });
                }
                Part::Thinking { text, signature } => {
                    self.close(&mut pieces);
                    match signature.as_deref().and_then(|signature| Seal::read(signature, self.host)) {
                        Some(seal) => thoughts.push((position, reasoning(seal, text))),
                        None => self.drop(index, position),
                    }
                }
                Part::ToolCall { id, name, arguments, signature, cache } => {
                    self.written.lost_cache |= cache.is_some();
                    if signature.is_some() {
                        self.written.dropped.push(format!("messages[{index}].content[{position}].signature"));
                    }
                    self.close(&mut pieces);
                    self.release(&mut thoughts);
                    self.call(id, name, arguments);
                }
                _ => self.drop(index, position),
            }
        }
        self.close(&mut pieces);
        for (position, _) in thoughts {
            self.drop(index, position);
        }
    }

    fn call(&mut self, call_id: &'a str, name: &'a str, arguments: &'a str) {
        self.written.items.push(if self.custom.iter().any(|custom| custom == name) {
            self.custom_calls.push(call_id);
            InputItem::CustomToolCall { call_id, name, input: arguments }
        } else {
            // Services parse the arguments as JSON, and an empty text is invalid.
            let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
            InputItem::FunctionCall { call_id, name, arguments }
        });
    }

    /// Writes the reasoning that something now follows.
    fn release(&mut self, thoughts: &mut Vec<(usize, InputItem<'a>)>) {
        self.written.items.extend(thoughts.drain(..).map(|(_, item)| item));
    }

    /// Writes the text so far as a message.
    fn close(&mut self, pieces: &mut Vec<Piece<'a>>) {
        match pieces.as_slice() {
            [] => {}
            [Piece::OutputText { text, .. }] => {
                let content = Content::Text(Cow::Borrowed(text));
                pieces.clear();
                self.written.items.push(InputItem::Message { role: "assistant", content });
            }
            _ => {
                let content = Content::Pieces(std::mem::take(pieces));
                self.written.items.push(InputItem::Message { role: "assistant", content });
            }
        }
    }

    /// Content of the user or of a result; `None` if the dialect cannot express it.
    fn piece(&mut self, part: &'a Part, (index, position): (usize, usize)) -> Option<Piece<'a>> {
        match part {
            Part::Text { text, cache, .. } => {
                self.written.lost_cache |= cache.is_some();
                Some(Piece::InputText { text: text.into() })
            }
            Part::Image { media, detail, cache } => {
                self.written.lost_cache |= cache.is_some();
                let file_id = match media {
                    Media::FileId { id } => Some(id.as_str()),
                    _ => None,
                };
                let detail = detail.as_deref().unwrap_or("auto");
                Some(Piece::InputImage { image_url: media.to_url(), file_id, detail })
            }
            Part::File { media, name, cache } => {
                self.written.lost_cache |= cache.is_some();
                Some(file(media, name.as_deref()))
            }
            Part::Audio { media: Media::Base64 { media_type, data } } => {
                let format = audio_format(media_type);
                Some(Piece::InputAudio { input_audio: Audio { data, format } })
            }
            _ => {
                self.drop(index, position);
                None
            }
        }
    }

    fn drop(&mut self, message: usize, part: usize) {
        let name = format!("messages[{message}].content[{part}]");
        if self.written.dropped.last() != Some(&name) {
            self.written.dropped.push(name);
        }
    }
}

fn reasoning(seal: Seal, text: &str) -> InputItem<'_> {
    let summary = if text.is_empty() { Vec::new() } else { vec![Summary::SummaryText { text }] };
    InputItem::Reasoning { id: seal.id, summary, encrypted_content: seal.encrypted }
}

fn file<'a>(media: &'a Media, name: Option<&'a str>) -> Piece<'a> {
    let empty =
        |filename, file_data, file_url, file_id| Piece::InputFile { filename, file_data, file_url, file_id };
    match media {
        Media::Url { url, .. } => empty(None, None, Some(url.as_str()), None),
        Media::FileId { id } => empty(None, None, None, Some(id.as_str())),
        Media::Base64 { media_type, data } => {
            // Plain text is sent as text, which every service reads.
            match media_type.starts_with("text/").then(|| decode_text(data)).flatten() {
                Some(text) => Piece::InputText { text: Cow::Owned(text) },
                None => empty(Some(name.unwrap_or("document.pdf")), media.to_url(), None, None),
            }
        }
    }
}

fn decode_text(data: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(data).ok()?).ok()
}

/// The name of an audio format in this dialect.
fn audio_format(media_type: &str) -> &str {
    match media_type {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "wav",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

/// Marks the text of a failed result, unless it is marked.
fn say_error(pieces: &mut Vec<Piece<'_>>) {
    let text = pieces.iter_mut().find_map(|piece| match piece {
        Piece::InputText { text } => Some(text),
        _ => None,
    });
    match text {
        Some(text) => {
            let says_so = text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"));
            if !says_so {
                text.to_mut().insert_str(0, "Error: ");
            }
        }
        None => pieces.insert(0, Piece::InputText { text: "Error: the tool failed.".into() }),
    }
}

/// The content in its simplest form.
fn simplest(mut pieces: Vec<Piece<'_>>) -> Content<'_> {
    match pieces.as_slice() {
        [] => Content::Text(Cow::Borrowed("")),
        [Piece::InputText { .. }] => match pieces.pop() {
            Some(Piece::InputText { text }) => Content::Text(text),
            other => Content::Pieces(other.into_iter().collect()),
        },
        _ => Content::Pieces(pieces),
    }
}
