//! Encoding and decoding gives the original, for everything that the dialect can express.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::canonical::{
    AllowedMode, AudioOutput, CallerCodec, ChatRequest, ChatResponse, Choice, Citation, FinishReason,
    Function, Json, Media, Message, Part, PartStart, Reasoning, ReplyContext, ResponseFormat, Role, Sampling,
    StreamEvent, Tool, ToolChoice, UpstreamCodec, assemble,
};
use crate::dialect::gemini::{Framing, Gemini, signature};
use crate::tokens::TokenUsage;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zé漢 ]{1,8}", Just("line\nbreak \"quoted\"".to_owned())]
}

fn signature() -> impl Strategy<Value = Option<String>> {
    of(prop_oneof![Just("c2ln".to_owned()), Just("AQIDBA==".to_owned())])
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string", "description": "d"})),
        Just(json!({"type": "string", "enum": ["a", "b"]})),
        Just(json!({"type": ["integer", "null"]})),
        Just(json!({"type": "number", "minimum": 0})),
        Just(json!({"type": "boolean"})),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            (inner.clone(), inner).prop_map(
                |(a, b)| json!({"type": "object", "properties": {"a": a, "b": b}, "required": ["a"]})
            ),
        ]
    })
}

fn media() -> impl Strategy<Value = Part> {
    let base64 = |media_type: &str| Media::Base64 { media_type: media_type.into(), data: "iVBO".into() };
    let url = |media_type: &str| Media::Url {
        url: "https://a.example/x".into(),
        media_type: Some(media_type.into()),
    };
    prop_oneof![
        Just(Part::Image { media: base64("image/png"), detail: None, cache: None }),
        Just(Part::Image { media: url("image/webp"), detail: None, cache: None }),
        Just(Part::Audio { media: base64("audio/wav") }),
        Just(Part::File { media: url("application/pdf"), name: None, cache: None }),
    ]
}

/// A question, calls with their results, and an answer. `index` keeps ids apart.
fn exchange(index: usize) -> impl Strategy<Value = Vec<Message>> {
    let asked = vec(prop_oneof![text().prop_map(Part::text), media()], 1..3);
    let call = (0..3_usize, signature(), any::<bool>(), text());
    let thought = of((text(), signature()));
    (asked, vec(call, 0..3), thought, text(), signature()).prop_map(
        move |(asked, calls, thought, answer, proof)| {
            let mut messages = vec![Message::new(Role::User, asked)];
            if !calls.is_empty() {
                let id = |number: usize| format!("id{index}_{number}");
                let call =
                    |(number, (name, signature, ..)): (usize, &(usize, Option<String>, bool, String))| {
                        Part::ToolCall {
                            id: id(number),
                            name: format!("f{name}"),
                            arguments: r#"{"a":[1,"x"]}"#.into(),
                            signature: signature.clone(),
                            cache: None,
                        }
                    };
                let result =
                    |(number, (name, _, is_error, text)): (usize, &(usize, Option<String>, bool, String))| {
                        Part::ToolResult {
                            call_id: id(number),
                            name: Some(format!("f{name}")),
                            parts: vec![Part::text(text.clone())],
                            is_error: *is_error,
                            cache: None,
                        }
                    };
                messages.push(Message::new(Role::Assistant, calls.iter().enumerate().map(call).collect()));
                messages.push(Message::new(Role::Tool, calls.iter().enumerate().map(result).collect()));
            }
            let mut answered: Vec<Part> =
                thought.into_iter().map(|(text, signature)| Part::Thinking { text, signature }).collect();
            answered.push(Part::text(answer));
            if proof.is_some() {
                answered.push(Part::Thinking { text: String::new(), signature: proof });
            }
            messages.push(Message::new(Role::Assistant, answered));
            messages
        },
    )
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    (of(text()), exchange(0), of(exchange(1)), of(text())).prop_map(|(system, first, second, last)| {
        let system = system.map(|text| Message::new(Role::System, vec![Part::text(text)]));
        let last = last.map(|text| Message::new(Role::User, vec![Part::text(text)]));
        system.into_iter().chain(first).chain(second.into_iter().flatten()).chain(last).collect()
    })
}

fn sampling() -> impl Strategy<Value = Sampling> {
    (
        of(0.0..2.0),
        of(0.0..1.0),
        of(1_u64..100),
        of(-5_i64..5),
        any::<bool>(),
        of(1_u64..5),
        vec(text(), 0..5),
    )
        .prop_map(|(temperature, top_p, top_k, seed, logprobs, n, stop)| Sampling {
            temperature,
            top_p,
            top_k,
            seed,
            frequency_penalty: top_p,
            presence_penalty: temperature,
            logprobs: logprobs.then_some(true),
            top_logprobs: logprobs.then_some(3),
            n,
            stop,
            logit_bias: None,
        })
}

