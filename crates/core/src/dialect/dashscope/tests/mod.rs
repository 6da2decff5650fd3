//! The dialect as a whole: its requests, answers, streams and errors, and the laws of streams.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::dialect::canonical::{
    AllowedMode, CacheControl, ErrorKind, FinishReason, Function, Json, Media, Message, Part, Reasoning,
    ResponseFormat, Role, Sampling, StreamEvent, Tool, ToolChoice, assemble,
};
use crate::dialect::upstream::testing::{check_laws, decode_all, decode_pieces, fixture, fixtures};

fn encode(request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let encoded = DashScope.encode_request(request, model);
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts)
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest { messages: vec![user(vec![Part::text(text)])], ..ChatRequest::default() }
}

fn tool(name: &str) -> Tool {
    let parameters = Json::parse(r#"{"type":"object","properties":{"b":{},"a":{}}}"#);
    Tool::Function(Function { name: name.into(), parameters, ..Function::default() })
}

fn stream(name: &str) -> Vec<StreamEvent> {
    let events = decode_all(DashScope.stream_decoder(), &fixture(&format!("streams/dashscope/{name}.sse")));
    check_laws(&events);
    events
}

#[test]
fn a_plain_request() {
    let mut request = ask("Hi");
    request.stream = true;
    let (body, dropped) = encode(&request, "qwen-plus");
    assert_eq!(
        body,
        json!({"model": "qwen-plus", "input": {"messages": [{"role": "user", "content": "Hi"}]},
            "parameters": {"result_format": "message", "incremental_output": true}})
    );
    assert!(dropped.is_empty());
}

#[test]
fn a_conversation_is_brought_into_order() {
    let result = |id: &str, parts| Part::ToolResult {
        call_id: id.into(),
        name: None,
        parts,
        is_error: false,
        cache: None,
    };
    let call = Part::ToolCall {
        id: "c1".into(),
        name: "f".into(),
        arguments: String::new(),
        signature: Some("s".into()),
        cache: None,
    };
    let picture =
        Part::Image { media: Media::from_url("https://a.example/x.png"), detail: None, cache: None };
    let request = ChatRequest {
        messages: vec![
            Message::new(Role::System, vec![Part::text("One.")]),
            user(vec![Part::text("a")]),
            user(vec![Part::text("b")]),
            Message::new(Role::Developer, vec![Part::text("Two.")]),
            Message::new(
                Role::Assistant,
                vec![Part::Thinking { text: "hm".into(), signature: None }, call.clone()],
            ),
            Message::new(
                Role::Tool,
                vec![result("c1", vec![Part::text("r"), picture]), result("c2", vec![Part::text("lost")])],
            ),
            Message::new(Role::Assistant, vec![Part::text("So")]),
        ],
        ..ChatRequest::default()
    };
    let (body, dropped) = encode(&request, "qwen-vl-plus");
    assert_eq!(
        body["input"]["messages"],
        json!([
            {"role": "system", "content": [{"text": "One.\n\n"}, {"text": "Two."}]},
            {"role": "user", "content": [{"text": "a\n\n"}, {"text": "b"}]},
            {"role": "assistant", "content": [{"text": ""}], "reasoning_content": "hm",
             "tool_calls": [{"id": "c1", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "content": [{"text": "r"}], "tool_call_id": "c1"},
            {"role": "user", "content": [{"image": "https://a.example/x.png"},
                {"text": "Result of the tool call c2:"}, {"text": "lost"}]},
            {"role": "assistant", "content": [{"text": "So"}], "partial": true},
        ])
    );
    assert_eq!(dropped, ["messages[4].content[1].signature"]);
}

#[test]
fn marks_of_the_cache_and_uploaded_documents() {
    let cache = Some(CacheControl { ttl: Some("1h".into()) });
    let file = Part::File { media: Media::FileId { id: "file-1".into() }, name: None, cache: None };
    let request = ChatRequest {
        messages: vec![
            Message::new(Role::System, vec![Part::Text { text: "Long".into(), citations: vec![], cache }]),
            user(vec![file, Part::text("Summarise")]),
        ],
        ..ChatRequest::default()
    };
    let (body, dropped) = encode(&request, "qwen-long");
    assert_eq!(
        body["input"]["messages"][0]["content"],
        json!([
            {"type": "text", "text": "Long\n\n", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "fileid://file-1"},
        ])
    );
    assert_eq!(dropped, ["messages[0].content[0].cache_control.ttl"]);
}

#[test]
fn parameters_cross_or_are_named() {
    let request = ChatRequest {
        sampling: Sampling {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(20),
            seed: Some(7),
            presence_penalty: Some(0.1),
            frequency_penalty: Some(0.2),
            logit_bias: Json::parse("{}"),
            logprobs: Some(true),
            top_logprobs: Some(2),
            n: Some(2),
            stop: vec!["END".into()],
        },
        max_tokens: Some(99),
        user: Some("u".into()),
        metadata: Json::parse("{}"),
        service_tier: Some("flex".into()),
        prompt_cache_key: Some("k".into()),
        verbosity: Some("low".into()),
        extra: [("enable_search", "true"), ("repetition_penalty", "1.10"), ("store", "true")]
            .map(|(name, json)| (name.to_owned(), Json::parse(json).unwrap()))
            .into(),
        ..ask("Hi")
    };
    let encoded = DashScope.encode_request(&request, "qwen-plus");
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        body["parameters"],
        json!({"result_format": "message", "temperature": 0.5, "top_p": 0.9, "top_k": 20, "seed": 7,
            "presence_penalty": 0.1, "logprobs": true, "top_logprobs": 2, "n": 2, "stop": ["END"],
            "max_tokens": 99, "enable_search": true, "repetition_penalty": 1.1})
    );
    assert!(String::from_utf8(encoded.body).unwrap().contains("1.10"), "numbers keep their spelling");
    let expected = [
        "store",
        "frequency_penalty",
        "logit_bias",
        "user",
        "metadata",
        "service_tier",
        "prompt_cache_key",
        "verbosity",
    ];
    assert_eq!(encoded.dropped, expected);
}

#[test]
fn tools_and_choices() {
    let search = Tool::Native(Json::parse(r#"{"type":"web_search_20250305","name":"web_search"}"#).unwrap());
    let code = Tool::Native(Json::parse(r#"{"type":"code_interpreter"}"#).unwrap());
    let mut request = ask("Hi");
    request.tools = vec![tool("f"), search, code, tool("g")];
    for (choice, expected) in [
        (ToolChoice::Auto, json!("auto")),
        (ToolChoice::None, json!("none")),
        (ToolChoice::Required, json!("required")),
        (ToolChoice::Named("g".into()), json!({"type": "function", "function": {"name": "g"}})),
        (
            ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["f".into()] },
            json!({"type": "function", "function": {"name": "f"}}),
        ),
        (ToolChoice::Allowed { mode: AllowedMode::Auto, names: vec!["f".into()] }, json!("auto")),
    ] {
        request.tool_choice = Some(choice);
        let (body, dropped) = encode(&request, "qwen-plus");
        assert_eq!(body["parameters"]["tool_choice"], expected);
        assert_eq!(body["parameters"]["enable_search"], json!(true));
        assert_eq!(body["parameters"]["search_options"], json!({"enable_source": true}));
        assert_eq!(dropped, ["tools[2]"]);
    }
    let text = String::from_utf8(DashScope.encode_request(&request, "m").body).unwrap();
    assert!(text.contains(r#""properties":{"b":{},"a":{}}"#), "schemas keep their order");
    request.tool_choice = Some(ToolChoice::Required);
    request.reasoning = Some(Reasoning { effort: Some("low".into()), ..Reasoning::default() });
    let (body, dropped) = encode(&request, "qwen-plus");
    assert_eq!(body["parameters"].get("tool_choice"), None);
    assert_eq!(dropped, ["tools[2]", "tool_choice"]);
}

#[test]
fn thinking_is_a_switch_and_a_budget() {
    let reasoning = |effort: Option<&str>, budget_tokens, adaptive| Reasoning {
        effort: effort.map(str::to_owned),
        budget_tokens,
        adaptive,
        ..Reasoning::default()
    };
    for (reasoning, thinks, budget) in [
        (reasoning(Some("none"), None, false), json!(false), json!(null)),
        (reasoning(Some("low"), None, false), json!(true), json!(4096)),
        (reasoning(Some("high"), None, false), json!(true), json!(null)),
        (reasoning(Some("low"), Some(500), false), json!(true), json!(500)),
        (reasoning(None, Some(0), false), json!(false), json!(null)),
        (reasoning(None, None, true), json!(true), json!(null)),
        (reasoning(None, None, false), json!(null), json!(null)),
    ] {
        let request = ChatRequest { reasoning: Some(reasoning), ..ask("Hi") };
        let (body, _) = encode(&request, "qwen-plus");
        assert_eq!(body["parameters"]["enable_thinking"], thinks);
        assert_eq!(body["parameters"]["thinking_budget"], budget);
    }
    for (model, stream, thinks) in [
        ("qwen3-32b", false, json!(false)),
        ("qwen3-235b-a22b", false, json!(false)),
        ("qwen3-32b", true, json!(null)),
        ("qwen3-235b-a22b-instruct-2507", false, json!(null)),
        ("qwen3-max", false, json!(null)),
    ] {
        let (body, _) = encode(&ChatRequest { stream, ..ask("Hi") }, model);
        assert_eq!(body["parameters"]["enable_thinking"], thinks, "{model}");
    }
}

#[test]
fn a_json_answer_is_asked_for_in_words_too() {
    let mut request = ask("List three ports.");
    request.response_format = Some(ResponseFormat::JsonObject);
    let (body, _) = encode(&request, "qwen-plus");
    assert_eq!(body["parameters"]["response_format"], json!({"type": "json_object"}));
    assert_eq!(
        body["input"]["messages"][0],
        json!({"role": "system", "content": "Answer with a JSON object."})
    );
    request.messages = ask("List three ports as JSON.").messages;
    assert_eq!(encode(&request, "qwen-plus").0["input"]["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn streams_make_the_same_answer_as_bodies() {
    let mut seen = 0;
    for (name, body) in fixtures("responses/dashscope") {
        let whole = DashScope.decode_response(&body).unwrap();
        assert_eq!(assemble(stream(&name)).unwrap(), whole, "{name}");
        seen += 1;
    }
    assert!(seen >= 8);
    for (repeated, plain) in [("text_repeated", "text"), ("thinking_repeated", "thinking")] {
        assert_eq!(assemble(stream(repeated)).unwrap(), assemble(stream(plain)).unwrap());
    }
}

#[test]
fn what_the_answers_say() {
    let read = |name: &str| {
        DashScope.decode_response(&fixture(&format!("responses/dashscope/{name}.json"))).unwrap()
    };
    let finish = |name: &str| read(name).choices[0].finish.clone().unwrap();
    assert_eq!(finish("text"), FinishReason::Stop);
    assert_eq!(finish("length"), FinishReason::Length);
    assert_eq!(finish("filter"), FinishReason::ContentFilter);
    assert_eq!(finish("tools"), FinishReason::ToolCalls);
    // The service says "stop" here.
    assert_eq!(finish("parallel_tools"), FinishReason::ToolCalls);
    let usage = read("usage_details").usage.unwrap();
    let counts = (usage.prompt, usage.completion, usage.cached, usage.cache_written, usage.reasoning);
    assert_eq!(counts, (2048, 15, 1024, 512, 4));
    let Part::Text { citations, .. } = &read("citations").choices[0].parts[0] else { panic!("no text") };
    assert_eq!(citations[0].url.as_deref(), Some("https://harbour.example/tides"));
    assert_eq!(citations[1].title.as_deref(), Some("Moon and sea"));
}

#[test]
fn calls_without_ids_get_the_same_ones_streamed_and_not() {
    let call = r#"{"type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let reply = |finish: &str| {
        format!(
            r#"{{"output":{{"choices":[{{"finish_reason":"{finish}","message":{{"content":"","tool_calls":[{call},{call}]}}}}]}},"request_id":"a-1"}}"#
        )
    };
    let whole = DashScope.decode_response(reply("stop").as_bytes()).unwrap();
    let streamed = format!("data:{}\n\n", reply("stop"));
    let streamed = assemble(decode_all(DashScope.stream_decoder(), streamed.as_bytes())).unwrap();
    assert_eq!(whole, streamed);
    let ids: Vec<_> = whole.choices[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolCall { id, .. } => id.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(ids, ["call_a1_0_0", "call_a1_0_1"]);
}

#[test]
fn broken_streams_end_in_one_error() {
    let code = |stream: &[u8]| {
        let events = decode_all(DashScope.stream_decoder(), stream);
        check_laws(&events);
        assemble(events).unwrap_err().code.unwrap()
    };
    let text = fixture("streams/dashscope/text.sse");
    assert_eq!(code(&text[..text.len() - 130]), "upstream_stream_truncated");
    assert_eq!(code(b""), "upstream_stream_truncated");
    assert_eq!(code(b"data:{\"output\":\n\n"), "upstream_invalid_response");
    assert_eq!(code(b"data:[1]\n\n"), "upstream_invalid_response");
    let cut = text.iter().position(|byte| *byte == b'{').unwrap();
    assert_eq!(code(&text[..cut + 20]), "upstream_stream_truncated");
    // The last event counts although its blank line is missing.
    assert!(assemble(decode_all(DashScope.stream_decoder(), text.trim_ascii_end())).is_ok());
}

#[test]
fn errors_in_streams_keep_their_status() {
    let framed =
        b"id:1\nevent:error\n:HTTP_STATUS/429\ndata:{\"code\":\"Throttling\",\"message\":\"slow\"}\n\n";
    let error = assemble(decode_all(DashScope.stream_decoder(), framed)).unwrap_err();
    assert_eq!((error.status, error.kind), (429, ErrorKind::RateLimit));
    let bare = b"data:{\"code\":\"DataInspectionFailed\",\"message\":\"no\",\"request_id\":\"r\"}\n\n";
    let error = assemble(decode_all(DashScope.stream_decoder(), bare)).unwrap_err();
    assert_eq!((error.status, error.kind), (400, ErrorKind::InvalidRequest));
    // As does one that comes as a plain body.
    let body = b"{\"code\":\"Throttling\",\"message\":\"slow\"}";
    assert_eq!(assemble(decode_all(DashScope.stream_decoder(), body)).unwrap_err().status, 429);
}

#[test]
fn a_body_in_place_of_a_stream_is_understood() {
    let body = fixture("responses/dashscope/parallel_tools.json");
    let events = decode_pieces(DashScope.stream_decoder(), body.chunks(7));
    check_laws(&events);
    assert_eq!(assemble(events).unwrap(), DashScope.decode_response(&body).unwrap());
}

#[test]
fn error_fixtures() {
    for (name, body) in fixtures("errors/dashscope") {
        let status = name[..3].parse().unwrap();
        let error = DashScope.decode_error(status, &body);
        assert_eq!(error.status, status);
        assert!(error.code.is_some() && !error.message.is_empty(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8)) {
        for (_, stream) in fixtures("streams/dashscope") {
            let whole = decode_all(DashScope.stream_decoder(), &stream);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
            prop_assert_eq!(&decode_pieces(DashScope.stream_decoder(), pieces), &whole);
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = DashScope.decode_response(&bytes);
        let _ = DashScope.decode_error(500, &bytes);
        check_laws(&decode_all(DashScope.stream_decoder(), &bytes));
        check_laws(&decode_all(DashScope.stream_decoder(), &[b"data:", bytes.as_slice(), b"\n\n"].concat()));
    }

    #[test]
    fn damaged_streams_stay_lawful(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for (_, mut stream) in fixtures("streams/dashscope") {
            let at = at.index(stream.len());
            stream[at] = byte;
            check_laws(&decode_all(DashScope.stream_decoder(), &stream));
        }
    }
}
