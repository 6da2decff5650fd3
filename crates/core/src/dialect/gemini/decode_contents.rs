//! Decodes `contents` and `systemInstruction` (<https://ai.google.dev/api/caching#Content>).
//!
//! A part of the model's turn was written by a provider and comes back as it was: one of a kind without a canonical
//! form, such as the calls of server tools, goes to the request's `extra` under its path and is reported as dropped.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::policy::POLICY;
use super::{signature, tool_result, wire};
use crate::dialect::canonical::{Json, Media, Message, Part, Role};
use crate::error::ApiError;
use crate::json::error::invalid_value;
use crate::json::fields::Fields;
use crate::json::object::as_str;

/// Fields of a part that determine its kind.
const KINDS: &[&str] = &[
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];

/// Parts of the service's own tools, on either side of the conversation.
const OPAQUE_KINDS: &[&str] = &["toolCall", "toolResponse"];

/// The decoder of the turns.
#[derive(Default)]
pub(super) struct Reader {
    messages: Vec<Message>,
    /// Ids and names of calls without a response so far.
    waiting: Vec<(String, String)>,
    /// Parts without a canonical form, by path.
    extra: BTreeMap<String, Json>,
}

impl Reader {
    /// The decoded messages, and the parts without a canonical form.
    pub(super) fn into_parts(self) -> (Vec<Message>, BTreeMap<String, Json>) {
        (self.messages, self.extra)
    }

    /// Decodes the instructions: a turn with any role, or plain text.
    pub(super) fn system(&mut self, value: &RawValue) -> Result<(), ApiError> {
        let mut parts = Vec::new();
        if let Some(text) = as_str(value) {
            parts.push(Part::text(text));
        } else {
            let content = POLICY.read(value, "systemInstruction")?;
            for part in content.objects("parts")? {
                parts.push(Part::text(part.required_string("text")?));
            }
        }
        if !parts.is_empty() {
            self.messages.push(Message::new(Role::System, parts));
        }
        Ok(())
    }

    /// Decodes one turn.
    pub(super) fn content(&mut self, index: usize, value: &RawValue) -> Result<(), ApiError> {
        let content = POLICY.read(value, format!("contents[{index}]"))?;
        let role = content.string("role")?;
        let is_model = match role.as_deref() {
            Some("model" | "assistant") => true,
            // `function` and `tool` are older names of a user's turn with responses.
            None | Some("" | "user" | "function" | "tool") => false,
            Some(_) => {
                return Err(content.invalid("role", "must be `user` or `model`"));
            }
        };
        let (mut said, mut turn) = (Vec::new(), Vec::new());
        for (position, (path, raw)) in content.array("parts")?.into_iter().enumerate() {
            let part = POLICY.read(raw, path.as_str())?;
            let is_own = OPAQUE_KINDS.iter().any(|kind| part.get(kind).is_some());
            if is_own || (is_model && is_unknown(&part)) {
                self.extra.insert(path, Json::carried(raw));
            } else if is_model {
                self.models_part(&part, index, position, &mut said)?;
            } else {
                self.users_part(&part, index, position, &mut turn)?;
            }
        }
        if !said.is_empty() {
            turn.push(Message::new(Role::Assistant, said));
        }
        self.messages.append(&mut turn);
        Ok(())
    }

    /// A user's turn becomes alternating messages of content and of tool results.
    fn users_part(
        &mut self,
        part: &Fields<'_>,
        index: usize,
        position: usize,
        turn: &mut Vec<Message>,
    ) -> Result<(), ApiError> {
        let (role, read) = match part.object("functionResponse")? {
            Some(response) => (Role::Tool, Some(self.function_response(&response, index, position)?)),
            None => (Role::User, plain_part(part)?),
        };
        match (turn.last_mut(), read) {
            (_, None) => {}
            (Some(last), Some(part)) if last.role == role => last.parts.push(part),
            (_, Some(part)) => turn.push(Message::new(role, vec![part])),
        }
        Ok(())
    }

