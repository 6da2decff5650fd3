use serde_json::{Value, json};

use super::Bedrock;
use crate::aws::event_stream::encode;
use crate::dialect::canonical::{
    CallerCodec as _, ChatRequest, Message, Part, Reasoning, Role, StreamEvent, UpstreamCodec as _,
};
use crate::dialect::openai::codec::OpenAi;
use crate::dialect::upstream::testing::{check_laws, decode_all, decode_pieces};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-2-lite-v1:0";
const LLAMA: &str = "meta.llama3-1-8b-instruct-v1:0";

fn encoded(request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let encoded = Bedrock.encode_request(request, model);
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn read(body: Value) -> ChatRequest {
    let mut body = body;
    body["model"] = "m".into();
    OpenAi::default().decode_request(body.to_string().as_bytes()).unwrap()
}

fn hello() -> Value {
    json!([{"role": "user", "content": "Hello"}])
}

#[test]
fn thinking_is_said_in_the_words_of_the_models_maker() {
    let request = read(json!({"messages": hello(), "reasoning_effort": "low"}));
    let (claude, dropped) = encoded(&request, CLAUDE);
    assert_eq!(
        claude["additionalModelRequestFields"],
        json!({"thinking": {"type": "enabled", "budget_tokens": 2048}})
    );
    assert_eq!((&claude["inferenceConfig"], dropped.len()), (&json!({"maxTokens": 32_000}), 0));
    let (newest, _) = encoded(&request, "global.anthropic.claude-opus-4-7-v1:0");
    assert_eq!(newest["additionalModelRequestFields"], json!({"thinking": {"type": "adaptive"}}));
    assert_eq!(newest["outputConfig"], json!({"effort": "low"}));
    assert_eq!(newest.get("inferenceConfig"), None);
    let (nova, _) = encoded(&request, NOVA);
    assert_eq!(
        nova["additionalModelRequestFields"],
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}})
    );
    let (open, _) = encoded(&request, "openai.gpt-oss-20b-1:0");
    assert_eq!(open["additionalModelRequestFields"], json!({"reasoning_effort": "low"}));
    for model in [LLAMA, "amazon.nova-pro-v1:0"] {
        let (body, dropped) = encoded(&request, model);
        assert_eq!(body.get("additionalModelRequestFields"), None, "{model}");
        assert_eq!(dropped, ["reasoning_effort"], "{model}");
    }
}

#[test]
fn the_highest_effort_of_nova_gives_way_to_a_limit() {
    let request = read(json!({"messages": hello(), "reasoning_effort": "high", "max_tokens": 100}));
    let (body, dropped) = encoded(&request, NOVA);
    assert_eq!(body["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"], "medium");
    assert_eq!(
        (&body["inferenceConfig"], dropped),
        (&json!({"maxTokens": 100}), vec!["reasoning_effort".to_owned()])
    );
}

#[test]
fn top_k_and_stop_sequences() {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, vec![Part::text("Hello")])],
        sampling: crate::dialect::canonical::Sampling {
            top_k: Some(7),
            stop: vec!["END".into(), " ".into()],
            ..Default::default()
        },
        ..ChatRequest::default()
    };
    let (claude, dropped) = encoded(&request, CLAUDE);
    assert_eq!(claude["additionalModelRequestFields"], json!({"top_k": 7}));
    assert_eq!(claude["additionalModelResponseFieldPaths"], json!(["/stop_sequence"]));
    assert_eq!(claude["inferenceConfig"], json!({"stopSequences": ["END"]}));
    assert_eq!(dropped, ["stop"]);
    let (nova, _) = encoded(&request, NOVA);
    assert_eq!(nova["additionalModelRequestFields"], json!({"inferenceConfig": {"topK": 7}}));
    assert_eq!(nova.get("additionalModelResponseFieldPaths"), None);
    assert_eq!(encoded(&request, LLAMA).1, ["top_k", "stop"]);
}

#[test]
fn the_callers_own_additional_fields_go_above_ours() {
    let request = read(json!({
        "messages": hello(),
        "reasoning_effort": "low",
        "additionalModelRequestFields": {"thinking": {"type": "disabled"}, "anthropic_beta": ["x"]},
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        "metadata": {"team": "docs"},
    }));
    let (body, dropped) = encoded(&request, CLAUDE);
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "disabled"}, "anthropic_beta": ["x"]})
    );
    assert_eq!(body["guardrailConfig"]["guardrailIdentifier"], "g");
    assert_eq!(body["requestMetadata"], json!({"team": "docs"}));
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn metadata_that_the_service_would_refuse_is_named() {
    let many: std::collections::BTreeMap<String, &str> = (0..17).map(|at| (at.to_string(), "v")).collect();
    for metadata in [
        json!({"team": "größe"}),
        json!({"": "v"}),
        json!({"team": "x".repeat(257)}),
        json!({"a\"b": "v"}),
        json!({"team": 7}),
        json!(many),
    ] {
        let (body, dropped) = encoded(&read(json!({"messages": hello(), "metadata": metadata})), CLAUDE);
        assert_eq!((body.get("requestMetadata"), dropped), (None, vec!["metadata".to_owned()]));
    }
}

#[test]
fn schemas_are_enforced_where_the_model_can() {
    let request = read(json!({
        "messages": hello(),
        "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": {
            "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false
        }}},
    }));
    let (body, dropped) = encoded(&request, CLAUDE);
    let format = &body["outputConfig"]["textFormat"];
    assert_eq!(
        (&format["type"], &format["structure"]["jsonSchema"]["name"]),
        (&json!("json_schema"), &json!("p"))
    );
    let schema = format["structure"]["jsonSchema"]["schema"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(schema).unwrap()["required"], json!(["a"]));
    assert!(dropped.is_empty() && body.get("system").is_none());
    let (body, dropped) = encoded(&request, LLAMA);
    assert!(body["system"][0]["text"].as_str().unwrap().contains("JSON schema"));
    assert_eq!(dropped, ["response_format"]);
}

