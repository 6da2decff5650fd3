//! Decoding request bodies.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Responses, ResponsesRequest};
use crate::dialect::canonical::{
    AllowedMode, CallerCodec, ChatRequest, Json, Message, Part, Reasoning, ResponseFormat, Role, Tool,
    ToolChoice,
};
use crate::error::ApiError;

fn parse(body: &Value) -> Result<ResponsesRequest, ApiError> {
    ResponsesRequest::parse(body.to_string().as_bytes(), "u1")
}

/// The canonical request of a body with a model, an input and these fields.
fn request(mut fields: Value) -> Result<ChatRequest, ApiError> {
    let object = fields.as_object_mut().unwrap();
    object.entry("model").or_insert(json!("m"));
    object.entry("input").or_insert(json!("Hi"));
    Responses.decode_request(fields.to_string().as_bytes())
}

fn names(request: &ChatRequest) -> Vec<&str> {
    request.extra.keys().map(String::as_str).collect()
}

#[test]
fn the_short_form_is_a_user_message() {
    let parsed = parse(&json!({"model": "m", "input": "Hi", "instructions": "Be brief."})).unwrap();
    assert_eq!(
        parsed.request.messages,
        [
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            Message::new(Role::User, vec![Part::text("Hi")]),
        ]
    );
    assert!(parsed.store && parsed.previous_response_id.is_none() && !parsed.request.stream);
    assert_eq!(parsed.input_items.len(), 1);
    assert_eq!(parsed.input_items[0].to_value()["id"], "msg_u1_i0");
    let unkept = parse(&json!({"model": "m", "input": "Hi", "store": false})).unwrap();
    assert!(!unkept.store && unkept.input_items.is_empty());
}

