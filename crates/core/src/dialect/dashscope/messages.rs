//! Encodes the messages.
//!
//! The service requires one system message, first; no two adjacent messages with the same role; tool results one by
//! one right after the calls; and a last message that is not the model's, except one marked as a prefilled answer.

use serde::Serialize;

use super::Endpoint;
use crate::dialect::canonical::{CacheControl, ChatRequest, Media, Message as Said, Part, Role};
use crate::dialect::upstream::constraints;
use crate::dialect::upstream::history;
use crate::dialect::upstream::paragraph::paragraph;

/// A message as the service expects it.
#[derive(Debug, Serialize)]
pub struct Message {
    role: &'static str,
    content: Content,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Pieces(Vec<Piece>),
}

#[derive(Debug, Default, Serialize)]
struct Piece {
    /// Only text models have types of content parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Ephemeral>,
}

#[derive(Debug, Serialize)]
struct Ephemeral {
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct ToolCall {
    id: String,
    r#type: &'static str,
    function: FunctionCall,
    index: usize,
}

#[derive(Debug, Serialize)]
struct FunctionCall {
    name: String,
    arguments: String,
}

/// The encoded messages.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether an image is to be processed in high resolution.
    pub high_resolution: bool,
}

/// Encodes the messages for an endpoint; what cannot be expressed is named in `dropped`. `instruction` is added to
/// the system message.
pub fn encode(
    request: &ChatRequest,
    endpoint: Endpoint,
    instruction: Option<&str>,
    dropped: &mut Vec<String>,
) -> Conversation {
    let history = history::settled(&request.messages, &constraints::DASHSCOPE.call_id);
    let earlier = dropped.len();
    let mut writer = Writer {
        dropped,
        drafts: Vec::new(),
        system: Draft::new(Role::System),
        high_resolution: false,
        shown: Vec::new(),
    };
    for (index, message) in history.messages.iter().enumerate() {
        writer.message(index, history.role_of(index), message);
    }
    writer.show();
    history.restore_places(writer.dropped.get_mut(earlier..).unwrap_or_default());
    if let Some(instruction) = instruction {
        writer.system.separate();
        writer.system.text(instruction.to_owned(), None);
    }
    let Writer { mut drafts, mut system, high_resolution, .. } = writer;
    if let Some(last) = drafts.last_mut().filter(|last| last.role == Role::Assistant && last.calls.is_empty())
    {
        last.partial = Some(true);
    }
    if drafts.is_empty() {
        // Instructions alone are the question.
        let mut question =
            Draft { role: Role::User, ..std::mem::replace(&mut system, Draft::new(Role::System)) };
        if question.pieces.is_empty() {
            question.text(history::FILLER.to_owned(), None);
        }
        drafts.push(question);
    }
    let is_said = |draft: &Draft| draft.role != Role::System || !draft.pieces.is_empty();
    let drafts = std::iter::once(system).filter(is_said).chain(drafts);
    Conversation { messages: drafts.map(|draft| draft.written(endpoint)).collect(), high_resolution }
}

/// The URL of media of a type that the service accepts.
fn accepted_url(media: &Media) -> Option<String> {
    let is_accepted = |kind: &str| constraints::DASHSCOPE.media.find(kind).is_some();
    media.to_url().filter(|_| media.media_type().is_none_or(is_accepted))
}

struct Writer<'a> {
    dropped: &'a mut Vec<String>,
    system: Draft,
    drafts: Vec<Draft>,
    high_resolution: bool,
    /// Images of tool results, which follow in a user message after the last result.
    shown: Vec<Piece>,
}

#[derive(Debug)]
struct Draft {
    role: Role,
    pieces: Vec<Piece>,
    reasoning: String,
    calls: Vec<ToolCall>,
    tool_call_id: Option<String>,
    partial: Option<bool>,
}

impl Draft {
    fn new(role: Role) -> Self {
        Self {
            role,
            pieces: Vec::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            tool_call_id: None,
            partial: None,
        }
    }

