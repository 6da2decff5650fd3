//! `generateContent` (<https://ai.google.dev/api/generate-content>), of the Gemini API and of Vertex AI.

use serde_json::Value;

use super::rules::{Faults, items, text};

/// The members of a part of which it has exactly one.
const DATA: &[&str] = &["text", "inlineData", "fileData", "functionCall", "functionResponse"];

/// Everything that the service would refuse in the request for a model with this name.
pub fn faults(body: &Value, model: &str) -> Vec<String> {
    let mut faults = Faults::default();
    let contents = items(&body["contents"]);
    faults.check(!contents.is_empty(), || "contents is not specified".into());
    faults.check(contents.first().is_none_or(|first| first["role"] == "user"), || {
        "Please ensure that multiturn requests start with a user turn.".into()
    });
    let mut before = "";
    let mut due: Vec<&Value> = Vec::new();
    for (index, content) in contents.iter().enumerate() {
        let at = format!("contents[{index}]");
        let role = text(&content["role"]);
        faults.check(matches!(role, "user" | "model"), || {
            format!("{at}: Please use a valid role: user, model.")
        });
        faults.check(role != before, || format!("{at}: turns must alternate"));
        before = role;
        let parts = items(&content["parts"]);
        faults.check(!parts.is_empty(), || format!("{at}: contents.parts must not be empty."));
        for (number, part) in parts.iter().enumerate() {
            check_part(role, part, &format!("{at}.parts[{number}]"), &mut faults);
        }
        let responses: Vec<&Value> = parts.iter().filter_map(|part| part.get("functionResponse")).collect();
        faults.check(responses.len() == due.len(), || {
            format!(
                "{at}: Please ensure that the number of function response parts is equal to the number of function \
                 call parts of the function call turn."
            )
        });
        for (call, response) in due.iter().zip(&responses) {
            let is_same = call["name"] == response["name"] && call["id"] == response["id"];
            faults.check(is_same, || format!("{at}: {response} does not answer {call}"));
        }
        let first_other = parts.iter().position(|part| part.get("functionResponse").is_none());
        faults.check(first_other.unwrap_or(parts.len()) >= responses.len(), || {
            format!("{at}: something stands before a response")
        });
        due = parts.iter().filter_map(|part| part.get("functionCall")).collect();
        let first = parts.iter().find(|part| part.get("functionCall").is_some());
        if let Some(first) = first.filter(|_| model.contains("gemini-3")) {
            faults.check(!text(&first["thoughtSignature"]).is_empty(), || {
                format!("{at}: Function call is missing a thought_signature in functionCall parts.")
            });
        }
    }
    faults.check(due.is_empty(), || {
        "Please ensure that function response turn comes immediately after a function call turn.".into()
    });
    faults.check(items(&body["contents"]).last().is_none_or(|last| last["role"] != "model"), || {
        "Please ensure that multiturn requests end with a user role or a function response.".into()
    });
    if let Some(system) = body.get("systemInstruction") {
        faults.check(!items(&system["parts"]).is_empty(), || "systemInstruction.parts is empty".into());
        for part in items(&system["parts"]) {
            faults.check(!text(&part["text"]).is_empty(), || "systemInstruction: an empty text".into());
        }
    }
    faults.0
}

fn check_part(role: &str, part: &Value, at: &str, faults: &mut Faults) {
    let held = DATA.iter().filter(|member| part.get(**member).is_some()).count();
    faults.check(held == 1, || {
        format!("{at}: required oneof field 'data' must have one initialized field: {part}")
    });
    if let Some(words) = part.get("text") {
        let is_signed = part.get("thoughtSignature").is_some();
        faults.check(!text(words).is_empty() || is_signed, || {
            format!("{at}: Unable to submit request because it has an empty text parameter.")
        });
    }
    if let Some(call) = part.get("functionCall") {
        faults.check(role == "model", || format!("{at}: a call of the user"));
        let name = text(&call["name"]);
        let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let rest = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.:-".contains(letter));
        faults.check(begins && rest && name.len() <= 64, || format!("{at}: Invalid function name: {name}"));
        faults.check(call["args"].is_object(), || format!("{at}: args"));
    }
    if let Some(response) = part.get("functionResponse") {
        faults.check(role == "user", || format!("{at}: a response of the model"));
        faults.check(response["response"].is_object(), || format!("{at}: response"));
        faults.check(!text(&response["name"]).is_empty(), || format!("{at}: Name cannot be empty."));
    }
    for media in ["inlineData", "fileData"].iter().filter_map(|member| part.get(*member)) {
        let kind = text(&media["mimeType"]);
        faults.check(kind.contains('/') && !kind.contains(';') && kind != "image/jpg", || {
            format!("{at}: Unsupported MIME type: {kind}")
        });
    }
}
