//! Function calls and their responses, which the service requires in pairs.

use std::borrow::Cow;

use super::tool_result;
use super::wire::{ContentOut, FunctionResponseOut, PartOut};

const USER: &str = "user";
const MODEL: &str = "model";

/// Gives every call its response in the turn after it, and converts responses without a call to text.
pub(super) fn pair(contents: &mut Vec<ContentOut<'_>>) {
    let turns = std::mem::take(contents);
    let mut due: Vec<(Option<&str>, &str)> = Vec::new();
    for mut turn in turns {
        if turn.role == Some(MODEL) {
            let calls = turn.parts.iter().filter_map(|part| part.function_call.as_ref());
            due = calls.map(|call| (call.id, call.name)).collect();
            contents.push(turn);
            continue;
        }
        let (mut responses, others): (Vec<_>, Vec<_>) =
            turn.parts.into_iter().partition(|part| part.function_response.is_some());
        turn.parts = Vec::with_capacity(responses.len() + others.len());
        for (id, name) in std::mem::take(&mut due) {
            let given = responses
                .iter()
                .position(|part| part.function_response.as_ref().is_some_and(|response| response.id == id));
            turn.parts.push(match given {
                Some(position) => responses.remove(position),
                None => no_response(id, name),
            });
        }
        turn.parts.extend(responses.into_iter().filter_map(as_text));
        turn.parts.extend(others);
        contents.push(turn);
    }
    if !due.is_empty() {
        let parts = due.into_iter().map(|(id, name)| no_response(id, name)).collect();
        contents.push(ContentOut { role: Some(USER), parts });
    }
}

fn no_response<'a>(id: Option<&'a str>, name: &'a str) -> PartOut<'a> {
    let response = tool_result::write("", false);
    let response = FunctionResponseOut { id, name: Cow::Borrowed(name), response, parts: Vec::new() };
    PartOut { function_response: Some(response), ..PartOut::default() }
}

fn as_text(part: PartOut<'_>) -> Option<PartOut<'_>> {
    let response = part.function_response?;
    let text = format!("Result of {}: {}", response.name, response.response.text());
    Some(PartOut { text: Some(Cow::Owned(text)), ..PartOut::default() })
}

/// Vertex AI pairs calls and responses by name and order; its stable version has no ids.
pub(super) fn forget_ids(contents: &mut [ContentOut<'_>]) {
    for part in contents.iter_mut().flat_map(|turn| &mut turn.parts) {
        if let Some(call) = &mut part.function_call {
            call.id = None;
        }
        if let Some(response) = &mut part.function_response {
            response.id = None;
        }
    }
}
