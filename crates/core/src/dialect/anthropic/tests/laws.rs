//! Properties of arbitrary requests and streams, and of noise.

use proptest::prelude::*;

use super::*;

fn word() -> impl Strategy<Value = String> {
    "[a-zé漢]{1,5}( [a-z🎉]{1,4})?"
}

fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        word().prop_map(|word| json!({"b": word, "a": [1, 2.5, null]}).to_string()),
    ]
}

fn user_part() -> impl Strategy<Value = Part> {
    let base64 = |media_type: &str| Media::Base64 { media_type: media_type.into(), data: "aGk=".into() };
    let url = || Media::Url { url: "https://a.example/x".into(), media_type: None };
    let file = || Media::FileId { id: "file_1".into() };
    prop_oneof![
        word().prop_map(Part::text),
        proptest::sample::select(vec![base64("image/png"), url(), file()]).prop_map(|media| Part::Image {
            media,
            detail: None,
            cache: None
        }),
        (
            proptest::sample::select(vec![base64("application/pdf"), base64("text/plain"), url(), file()]),
            proptest::option::of(word())
        )
            .prop_map(|(media, name)| Part::File { media, name, cache: None }),
    ]
}

fn thought() -> impl Strategy<Value = Part> {
    prop_oneof![
        (word(), word()).prop_map(|(text, signature)| Part::Thinking { text, signature: Some(signature) }),
        word().prop_map(|data| Part::RedactedThinking { data }),
    ]
}

