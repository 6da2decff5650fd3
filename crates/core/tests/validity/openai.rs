//! Chat Completions (<https://platform.openai.com/docs/api-reference/chat/create>), and what services that imitate it
//! refuse as well.

use serde_json::Value;

use super::rules::{Calls, Faults, function_tools, is_word, items, text};

/// Everything that the service would refuse in the request.
pub fn faults(body: &Value, is_official: bool) -> Vec<String> {
    let mut faults = Faults::default();
    let mut calls = Calls::default();
    let messages = items(&body["messages"]);
    faults.check(!messages.is_empty(), || "[] is too short - 'messages'".into());
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        let role = text(&message["role"]);
        let known = ["system", "developer", "user", "assistant", "tool"];
        faults.check(known.contains(&role), || format!("{at}: role {role}"));
        faults.check(is_official || role != "developer", || format!("{at}: role developer"));
        if role == "tool" {
            calls.result(text(&message["tool_call_id"]), &at, &mut faults);
        } else {
            calls.end(&at, &mut faults);
            faults.check(message.get("tool_call_id").is_none(), || format!("{at}: tool_call_id of {role}"));
        }
        content(message, role, &at, &mut faults);
        if role == "assistant" {
            assistant(message, &at, &mut calls, &mut faults);
        } else {
            faults.check(message.get("tool_calls").is_none(), || format!("{at}: tool_calls of {role}"));
        }
        if let Some(name) = message.get("name") {
            faults.check((1..=64).contains(&text(name).len()), || format!("{at}: name {name}"));
        }
    }
    calls.end("the end", &mut faults);
    let names = function_tools(&body["tools"], &mut faults);
    faults.check(body.get("tools").is_none() || !names.is_empty(), || "[] is too short - 'tools'".into());
    if names.is_empty() {
        for field in ["tool_choice", "parallel_tool_calls"] {
            faults.check(body.get(field).is_none(), || format!("'{field}' is only allowed with 'tools'"));
        }
    }
    let chosen = text(&body["tool_choice"]["function"]["name"]);
    faults.check(chosen.is_empty() || names.contains(chosen), || format!("tool_choice: no tool {chosen}"));
    faults.0
}

/// What Mistral's models refuse besides, in the words of its API.
pub fn faults_of_mistral(body: &Value) -> Vec<String> {
    let mut faults = Faults(faults(body, false));
    let messages = items(&body["messages"]);
    let mut before = "";
    for (index, message) in messages.iter().enumerate() {
        let role = text(&message["role"]);
        let is_kept = match before {
            "tool" => matches!(role, "tool" | "assistant"),
            "" | "system" => true,
            _ => role != "system",
        };
        faults
            .check(is_kept, || format!("messages[{index}]: Unexpected role '{role}' after role '{before}'"));
        for field in ["reasoning_content", "thinking_blocks", "name"] {
            let is_extra = message.get(field).is_some() && role != "tool";
            faults.check(!is_extra, || format!("messages[{index}].{field}: Extra inputs are not permitted"));
        }
        before = role;
    }
    faults.check(before != "assistant" || messages.last().is_some_and(|last| last["prefix"] == true), || {
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant".into()
    });
    faults.0
}

/// What DeepSeek refuses besides while it thinks, which it does unless it is told not to.
pub fn faults_of_deepseek(body: &Value) -> Vec<String> {
    let mut faults = Faults(faults(body, false));
    for (index, message) in items(&body["messages"]).iter().enumerate() {
        let is_kept = message["role"] != "assistant" || message["reasoning_content"].is_string();
        faults.check(is_kept, || {
            format!("Missing `reasoning_content` field in the assistant message at message index {index}")
        });
    }
    faults.0
}

fn content(message: &Value, role: &str, at: &str, faults: &mut Faults) {
    let content = &message["content"];
    if content.is_null() {
        let says = ["tool_calls", "refusal", "audio"].iter().any(|field| message.get(field).is_some());
        faults.check(role == "assistant" && says, || format!("{at}: expected a string, got null"));
        return;
    }
    if content.is_string() {
        return;
    }
    faults.check(!items(content).is_empty(), || format!("{at}: Invalid 'content': empty array"));
    let accepted: &[&str] = match role {
        "user" => &["text", "image_url", "input_audio", "file"],
        "assistant" => &["text", "refusal"],
        _ => &["text"],
    };
    for (number, part) in items(content).iter().enumerate() {
        let at = format!("{at}.content[{number}]");
        let kind = text(&part["type"]);
        faults.check(accepted.contains(&kind), || format!("{at}: type {kind} of {role}"));
        match kind {
            "text" => faults.check(part["text"].is_string(), || format!("{at}: text")),
            "image_url" => {
                let url = text(&part["image_url"]["url"]);
                let is_url = url.starts_with("https://") || url.starts_with("data:image/");
                faults.check(is_url, || format!("{at}: image {url}"));
            }
            _ => {}
        }
    }
}

fn assistant(message: &Value, at: &str, calls: &mut Calls, faults: &mut Faults) {
    let is_said = |name: &str| match &message[name] {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        other => !other.is_null(),
    };
    let says = ["content", "tool_calls", "refusal", "audio", "reasoning_content", "thinking_blocks"]
        .into_iter()
        .any(is_said);
    faults.check(says, || format!("{at}: the assistant says nothing"));
    let Some(given) = message.get("tool_calls") else { return };
    faults.check(!items(given).is_empty(), || format!("{at}: [] is too short - 'tool_calls'"));
    for call in items(given) {
        let id = text(&call["id"]);
        calls.call(id, at, faults);
        faults.check(id.len() <= 40, || format!("{at}: string too long, maximum length 40: {id}"));
        match text(&call["type"]) {
            "function" => {
                let name = text(&call["function"]["name"]);
                faults.check(is_word(name, 64, "_-"), || format!("{at}: expected ^[a-zA-Z0-9_-]+$: {name}"));
                let arguments = text(&call["function"]["arguments"]);
                let parsed: Option<Value> = serde_json::from_str(arguments).ok();
                faults.check(parsed.is_some_and(|parsed| parsed.is_object()), || {
                    format!("{at}: arguments are no JSON object: {arguments}")
                });
            }
            "custom" => faults.check(call["custom"]["input"].is_string(), || format!("{at}: input")),
            other => faults.add(format!("{at}: type {other} of a call")),
        }
    }
}
