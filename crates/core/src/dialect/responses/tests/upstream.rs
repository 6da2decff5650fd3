//! The dialect as upstreams have it: odd services, errors, and what comes back next turn.

use serde_json::{Value, json};

use crate::dialect::canonical::{
    ChatRequest, ChatResponse, ErrorInfo, ErrorKind, FinishReason, Message, Part, Reasoning, Role,
    UpstreamCodec, assemble,
};
use crate::dialect::responses::ResponsesUpstream;
use crate::dialect::upstream::testing::{check_laws, decode_all, fixture};

const HOST: &str = "api.example";

fn responses_upstream(host: &str) -> ResponsesUpstream {
    ResponsesUpstream { host: host.to_owned(), body_model: None }
}

fn streamed(name: &str) -> Result<ChatResponse, ErrorInfo> {
    let stream = fixture(&format!("streams/responses/{name}.sse"));
    let events = decode_all(responses_upstream(HOST).stream_decoder(), &stream);
    check_laws(&events);
    assemble(events)
}

fn whole(name: &str) -> ChatResponse {
    responses_upstream(HOST).decode_response(&fixture(&format!("responses/responses/{name}.json"))).unwrap()
}

/// The parts without what only the service can read.
fn unsealed(response: &ChatResponse) -> Vec<Part> {
    let mut parts = response.choices[0].parts.clone();
    for part in &mut parts {
        if let Part::Thinking { signature, .. } = part {
            *signature = None;
        }
    }
    parts
}