fn reasoning() -> impl Strategy<Value = Reasoning> {
    let how = prop_oneof![
        Just(Reasoning { adaptive: true, ..Reasoning::default() }),
        (0_u64..9_000).prop_map(|budget| Reasoning { budget_tokens: Some(budget), ..Reasoning::default() }),
        prop_oneof!["minimal", "low", "medium", "high"]
            .prop_map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }),
    ];
    (how, any::<bool>()).prop_map(|(how, include)| Reasoning { include: Some(include), ..how })
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let function = (0..3_usize, of(text()), schema()).prop_map(|(name, description, argument)| {
        let parameters = Json::of(&json!({"type": "object", "properties": {"x": argument}}));
        Function {
            name: format!("f{name}"),
            description,
            parameters: Some(parameters),
            ..Function::default()
        }
    });
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        Just(ToolChoice::Named("f1".into())),
        Just(ToolChoice::Allowed { mode: AllowedMode::Auto, names: vec!["f1".into()] }),
        Just(ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["f1".into(), "f2".into()] }),
    ];
    let format = prop_oneof![
        Just(ResponseFormat::JsonObject),
        schema().prop_map(|schema| ResponseFormat::JsonSchema {
            name: None,
            description: None,
            schema: Json::of(&schema),
            strict: None,
        }),
    ];
    let tools = prop_oneof![
        (vec(function, 1..3), of(choice)).prop_map(|(functions, choice)| {
            let is_declared = |name: &String| functions.iter().any(|function| function.name == *name);
            let choice = choice.filter(|choice| match choice {
                ToolChoice::Named(name) => is_declared(name),
                ToolChoice::Allowed { names, .. } => names.iter().all(is_declared),
                _ => true,
            });
            (functions.into_iter().map(Tool::Function).collect(), choice)
        }),
        Just((vec![Tool::Native(Json::of(&json!({"googleSearch": {}})))], None)),
        Just((Vec::new(), None)),
    ];
    (messages(), tools, of(format), sampling(), of(reasoning()), of(1_u64..9_000), any::<bool>()).prop_map(
        |(messages, (tools, tool_choice), response_format, sampling, reasoning, max_tokens, own)| {
            let mut request = ChatRequest {
                messages,
                tools,
                tool_choice,
                response_format,
                sampling,
                reasoning,
                max_tokens,
                ..ChatRequest::default()
            };
            if own {
                request.audio = Some(AudioOutput { voice: Some("Kore".into()), format: None });
                request.service_tier = Some("flex".into());
                let settings = Json::of(&json!([{"category": "c", "threshold": "t"}]));
                request.extra.insert("safetySettings".into(), settings);
                request.extra.insert("cachedContent".into(), Json::of(&"cachedContents/x"));
                request.extra.insert("generationConfig.mediaResolution".into(), Json::of(&"low"));
            }
            request
        },
    )
}

/// The first call of a turn is signed for the model that this is written for.
fn as_it_is_signed(mut request: ChatRequest) -> ChatRequest {
    for message in request.messages.iter_mut().filter(|message| message.role == Role::Assistant) {
        let first = message.parts.iter_mut().find_map(|part| match part {
            Part::ToolCall { signature, .. } => Some(signature),
            _ => None,
        });
        if let Some(signature) = first {
            signature.get_or_insert_with(|| signature::STAND_IN.to_owned());
        }
    }
    request
}

fn usage() -> impl Strategy<Value = TokenUsage> {
    (1_u64..500, 1_u64..500, 0_u64..100, 0_u64..100, 0_u64..3).prop_map(
        |(prompt, candidates, cached, reasoning, audio)| TokenUsage {
            prompt: prompt + cached,
            completion: candidates + reasoning,
            cached,
            reasoning,
            audio_prompt: audio.min(prompt),
            audio_completion: audio.min(candidates),
            ..TokenUsage::default()
        },
    )
}

fn cited(text: String, cites: bool) -> Part {
    let characters = text.chars().count() as u64;
    let citation = Citation {
        url: Some("https://a.example".into()),
        title: Some("A".into()),
        cited_text: None,
        span: Some((0, characters)),
        original: Some(Json::of(&json!({"web": {"uri": "https://a.example", "title": "A"}}))),
        ..Citation::default()
    };
    Part::Text { text, citations: cites.then_some(citation).into_iter().collect(), cache: None }
}

fn choice() -> impl Strategy<Value = Choice> {
    let thinking = of(prop_oneof![
        (text(), signature()).prop_map(|(text, signature)| Part::Thinking { text, signature }),
        Just(Part::RedactedThinking { data: "EmwKAhgB".into() }),
    ]);
    let calls = vec((of(text()), signature()), 0..3);
    let ends = prop_oneof![
        Just(FinishReason::Stop),
        Just(FinishReason::Length),
        Just(FinishReason::ContentFilter),
        Just(FinishReason::ContentFilter),
    ];
    (thinking, of((text(), any::<bool>())), signature(), calls, ends).prop_map(
        |(thinking, text, proof, calls, finish)| {
            let mut parts: Vec<Part> = thinking.into_iter().collect();
            parts.extend(text.map(|(text, cites)| cited(text, cites)));
            if proof.is_some() {
                parts.push(Part::Thinking { text: String::new(), signature: proof });
            }
            let waits = !calls.is_empty() && finish == FinishReason::Stop;
            for (number, (argument, signature)) in calls.into_iter().enumerate() {
                let arguments = json!({ "a": argument }).to_string();
                parts.push(Part::ToolCall {
                    id: format!("c{number}"),
                    name: "f".into(),
                    arguments,
                    signature,
                    cache: None,
                });
            }
            let logprobs = Json::of(&json!({"content": [{"token": "a", "logprob": -0.5, "bytes": [97],
                "top_logprobs": []}]}));
            Choice {
                logprobs: (finish == FinishReason::Length).then_some(logprobs),
                finish: Some(if waits { FinishReason::ToolCalls } else { finish }),
                parts,
            }
        },
    )
}

