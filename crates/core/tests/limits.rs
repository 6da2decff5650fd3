//! Requests that an upstream would refuse, and what it gets instead: for callers of every dialect and every upstream.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test that cannot read its values has failed"
)]

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::limits::{restored_response, tool_names};
use nexus_edge_core::dialect::canonical::{ChatRequest, ChatResponse, Choice, Part};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use serde_json::{Value, json};

const UPSTREAMS: [ProviderKind; 7] = [
    ProviderKind::Openai,
    ProviderKind::Anthropic,
    ProviderKind::Bedrock,
    ProviderKind::Cohere,
    ProviderKind::Gemini,
    ProviderKind::Vertex,
    ProviderKind::Dashscope,
];

fn read(dialect: CallerDialect, body: &Value) -> ChatRequest {
    registry::caller(dialect).decode_request(body.to_string().as_bytes()).unwrap()
}

fn sent(kind: ProviderKind, request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let encoded = kind.codec(Quirks::NONE).encode_request(request, model);
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

/// The values of all members with this name, at any depth.
fn all<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name));
            fields.values().for_each(|value| all(value, name, found));
        }
        Value::Array(values) => values.iter().for_each(|value| all(value, name, found)),
        _ => {}
    }
}

const NAMES: [&str; 7] = [
    "mcp__plugin_atlassian-mcp-remote_atlassian__getJiraProjectIssueTypesMetadata",
    "files.read",
    "files:read",
    "files_read",
    "größe/messen 1",
    "7zip",
    "get-weather",
];

#[test]
fn names_are_accepted_everywhere_and_come_back() {
    let calls: Vec<Value> = NAMES
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({"type": "tool_use", "id": format!("call_{index}"), "name": name, "input": {}})
        })
        .collect();
    let results: Vec<Value> = (0..NAMES.len())
        .map(|index| json!({"type": "tool_result", "tool_use_id": format!("call_{index}"), "content": "x"}))
        .collect();
    for forgotten in 0..NAMES.len() {
        // One of the tools that were called is not declared any more.
        let declared = NAMES.iter().enumerate().filter(|(index, _)| *index != forgotten);
        let tools: Vec<Value> =
            declared.map(|(_, name)| json!({"name": name, "input_schema": {"type": "object"}})).collect();
        let chosen = NAMES[(forgotten + 1) % NAMES.len()];
        let request = read(
            CallerDialect::Anthropic,
            &json!({"model": "m", "max_tokens": 9, "tools": tools, "tool_choice": {"type": "tool", "name": chosen},
                "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": calls},
                    {"role": "user", "content": results}]}),
        );
        for kind in UPSTREAMS {
            let codec = kind.codec(Quirks::NONE);
            let (body, dropped) = sent(kind, &request, "m");
            let mut names = Vec::new();
            all(&body, "name", &mut names);
            all(&body, "allowedFunctionNames", &mut names);
            assert!(names.len() > NAMES.len(), "{kind:?} {body}");
            for name in names
                .iter()
                .flat_map(|name| name.as_array().cloned().unwrap_or_else(|| vec![(*name).clone()]))
            {
                assert!(codec.limits().accepts_tool_name(name.as_str().unwrap()), "{kind:?} {name}");
            }
            assert!(
                !dropped.iter().any(|name| name.starts_with("tools[") && !name.contains('.')),
                "{dropped:?}"
            );
            // A call of each tool, by the name that the upstream knows.
            let renaming = tool_names(&request, codec.limits());
            let parts = NAMES.iter().map(|name| Part::ToolCall {
                id: "c".into(),
                name: renaming.sent(name).unwrap_or(name).to_owned(),
                arguments: "{}".into(),
                signature: None,
                cache: None,
            });
            let choice = Choice { parts: parts.collect(), ..Choice::default() };
            let answer = ChatResponse { choices: vec![choice], ..ChatResponse::default() };
            let called: Vec<String> = restored_response(answer, &renaming).choices[0]
                .parts
                .iter()
                .filter_map(
                    |part| if let Part::ToolCall { name, .. } = part { Some(name.clone()) } else { None },
                )
                .collect();
            assert_eq!(called, NAMES, "{kind:?}");
        }
    }
}

#[test]
fn a_choice_of_a_tool_that_is_left_out_goes_with_it() {
    let request = read(
        CallerDialect::Anthropic,
        &json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "q"}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}, {"type": "bash_20250124", "name": "bash"}],
            "tool_choice": {"type": "tool", "name": "bash"}}),
    );
    for kind in UPSTREAMS.into_iter().filter(|kind| *kind != ProviderKind::Anthropic) {
        let (body, dropped) = sent(kind, &request, "m");
        assert!(dropped.contains(&"tool_choice".to_owned()), "{kind:?} {dropped:?}");
        assert!(!body.to_string().contains("bash") && body.to_string().contains("\"f\""), "{kind:?} {body}");
    }
}

