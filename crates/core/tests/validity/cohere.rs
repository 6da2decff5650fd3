//! `POST /v2/chat` (<https://docs.cohere.com/v2/reference/chat>).

use serde_json::Value;

use super::rules::{Calls, Faults, function_tools, items, text};

/// Everything that the service would refuse in the request.
pub fn faults(body: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    let mut calls = Calls::default();
    let messages = items(&body["messages"]);
    faults.check(!messages.is_empty(), || "messages must not be empty".into());
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        let role = text(&message["role"]);
        faults
            .check(matches!(role, "system" | "user" | "assistant" | "tool"), || format!("{at}: role {role}"));
        if role == "tool" {
            calls.result(text(&message["tool_call_id"]), &at, &mut faults);
        } else {
            calls.end(&at, &mut faults);
        }
        let content = &message["content"];
        let has_calls = !items(&message["tool_calls"]).is_empty();
        let is_empty = content.as_str().map_or_else(|| items(content).is_empty(), str::is_empty);
        faults.check(!is_empty || (role == "assistant" && has_calls), || {
            format!("{at}: message must be at least 1 token long or tool results must be specified")
        });
        let accepted: &[&str] = match role {
            "user" => &["text", "image_url"],
            "assistant" => &["text", "thinking"],
            "tool" => &["text", "document"],
            _ => &["text"],
        };
        for block in items(content) {
            let kind = text(&block["type"]);
            faults.check(accepted.contains(&kind), || format!("{at}: {kind} of {role}"));
            let is_said = kind != "text" || !text(&block["text"]).is_empty();
            faults.check(is_said, || format!("{at}: an empty text block"));
        }
        for call in items(&message["tool_calls"]) {
            calls.call(text(&call["id"]), &at, &mut faults);
            let arguments: Option<Value> = serde_json::from_str(text(&call["function"]["arguments"])).ok();
            faults.check(arguments.is_some_and(|arguments| arguments.is_object()), || {
                format!("{at}: arguments")
            });
        }
    }
    calls.end("the end", &mut faults);
    faults.check(
        messages.last().is_none_or(|last| last["role"] != "system" && last["role"] != "assistant"),
        || "the last message must be from the user or a tool".into(),
    );
    let names = function_tools(&body["tools"], &mut faults);
    faults
        .check(body.get("tool_choice").is_none() || !names.is_empty(), || "tool_choice without tools".into());
    faults.0
}
