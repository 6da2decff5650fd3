//! The rounds so far, at the end of the caller's history.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::json::object::Kind;
use nexus_edge_core::json::splice::quote;
use serde_json::value::RawValue;

use crate::json::{Patch, array, at, steps, value};
use crate::merge::{gemini_content, message};

/// The result of a call, for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The id of the call.
    pub call_id: String,
    /// The name of the function.
    pub name: String,
    /// The text.
    pub text: String,
    /// Whether it is the text of an error.
    pub is_error: bool,
}

/// The results of a round as the dialect writes them into a history.
#[must_use]
pub fn results(dialect: CallerDialect, answers: &[Answer]) -> Vec<String> {
    if answers.is_empty() {
        return Vec::new();
    }
    let each = answers.iter().map(|answer| result(dialect, answer)).collect::<Vec<String>>();
    match dialect {
        CallerDialect::Anthropic => vec![message("user", &each)],
        CallerDialect::Gemini => vec![gemini_content("user", &each)],
        _ => each,
    }
}

fn result(dialect: CallerDialect, answer: &Answer) -> String {
    let Answer { call_id, name, text, is_error } = answer;
    let (id, text) = (quote(call_id), quote(text));
    match dialect {
        CallerDialect::Anthropic => {
            let error = if *is_error { ",\"is_error\":true" } else { "" };
            format!("{{\"type\":\"tool_result\",\"tool_use_id\":{id},\"content\":{text}{error}}}")
        }
        CallerDialect::OpenaiResponses => {
            format!("{{\"type\":\"function_call_output\",\"call_id\":{id},\"output\":{text}}}")
        }
        CallerDialect::Gemini => {
            let key = if *is_error { "error" } else { "output" };
            // A mark stands for an id where the service gave none.
            let id = if call_id.starts_with('#') { String::new() } else { format!("\"id\":{id},") };
            format!(
                "{{\"functionResponse\":{{{id}\"name\":{},\"response\":{{\"{key}\":{text}}}}}}}",
                quote(name)
            )
        }
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => {
            format!("{{\"role\":\"tool\",\"tool_call_id\":{id},\"content\":{text}}}")
        }
    }
}

/// The body with more at the end of its history.
pub(super) fn with_history(dialect: CallerDialect, body: Vec<u8>, history: &[String]) -> Vec<u8> {
    if history.is_empty() {
        return body;
    }
    let name = match dialect {
        CallerDialect::OpenaiResponses => "input",
        CallerDialect::Gemini => "contents",
        _ => "messages",
    };
    let Some(root) = value(&body) else { return body };
    let mut patch = Patch::of(&body);
    match at(root, steps![name]) {
        Some(list) if Kind::of(list) == Kind::Array => {
            let all = array(history);
            let inner = all.strip_prefix('[').and_then(|all| all.strip_suffix(']'));
            patch.append(list, inner.unwrap_or_default());
        }
        Some(one) => {
            let mut all = vec![alone(dialect, one)];
            all.extend_from_slice(history);
            patch.replace(one, array(&all));
        }
        None => patch.set(root, name, array(history)),
    }
    patch.apply()
}

/// A history that is not a list, as its only item.
fn alone(dialect: CallerDialect, one: &RawValue) -> String {
    if dialect == CallerDialect::OpenaiResponses && Kind::of(one) == Kind::String {
        return format!("{{\"role\":\"user\",\"content\":{}}}", one.get());
    }
    one.get().to_owned()
}
