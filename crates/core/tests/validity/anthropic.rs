//! Messages (<https://platform.claude.com/docs/en/api/messages/create>).

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::{Calls, Faults, is_word, items, text};

/// Whether a model accepts a prefilled answer.
fn takes_prefill(model: &str) -> bool {
    !["opus-4-6", "opus-4-7", "sonnet-4-6"].iter().any(|newer| model.contains(newer))
}

/// Everything that the service would refuse in the request.
pub fn faults(body: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    let messages = items(&body["messages"]);
    faults.check(!messages.is_empty(), || "messages: at least one message is required".into());
    faults.check(messages.first().is_none_or(|first| first["role"] == "user"), || {
        "messages: first message must use the \"user\" role".into()
    });
    let mut calls = Calls::default();
    let mut before = "";
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        let role = text(&message["role"]);
        faults.check(matches!(role, "user" | "assistant"), || format!("{at}: role {role}"));
        faults.check(role != before, || format!("{at}: roles must alternate"));
        before = role;
        let content = &message["content"];
        if let Some(words) = content.as_str() {
            calls.end(&at, &mut faults);
            faults.check(!words.trim().is_empty(), || format!("{at}: text content blocks must be non-empty"));
            continue;
        }
        faults.check(!items(content).is_empty(), || {
            format!("{at}: all messages must have non-empty content except for the optional final assistant message")
        });
        turn(role, items(content), &at, &mut calls, &mut faults);
    }
    calls.end("the end", &mut faults);
    for block in items(&body["system"]) {
        faults.check(!text(&block["text"]).trim().is_empty(), || "system: text must be non-empty".into());
    }
    last_turn(body, &mut faults);
    parameters(body, &mut faults);
    faults.0
}

fn turn(role: &str, blocks: &[Value], at: &str, calls: &mut Calls, faults: &mut Faults) {
    let mut in_results = true;
    for (number, block) in blocks.iter().enumerate() {
        let at = format!("{at}.content.{number}");
        let kind = text(&block["type"]);
        let is_user = match kind {
            "text" => role == "user",
            "image" | "document" | "tool_result" => true,
            "tool_use" | "thinking" | "redacted_thinking" => false,
            other => {
                faults.add(format!("{at}: type {other}"));
                continue;
            }
        };
        faults.check(is_user == (role == "user"), || format!("{at}: {kind} of the {role}"));
        if kind == "tool_result" {
            faults.check(in_results, || format!("{at}: tool_result blocks must come first"));
            calls.result(text(&block["tool_use_id"]), &at, faults);
            result(block, &at, faults);
            continue;
        }
        if role == "user" && in_results {
            calls.end(&at, faults);
        }
        in_results = false;
        match kind {
            "text" => faults.check(!text(&block["text"]).trim().is_empty(), || {
                format!("{at}: text content blocks must be non-empty")
            }),
            "tool_use" => {
                let (id, name) = (text(&block["id"]), text(&block["name"]));
                calls.call(id, &at, faults);
                faults.check(is_word(id, 1000, "_-"), || {
                    format!("{at}: id {id} should match ^[a-zA-Z0-9_-]+$")
                });
                faults.check(is_word(name, 128, "_-"), || format!("{at}: name {name}"));
                faults.check(block["input"].is_object(), || format!("{at}: input should be an object"));
            }
            "thinking" => faults.check(!text(&block["signature"]).is_empty(), || format!("{at}: signature")),
            "image" => image(block, &at, faults),
            _ => {}
        }
    }
    let ends_in_thought =
        blocks.last().is_some_and(|last| matches!(text(&last["type"]), "thinking" | "redacted_thinking"));
    faults.check(!ends_in_thought, || {
        format!("{at}: The final block in an assistant message cannot be `thinking`.")
    });
}

fn result(block: &Value, at: &str, faults: &mut Faults) {
    let content = &block["content"];
    let is_empty = content.as_str().map_or_else(|| items(content).is_empty(), str::is_empty);
    faults.check(!(is_empty && block["is_error"] == true), || {
        format!("{at}: content cannot be empty if `is_error` is true")
    });
    for part in items(content) {
        match text(&part["type"]) {
            "text" => faults.check(!text(&part["text"]).trim().is_empty(), || {
                format!("{at}: text content blocks must be non-empty")
            }),
            "image" => image(part, at, faults),
            "document" => {}
            other => faults.add(format!("{at}: type {other} in a result")),
        }
    }
}