    fn models_part(
        &mut self,
        part: &Fields<'_>,
        index: usize,
        position: usize,
        parts: &mut Vec<Part>,
    ) -> Result<(), ApiError> {
        let proof = part.string("thoughtSignature")?.filter(|signature| !signature.is_empty());
        let mut proof = proof.map(signature::from_client);
        if let Some(call) = part.object("functionCall")? {
            let name = call.required_string("name")?;
            let id = call.string("id")?.filter(|id| !id.is_empty());
            let id = id.unwrap_or_else(|| format!("call_{index}_{position}"));
            self.waiting.push((id.clone(), name.clone()));
            let arguments = match call.object("args")?.and(call.get("args")) {
                Some(arguments) => wire::compact(arguments.get()),
                None => "{}".to_owned(),
            };
            parts.push(Part::ToolCall { id, name, arguments, signature: proof, cache: None });
            return Ok(());
        }
        if part.boolean("thought")? == Some(true) {
            let text = part.string("text")?.unwrap_or_default();
            if let Some(data) = proof.as_deref().and_then(signature::unwrap_redacted) {
                parts.push(Part::RedactedThinking { data });
            } else if !text.is_empty() || proof.is_some() {
                parts.push(Part::Thinking { text, signature: proof });
            }
            return Ok(());
        }
        let read = plain_part(part)?;
        let is_empty = read.as_ref().and_then(Part::as_text) == Some("");
        parts.extend(read.filter(|_| !is_empty || proof.is_none()));
        if let Some(signature) = proof.take() {
            parts.push(Part::Thinking { text: String::new(), signature: Some(signature) });
        }
        Ok(())
    }

    fn function_response(
        &mut self,
        response: &Fields<'_>,
        index: usize,
        position: usize,
    ) -> Result<Part, ApiError> {
        let name = response.required_string("name")?;
        let id = response.string("id")?.filter(|id| !id.is_empty());
        let call = match &id {
            Some(id) => self.waiting.iter().position(|(waiting, _)| waiting == id),
            // Without an id it belongs to the first call of that name without a response.
            None => self.waiting.iter().position(|(_, waiting)| *waiting == name),
        };
        let matched = call.map(|call| self.waiting.remove(call).0);
        let call_id = id.or(matched).unwrap_or_else(|| format!("call_{index}_{position}"));
        let value = response.get("response").ok_or_else(|| response.missing("response"))?;
        let (text, is_error) = tool_result::read(value);
        let mut parts = vec![Part::text(text)];
        for part in response.objects("parts")? {
            parts.extend(plain_part(&part)?);
        }
        Ok(Part::ToolResult { call_id, name: Some(name), parts, is_error, cache: None })
    }
}

/// A part of either side: text, or media.
fn plain_part(part: &Fields<'_>) -> Result<Option<Part>, ApiError> {
    if let Some(text) = part.string("text")? {
        return Ok(Some(Part::text(text)));
    }
    if let Some(blob) = part.object("inlineData")? {
        let media_type = blob.required_string("mimeType")?;
        let name = blob.string("displayName")?;
        let data = blob.required_string("data")?;
        return Ok(Some(media(Media::inline(&media_type, data), name)));
    }
    if let Some(file) = part.object("fileData")? {
        let url = file.required_string("fileUri")?;
        let media_type = file.string("mimeType")?.filter(|kind| !kind.is_empty());
        let name = file.string("displayName")?;
        return Ok(Some(media(Media::at(url, media_type.as_deref()), name)));
    }
    if let Some(code) = part.object("executableCode")? {
        let language = code.string("language")?.unwrap_or_default().to_ascii_lowercase();
        let text = code.string("code")?.unwrap_or_default();
        return Ok(Some(Part::text(format!("```{language}\n{}\n```\n", text.trim_end_matches('\n')))));
    }
    if let Some(result) = part.object("codeExecutionResult")? {
        let text = result.string("output")?.unwrap_or_default();
        return Ok(Some(Part::text(format!("```\n{}\n```\n", text.trim_end_matches('\n')))));
    }
    if is_unknown(part) {
        return Err(invalid_value(part.own_path(), "is no part that this gateway knows"));
    }
    Ok(None)
}

/// Whether the part has content, and none of a known kind.
fn is_unknown(part: &Fields<'_>) -> bool {
    KINDS.iter().all(|kind| part.get(kind).is_none())
        && part.others(&["thought", "thoughtSignature"]).next().is_some()
}

fn media(media: Media, name: Option<String>) -> Part {
    match media.media_type().and_then(|kind| kind.split('/').next()) {
        Some("image") => Part::Image { media, detail: None, cache: None },
        Some("audio") => Part::Audio { media },
        _ => Part::File { media, name, cache: None },
    }
}

/// The value of a schema field, which must be an object.
pub(super) fn schema_field(fields: &Fields<'_>, name: &str) -> Result<Option<Json>, ApiError> {
    Ok(fields.object(name)?.and(fields.get(name)).map(Json::carried))
}
