//! The messages as `contents` and `systemInstruction` (<https://ai.google.dev/api/caching#Content>).
//!
//! The service requires: alternating turns of `user` and `model`, the first of them the user's; in the turn after
//! function calls one response for each, before anything else; no empty text and no turn without parts; on newer
//! models a signature on the first call of a turn. Calls and results are in order already
//! ([`history`](crate::dialect::upstream::history)).

use std::borrow::Cow;
use std::collections::VecDeque;

use super::encode_media::media_part;
use super::service::Service;
use super::wire::{ContentOut, FunctionCallOut, FunctionResponseOut, PartOut};
use super::{model_name, signature, tool_result};
use crate::dialect::canonical::{Json, Media, Message, Part, Role};
use crate::dialect::upstream::constraints;
use crate::dialect::upstream::history::{FILLER, History};
use crate::dialect::upstream::paragraph::paragraph;

const USER: &str = "user";
const MODEL: &str = "model";

/// The encoded messages, and what could not be expressed.
pub(super) struct Conversation<'a> {
    pub contents: Vec<ContentOut<'a>>,
    pub system: Vec<PartOut<'a>>,
    pub dropped: Vec<String>,
}

/// Encodes the messages for a model.
pub(super) fn write<'a>(history: &'a History<'_>, model: &str, service: Service) -> Conversation<'a> {
    let mut writer = Writer {
        out: Conversation { contents: Vec::new(), system: Vec::new(), dropped: Vec::new() },
        due: VecDeque::new(),
        attached: Vec::new(),
        service,
        newest: model_name::has_thinking_levels(model),
        signs_calls: model_name::wants_signed_calls(model),
        has_cache_marks: false,
    };
    for (index, message) in history.messages.iter().enumerate() {
        writer.message(index, history.role_of(index), message);
    }
    writer.attach();
    if writer.has_cache_marks {
        writer.out.dropped.push("cache_control".to_owned());
    }
    let mut out = writer.out;
    // Where the answer is to go on, the service wants to be told so by the user.
    if out.contents.last().is_some_and(|last| last.role == Some(MODEL)) {
        let parts = vec![PartOut { text: Some(Cow::Borrowed(FILLER)), ..PartOut::default() }];
        out.contents.push(ContentOut { role: Some(USER), parts });
    }
    if service == Service::Vertex {
        forget_ids(&mut out.contents);
    }
    if out.contents.is_empty() {
        // A conversation of instructions only: they become the question.
        let mut parts = std::mem::take(&mut out.system);
        if parts.is_empty() {
            parts.push(filler());
        }
        out.contents.push(ContentOut { role: Some(USER), parts });
    }
    out
}

/// What stands where the service requires a turn and the caller has none.
fn filler() -> PartOut<'static> {
    PartOut { text: Some(Cow::Borrowed(" ")), ..PartOut::default() }
}

/// Vertex AI pairs calls and responses by name and order; its stable version has no ids.
fn forget_ids(contents: &mut [ContentOut<'_>]) {
    for part in contents.iter_mut().flat_map(|turn| &mut turn.parts) {
        if let Some(call) = &mut part.function_call {
            call.id = None;
        }
        if let Some(response) = &mut part.function_response {
            response.id = None;
        }
    }
}

struct Writer<'a> {
    out: Conversation<'a>,
    /// Ids and names of the calls whose results are to come, in order.
    due: VecDeque<(&'a str, &'a str)>,
    /// Pictures of the results so far, which follow the last one.
    attached: Vec<PartOut<'a>>,
    service: Service,
    newest: bool,
    signs_calls: bool,
    has_cache_marks: bool,
}

