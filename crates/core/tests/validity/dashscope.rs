//! DashScope's text and multimodal generation (<https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope>).

use serde_json::Value;

use super::rules::{Calls, Faults, function_tools, items, text};

/// Everything that the service would refuse in the request.
pub fn faults(body: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    let mut calls = Calls::default();
    let messages = items(&body["input"]["messages"]);
    faults.check(!messages.is_empty(), || "input.messages must not be empty".into());
    let mut before = "";
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        let role = text(&message["role"]);
        faults
            .check(matches!(role, "system" | "user" | "assistant" | "tool"), || format!("{at}: role {role}"));
        faults.check(role != "system" || index == 0, || format!("{at}: Role must be in [user, assistant]"));
        faults.check(role != before || role == "tool", || {
            format!(
                "{at}: Role must be user or assistant and Content length must be greater than 0: {role} twice"
            )
        });
        before = role;
        if role == "tool" {
            calls.result(text(&message["tool_call_id"]), &at, &mut faults);
        } else {
            calls.end(&at, &mut faults);
        }
        let content = &message["content"];
        faults.check(content.is_string() || !items(content).is_empty(), || {
            format!("{at}: The content field is a required field.")
        });
        for call in items(&message["tool_calls"]) {
            calls.call(text(&call["id"]), &at, &mut faults);
        }
    }
    calls.end("the end", &mut faults);
    if let Some(last) = messages.last() {
        let is_kept = last["role"] != "assistant" || last["partial"] == true;
        faults.check(is_kept, || "the last message is the model's".into());
        faults.check(last["role"] != "system", || "the last message is an instruction".into());
    }
    function_tools(&body["parameters"]["tools"], &mut faults);
    faults.0
}