#[test]
fn arguments_are_objects_without_a_union_at_the_top() {
    let tools = json!([
        {"name": "now", "input_schema": {"type": "object"}},
        {"name": "any", "input_schema": {}},
        {"name": "turn_on", "input_schema": {"type": "object", "required": ["level"], "properties":
            {"name": {"type": "string"}, "area": {"type": "string"}, "level": {"type": "integer"}},
            "anyOf": [{"required": ["name"]}, {"required": ["area"]}]}},
        {"name": "issue", "input_schema": {"type": "object", "properties": {"repo": {"type": "string"}},
            "oneOf": [{"properties": {"title": {"type": "string"}}}, {"properties": {"number": {"type": "integer"}}}]}},
    ]);
    let request = read(
        CallerDialect::Anthropic,
        &json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "q"}], "tools": tools}),
    );
    for kind in UPSTREAMS {
        let (body, _) = sent(kind, &request, "m");
        let mut schemas = Vec::new();
        for name in ["parameters", "input_schema", "json"] {
            all(&body, name, &mut schemas);
        }
        schemas.retain(|schema| schema.get("type") == Some(&json!("object")));
        // Gemini declares functions without arguments without a schema.
        assert!(schemas.len() >= 2, "{kind:?} {body}");
        for schema in &schemas {
            assert!(schema["properties"].is_object(), "{kind:?} {schema}");
            assert!(schema.get("anyOf").is_none() && schema.get("oneOf").is_none(), "{kind:?} {schema}");
        }
        let properties = |schema: &Value| schema["properties"].as_object().map_or(0, serde_json::Map::len);
        assert_eq!(schemas.iter().filter(|schema| properties(schema) == 3).count(), 2, "{kind:?} {body}");
    }
}

#[test]
fn pictures_arrive_in_any_spelling() {
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let broken = format!("{}\r\n{}", &PNG[..40], &PNG[40..]);
    let urls = [
        format!("data:image/png;charset=utf-8;base64,{PNG}"),
        format!("DATA:IMAGE/PNG;BASE64,{PNG}"),
        format!("data:image/jpg;base64,{broken}"),
    ];
    let content: Vec<Value> =
        urls.iter().map(|url| json!({"type": "image_url", "image_url": {"url": url}})).collect();
    let request = read(
        CallerDialect::OpenaiChat,
        &json!({"model": "m", "messages": [{"role": "user", "content": content}]}),
    );
    for kind in UPSTREAMS {
        let (body, dropped) = sent(kind, &request, "qwen-vl-max");
        assert_eq!(body.to_string().matches(PNG).count(), 3, "{kind:?} {body}");
        assert!(dropped.is_empty() && !body.to_string().contains("jpg"), "{kind:?} {dropped:?}");
    }
}

#[test]
fn efforts_are_those_of_the_model() {
    for (model, wanted, expected) in [
        ("gpt-5", "xhigh", "high"),
        ("gpt-5.1", "xhigh", "high"),
        ("o3", "xhigh", "high"),
        ("gpt-5.6", "max", "max"),
        ("gpt-5.2", "max", "xhigh"),
    ] {
        let request = read(
            CallerDialect::Anthropic,
            &json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "q"}],
                "thinking": {"type": "adaptive"}, "output_config": {"effort": wanted}}),
        );
        assert_eq!(sent(ProviderKind::Openai, &request, model).0["reasoning_effort"], expected, "{model}");
    }
    let minimal = read(
        CallerDialect::Gemini,
        &json!({"contents": [{"parts": [{"text": "q"}]}],
            "generationConfig": {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}}),
    );
    for model in ["gpt-5.1", "o3"] {
        assert_eq!(sent(ProviderKind::Openai, &minimal, model).0["reasoning_effort"], "low", "{model}");
    }
    let mut with_tools = read(
        CallerDialect::OpenaiChat,
        &json!({"model": "m", "messages": [{"role": "user", "content": "q"}], "reasoning_effort": "high",
            "tools": [{"type": "function", "function": {"name": "f"}}]}),
    );
    for model in ["gpt-5.4", "gpt-5.5", "gpt-5.6"] {
        let (body, dropped) = sent(ProviderKind::Openai, &with_tools, model);
        assert_eq!(
            (&body["reasoning_effort"], dropped),
            (&json!("none"), vec!["reasoning_effort".to_owned()])
        );
    }
    with_tools.reasoning = None;
    assert_eq!(sent(ProviderKind::Openai, &with_tools, "gpt-5.6").0["reasoning_effort"], "none");
    assert!(sent(ProviderKind::Openai, &with_tools, "gpt-5.4").0.get("reasoning_effort").is_none());
}

#[test]
fn a_name_with_two_meanings_is_not_passed_on() {
    let request = read(
        CallerDialect::OpenaiResponses,
        &json!({"model": "m", "input": "q", "context_management": [{"type": "compaction", "compact_threshold": 1000}]}),
    );
    let (body, dropped) = sent(ProviderKind::Anthropic, &request, "claude-sonnet-4-5");
    assert!(body.get("context_management").is_none() && dropped.contains(&"context_management".to_owned()));
}

#[test]
fn ids_are_as_long_as_the_service_allows() {
    let long = format!("functions.Bash:{}", "0".repeat(60));
    let request = read(
        CallerDialect::OpenaiChat,
        &json!({"model": "m", "messages": [{"role": "user", "content": "q"},
            {"role": "assistant", "tool_calls": [{"id": long, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": long, "content": "x"}]}),
    );
    for (model, most, least) in [("gpt-4o", 40, 1), ("mistral-small-latest", 9, 9)] {
        let (body, _) = sent(ProviderKind::Openai, &request, model);
        let id = body["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
        assert!((least..=most).contains(&id.len()), "{model} {id}");
        assert_eq!(body["messages"][2]["tool_call_id"], id);
    }
}