impl<'a> Writer<'a> {
    fn message(&mut self, index: usize, role: Role, message: &'a Message) {
        if role != Role::Tool {
            self.attach();
        }
        if message.name.is_some() {
            self.out.dropped.push(format!("messages[{index}].name"));
        }
        let mut parts = Vec::with_capacity(message.parts.len());
        for (position, part) in message.parts.iter().enumerate() {
            let path = format!("messages[{index}].content[{position}]");
            if message.role == Role::Assistant {
                self.models_part(part, message.parts.get(position + 1), &path, &mut parts);
            } else {
                self.users_part(part, &path, &mut parts);
            }
        }
        match role {
            Role::System | Role::Developer => {
                for (position, part) in parts.into_iter().enumerate() {
                    if part.text.is_some() {
                        self.out.system.push(part);
                    } else {
                        self.out.dropped.push(format!("messages[{index}].content[{position}]"));
                    }
                }
            }
            Role::Assistant => {
                self.sign_first_call(&mut parts);
                self.append(MODEL, parts);
            }
            Role::User => self.append(USER, parts),
            Role::Tool => {
                // Nothing stands before a response, not even the pictures of another.
                let (responses, others): (Vec<_>, Vec<_>) =
                    parts.into_iter().partition(|part| part.function_response.is_some());
                self.attached.extend(others);
                self.append(USER, responses);
            }
        }
    }

    fn attach(&mut self) {
        let attached = std::mem::take(&mut self.attached);
        self.append(USER, attached);
    }

    fn append(&mut self, role: &'static str, mut parts: Vec<PartOut<'a>>) {
        if parts.is_empty() {
            return;
        }
        if let Some(last) = self.out.contents.last_mut().filter(|last| last.role == Some(role)) {
            last.parts.append(&mut parts);
            return;
        }
        if self.out.contents.is_empty() && role == MODEL {
            self.out.contents.push(ContentOut { role: Some(USER), parts: vec![filler()] });
        }
        self.out.contents.push(ContentOut { role: Some(role), parts });
    }

