use serde_json::{Value, json};

use super::Cohere;
use crate::dialect::canonical::{CallerCodec as _, ErrorKind, StreamEvent, UpstreamCodec as _};
use crate::dialect::openai::codec::OpenAi;
use crate::dialect::upstream::testing::{check_laws, decode_all};

fn encoded(mut body: Value) -> (Value, Vec<String>) {
    body["model"] = "m".into();
    if body.get("messages").is_none() {
        body["messages"] = json!([{"role": "user", "content": "Hello"}]);
    }
    let request = OpenAi::default().decode_request(body.to_string().as_bytes()).unwrap();
    let encoded = Cohere.encode_request(&request, "command-a-03-2025");
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn tool(name: &str, strict: bool) -> Value {
    json!({"type": "function", "function": {"name": name, "strict": strict}})
}

#[test]
fn a_named_tool_is_the_only_one_and_required() {
    let tools = json!([tool("a", false), tool("b", false)]);
    let choice = json!({"type": "function", "function": {"name": "b"}});
    let (body, dropped) = encoded(json!({"tools": tools, "tool_choice": choice}));
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&body["tools"][0]["function"]["name"], &body["tool_choice"]),
        (&json!("b"), &json!("REQUIRED"))
    );
    assert!(dropped.is_empty(), "{dropped:?}");
    assert_eq!(encoded(json!({"tools": tools, "tool_choice": "none"})).0["tool_choice"], "NONE");
    assert_eq!(encoded(json!({"tools": tools, "tool_choice": "auto"})).0.get("tool_choice"), None);
}

#[test]
fn schemas_hold_for_all_tools_or_for_none() {
    let (body, dropped) = encoded(json!({"tools": [tool("a", true), tool("b", true)]}));
    assert_eq!((&body["strict_tools"], dropped.len()), (&json!(true), 0));
    let (body, dropped) = encoded(json!({"tools": [tool("a", true), tool("b", false)]}));
    assert_eq!((body.get("strict_tools"), dropped), (None, vec!["tools[0].strict".to_owned()]));
}

#[test]
fn a_format_gives_way_to_tools() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "p", "schema": schema}});
    let (body, dropped) = encoded(json!({"response_format": format}));
    assert_eq!(body["response_format"], json!({"type": "json_object", "json_schema": schema}));
    assert!(dropped.is_empty());
    let (body, dropped) = encoded(json!({"response_format": format, "tools": [tool("a", false)]}));
    assert_eq!((body.get("response_format"), dropped), (None, vec!["response_format".to_owned()]));
}

#[test]
fn thinking_is_a_switch_and_a_budget() {
    for (effort, thinking) in [
        ("none", json!({"type": "disabled"})),
        ("low", json!({"type": "enabled", "token_budget": 2048})),
        ("high", json!({"type": "enabled"})),
    ] {
        assert_eq!(encoded(json!({"reasoning_effort": effort})).0["thinking"], thinking);
    }
}

#[test]
fn what_was_planned_goes_back_with_the_calls() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "now", "arguments": ""}});
    let (body, dropped) = encoded(json!({"messages": [
        {"role": "user", "content": "When?"},
        {"role": "assistant", "reasoning_content": "I will look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
    ]}));
    assert_eq!(
        body["messages"][1],
        json!({"role": "assistant", "tool_plan": "I will look.", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
        ]})
    );
    assert_eq!(body["messages"][2], json!({"role": "tool", "tool_call_id": "c1", "content": "12:00"}));
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn an_answer_that_ends_in_an_error_is_one_streamed_and_not() {
    let whole = r#"{"id":"1","finish_reason":"ERROR","message":{"role":"assistant","content":[]}}"#;
    assert!(Cohere.decode_response(whole.as_bytes()).unwrap_err().message.contains("ERROR"));
    let start = "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"1\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}\n\n";
    for (end, status, message) in [
        (r#"{"type":"message-end","delta":{"error":"Broken.","finish_reason":"ERROR"}}"#, 502, "Broken."),
        (r#"{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}"#, 504, "TIMEOUT"),
        (r#"{"message":"Slow down."}"#, 502, "Slow down."),
    ] {
        let events = decode_all(Cohere.stream_decoder(), format!("{start}data: {end}\n\n").as_bytes());
        check_laws(&events);
        let Some(StreamEvent::Error(error)) = events.last() else { panic!("{events:?}") };
        assert_eq!(error.status, status);
        assert!(error.message.contains(message), "{}", error.message);
    }
    let events = decode_all(Cohere.stream_decoder(), start.as_bytes());
    assert!(
        matches!(events.last(), Some(StreamEvent::Error(error)) if error.code.as_deref() == Some("upstream_stream_truncated"))
    );
}

#[test]
fn errors_are_told_apart_by_their_status() {
    let error = |status| Cohere.decode_error(status, br#"{"id":"x","message":"no"}"#);
    assert_eq!((error(498).kind, error(401).kind), (ErrorKind::Authentication, ErrorKind::Authentication));
    assert_eq!((error(429).kind, error(499).kind), (ErrorKind::RateLimit, ErrorKind::Timeout));
    let long =
        Cohere.decode_error(400, br#"{"message":"too many tokens: size limit exceeded by 11326 tokens."}"#);
    assert_eq!(long.code.as_deref(), Some("context_length_exceeded"));
}