fn response() -> impl Strategy<Value = ChatResponse> {
    (vec(choice(), 1..3), of(usage()), 0_u64..4_000_000_000).prop_map(|(choices, usage, created)| {
        ChatResponse {
            id: Some("r1".into()),
            created: Some(created),
            model: Some("gemini-2.5-flash".into()),
            choices,
            usage,
            service_tier: None,
            system_fingerprint: None,
        }
    })
}

fn context() -> ReplyContext {
    ReplyContext { unique: "u1".into(), created: 1, model: "asked".into() }
}

/// The events that an upstream of some dialect would send for this answer, texts cut in pieces, usage early.
fn events_of(response: &ChatResponse) -> Vec<StreamEvent> {
    let mut events = vec![StreamEvent::Start {
        id: response.id.clone(),
        model: response.model.clone(),
        created: response.created,
    }];
    events.extend(response.usage.map(StreamEvent::Usage));
    for (choice, answer) in response.choices.iter().enumerate() {
        for (part, content) in answer.parts.iter().enumerate() {
            part_events(choice, part, content, &mut events);
        }
        events.extend(answer.logprobs.clone().map(|logprobs| StreamEvent::Logprobs { choice, logprobs }));
        events.extend(answer.finish.clone().map(|reason| StreamEvent::Finish { choice, reason }));
    }
    events.push(StreamEvent::Ping);
    events.push(StreamEvent::Done);
    events
}

fn part_events(choice: usize, part: usize, content: &Part, events: &mut Vec<StreamEvent>) {
    let start = match content {
        Part::Text { .. } => PartStart::Text,
        Part::Thinking { .. } => PartStart::Thinking,
        Part::RedactedThinking { data } => PartStart::RedactedThinking { data: data.clone() },
        Part::ToolCall { id, name, .. } => PartStart::ToolCall { id: id.clone(), name: name.clone() },
        _ => panic!("not in the strategy"),
    };
    events.push(StreamEvent::PartStart { choice, part, start });
    if let Part::Text { text, .. } | Part::Thinking { text, .. } = content {
        for character in text.chars() {
            events.push(StreamEvent::TextDelta { choice, part, text: character.into() });
        }
    }
    if let Part::ToolCall { arguments, .. } = content {
        for character in arguments.chars() {
            events.push(StreamEvent::ArgumentsDelta { choice, part, text: character.into() });
        }
    }
    if let Part::Thinking { signature: Some(signature), .. }
    | Part::ToolCall { signature: Some(signature), .. } = content
    {
        events.push(StreamEvent::SignatureDelta { choice, part, signature: signature.clone() });
    }
    if let Part::Text { citations, .. } = content {
        events.extend(citations.iter().cloned().map(|citation| StreamEvent::Citation {
            choice,
            part,
            citation,
        }));
    }
    events.push(StreamEvent::PartEnd { choice, part });
}

fn streamed(response: &ChatResponse, framing: Framing) -> Vec<u8> {
    let mut encoder = Gemini.stream_encoder_framed(&context(), framing);
    let mut out = Vec::new();
    for event in events_of(response) {
        encoder.encode(&event, &mut out);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn requests_survive(request in request()) {
        let mut request = request;
        if request.messages.last().is_some_and(|last| last.role == Role::Assistant) {
            request.messages.push(Message::new(Role::User, vec![Part::text("Go on.")]));
        }
        let encoded = Gemini.encode_request(&request, "gemini-3-flash-preview");
        prop_assert_eq!(&encoded.dropped, &Vec::<String>::new());
        let read = Gemini.decode_request(&encoded.body).unwrap();
        prop_assert_eq!(read, as_it_is_signed(request));
    }

    #[test]
    fn answers_survive(response in response()) {
        let body = Gemini.encode_response(&response, &context());
        prop_assert_eq!(Gemini.decode_response(&body).unwrap(), response);
    }

    #[test]
    fn streams_say_what_whole_answers_say(response in response()) {
        let stream = streamed(&response, Framing::Sse);
        let mut decoder = Gemini.stream_decoder();
        let mut events = Vec::new();
        decoder.push(&stream, &mut events);
        decoder.finish(&mut events);
        prop_assert_eq!(assemble(events).unwrap(), response.clone());
        let array: Vec<Value> = serde_json::from_slice(&streamed(&response, Framing::JsonArray)).unwrap();
        prop_assert!(array.iter().all(|chunk| chunk["responseId"] == "r1"));
    }
}