    fn users_part(&mut self, part: &'a Part, path: &str, parts: &mut Vec<PartOut<'a>>) {
        self.note_cache(part);
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => push_text(parts, text),
            Part::Image { media, detail, .. } => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    self.out.dropped.push(format!("{path}.image_url.detail"));
                }
                self.push_media(parts, media, "image/jpeg", None, path);
            }
            Part::Audio { media } => self.push_media(parts, media, "audio/wav", None, path),
            Part::File { media, name, .. } => {
                let takes_name = self.service == Service::Vertex && matches!(media, Media::Base64 { .. });
                if name.is_some() && !takes_name {
                    self.out.dropped.push(format!("{path}.file.filename"));
                }
                let name = name.as_deref().filter(|_| takes_name);
                self.push_media(parts, media, "application/pdf", name, path);
            }
            Part::ToolResult { call_id, name, parts: results, is_error, .. } => {
                let called = self.due.pop_front().filter(|(id, _)| id == call_id).map(|(_, name)| name);
                let name = match called.or(name.as_deref()) {
                    Some(name) => Cow::Borrowed(name),
                    None => constraints::GEMINI.tool_name.similar(call_id),
                };
                self.tool_result(call_id, name, results, *is_error, path, parts);
            }
            Part::ToolCall { .. }
            | Part::Thinking { .. }
            | Part::RedactedThinking { .. }
            | Part::ProviderBlock { .. } => {
                self.out.dropped.push(path.to_owned());
            }
        }
    }

    fn models_part(&mut self, part: &'a Part, next: Option<&Part>, path: &str, parts: &mut Vec<PartOut<'a>>) {
        self.note_cache(part);
        match part {
            Part::ToolCall { id, name, arguments, signature, .. } => {
                self.due.push_back((id, name));
                let own = signature.as_deref().and_then(|signature| self.own_signature(signature, path));
                // The signature of a call may be in a thinking block before it, where a dialect has no other place.
                let handed_over = parts.pop_if(|last| is_bare_signature(last) && own.is_none());
                let thought_signature =
                    own.map(Cow::Borrowed).or(handed_over.and_then(|part| part.thought_signature));
                parts.push(PartOut {
                    function_call: Some(FunctionCallOut {
                        id: Some(id),
                        name,
                        args: Json::arguments_object(arguments),
                    }),
                    thought_signature,
                    ..PartOut::default()
                });
            }
            Part::Thinking { text, signature } => {
                let signature =
                    signature.as_deref().and_then(|signature| self.own_signature(signature, path));
                let precedes_call = matches!(next, Some(Part::ToolCall { signature: None, .. }));
                match (text.is_empty(), signature) {
                    (true, None) => {}
                    (true, Some(signature)) => {
                        let signed = parts.last_mut().filter(|last| !precedes_call && is_plain_text(last));
                        match signed {
                            Some(text) => text.thought_signature = Some(Cow::Borrowed(signature)),
                            None => parts.push(bare_signature(signature)),
                        }
                    }
                    (false, signature) => parts.push(PartOut {
                        text: Some(Cow::Borrowed(text)),
                        thought: true,
                        thought_signature: signature.map(Cow::Borrowed),
                        ..PartOut::default()
                    }),
                }
            }
            Part::RedactedThinking { .. } | Part::ProviderBlock { .. } | Part::ToolResult { .. } => {
                self.out.dropped.push(path.to_owned());
            }
            other => self.users_part(other, path, parts),
        }
    }

    /// The signature, unless it certainly belongs to another vendor.
    fn own_signature(&mut self, signature: &'a str, path: &str) -> Option<&'a str> {
        if signature::is_foreign(signature) {
            self.out.dropped.push(format!("{path}.signature"));
            return None;
        }
        Some(signature)
    }

    /// Calls of other models have no signature, and newer models require one on the first call of a turn.
    fn sign_first_call(&self, parts: &mut [PartOut<'a>]) {
        let continues_turn = self.out.contents.last().is_some_and(|last| {
            last.role == Some(MODEL) && last.parts.iter().any(|part| part.function_call.is_some())
        });
        let first = parts.iter_mut().find(|part| part.function_call.is_some());
        if let Some(first) = first.filter(|_| self.signs_calls && !continues_turn) {
            first.thought_signature.get_or_insert(Cow::Borrowed(signature::STAND_IN));
        }
    }

    fn tool_result(
        &mut self,
        call_id: &'a str,
        name: Cow<'a, str>,
        results: &'a [Part],
        is_error: bool,
        path: &str,
        parts: &mut Vec<PartOut<'a>>,
    ) {
        let (mut text, mut media) = (String::new(), Vec::new());
        for (position, result) in results.iter().enumerate() {
            match result {
                Part::Text { text: more, .. } | Part::Refusal { text: more } => {
                    paragraph(&mut text, more);
                }
                other => self.users_part(other, &format!("{path}.content[{position}]"), &mut media),
            }
        }
        // Older models accept images beside the response, not in it.
        let (inside, beside) = if self.newest { (media, Vec::new()) } else { (Vec::new(), media) };
        parts.push(PartOut {
            function_response: Some(FunctionResponseOut {
                id: Some(call_id),
                name,
                response: tool_result::write(&text, is_error),
                parts: inside,
            }),
            ..PartOut::default()
        });
        parts.extend(beside);
    }

    fn push_media(
        &mut self,
        parts: &mut Vec<PartOut<'a>>,
        media: &'a Media,
        default_type: &'static str,
        display_name: Option<&'a str>,
        path: &str,
    ) {
        match media_part(media, default_type, display_name) {
            Some(part) => parts.push(part),
            None => self.out.dropped.push(path.to_owned()),
        }
    }

    fn note_cache(&mut self, part: &Part) {
        let (Part::Text { cache, .. }
        | Part::Image { cache, .. }
        | Part::File { cache, .. }
        | Part::ToolCall { cache, .. }
        | Part::ToolResult { cache, .. }) = part
        else {
            return;
        };
        self.has_cache_marks |= cache.is_some();
    }
}

fn push_text<'a>(parts: &mut Vec<PartOut<'a>>, text: &'a str) {
    if !text.is_empty() {
        parts.push(PartOut { text: Some(Cow::Borrowed(text)), ..PartOut::default() });
    }
}

/// A signature without content.
pub(super) fn bare_signature(signature: &str) -> PartOut<'_> {
    PartOut {
        text: Some(Cow::Borrowed("")),
        thought_signature: Some(Cow::Borrowed(signature)),
        ..PartOut::default()
    }
}

fn is_bare_signature(part: &PartOut<'_>) -> bool {
    part.text.as_deref() == Some("") && !part.thought && part.thought_signature.is_some()
}

fn is_plain_text(part: &PartOut<'_>) -> bool {
    part.text.is_some() && !part.thought && part.thought_signature.is_none()
}
