//! Requests: peculiarities of the API, and dropped parameters.

use super::*;

#[test]
fn tool_results_come_first_and_alone_in_one_user_turn() {
    let request = asking(vec![
        says(Role::System, "be brief"),
        says(Role::User, "go"),
        Message::new(Role::Assistant, vec![call("functions.get:0"), call("b")]),
        Message::new(Role::Tool, vec![result("functions.get:0")]),
        says(Role::User, "and now"),
        Message::new(Role::Tool, vec![result("b")]),
        says(Role::Developer, "in French"),
    ]);
    let (body, dropped) = encode(&request, OLD);
    assert_eq!(body["system"], json!([{"type":"text","text":"be brief"},{"type":"text","text":"in French"}]));
    let roles: Vec<_> = body["messages"].as_array().unwrap().iter().map(|turn| &turn["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    let kinds: Vec<_> =
        body["messages"][2]["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
    let id = &body["messages"][1]["content"][0]["id"];
    assert_eq!(id, "functions_x2eget_x3a0");
    assert_eq!(&body["messages"][2]["content"][0]["tool_use_id"], id);
    // The API requires declared tools where there are calls, even if none may be called now.
    assert_eq!(body["tools"][0]["name"], "get");
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn blank_text_is_left_out_and_the_user_begins() {
    let mut request =
        asking(vec![says(Role::Assistant, "Hi!"), says(Role::User, " \n"), says(Role::User, "x")]);
    let (body, _) = encode(&request, OLD);
    assert_eq!(
        body["messages"],
        json!([{"role":"user","content":"Continue."},{"role":"assistant","content":"Hi!"},
            {"role":"user","content":"x"}])
    );
    request.messages = vec![says(Role::System, "Say hello.")];
    let (body, _) = encode(&request, OLD);
    assert_eq!(body["messages"], json!([{"role":"user","content":"Say hello."}]));
    assert_eq!(body.get("system"), None);
}

#[test]
fn an_answer_begun_for_the_model_is_trimmed_or_continued_by_asking() {
    let request = asking(vec![says(Role::User, "x"), says(Role::Assistant, "{ \n")]);
    assert_eq!(encode(&request, OLD).0["messages"][1]["content"], "{");
    let (body, _) = encode(&request, NEW);
    assert_eq!(body["messages"][2], json!({"role":"user","content":"Continue."}));
}

#[test]
fn what_has_no_counterpart_is_named() {
    let mut request = asking(vec![
        Message { name: Some("ann".into()), ..says(Role::User, "x") },
        Message::new(
            Role::Assistant,
            vec![Part::Thinking { text: "hm".into(), signature: None }, Part::text("y")],
        ),
        Message::new(
            Role::User,
            vec![
                Part::text("z"),
                Part::Audio { media: Media::Base64 { media_type: "audio/wav".into(), data: "AA==".into() } },
                Part::Image {
                    media: Media::Base64 { media_type: "image/tiff".into(), data: "AA==".into() },
                    detail: None,
                    cache: None,
                },
            ],
        ),
    ]);
    request.tools = vec![Tool::Native(Json::parse(r#"{"type":"web_search_preview"}"#).unwrap())];
    request.sampling = Sampling {
        seed: Some(1),
        n: Some(2),
        logprobs: Some(true),
        logit_bias: Some(Json::empty_object()),
        frequency_penalty: Some(0.0),
        presence_penalty: Some(0.5),
        temperature: Some(1.5),
        stop: vec!["\n".into(), "END".into()],
        ..Sampling::default()
    };
    request.service_tier = Some("flex".into());
    request.extra.insert("store".into(), Json::parse("true").unwrap());
    request.extra.insert("container".into(), Json::parse("\"c1\"").unwrap());
    let (body, mut dropped) = encode(&request, "claude-3-haiku");
    dropped.sort_unstable();
    assert_eq!(
        dropped,
        [
            "logit_bias",
            "logprobs",
            "messages[0].name",
            "messages[1].content[0]",
            "messages[2].content[1]",
            "messages[2].content[2]",
            "n",
            "presence_penalty",
            "seed",
            "service_tier",
            "stop",
            "store",
            "temperature",
            "tools[0]",
        ]
    );
    assert_eq!(body["temperature"], 1.0);
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(body["container"], "c1");
}

#[test]
fn thinking_takes_the_sampling_with_it() {
    let mut request = asking(vec![says(Role::User, "x")]);
    request.max_tokens = None;
    request.reasoning = Some(Reasoning { effort: Some("medium".into()), ..Reasoning::default() });
    request.sampling.temperature = Some(0.2);
    request.sampling.top_k = Some(5);
    let (body, dropped) = encode(&request, OLD);
    assert_eq!(body["thinking"], json!({"type":"enabled","budget_tokens":8192}));
    assert_eq!((body.get("temperature"), body["max_tokens"].as_u64()), (None, Some(32_000)));
    assert_eq!(dropped, ["temperature", "top_k"]);
    request.sampling = Sampling { temperature: Some(1.0), top_p: Some(1.0), ..Sampling::default() };
    let (body, dropped) = encode(&request, NEW);
    assert_eq!(body["thinking"], json!({"type":"adaptive"}));
    assert_eq!(body["output_config"], json!({"effort":"medium"}));
    assert_eq!((body.get("temperature"), body.get("top_p")), (None, None));
    assert!(dropped.is_empty(), "defaults say nothing: {dropped:?}");
}

#[test]
fn temperature_and_top_p_do_not_go_together() {
    let mut request = asking(vec![says(Role::User, "x")]);
    request.sampling = Sampling { temperature: Some(0.3), top_p: Some(0.8), ..Sampling::default() };
    let (body, dropped) = encode(&request, OLD);
    assert_eq!(
        (body["temperature"].as_f64(), body.get("top_p"), dropped),
        (Some(0.3), None, vec!["top_p".into()])
    );
    let (body, dropped) = encode(&request, "claude-3-5-haiku-latest");
    assert_eq!((body["top_p"].as_f64(), dropped.len()), (Some(0.8), 0));
    assert_eq!(encode(&request, NEW).1, ["temperature", "top_p"]);
}

#[test]
fn the_thinking_of_a_round_of_tool_calls_must_be_there() {
    let mut request = asking(vec![
        says(Role::User, "x"),
        Message::new(Role::Assistant, vec![call("a")]),
        Message::new(Role::Tool, vec![result("a")]),
    ]);
    request.max_tokens = None;
    request.reasoning = Some(Reasoning { budget_tokens: Some(2000), ..Reasoning::default() });
    let (body, dropped) = encode(&request, OLD);
    assert_eq!((body.get("thinking"), dropped), (None, vec!["thinking".into()]));
    let thoughts = Part::Thinking { text: "hm".into(), signature: Some("s".into()) };
    request.messages[1].parts.insert(0, thoughts);
    assert_eq!(encode(&request, OLD).0["thinking"]["budget_tokens"], 2000);
}

#[test]
fn json_is_asked_for_as_the_model_can() {
    let mut request = asking(vec![says(Role::User, "x")]);
    let schema = Json::parse(r#"{"type":"object","properties":{"a":{"type":"integer","maximum":3}}}"#);
    request.response_format = Some(ResponseFormat::JsonSchema {
        name: Some("n".into()),
        description: None,
        schema: schema.unwrap(),
        strict: Some(true),
    });
    let (body, dropped) = encode(&request, NEW);
    let format = &body["output_config"]["format"];
    assert_eq!(
        (&format["type"], &format["schema"]["additionalProperties"]),
        (&json!("json_schema"), &json!(false))
    );
    assert!(dropped.is_empty());
    for (model, format) in
        [("glm-4", request.response_format.clone()), (NEW, Some(ResponseFormat::JsonObject))]
    {
        request.response_format = format;
        let (body, dropped) = encode(&request, model);
        assert!(body["system"].as_str().unwrap().contains("JSON"), "{body}");
        assert_eq!(dropped, ["response_format"]);
    }
}

#[test]
fn tools_and_the_choice_among_them() {
    let function = |name: &str| {
        Tool::Function(Function { name: name.into(), strict: Some(true), ..Function::default() })
    };
    let mut request = asking(vec![says(Role::User, "x")]);
    request.tools = vec![
        function("a"),
        function("b"),
        Tool::Native(Json::parse(r#"{"type":"web_search_20250305","name":"web_search"}"#).unwrap()),
    ];
    request.parallel_tool_calls = Some(false);
    for (choice, expected) in [
        (None, json!({"type":"auto","disable_parallel_tool_use":true})),
        (Some(ToolChoice::Auto), json!({"type":"auto","disable_parallel_tool_use":true})),
        (Some(ToolChoice::Required), json!({"type":"any","disable_parallel_tool_use":true})),
        (Some(ToolChoice::None), json!({"type":"none"})),
        (
            Some(ToolChoice::Named("b".into())),
            json!({"type":"tool","name":"b","disable_parallel_tool_use":true}),
        ),
    ] {
        request.tool_choice = choice;
        let (body, dropped) = encode(&request, OLD);
        assert_eq!((&body["tool_choice"], body["tools"].as_array().unwrap().len()), (&expected, 3));
        assert!(dropped.is_empty());
        assert_eq!(body["tools"][0]["strict"], true);
    }
    request.tool_choice = Some(ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["b".into()] });
    let (body, _) = encode(&request, OLD);
    assert_eq!((&body["tools"][0]["name"], &body["tool_choice"]["type"]), (&json!("b"), &json!("any")));
}

#[test]
fn the_last_four_cache_marks_are_kept() {
    let marked = |text: &str| Part::Text {
        text: text.into(),
        citations: Vec::new(),
        cache: Some(CacheControl { ttl: Some("1h".into()) }),
    };
    let parts = (0..6).map(|number| marked(&format!("part {number}"))).collect();
    let (body, dropped) = encode(&asking(vec![Message::new(Role::User, parts)]), OLD);
    let marks: Vec<_> = body["messages"][0]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block.get("cache_control").is_some())
        .collect();
    assert_eq!(marks, [false, false, true, true, true, true]);
    assert_eq!(body["messages"][0]["content"][5]["cache_control"], json!({"type":"ephemeral","ttl":"1h"}));
    assert_eq!(dropped, ["cache_control"]);
}

#[test]
fn thinking_in_the_words_of_this_dialect_is_taken_from_any_caller() {
    let mut request = asking(vec![says(Role::User, "x")]);
    request.max_tokens = None;
    let thinking = Json::parse(r#"{"type":"enabled","budget_tokens":3000}"#).unwrap();
    request.extra.insert("thinking".into(), thinking);
    let (body, dropped) = encode(&request, OLD);
    assert_eq!((body["thinking"]["budget_tokens"].as_u64(), dropped.len()), (Some(3000), 0));
}

#[test]
fn a_caller_s_request_is_read_in_full() {
    let request = decode(&json!({
        "model": "claude-sonnet-4-5", "max_tokens": 1000, "stream": true, "top_k": 4,
        "system": [{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],
        "metadata": {"user_id": "u-1"}, "service_tier": "standard_only", "stop_sequences": ["END"],
        "thinking": {"type":"adaptive","display":"omitted"},
        "output_config": {"effort":"high","format":{"type":"json_schema","schema":{"type":"object"}},"task_budget":{"total":1}},
        "context_management": {"edits":[]},
        "tools": [{"name":"get","input_schema":{"type":"object"},"defer_loading":true},
            {"type":"bash_20250124","name":"bash"}],
        "tool_choice": {"type":"any","disable_parallel_tool_use":true},
        "messages": [
            {"role":"user","content":[
                {"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"héllo"}},
                {"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}},
                {"type":"search_result","title":"R","source":"https://r.example","content":[{"type":"text","text":"c"}]},
                {"type":"container_upload","file_id":"f"}]},
            {"role":"assistant","content":[
                {"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"d"},
                {"type":"tool_use","id":"t1__sig_YWJj","name":"get","input":{"b":1,"a":2}}]},
            {"role":"user","content":[
                {"type":"tool_result","tool_use_id":"t1__sig_YWJj","is_error":true,"content":[
                    {"type":"text","text":"bad"},{"type":"image","source":{"type":"url","url":"https://a.example/x.png"}}]},
                {"type":"text","text":"well?"},
                {"type":"mid_conv_system","content":[{"type":"text","text":"hurry"}]}]},
        ],
    }));
    let roles: Vec<_> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::User, Role::System]);
    let texts: Vec<_> = request.messages[1]
        .parts
        .iter()
        .map(|part| match part {
            Part::File { media: Media::Base64 { data, .. }, .. } => data.clone(),
            part => part.as_text().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(texts, ["aMOpbGxv", "YQpi", "R\nhttps://r.example\n\nc"]);
    assert!(
        matches!(&request.messages[2].parts[2], Part::ToolCall { id, arguments, signature: Some(signature), .. }
        if id == "t1" && arguments == r#"{"a":2,"b":1}"# && signature == "abc")
    );
    assert!(matches!(&request.messages[3].parts[0], Part::ToolResult { call_id, parts, is_error: true, .. }
        if call_id == "t1" && parts.len() == 2));
    let reasoning = request.reasoning.unwrap();
    assert_eq!(
        (reasoning.adaptive, reasoning.include, reasoning.effort.as_deref()),
        (true, Some(false), Some("high"))
    );
    assert_eq!((request.user.as_deref(), request.service_tier.as_deref()), (Some("u-1"), Some("default")));
    assert_eq!(request.parallel_tool_calls, Some(false));
    assert!(matches!(request.tools[1], Tool::Native(_)));
    let extra: Vec<_> = request.extra.keys().map(String::as_str).collect();
    assert_eq!(
        extra,
        [
            "context_management",
            "messages[0].content[3]",
            "output_config.task_budget",
            "tools[0].defer_loading"
        ]
    );
}

#[test]
fn errors_name_the_field() {
    let with = |field: &str| format!(r#"{{"model":"m","max_tokens":1,{field}}}"#);
    let block = |block: &str| with(&format!(r#""messages":[{{"role":"user","content":[{block}]}}]"#));
    let top = |field: &str| with(&format!(r#""messages":[{{"role":"user","content":"x"}}],{field}"#));
    for (body, code, param) in [
        ("[]".to_owned(), "invalid_json", ""),
        (r#"{"messages":[]}"#.to_owned(), "missing_required_parameter", "model"),
        (with(r#""messages":[]"#), "invalid_value", "messages"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#.into(),
            "missing_required_parameter",
            "max_tokens",
        ),
        (with(r#""messages":[{"role":"tool","content":"x"}]"#), "invalid_value", "messages[0].role"),
        (with(r#""messages":[{"role":"user","content":5}]"#), "invalid_type", "messages[0].content"),
        (with(r#""messages":[{"role":"user"}]"#), "missing_required_parameter", "messages[0].content"),
        (block(r#"{"type":"text"}"#), "missing_required_parameter", "messages[0].content[0].text"),
        (
            block(r#"{"type":"image","source":{"type":"ftp"}}"#),
            "invalid_value",
            "messages[0].content[0].source.type",
        ),
        (
            block(r#"{"type":"tool_use","id":"a","name":"b","input":"c"}"#),
            "invalid_type",
            "messages[0].content[0].input",
        ),
        (
            block(r#"{"type":"tool_result","tool_use_id":"a","content":[5]}"#),
            "invalid_type",
            "messages[0].content[0].content[0]",
        ),
        (top(r#""temperature":"hot""#), "invalid_type", "temperature"),
        (top(r#""max_tokens":1.5"#), "invalid_json", ""),
        (top(r#""stop_sequences":["a",1]"#), "invalid_type", "stop_sequences[1]"),
        (top(r#""tools":[{"name":"a"}]"#), "missing_required_parameter", "tools[0].input_schema"),
        (top(r#""tool_choice":{"type":"tool"}"#), "missing_required_parameter", "tool_choice.name"),
        (top(r#""thinking":{"type":"enabled"}"#), "missing_required_parameter", "thinking.budget_tokens"),
        (top(r#""output_config":{"format":{"type":"xml"}}"#), "invalid_value", "output_config.format.type"),
    ] {
        let error = Anthropic.decode_request(body.as_bytes()).unwrap_err();
        let found = (error.status, error.code, error.param.as_deref().unwrap_or_default());
        assert_eq!(found, (400, code, param), "{body}: {error}");
    }
}

#[test]
fn tokens_are_counted_without_a_limit() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(decode_count_tokens(body).unwrap().messages.len(), 1);
    assert!(Anthropic.decode_request(body).is_err());
}