fn encoded(request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let encoded = responses_upstream(HOST).encode_request(request, model);
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

#[test]
fn services_that_leave_something_out_are_understood() {
    let expected = whole("reasoning_tools");
    for name in ["end_only", "no_deltas", "no_indexes", "calls_side_by_side", "unknown_events"] {
        let read = streamed(name).unwrap();
        assert_eq!(read.choices, expected.choices, "{name}");
        assert_eq!(read.usage, expected.usage, "{name}");
    }
    for name in ["no_item_ends", "changing_ids"] {
        let read = streamed(name).unwrap();
        assert_eq!(unsealed(&read), unsealed(&expected), "{name}");
        assert_eq!(read.choices[0].finish, Some(FinishReason::ToolCalls), "{name}");
    }
}

#[test]
fn errors_keep_code_and_words_in_either_form() {
    for (name, status, kind, code, message) in [
        (
            "error_nested",
            429,
            ErrorKind::InsufficientQuota,
            "insufficient_quota",
            "You exceeded your current quota.",
        ),
        ("error_flat", 429, ErrorKind::RateLimit, "rate_limit_exceeded", "Rate limit reached for gpt-5.6."),
        ("failed", 502, ErrorKind::Server, "server_error", "The model had a problem."),
    ] {
        let error = streamed(name).unwrap_err();
        assert_eq!((error.status, error.kind), (status, kind), "{name}");
        assert_eq!((error.code.as_deref(), error.message.as_str()), (Some(code), message), "{name}");
    }
    assert_eq!(streamed("cut").unwrap_err(), ErrorInfo::truncated());
}

#[test]
fn a_failure_in_a_good_status_is_an_error_whole_and_streamed() {
    let failed = json!({"object": "response", "status": "failed", "output": [],
        "error": {"code": "server_error", "message": "The model had a problem."}});
    let told = json!({"error": {"message": "No."}});
    let cancelled = json!({"status": "cancelled", "output": []});
    for (body, message) in [
        (&failed, "The model had a problem."),
        (&told, "No."),
        (&cancelled, "The provider gave up on its answer: cancelled."),
    ] {
        let body = body.to_string();
        assert_eq!(responses_upstream(HOST).decode_response(body.as_bytes()).unwrap_err().message, message);
        let events = decode_all(responses_upstream(HOST).stream_decoder(), body.as_bytes());
        assert_eq!(assemble(events).unwrap_err().message, message);
    }
    for body in ["{}", "[]", "", r#"{"output":null}"#] {
        assert!(responses_upstream(HOST).decode_response(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn why_an_answer_ended() {
    for (name, finish) in [
        ("text", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("length_in_thought", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("reasoning_tools", FinishReason::ToolCalls),
        ("custom_tool", FinishReason::ToolCalls),
    ] {
        assert_eq!(whole(name).choices[0].finish, Some(finish), "{name}");
    }
    let odd = r#"{"status":"incomplete","incomplete_details":{"reason":"abuse"},"output":[]}"#;
    let read = responses_upstream(HOST).decode_response(odd.as_bytes()).unwrap();
    assert_eq!(read.choices[0].finish, Some(FinishReason::Other("abuse".into())));
}

#[test]
fn reasoning_goes_back_to_its_service_only_and_with_what_follows_it() {
    let answer = whole("reasoning_between").choices.remove(0).parts;
    let result = |id: &str| Part::ToolResult {
        call_id: id.into(),
        name: None,
        parts: vec![Part::text("x")],
        is_error: id == "call_b2",
        cache: None,
    };
    let request = ChatRequest {
        messages: vec![
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            Message::new(Role::User, vec![Part::text("Look.")]),
            Message::new(Role::Assistant, answer.clone()),
            Message::new(Role::Tool, vec![result("call_b1"), result("call_b2")]),
        ],
        ..ChatRequest::default()
    };
    let (body, dropped) = encoded(&request, "gpt-5.6");
    assert!(dropped.is_empty(), "{dropped:?}");
    assert_eq!(
        (&body["instructions"], &body["store"], &body["include"]),
        (&json!("Be brief."), &json!(false), &json!(["reasoning.encrypted_content"]))
    );
    let sealed = "gAAAAABpaW5uZXItc2VhbGVkLXJlYXNvbmluZy0x_-==";
    assert_eq!(
        body["input"],
        json!([
            {"type": "message", "role": "user", "content": "Look."},
            {"type": "reasoning", "id": "rs_b1", "summary": [], "encrypted_content": sealed},
            {"type": "function_call", "call_id": "call_b1", "name": "look", "arguments": "{}"},
            {"type": "reasoning", "id": "rs_b2", "encrypted_content": format!("{sealed}2"),
             "summary": [{"type": "summary_text", "text": "Then the second."}]},
            {"type": "function_call", "call_id": "call_b2", "name": "look", "arguments": "{\"n\":2}"},
            {"type": "function_call_output", "call_id": "call_b1", "output": "x"},
            {"type": "function_call_output", "call_id": "call_b2", "output": "Error: x"},
        ])
    );
    let elsewhere = responses_upstream("other.example").encode_request(&request, "gpt-5.6");
    assert_eq!(elsewhere.dropped, ["messages[2].content[0]", "messages[2].content[2]"]);
    assert!(!String::from_utf8(elsewhere.body).unwrap().contains("\"reasoning\",\"id\""));
    let cut = ChatRequest {
        messages: vec![Message::new(Role::Assistant, answer[..1].to_vec())],
        ..ChatRequest::default()
    };
    assert_eq!(encoded(&cut, "gpt-5.6").1, ["messages[0].content[0]"]);
}

#[test]
fn reasoning_is_asked_for_where_the_model_has_it() {
    let with = |reasoning: Reasoning, model: &str| {
        let request =
            ChatRequest { reasoning: Some(reasoning), max_tokens: Some(3), ..ChatRequest::default() };
        let (body, dropped) = encoded(&request, model);
        assert_eq!(body["max_output_tokens"], 16);
        (body["reasoning"].clone(), body.get("include").is_some(), dropped)
    };
    let effort = |word: &str| Reasoning { effort: Some(word.into()), ..Reasoning::default() };
    let budget = |tokens| Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() };
    let nothing = Vec::<String>::new;
    assert_eq!(with(effort("low"), "gpt-5"), (json!({"effort": "low"}), true, nothing()));
    assert_eq!(
        with(budget(4096), "gpt-5"),
        (json!({"effort": "medium", "summary": "auto"}), true, nothing())
    );
    assert_eq!(with(budget(0), "gpt-5.1"), (json!({"effort": "none"}), true, nothing()));
    assert_eq!(
        with(Reasoning { adaptive: true, ..Reasoning::default() }, "o3"),
        (json!({"summary": "auto"}), true, nothing())
    );
    assert_eq!(
        with(Reasoning { include: Some(false), ..budget(20_000) }, "o3"),
        (json!({"effort": "high"}), true, nothing())
    );
    assert_eq!(with(effort("low"), "gpt-4o"), (Value::Null, false, vec!["reasoning_effort".into()]));
    assert_eq!(with(effort("none"), "gpt-4o"), (Value::Null, false, nothing()));
    assert_eq!(with(effort("low"), "qwen3"), (json!({"effort": "low"}), true, nothing()));
}