fn assistant_part() -> impl Strategy<Value = Part> {
    let citation = super::super::citation::read(
        Json::parse(r#"{"type":"char_location","document_index":0,"document_title":"T","cited_text":"c"}"#)
            .unwrap()
            .raw(),
    );
    prop_oneof![
        word().prop_map(Part::text),
        word().prop_map(move |text| Part::Text { text, citations: vec![citation.clone()], cache: None }),
    ]
}

/// A question, and perhaps an answer that calls tools, and their results.
fn exchange() -> impl Strategy<Value = Vec<Message>> {
    let calls = proptest::collection::vec((arguments(), any::<bool>(), word()), 1..3);
    (
        proptest::collection::vec(user_part(), 1..3),
        proptest::collection::vec(thought(), 0..2),
        proptest::collection::vec(assistant_part(), 1..3),
        proptest::option::of(calls),
    )
        .prop_map(|(asked, thoughts, said, calls)| {
            let mut answer = [thoughts, said].concat();
            let mut messages = vec![Message::new(Role::User, asked)];
            let mut results = Vec::new();
            for (index, (arguments, is_error, text)) in calls.into_iter().flatten().enumerate() {
                let id = format!("toolu_{index}");
                results.push(Part::ToolResult {
                    call_id: id.clone(),
                    name: None,
                    parts: vec![Part::text(text)],
                    is_error,
                    cache: None,
                });
                answer.push(Part::ToolCall {
                    id,
                    name: "get".into(),
                    arguments,
                    signature: None,
                    cache: None,
                });
            }
            messages.push(Message::new(Role::Assistant, answer));
            if !results.is_empty() {
                messages.push(Message::new(Role::Tool, results));
            }
            messages
        })
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let function = Function {
        name: "get".into(),
        description: Some("Gets it.".into()),
        parameters: Json::parse(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#),
        strict: Some(false),
        cache: Some(CacheControl::default()),
    };
    let native = Json::parse(r#"{"type":"web_search_20250305","name":"web_search","max_uses":2}"#).unwrap();
    let choice = proptest::sample::select(vec![
        None,
        Some(ToolChoice::Auto),
        Some(ToolChoice::None),
        Some(ToolChoice::Required),
        Some(ToolChoice::Named("get".into())),
    ]);
    let schema =
        Json::parse(r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#);
    let format =
        ResponseFormat::JsonSchema { name: None, description: None, schema: schema.unwrap(), strict: None };
    (
        proptest::option::of(word()),
        proptest::collection::vec(exchange(), 0..3),
        user_part(),
        choice,
        any::<(bool, bool, bool, bool)>(),
        proptest::collection::vec(word(), 0..3),
    )
        .prop_map(move |(system, exchanges, last, tool_choice, (stream, json, samples, user), stop)| {
            let mut messages: Vec<Message> = Vec::new();
            messages.extend(system.map(|text| {
                let cache = Some(CacheControl { ttl: Some("5m".into()) });
                Message::new(Role::System, vec![Part::Text { text, citations: Vec::new(), cache }])
            }));
            for (turn, mut exchange) in exchanges.into_iter().enumerate() {
                for part in exchange.iter_mut().flat_map(|message| &mut message.parts) {
                    if let Part::ToolCall { id, .. } | Part::ToolResult { call_id: id, .. } = part {
                        *id = format!("{id}_{turn}");
                    }
                }
                messages.extend(exchange);
            }
            messages.push(Message::new(Role::User, vec![last]));
            ChatRequest {
                model: OLD.into(),
                messages,
                tools: vec![Tool::Function(function.clone()), Tool::Native(native.clone())],
                parallel_tool_calls: (tool_choice == Some(ToolChoice::Auto)).then_some(false),
                tool_choice,
                response_format: json.then(|| format.clone()),
                sampling: Sampling {
                    temperature: samples.then_some(0.5),
                    top_k: samples.then_some(40),
                    stop,
                    ..Sampling::default()
                },
                max_tokens: Some(4000),
                stream,
                include_usage: true,
                user: user.then(|| "u".into()),
                service_tier: user.then(|| "default".into()),
                ..ChatRequest::default()
            }
        })
}

/// A valid stream. Calls overlap; other parts do not.
fn stream() -> impl Strategy<Value = Vec<StreamEvent>> {
    let alone = prop_oneof![
        word().prop_map(Part::text),
        thought(),
        word().prop_map(|text| Part::Thinking { text, signature: None }),
        Just(Part::text("")),
    ];
    let finish = proptest::sample::select(vec![
        FinishReason::Stop,
        FinishReason::Length,
        FinishReason::StopSequence(Some("END".into())),
        FinishReason::Refusal,
        FinishReason::Pause,
    ]);
    let usage = proptest::option::of((1_u64..99, 0_u64..9, 0_u64..9, 0_u64..99));
    (
        proptest::collection::vec(alone, 0..4),
        proptest::collection::vec((arguments(), 0_usize..9), 0..5),
        finish,
        usage,
        any::<bool>(),
    )
        .prop_map(|(alone, calls, finish, usage, usage_first)| {
            let mut events =
                vec![StreamEvent::Start { id: Some("id1".into()), model: Some("m1".into()), created: None }];
            let choice = 0;
            for (part, said) in alone.iter().enumerate() {
                let text = |text: &String| StreamEvent::TextDelta { choice, part, text: text.clone() };
                let start = |start| StreamEvent::PartStart { choice, part, start };
                match said {
                    Part::Text { text: held, .. } => events.extend([start(PartStart::Text), text(held)]),
                    Part::Thinking { text: held, signature } => {
                        events.extend([start(PartStart::Thinking), text(held)]);
                        let signature = signature.clone();
                        events.extend(signature.map(|signature| StreamEvent::SignatureDelta {
                            choice,
                            part,
                            signature,
                        }));
                    }
                    Part::RedactedThinking { data } => {
                        events.push(start(PartStart::RedactedThinking { data: data.clone() }));
                    }
                    _ => {}
                }
                events.push(StreamEvent::PartEnd { choice, part });
            }
            let first = alone.len();
            let has_calls = !calls.is_empty();
            for (index, _) in calls.iter().enumerate() {
                let start = PartStart::ToolCall { id: format!("t{index}"), name: "get".into() };
                events.push(StreamEvent::PartStart { choice, part: first + index, start });
            }
            // The first pieces of all, then the rest, alternating.
            for half in 0..2 {
                for (index, (arguments, cut)) in calls.iter().enumerate().rev() {
                    let cut = arguments.floor_char_boundary((*cut).min(arguments.len()));
                    let text = if half == 0 { &arguments[..cut] } else { &arguments[cut..] };
                    let part = first + index;
                    events.push(StreamEvent::ArgumentsDelta { choice, part, text: text.into() });
                }
            }
            events.extend(
                (0..calls.len()).rev().map(|index| StreamEvent::PartEnd { choice, part: first + index }),
            );
            let reason = if has_calls { FinishReason::ToolCalls } else { finish };
            let usage = usage.map(|(prompt, cached, cache_written, completion)| {
                StreamEvent::Usage(TokenUsage {
                    prompt: prompt + 18,
                    cached,
                    cache_written,
                    completion: completion + 1,
                    reasoning: completion / 2,
                    ..TokenUsage::default()
                })
            });
            let finish = StreamEvent::Finish { choice, reason };
            match usage {
                Some(usage) if usage_first => events.extend([usage, finish]),
                Some(usage) => events.extend([finish, usage]),
                None => events.push(finish),
            }
            events.push(StreamEvent::Done);
            events
        })
}

fn cut<'a>(stream: &'a [u8], cuts: &[proptest::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("data: ".to_owned()),
        Just("\n\n".to_owned()),
        Just("event: error\n".to_owned()),
        Just(r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use"}}"#.to_owned()),
        Just(r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é"}}"#.to_owned()),
        Just(r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#.to_owned()),
        Just(r#"{"type":"message_delta","delta":{"stop_reason":"x"},"usage":{"output_tokens":-1e400}}"#.to_owned()),
        Just(r#"{"type":"message_stop"}"#.to_owned()),
        Just(r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":["#.to_owned()),
        Just(r#"{"content":[{"type":"tool_use"}]}"#.to_owned()),
        "\\PC{0,6}",
    ];
    (proptest::collection::vec(piece, 0..12), proptest::collection::vec(any::<u8>(), 0..4))
        .prop_map(|(pieces, end)| [pieces.concat().into_bytes(), end].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_request_survives_the_way_out_and_back(request in request()) {
        let encoded = Anthropic.encode_request(&request, OLD);
        prop_assert_eq!(&encoded.dropped, &Vec::<String>::new());
        prop_assert_eq!(Anthropic.decode_request(&encoded.body).unwrap(), request);
    }

    #[test]
    fn the_streamed_answer_is_the_unstreamed_one(
        events in stream(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..9),
    ) {
        let whole = assemble(events.clone()).unwrap();
        let unstreamed = Anthropic.decode_response(&Anthropic.encode_response(&whole, &context())).unwrap();
        let stream = write_stream(&events);
        let read = read_stream([stream.as_bytes()]);
        prop_assert_eq!(&read_stream(cut(stream.as_bytes(), &cuts)), &read);
        prop_assert_eq!(&read_stream(stream.as_bytes().chunks(1)), &read);
        prop_assert_eq!(&assemble(read).unwrap(), &unstreamed);
        let mut expected = whole;
        if let Some(choice) = expected.choices.first_mut() {
            choice.parts.retain(|part| part.as_text() != Some(""));
        }
        prop_assert_eq!(unstreamed, expected);
    }

    #[test]
    fn noise_does_no_harm(bytes in noise(), size in 1_usize..9) {
        let whole = read_stream([bytes.as_slice()]);
        prop_assert_eq!(&read_stream(bytes.chunks(size)), &whole);
        let ends = whole.iter().filter(|event| matches!(event, StreamEvent::Done | StreamEvent::Error(_)));
        prop_assert_eq!(ends.count(), 1);
        let _ = Anthropic.decode_response(&bytes);
        let _ = Anthropic.decode_request(&bytes);
        let _ = Anthropic.decode_error(500, &bytes);
        super::super::usage_tap::UsageTap::default().observe(&bytes);
    }
}
