//! Converse (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>).

use serde_json::Value;

use super::rules::{Calls, Faults, fields, is_word, items, text};

/// Everything that the service would refuse in the request for a model with this name.
pub fn faults(body: &Value, model: &str) -> Vec<String> {
    let mut faults = Faults::default();
    let messages = items(&body["messages"]);
    faults.check(messages.first().is_some_and(|first| first["role"] == "user"), || {
        "A conversation must start with a user message.".into()
    });
    let mut calls = Calls::default();
    let mut before = "";
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        let role = text(&message["role"]);
        faults.check(role != before, || {
            format!("{at}: A conversation must alternate between user and assistant roles.")
        });
        before = role;
        let blocks = items(&message["content"]);
        faults.check(!blocks.is_empty(), || format!("{at}: The content field is empty."));
        turn(role, blocks, &at, &mut calls, &mut faults);
        let is_tool = |block: &Value| block.get("toolUse").or_else(|| block.get("toolResult")).is_some();
        let tools = blocks.iter().filter(|block| is_tool(block)).count();
        faults.check(!model.contains("llama") || tools == 0 || tools == blocks.len(), || {
            format!("{at}: Conversation blocks and tool use blocks cannot be provided in the same turn.")
        });
    }
    calls.end("the end", &mut faults);
    for block in items(&body["system"]) {
        let is_kept = block.get("text").is_none_or(|words| !text(words).trim().is_empty());
        faults.check(is_kept, || "system: the text field is blank".into());
    }
    let has_calls = ["toolUse", "toolResult"]
        .iter()
        .any(|kind| body["messages"].to_string().contains(&format!("\"{kind}\"")));
    let tools = items(&body["toolConfig"]["tools"]);
    faults.check(!has_calls || !tools.is_empty(), || {
        "The toolConfig field must be defined when using toolUse and toolResult content blocks.".into()
    });
    faults
        .check(body.get("toolConfig").is_none() || !tools.is_empty(), || "toolConfig.tools is empty".into());
    let marks = body.to_string().matches(r#""cachePoint""#).count();
    faults.check(marks <= 4, || format!("{marks} cache points"));
    if let Some(last) = messages.last().filter(|last| last["role"] == "assistant") {
        faults.check(model.contains("claude"), || "the last turn is the model's".into());
        let end = items(&last["content"]).last().and_then(|block| block["text"].as_str());
        faults.check(end.is_none_or(|end| end.trim_end() == end), || {
            "final assistant content cannot end with trailing whitespace".into()
        });
    }
    faults.0
}

fn turn(role: &str, blocks: &[Value], at: &str, calls: &mut Calls, faults: &mut Faults) {
    let mut in_results = true;
    let kinds: Vec<String> = blocks.iter().filter_map(|block| fields(block).keys().next().cloned()).collect();
    for (block, kind) in blocks.iter().zip(&kinds) {
        faults.check(fields(block).len() == 1, || format!("{at}: a block with several members"));
        let (of_user, of_assistant) = match kind.as_str() {
            "text" | "cachePoint" => (true, true),
            "toolUse" | "reasoningContent" => (false, true),
            "toolResult" | "image" | "document" | "audio" | "video" => (true, false),
            other => {
                faults.add(format!("{at}: {other}"));
                continue;
            }
        };
        faults
            .check(if role == "user" { of_user } else { of_assistant }, || format!("{at}: {kind} of {role}"));
        if kind == "toolResult" {
            faults.check(in_results, || format!("{at}: Expected toolResult blocks first"));
            result(&block["toolResult"], at, calls, faults);
        } else if kind != "cachePoint" {
            if role == "user" && in_results {
                calls.end(at, faults);
            }
            in_results = false;
        }
        match kind.as_str() {
            "text" => faults.check(!text(&block["text"]).trim().is_empty(), || {
                format!("{at}: The text field in the ContentBlock object is blank.")
            }),
            "toolUse" => {
                let call = &block["toolUse"];
                let (id, name) = (text(&call["toolUseId"]), text(&call["name"]));
                calls.call(id, at, faults);
                faults.check(is_word(id, 64, "_-"), || format!("{at}: toolUseId {id}"));
                faults.check(is_word(name, 64, "_-"), || format!("{at}: name {name}"));
                faults.check(call["input"].is_object(), || format!("{at}: input"));
            }
            "document" => {
                let has_text = kinds.iter().any(|kind| kind == "text");
                faults.check(has_text, || format!("{at}: a text block is required with a document"));
            }
            _ => {}
        }
    }
    let last = kinds.iter().rfind(|kind| *kind != "cachePoint");
    faults.check(last.is_none_or(|last| last != "reasoningContent"), || {
        format!("{at}: The final block in an assistant message cannot be `thinking`.")
    });
}

fn result(result: &Value, at: &str, calls: &mut Calls, faults: &mut Faults) {
    calls.result(text(&result["toolUseId"]), at, faults);
    let content = items(&result["content"]);
    faults.check(!content.is_empty(), || format!("{at}: The content field of a toolResult cannot be empty"));
    for block in content {
        for (kind, value) in fields(block) {
            let is_kept = match kind.as_str() {
                "text" => !text(&value).trim().is_empty(),
                "json" | "image" | "document" | "video" => true,
                _ => false,
            };
            faults.check(is_kept, || format!("{at}: {block} in a toolResult"));
        }
    }
}