fn image(block: &Value, at: &str, faults: &mut Faults) {
    let source = &block["source"];
    if source["type"] == "base64" {
        let kind = text(&source["media_type"]);
        let known = ["image/jpeg", "image/png", "image/gif", "image/webp"];
        faults.check(known.contains(&kind), || format!("{at}: media_type {kind}"));
    }
}

fn last_turn(body: &Value, faults: &mut Faults) {
    let thinks = matches!(text(&body["thinking"]["type"]), "enabled" | "adaptive");
    let messages = items(&body["messages"]);
    if let Some(last) = messages.last().filter(|last| last["role"] == "assistant") {
        faults.check(!thinks && takes_prefill(text(&body["model"])), || {
            "This model does not support assistant message prefill.".into()
        });
        let end = last["content"].as_str().or_else(|| items(&last["content"]).last()?["text"].as_str());
        faults.check(end.is_none_or(|end| end.trim_end() == end), || {
            "messages: final assistant content cannot end with trailing whitespace".into()
        });
        let has_thoughts = items(&last["content"])
            .iter()
            .any(|block| matches!(text(&block["type"]), "thinking" | "redacted_thinking"));
        faults.check(!has_thoughts, || {
            "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`".into()
        });
    }
    // The round of calls that is not complete.
    let is_result =
        |message: &Value| items(&message["content"]).iter().any(|block| block["type"] == "tool_result");
    if body["thinking"]["type"] == "enabled" && messages.last().is_some_and(is_result) {
        let said = messages.iter().rev().find(|message| message["role"] == "assistant");
        let first = said.map(|said| text(&said["content"][0]["type"])).unwrap_or_default();
        faults.check(matches!(first, "thinking" | "redacted_thinking"), || {
            format!("Expected `thinking` or `redacted_thinking`, but found `{first}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block")
        });
    }
}

fn parameters(body: &Value, faults: &mut Faults) {
    let thinking = &body["thinking"];
    let thinks = matches!(text(&thinking["type"]), "enabled" | "adaptive");
    let most = body["max_tokens"].as_u64();
    faults.check(most.is_some_and(|most| most > 0), || "max_tokens: Field required".into());
    if let Some(budget) = thinking["budget_tokens"].as_u64() {
        faults.check(budget >= 1024, || "thinking.budget_tokens: should be at least 1024".into());
        faults.check(most.is_some_and(|most| most > budget), || {
            "`max_tokens` must be greater than `thinking.budget_tokens`".into()
        });
    }
    if let Some(temperature) = body["temperature"].as_f64() {
        faults.check((0.0..=1.0).contains(&temperature), || "temperature: range: 0..1".into());
        faults.check(!thinks || (temperature - 1.0).abs() < f64::EPSILON, || {
            "`temperature` may only be set to 1 when thinking is enabled.".into()
        });
    }
    faults.check(!(thinks && body.get("top_k").is_some()), || "`top_k` must be unset with thinking".into());
    let choice = text(&body["tool_choice"]["type"]);
    faults.check(!(thinks && matches!(choice, "any" | "tool")), || {
        "Thinking may not be enabled when tool_choice forces tool use.".into()
    });
    let mut names = BTreeSet::new();
    for (index, tool) in items(&body["tools"]).iter().enumerate() {
        let name = text(&tool["name"]);
        faults.check(names.insert(name), || "tools: Tool names must be unique.".into());
        faults.check(is_word(name, 128, "_-"), || format!("tools.{index}: name {name}"));
        let is_own = tool.get("input_schema").is_none();
        faults.check(is_own || tool["input_schema"]["type"] == "object", || {
            format!("tools.{index}.custom.input_schema.type: Field required")
        });
    }
    let chosen = text(&body["tool_choice"]["name"]);
    faults.check(chosen.is_empty() || names.contains(chosen), || format!("Tool '{chosen}' not found"));
    let has_calls = body["messages"].to_string().contains(r#""type":"tool_use""#);
    faults.check(!has_calls || !names.is_empty(), || {
        "Requests which include `tool_use` or `tool_result` blocks must define tools.".into()
    });
    let marks = body.to_string().matches(r#""cache_control""#).count();
    faults.check(marks <= 4, || {
        format!("A maximum of 4 blocks with cache_control may be provided. Found {marks}.")
    });
}