#[test]
fn no_tool_may_be_called_where_none_is_declared() {
    let tool = json!({"type": "function", "function": {"name": "now", "description": ""}});
    let called = json!([
        {"role": "user", "content": "When?"},
        {"role": "assistant", "tool_calls": [{"id": "a.b", "type": "function", "function": {"name": "now", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "a.b", "content": "12:00"},
    ]);
    let none = read(json!({"messages": hello(), "tools": [tool], "tool_choice": "none"}));
    let (body, dropped) = encoded(&none, CLAUDE);
    assert_eq!((body.get("toolConfig"), dropped.len()), (None, 0));
    let (body, _) = encoded(&read(json!({"messages": called})), CLAUDE);
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "now");
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["toolUseId"], "a_x2eb");
    assert_eq!(body["messages"][2]["content"][0]["toolResult"]["toolUseId"], "a_x2eb");
    let (body, dropped) =
        encoded(&read(json!({"messages": called, "tools": [tool], "tool_choice": "none"})), CLAUDE);
    assert_eq!(body["toolConfig"].get("toolChoice"), None);
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"].get("description"), None);
    assert_eq!(dropped, ["tool_choice"]);
}

#[test]
fn the_last_four_cache_points_stay_and_other_models_have_none() {
    let marked = |text: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let request = read(json!({"messages": [
        {"role": "system", "content": [marked("a"), marked("b")]},
        {"role": "user", "content": [marked("c"), marked("d"), marked("e")]},
    ]}));
    let (body, dropped) = encoded(&request, CLAUDE);
    let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(body["system"], json!([{"text": "a"}, {"text": "b"}, point]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"text": "c"}, point, {"text": "d"}, point, {"text": "e"}, point])
    );
    assert_eq!(dropped, ["cache_control"]);
    let (body, dropped) = encoded(&request, LLAMA);
    assert!(!body.to_string().contains("cachePoint"));
    assert_eq!(dropped.len(), 5);
}

#[test]
fn thoughts_go_back_to_those_who_signed_them_only() {
    let thought = Part::Thinking { text: "hm".into(), signature: Some("c2ln".into()) };
    let redacted = Part::RedactedThinking { data: "b3BhcXVl".into() };
    let request = ChatRequest {
        messages: vec![
            Message::new(Role::User, vec![Part::text("?")]),
            Message::new(Role::Assistant, vec![thought, redacted, Part::text("Yes.")]),
            Message::new(Role::User, vec![Part::text("!")]),
        ],
        reasoning: Some(Reasoning { budget_tokens: Some(0), ..Reasoning::default() }),
        ..ChatRequest::default()
    };
    let (body, dropped) = encoded(&request, CLAUDE);
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "b3BhcXVl"}},
            {"text": "Yes."},
        ])
    );
    assert!(dropped.is_empty(), "{dropped:?}");
    let (body, dropped) = encoded(&request, LLAMA);
    assert_eq!(body["messages"][1]["content"], json!([{"text": "Yes."}]));
    assert_eq!(dropped, ["messages[1].content[0]", "messages[1].content[1]", "reasoning_effort"]);
}

fn event(name: &str, payload: &str) -> Vec<u8> {
    encode(&[(":event-type", name), (":message-type", "event")], payload.as_bytes()).unwrap()
}

#[test]
fn a_stream_without_metadata_is_whole_and_one_without_a_reason_to_stop_is_not() {
    let said = event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#);
    let stop = event("messageStop", r#"{"stopReason":"end_turn"}"#);
    let whole = [said.clone(), stop].concat();
    let events = decode_all(Bedrock.stream_decoder(), &whole);
    check_laws(&events);
    assert_eq!(events.last(), Some(&StreamEvent::Done));
    let events = decode_all(Bedrock.stream_decoder(), &said);
    let Some(StreamEvent::Error(error)) = events.last() else { panic!("{events:?}") };
    assert_eq!(error.code.as_deref(), Some("upstream_stream_truncated"));
}

#[test]
fn a_damaged_frame_ends_the_stream_in_an_error() {
    let mut stream = event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#);
    let second = stream.len();
    stream.extend(event("messageStop", r#"{"stopReason":"end_turn"}"#));
    stream[second + 20] ^= 1;
    let events = decode_all(Bedrock.stream_decoder(), &stream);
    check_laws(&events);
    let Some(StreamEvent::Error(error)) = events.last() else { panic!("{events:?}") };
    assert_eq!(error.code.as_deref(), Some("upstream_invalid_response"));
    assert_eq!(decode_pieces(Bedrock.stream_decoder(), stream.chunks(1)), events);
}

#[test]
fn an_exception_is_the_error_that_the_request_would_have_ended_in() {
    let headers = [(":exception-type", "throttlingException"), (":message-type", "exception")];
    let stream = encode(&headers, br#"{"message":"Slow down."}"#).unwrap();
    let events = decode_all(Bedrock.stream_decoder(), &stream);
    let [StreamEvent::Error(error)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((error.status, error.message.as_str()), (429, "Slow down."));
    let headers =
        [(":message-type", "error"), (":error-code", "InternalError"), (":error-message", "Broken.")];
    let events = decode_all(Bedrock.stream_decoder(), &encode(&headers, b"").unwrap());
    let [StreamEvent::Error(error)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((error.status, error.message.as_str()), (502, "Broken."));
}