    fn text(&mut self, text: String, cache: Option<&CacheControl>) {
        let cache_control = cache.map(|_| Ephemeral { r#type: "ephemeral" });
        self.pieces.push(Piece { text: Some(text), cache_control, ..Piece::default() });
    }

    /// Separates what follows from the text before.
    fn separate(&mut self) {
        if let Some(Piece { text: Some(text), .. }) = self.pieces.last_mut() {
            text.push_str("\n\n");
        }
    }

    fn written(self, endpoint: Endpoint) -> Message {
        let role = match self.role {
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let has_marks = self.pieces.iter().any(|piece| piece.cache_control.is_some());
        let content = match endpoint {
            Endpoint::MultimodalGeneration if self.pieces.is_empty() => {
                Content::Pieces(vec![Piece { text: Some(String::new()), ..Piece::default() }])
            }
            Endpoint::MultimodalGeneration => Content::Pieces(self.pieces),
            Endpoint::TextGeneration if has_marks => {
                let typed = |piece| Piece { r#type: Some("text"), ..piece };
                Content::Pieces(self.pieces.into_iter().map(typed).collect())
            }
            Endpoint::TextGeneration => {
                let texts = self.pieces.into_iter().filter_map(|piece| piece.text);
                Content::Text(match self.role {
                    Role::Assistant => texts.collect(),
                    _ => texts.fold(String::new(), |mut joined, text| {
                        paragraph(&mut joined, &text);
                        joined
                    }),
                })
            }
        };
        Message {
            role,
            content,
            reasoning_content: self.reasoning,
            tool_calls: self.calls,
            tool_call_id: self.tool_call_id,
            partial: self.partial,
        }
    }
}

impl Writer<'_> {
    fn message(&mut self, index: usize, role: Role, message: &Said) {
        if message.name.is_some() {
            self.dropped.push(format!("messages[{index}].name"));
        }
        if message.role != Role::Tool {
            self.show();
        }
        let role = if role == Role::Developer { Role::System } else { role };
        let mut is_begun = false;
        for (number, part) in message.parts.iter().enumerate() {
            let path = format!("messages[{index}].content[{number}]");
            if let Part::ToolResult { call_id, parts, is_error, cache, .. } = part {
                self.tool_result(&path, call_id, parts, *is_error, cache.as_ref());
                is_begun = false;
                continue;
            }
            if !is_begun {
                is_begun = true;
                self.begin(role);
            }
            self.part(&path, role, part);
        }
    }

    /// Writes the images of the results so far.
    fn show(&mut self) {
        if self.shown.is_empty() {
            return;
        }
        self.begin(Role::User);
        if let Some(draft) = self.drafts.last_mut() {
            draft.pieces.append(&mut self.shown);
        }
    }

    /// Ensures that the last message has this role.
    fn begin(&mut self, role: Role) {
        if role == Role::System {
            self.system.separate();
            return;
        }
        match self.drafts.last_mut() {
            Some(last) if last.role == role && role != Role::Tool => last.separate(),
            _ => self.drafts.push(Draft::new(role)),
        }
    }

    fn draft(&mut self, role: Role) -> &mut Draft {
        if role == Role::System {
            return &mut self.system;
        }
        if self.drafts.is_empty() {
            self.drafts.push(Draft::new(role));
        }
        match self.drafts.last_mut() {
            Some(last) => last,
            None => &mut self.system,
        }
    }

    fn part(&mut self, path: &str, role: Role, part: &Part) {
        match part {
            Part::Text { text, cache, .. } => {
                self.note_ttl(path, cache.as_ref());
                self.draft(role).text(text.clone(), cache.as_ref());
            }
            Part::Refusal { text } => self.draft(role).text(text.clone(), None),
            Part::Image { media, detail, cache } => {
                self.note_ttl(path, cache.as_ref());
                self.high_resolution |= detail.as_deref() == Some("high");
                let cache_control = cache.as_ref().map(|_| Ephemeral { r#type: "ephemeral" });
                let piece = accepted_url(media).map(|url| Piece {
                    image: Some(url),
                    cache_control,
                    ..Piece::default()
                });
                self.media(path, role, piece);
            }
            Part::Audio { media } => {
                let piece = accepted_url(media).map(|url| Piece { audio: Some(url), ..Piece::default() });
                self.media(path, role, piece);
            }
            Part::File { media, cache, .. } if media.words().is_some() => {
                self.note_ttl(path, cache.as_ref());
                self.draft(role).text(media.words().unwrap_or_default(), cache.as_ref());
            }
            // Uploaded documents are referred to in a system message.
            Part::File { media: Media::FileId { id }, .. } => {
                self.system.separate();
                self.system.text(format!("fileid://{id}"), None);
            }
            Part::ToolCall { id, name, arguments, signature, .. } if role == Role::Assistant => {
                if signature.is_some() {
                    self.dropped.push(format!("{path}.signature"));
                }
                let calls = &mut self.draft(role).calls;
                let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments.clone() };
                let function = FunctionCall { name: name.clone(), arguments };
                calls.push(ToolCall { id: id.clone(), r#type: "function", function, index: calls.len() });
            }
            Part::Thinking { text, signature } if role == Role::Assistant => {
                if signature.is_some() {
                    self.dropped.push(format!("{path}.signature"));
                }
                self.draft(role).reasoning.push_str(text);
            }
            Part::File { .. }
            | Part::ToolCall { .. }
            | Part::ToolResult { .. }
            | Part::Thinking { .. }
            | Part::RedactedThinking { .. }
            | Part::ProviderBlock { .. } => self.dropped.push(path.to_owned()),
        }
    }

    fn media(&mut self, path: &str, role: Role, piece: Option<Piece>) {
        match piece {
            Some(piece) => self.draft(role).pieces.push(piece),
            None => self.dropped.push(path.to_owned()),
        }
    }

    fn tool_result(
        &mut self,
        path: &str,
        call_id: &str,
        parts: &[Part],
        is_error: bool,
        cache: Option<&CacheControl>,
    ) {
        self.note_ttl(path, cache);
        if is_error {
            self.dropped.push(format!("{path}.is_error"));
        }
        let mut draft = Draft { tool_call_id: Some(call_id.to_owned()), ..Draft::new(Role::Tool) };
        let mut text = String::new();
        for (number, part) in parts.iter().enumerate() {
            match part {
                Part::Text { text: piece, .. } | Part::Refusal { text: piece } => paragraph(&mut text, piece),
                Part::Image { media, .. } => match accepted_url(media) {
                    Some(url) => self.shown.push(Piece { image: Some(url), ..Piece::default() }),
                    None => self.dropped.push(format!("{path}.content[{number}]")),
                },
                _ => self.dropped.push(format!("{path}.content[{number}]")),
            }
        }
        draft.text(text, cache);
        self.drafts.push(draft);
    }

    /// The service has one kind of cache mark, which lasts five minutes.
    fn note_ttl(&mut self, path: &str, cache: Option<&CacheControl>) {
        if cache.and_then(|cache| cache.ttl.as_deref()).is_some_and(|ttl| ttl != "5m") {
            self.dropped.push(format!("{path}.cache_control.ttl"));
        }
    }
}
