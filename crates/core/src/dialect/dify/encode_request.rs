//! Encodes a request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::files::{self, File};
use super::options::{DEFAULT_USER, DifyOptions};
use super::transcript::{self, paragraphs};
use crate::dialect::canonical::{ChatRequest, EncodedRequest, Json, Limits, Message, Part};
use crate::dialect::upstream::history;
use crate::dialect::upstream::paragraph::paragraph;
use crate::dialect::upstream::parameters::set_parameters;

/// Dify refuses an empty query, also with a file.
const FILES_ONLY: &str = "[see the attached files]";
/// The only parameter with a counterpart: the user.
const SUPPORTED: &[&str] = &["user"];
/// Fields of Dify that a caller may send.
const OWN: &[&str] = &["inputs", "auto_generate_name", "workflow_id", "trace_id"];

#[derive(Serialize)]
struct Request<'a> {
    inputs: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    response_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'a str>,
    user: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_generate_name: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a RawValue>,
}

/// The user of a request.
pub fn user<'a>(options: &'a DifyOptions, request: &'a ChatRequest) -> &'a str {
    let given = [options.user.as_str(), request.user.as_deref().unwrap_or_default()];
    given.into_iter().find(|user| !user.is_empty()).unwrap_or(DEFAULT_USER)
}

/// Encodes a request.
pub fn encode(request: &ChatRequest, options: &DifyOptions) -> EncodedRequest {
    let mut dropped = Vec::new();
    let conversation_id = options.conversation_id.as_deref().unwrap_or_default();
    let history = history::settled(&request.messages, &Limits::NONE.call_id);
    let messages: &[Message] = &history.messages;
    let turn = transcript::last_turn(messages);
    let (earlier, rest) = messages.split_at_checked(turn).unwrap_or((messages, &[]));
    let query = query(earlier, rest, conversation_id.is_empty(), turn, &mut dropped);
    // Earlier files are part of the conversation that Dify stores.
    let from = if conversation_id.is_empty() { 0 } else { turn };
    let files = files_of(messages, from, &mut dropped);
    history.restore_places(&mut dropped);
    dropped.extend((0..request.tools.len()).map(|index| format!("tools[{index}]")));
    let unsupported = set_parameters(request).into_iter().filter(|name| !SUPPORTED.contains(name));
    dropped.extend(unsupported.map(str::to_owned));
    dropped.extend(request.extra.keys().filter(|name| !OWN.contains(&name.as_str())).cloned());
    let own = |name: &str| request.extra.get(name).map(Json::raw);
    let empty = Json::empty_object();
    let inputs = own("inputs").or(options.inputs.as_ref().map(Json::raw)).unwrap_or(empty.raw());
    let is_chat = options.app.keeps_conversation();
    let body = Request {
        inputs: if is_chat { Cow::Borrowed(inputs) } else { Cow::Owned(with_query(inputs, &query)) },
        query: is_chat.then_some(query),
        response_mode: if request.stream { "streaming" } else { "blocking" },
        conversation_id: is_chat.then_some(conversation_id),
        user: user(options, request),
        files,
        auto_generate_name: own("auto_generate_name"),
        workflow_id: own("workflow_id"),
        trace_id: own("trace_id"),
    };
    EncodedRequest { body: serde_json::to_vec(&body).unwrap_or_default(), dropped }
}

/// The variables with the history among them, unless the caller set that itself.
fn with_query(inputs: &RawValue, query: &str) -> Box<RawValue> {
    let mut variables: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(inputs.get()).unwrap_or_default();
    variables.entry("query").or_insert_with(|| query.into());
    serde_json::value::to_raw_value(&variables).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn query(
    earlier: &[Message],
    rest: &[Message],
    is_new: bool,
    offset: usize,
    dropped: &mut Vec<String>,
) -> String {
    let mut query = if is_new { transcript::preamble(earlier) } else { String::new() };
    let mut has_files = false;
    for (index, message) in rest.iter().enumerate() {
        if message.role != crate::dialect::canonical::Role::User {
            // A prefilled answer, which Dify does not support.
            dropped.push(format!("messages[{}]", offset + index));
            continue;
        }
        paragraph(&mut query, &paragraphs(&message.parts));
        has_files |= message.parts.iter().any(files::is_file);
    }
    if query.is_empty() && has_files {
        query.push_str(FILES_ONLY);
    }
    if query.is_empty() {
        // There is no user message; all that is said serves as the question.
        query = transcript::retold(earlier).0;
    }
    if query.trim().is_empty() {
        history::FILLER.clone_into(&mut query);
    }
    query
}

fn files_of(messages: &[Message], from: usize, dropped: &mut Vec<String>) -> Vec<File> {
    let mut found = Vec::new();
    for (index, message) in messages.iter().enumerate().skip(from) {
        for (number, part) in message.parts.iter().enumerate() {
            let path = || format!("messages[{index}].content[{number}]");
            match part {
                Part::Image { .. } | Part::Audio { .. } | Part::File { .. } => match files::file(part) {
                    Some(file) => found.push(file),
                    None => dropped.push(path()),
                },
                Part::ToolResult { parts, .. } => {
                    let pictures = parts.iter().enumerate().filter(|(_, part)| files::is_file(part));
                    for (inner, part) in pictures {
                        match files::file(part) {
                            Some(file) => found.push(file),
                            None => dropped.push(format!("{}.content[{inner}]", path())),
                        }
                    }
                }
                Part::Thinking { text, signature } if text.is_empty() && signature.is_none() => {}
                Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::ProviderBlock { .. } => {
                    dropped.push(path());
                }
                _ => {}
            }
        }
    }
    found
}
