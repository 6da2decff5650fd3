//! Responses (<https://platform.openai.com/docs/api-reference/responses/create>), and what services that imitate it
//! refuse as well.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::{Calls, Faults, is_word, items, text};

/// Everything that the service would refuse in the request.
pub fn faults(body: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    let mut calls = Calls::default();
    let input = items(&body["input"]);
    faults.check(body["input"].is_string() || !input.is_empty(), || {
        "One of \"input\" or \"previous_response_id\" must be provided.".into()
    });
    for (index, item) in input.iter().enumerate() {
        let at = format!("input[{index}]");
        let kind = text(&item["type"]);
        match kind {
            "message" => {
                // The service pairs calls and outputs by id; what the model said after a call stays where it was.
                if item["role"] != "assistant" {
                    calls.end(&at, &mut faults);
                }
                message(item, &at, &mut faults);
            }
            "function_call" | "custom_tool_call" => call(item, kind, &at, &mut calls, &mut faults),
            "function_call_output" | "custom_tool_call_output" => {
                calls.result(text(&item["call_id"]), &at, &mut faults);
                let output = &item["output"];
                faults.check(output.is_string() || !items(output).is_empty(), || format!("{at}: output"));
            }
            "reasoning" => {
                faults.check(item["summary"].is_array(), || {
                    format!("{at}: Missing required parameter: 'input[{index}].summary'.")
                });
                let next = input.get(index + 1).unwrap_or(&Value::Null);
                let is_followed = match text(&next["type"]) {
                    "reasoning" | "function_call" | "custom_tool_call" => true,
                    "message" => next["role"] == "assistant",
                    _ => false,
                };
                faults.check(is_followed, || {
                    format!(
                        "{at}: Item of type 'reasoning' was provided without its required following item."
                    )
                });
            }
            other => faults.add(format!("{at}: Invalid value: '{other}'")),
        }
    }
    calls.end("the end", &mut faults);
    tools(body, &mut faults);
    faults.0
}

fn message(item: &Value, at: &str, faults: &mut Faults) {
    let role = text(&item["role"]);
    let accepted: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        "user" => &["input_text", "input_image", "input_file", "input_audio"],
        "system" | "developer" => &["input_text"],
        other => return faults.add(format!("{at}: role {other}")),
    };
    let content = &item["content"];
    faults.check(content.is_string() || content.is_array(), || format!("{at}: content"));
    for part in items(content) {
        let kind = text(&part["type"]);
        faults.check(accepted.contains(&kind), || format!("{at}: Invalid value: '{kind}' of {role}"));
    }
}

fn call(item: &Value, kind: &str, at: &str, calls: &mut Calls, faults: &mut Faults) {
    let (id, name) = (text(&item["call_id"]), text(&item["name"]));
    calls.call(id, at, faults);
    faults.check(id.len() <= 64, || format!("{at}: string too long, maximum length 64: {id}"));
    faults.check(is_word(name, 64, "_-"), || format!("{at}: expected ^[a-zA-Z0-9_-]+$: {name}"));
    if kind == "function_call" {
        let arguments: Option<Value> = serde_json::from_str(text(&item["arguments"])).ok();
        faults.check(arguments.is_some_and(|arguments| arguments.is_object()), || {
            format!("{at}: arguments are no JSON object")
        });
    }
}

fn tools(body: &Value, faults: &mut Faults) {
    let mut names = BTreeSet::new();
    for (index, tool) in
        items(&body["tools"]).iter().enumerate().filter(|(_, tool)| tool["type"] == "function")
    {
        let name = text(&tool["name"]);
        faults.check(is_word(name, 64, "_-"), || format!("tools[{index}].name: {name}"));
        faults.check(tool["parameters"].is_null() || tool["parameters"]["type"] == "object", || {
            format!("tools[{index}]: schema must be of type \"object\"")
        });
        names.insert(name);
    }
    let chosen = text(&body["tool_choice"]["name"]);
    faults.check(chosen.is_empty() || names.contains(chosen), || {
        format!("Tool choice '{chosen}' not found in 'tools'")
    });
}