#[test]
fn every_parameter_finds_its_place() {
    let request = request(json!({
        "max_output_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_logprobs": 3,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs", "file_search_call.results"],
        "metadata": {"team": "a"}, "safety_identifier": "user-1", "prompt_cache_key": "k", "service_tier": "flex",
        "parallel_tool_calls": false, "stream": true, "stream_options": {"include_obfuscation": false},
        "reasoning": {"effort": "high", "summary": "auto", "context": "all_turns"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
        "truncation": "disabled", "background": false, "store": true,
    }))
    .unwrap();
    let sampling = &request.sampling;
    assert_eq!(
        (sampling.temperature, sampling.top_p, sampling.top_logprobs),
        (Some(0.5), Some(0.9), Some(3))
    );
    assert_eq!((sampling.logprobs, request.max_tokens), (Some(true), Some(100)));
    assert_eq!(request.user.as_deref(), Some("user-1"));
    assert_eq!(request.prompt_cache_key.as_deref(), Some("k"));
    assert_eq!(request.service_tier.as_deref(), Some("flex"));
    assert_eq!(request.verbosity.as_deref(), Some("low"));
    assert_eq!(request.metadata, Json::parse(r#"{"team":"a"}"#));
    assert!(request.stream && request.include_usage && request.parallel_tool_calls == Some(false));
    assert_eq!(
        request.reasoning,
        Some(Reasoning {
            effort: Some("high".into()),
            summary: Some("auto".into()),
            include: Some(true),
            ..Reasoning::default()
        })
    );
    assert_eq!(
        request.response_format,
        Some(ResponseFormat::JsonSchema {
            name: Some("n".into()),
            description: None,
            schema: Json::parse(r#"{"type":"object"}"#).unwrap(),
            strict: Some(true),
        })
    );
    assert_eq!(names(&request), ["include[2]", "reasoning.context"]);
}

#[test]
fn what_has_no_place_is_named() {
    let request = request(json!({
        "truncation": "auto", "max_tool_calls": 3, "prompt_cache_retention": "24h", "a_new_field": 1,
        "user": "old", "safety_identifier": "new", "absent": null,
    }))
    .unwrap();
    assert_eq!(
        names(&request),
        ["a_new_field", "max_tool_calls", "prompt_cache_retention", "truncation", "user"]
    );
    assert_eq!(request.user.as_deref(), Some("new"));
}

#[test]
fn tools_of_all_kinds() {
    let request = request(json!({"tools": [
        {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true, "defer_loading": true},
        {"type": "function", "name": "g", "parameters": null},
        {"type": "web_search", "search_context_size": "low"},
        {"type": "custom", "name": "patch", "description": "Edits files.",
         "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
        {"type": "namespace", "name": "files", "description": "x", "tools": [{"type": "function", "name": "read"}]},
    ]}))
    .unwrap();
    let [
        Tool::Function(f),
        Tool::Function(g),
        Tool::Native(search),
        Tool::Function(patch),
        Tool::Function(read),
    ] = &request.tools[..]
    else {
        panic!("five tools");
    };
    assert_eq!((f.name.as_str(), f.description.as_deref(), f.strict), ("f", Some("d"), Some(true)));
    assert_eq!(f.parameters, Json::parse(r#"{"type":"object"}"#));
    assert_eq!((g.parameters.as_ref(), g.strict), (None, None));
    assert_eq!(search.to_value()["type"], "web_search");
    assert!(patch.description.as_deref().unwrap().ends_with("(lark):\nstart: X"));
    assert_eq!(patch.parameters.as_ref().unwrap().to_value()["required"], json!(["input"]));
    assert_eq!(read.name, "files__read");
    assert_eq!(names(&request), ["tools[0].defer_loading"]);
}

#[test]
fn choices_of_tools() {
    let choice = |choice: Value| request(json!({"tool_choice": choice})).unwrap();
    assert_eq!(choice(json!("auto")).tool_choice, Some(ToolChoice::Auto));
    assert_eq!(choice(json!("none")).tool_choice, Some(ToolChoice::None));
    assert_eq!(choice(json!("required")).tool_choice, Some(ToolChoice::Required));
    for kind in ["function", "custom"] {
        let named = choice(json!({"type": kind, "name": "f"}));
        assert_eq!(named.tool_choice, Some(ToolChoice::Named("f".into())));
    }
    let native = choice(json!({"type": "web_search_preview"}));
    assert_eq!((native.tool_choice.clone(), names(&native)), (None, vec!["tool_choice"]));
    let allowed = choice(json!({"type": "allowed_tools", "mode": "required", "tools": [
        {"type": "function", "name": "f"}, {"type": "mcp", "server_label": "s"},
    ]}));
    assert_eq!(
        allowed.tool_choice,
        Some(ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["f".into()] })
    );
    assert_eq!(names(&allowed), ["tool_choice.tools[1]"]);
}

#[test]
fn formats_of_the_answer() {
    let format = |format: Value| request(json!({"text": {"format": format}})).unwrap().response_format;
    assert_eq!(format(json!({"type": "text"})), Some(ResponseFormat::Text));
    assert_eq!(format(json!({"type": "json_object"})), Some(ResponseFormat::JsonObject));
    assert_eq!(format(json!(null)), None);
}

#[test]
fn errors_name_the_field() {
    for (fields, code, param) in [
        (json!({"model": null}), "missing_required_parameter", "model"),
        (json!({"model": " "}), "invalid_value", "model"),
        (json!({"model": 1}), "invalid_type", "model"),
        (json!({"input": null}), "missing_required_parameter", "input"),
        (json!({"input": []}), "invalid_value", "input"),
        (json!({"input": {}}), "invalid_type", "input"),
        (json!({"instructions": []}), "invalid_type", "instructions"),
        (json!({"background": true}), "unsupported_parameter", "background"),
        (json!({"conversation": "conv_1"}), "unsupported_parameter", "conversation"),
        (json!({"prompt": {"id": "pmpt_1"}}), "unsupported_parameter", "prompt"),
        (json!({"max_output_tokens": "5"}), "invalid_type", "max_output_tokens"),
        (json!({"max_output_tokens": -5}), "invalid_value", "max_output_tokens"),
        (json!({"temperature": "hot"}), "invalid_type", "temperature"),
        (json!({"stream": "yes"}), "invalid_type", "stream"),
        (json!({"store": 1}), "invalid_type", "store"),
        (json!({"metadata": []}), "invalid_type", "metadata"),
        (json!({"truncation": "some"}), "invalid_value", "truncation"),
        (json!({"include": "x"}), "invalid_type", "include"),
        (json!({"include": [1]}), "invalid_type", "include[0]"),
        (
            json!({"stream_options": {"include_obfuscation": 1}}),
            "invalid_type",
            "stream_options.include_obfuscation",
        ),
        (json!({"reasoning": "high"}), "invalid_type", "reasoning"),
        (json!({"reasoning": {"effort": 3}}), "invalid_type", "reasoning.effort"),
        (json!({"text": {"format": {"type": "xml"}}}), "invalid_value", "text.format.type"),
        (
            json!({"text": {"format": {"type": "json_schema"}}}),
            "missing_required_parameter",
            "text.format.schema",
        ),
        (json!({"tools": [{}]}), "missing_required_parameter", "tools[0].type"),
        (json!({"tools": [{"type": "function"}]}), "missing_required_parameter", "tools[0].name"),
        (
            json!({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}),
            "invalid_type",
            "tools[0].parameters",
        ),
        (
            json!({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]}),
            "missing_required_parameter",
            "tools[0].tools[0].name",
        ),
        (json!({"tool_choice": "any"}), "invalid_value", "tool_choice"),
        (json!({"tool_choice": 1}), "invalid_type", "tool_choice"),
        (json!({"tool_choice": {"type": "function"}}), "missing_required_parameter", "tool_choice.name"),
        (json!({"tool_choice": {"type": "allowed_tools", "mode": "x"}}), "invalid_value", "tool_choice.mode"),
        (json!({"input": [{"type": "item_reference", "id": "rs_1"}]}), "item_not_found", "input[0].id"),
        (json!({"input": [{"type": "item_reference"}]}), "missing_required_parameter", "input[0].id"),
    ] {
        let error = request(fields.clone()).unwrap_err();
        assert_eq!((error.code, error.param.as_deref(), error.status), (code, Some(param), 400), "{fields}");
    }
    for body in [&b""[..], b"[]", b"{", br#"{"model":"m","model":"n","input":"x"}"#, b"\xff"] {
        assert_eq!(ResponsesRequest::parse(body, "u").unwrap_err().code, "invalid_json");
    }
}

#[test]
fn every_fixture_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/requests/responses");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let body = std::fs::read(&path).unwrap();
        let request =
            Responses.decode_request(&body).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!request.messages.is_empty(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 12, "{count}");
}

/// Arbitrary JSON with the field names of the dialect.
fn odd_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "message",
        "function_call",
        "reasoning",
        "item_reference",
        "input_text",
        "input_file",
        "custom",
        "namespace",
        "allowed_tools",
        "json_schema",
        "user",
        "assistant",
        "auto",
    ]);
    let name = prop::sample::select(vec![
        "type",
        "role",
        "content",
        "text",
        "input",
        "tools",
        "name",
        "id",
        "call_id",
        "arguments",
        "output",
        "summary",
        "tool_choice",
        "format",
        "reasoning",
        "include",
        "metadata",
        "mode",
        "schema",
        "parameters",
        "annotations",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _result = ResponsesRequest::parse(&body, "u");
    }

    #[test]
    fn no_json_makes_it_panic(input in odd_json(), tools in odd_json(), more in odd_json()) {
        let mut body = json!({"model": "m", "input": input, "tools": tools});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        if let Ok(request) = ResponsesRequest::parse(body.to_string().as_bytes(), "u") {
            let _result = request.resolve(&[], &[]);
        }
    }
}
