//! Properties of the codec, for generated values, arbitrary bytes, and the fixtures.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::{OpenAi, Setting, UpstreamOptions, stream_decoder};
use crate::dialect::canonical::{
    AllowedMode, CacheControl, CallerCodec, ChatRequest, ChatResponse, Choice, Citation, ErrorInfo,
    FinishReason, Function, Json, Media, Message, Part, Reasoning, ReplyContext, ResponseFormat, Role,
    Sampling, StreamEvent, Tool, ToolChoice, UpstreamCodec, assemble,
};
use crate::dialect::openai::legacy::LegacyCompletions;
use crate::dialect::upstream::arguments;
use crate::dialect::upstream::testing::fixtures;
use crate::tokens::TokenUsage;

/// An upstream that accepts everything that the dialect can express.
fn capable() -> OpenAi {
    let upstream = UpstreamOptions {
        current_api: Setting::Yes,
        takes_thinking: Setting::Yes,
        takes_cache_control: true,
        takes_top_k: true,
        takes_unknown_fields: true,
        ..UpstreamOptions::default()
    };
    OpenAi { upstream, function_call_answers: false }
}

fn context() -> ReplyContext {
    ReplyContext { unique: "u1".into(), created: 7, model: "m".into() }
}

fn words() -> impl Strategy<Value = String> {
    select(vec!["a", "né 漢字🎉", "line\nbreak", "\"quoted\" \\", " ", "data: x", "</think>", "Error"])
        .prop_map(String::from)
}

fn cache() -> impl Strategy<Value = Option<CacheControl>> {
    option::of(option::of(Just("1h".to_owned())).prop_map(|ttl| CacheControl { ttl }))
}

fn text_part() -> impl Strategy<Value = Part> {
    (words(), cache()).prop_map(|(text, cache)| Part::Text { text, citations: vec![], cache })
}

fn user_part() -> impl Strategy<Value = Part> {
    let base64 = |media_type: &str| Media::Base64 { media_type: media_type.into(), data: "AAAA".into() };
    let url = Media::Url { url: "https://a.example/x.png".into(), media_type: None };
    prop_oneof![
        3 => text_part(),
        1 => (select(vec![url, base64("image/png")]), option::of(Just("low".to_owned())), cache())
            .prop_map(|(media, detail, cache)| Part::Image { media, detail, cache }),
        1 => select(vec!["audio/wav", "audio/mpeg", "audio/flac"])
            .prop_map(move |media_type| Part::Audio { media: base64(media_type) }),
        1 => (select(vec![base64("application/pdf"), Media::FileId { id: "file-1".into() }]), cache())
            .prop_map(|(media, cache)| {
                let name = matches!(media, Media::Base64 { .. }).then(|| "a.pdf".to_owned());
                Part::File { media, name, cache }
            }),
    ]
}

fn call_part() -> impl Strategy<Value = Part> {
    let arguments = select(vec!["{}", "{\"x\": 1.50}", "{\"é\":\"}\"}", "not json"]).prop_map(String::from);
    (select(vec!["f", "g"]), arguments, option::of(words())).prop_map(|(name, arguments, signature)| {
        Part::ToolCall { id: String::new(), name: name.into(), arguments, signature, cache: None }
    })
}

/// Unique ids of the calls of one answer.
fn name_calls(parts: &mut [Part]) {
    for (position, part) in parts.iter_mut().enumerate() {
        if let Part::ToolCall { id, .. } = part {
            *id = format!("call_{position}");
        }
    }
}

fn signed_thoughts() -> impl Strategy<Value = Vec<Part>> {
    let block = prop_oneof![
        (words(), words()).prop_map(|(text, signature)| Part::Thinking { text, signature: Some(signature) }),
        words().prop_map(|data| Part::RedactedThinking { data }),
    ];
    vec(block, 0..3)
}

fn assistant() -> impl Strategy<Value = Message> {
    let bare = words().prop_map(|text| vec![Part::Thinking { text, signature: None }]);
    let refusal = words().prop_map(|text| Part::Refusal { text });
    (
        prop_oneof![signed_thoughts(), bare],
        vec(text_part(), 0..3),
        option::of(refusal),
        vec(call_part(), 0..3),
    )
        .prop_map(|(mut parts, texts, refusal, calls)| {
            parts.extend(texts);
            parts.extend(refusal);
            parts.extend(calls);
            name_calls(&mut parts);
            Message::new(Role::Assistant, parts)
        })
}

fn tool_result() -> impl Strategy<Value = Part> {
    (vec(words().prop_map(Part::text), 0..3), cache()).prop_map(|(parts, cache)| {
        let cache = cache.filter(|_| !parts.is_empty());
        Part::ToolResult { call_id: String::new(), name: None, parts, is_error: false, cache }
    })
}

/// An answer and the results of its calls.
fn round() -> impl Strategy<Value = Vec<Message>> {
    (assistant(), vec(tool_result(), 3)).prop_map(|(answer, results)| {
        let calls = answer.parts.iter().filter(|part| matches!(part, Part::ToolCall { .. })).count();
        let results = results.into_iter().take(calls).map(|result| Message::new(Role::Tool, vec![result]));
        std::iter::once(answer.clone()).chain(results).collect()
    })
}

/// Gives each call an id of its own, and its result the same.
fn tie(messages: &mut [Message]) {
    let parts = messages.iter_mut().flat_map(|message| &mut message.parts);
    let calls = parts.filter_map(|part| if let Part::ToolCall { id, .. } = part { Some(id) } else { None });
    calls.enumerate().for_each(|(index, id)| *id = format!("call_{index}"));
    let parts = messages.iter_mut().flat_map(|message| &mut message.parts);
    let results = parts
        .filter_map(|part| if let Part::ToolResult { call_id, .. } = part { Some(call_id) } else { None });
    results.enumerate().for_each(|(index, id)| *id = format!("call_{index}"));
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let instructions = (select(vec![Role::System, Role::Developer]), vec(text_part(), 0..3))
        .prop_map(|(role, parts)| Message::new(role, parts));
    let user = (vec(user_part(), 0..4), option::of(Just("ann".to_owned())))
        .prop_map(|(parts, name)| Message { role: Role::User, parts, name });
    let alone = |message: Message| vec![message];
    let said = prop_oneof![instructions.prop_map(alone), user.prop_map(alone), round()];
    vec(said, 1..5).prop_map(|said| {
        let mut messages = said.concat();
        tie(&mut messages);
        messages
    })
}

fn tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>, Option<bool>)> {
    let schema = || Json::parse(r#"{"type":"object","properties":{"x":{"type":"number"}}}"#);
    let function =
        (select(vec!["f", "g"]), option::of(words()), any::<bool>(), option::of(any::<bool>()), cache())
            .prop_map(move |(name, description, has_schema, strict, cache)| {
                let parameters = schema().filter(|_| has_schema);
                Tool::Function(Function { name: name.into(), description, parameters, strict, cache })
            });
    let custom = Just(Tool::Native(Json::parse(r#"{"type":"custom","custom":{"name":"sh"}}"#).unwrap()));
    let choice = select(vec![
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Named("f".into()),
        ToolChoice::Named("sh".into()),
        ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["f".into(), "sh".into()] },
    ]);
    (vec(prop_oneof![3 => function, 1 => custom], 0..3), option::of(choice), option::of(any::<bool>()))
        .prop_map(|(tools, choice, parallel)| {
            // A tool choice without tools is left out, and so is one of a tool that is not declared.
            let is_declared = |name: &String| {
                tools.iter().any(|tool| match tool {
                    Tool::Function(function) => function.name == *name,
                    Tool::Native(_) => name == "sh",
                })
            };
            let choice = choice.filter(|choice| match choice {
                ToolChoice::Named(name) => is_declared(name),
                ToolChoice::Allowed { names, .. } => names.iter().all(is_declared),
                _ => true,
            });
            if tools.is_empty() { (tools, None, None) } else { (tools, choice, parallel) }
        })
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let number = || option::of((-8_i8..8).prop_map(|eighths| f64::from(eighths) / 8.0));
    let count = || option::of(0_u64..9);
    (
        number(),
        number(),
        number(),
        count(),
        option::of(any::<i64>()),
        count(),
        option::of(any::<bool>()),
        vec(words(), 0..3),
    )
        .prop_map(|(temperature, top_p, frequency_penalty, top_k, seed, n, logprobs, stop)| Sampling {
            temperature,
            top_p,
            frequency_penalty,
            presence_penalty: top_p,
            top_k,
            seed,
            n,
            logprobs,
            top_logprobs: n,
            logit_bias: Json::parse(r#"{"1":-100}"#).filter(|_| logprobs.is_some()),
            stop,
        })
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let format = select(vec![
        ResponseFormat::Text,
        ResponseFormat::JsonObject,
        ResponseFormat::JsonSchema {
            name: Some("n".into()),
            description: None,
            schema: Json::parse(r#"{"type":"object"}"#).unwrap(),
            strict: Some(true),
        },
    ]);
    let word = || option::of(words());
    let extra = option::of(Just(("x_vendor".to_owned(), Json::parse("[1.0e5,{}]").unwrap())));
    (
        messages(),
        tools(),
        option::of(format),
        sampling(),
        option::of(words()),
        option::of(0_u64..9999),
        any::<bool>(),
        (word(), word(), word(), word()),
        extra,
    )
        .prop_map(
            |(messages, tools, response_format, sampling, effort, max_tokens, stream, words, extra)| {
                let effort = effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() });
                ChatRequest {
                    model: "m".into(),
                    messages,
                    tools: tools.0,
                    tool_choice: tools.1,
                    parallel_tool_calls: tools.2,
                    response_format,
                    sampling,
                    reasoning: effort,
                    max_tokens,
                    stream,
                    include_usage: stream,
                    user: words.0,
                    metadata: Json::parse(r#"{"k":"v"}"#).filter(|_| stream),
                    service_tier: words.1,
                    prompt_cache_key: words.2,
                    verbosity: words.3,
                    audio: None,
                    extra: extra.into_iter().collect::<BTreeMap<_, _>>(),
                }
            },
        )
}

fn choice() -> impl Strategy<Value = Choice> {
    let thinking =
        (words(), option::of(words())).prop_map(|(text, signature)| Part::Thinking { text, signature });
    let thoughts = vec(prop_oneof![thinking, words().prop_map(|data| Part::RedactedThinking { data })], 0..3);
    let citation = (words(), option::of(words()), 0_u64..9).prop_map(|(title, cited_text, at)| Citation {
        url: Some("https://a.example".into()),
        title: Some(title),
        cited_text,
        span: Some((at, at + 1)),
        original: None,
        ..Citation::default()
    });
    let text = (words(), vec(citation, 0..2)).prop_map(|(text, citations)| Part::Text {
        text,
        citations,
        cache: None,
    });
    let refusal = words().prop_map(|text| Part::Refusal { text });
    let ends = select(vec![FinishReason::Stop, FinishReason::Length, FinishReason::ContentFilter]);
    (thoughts, option::of(text), option::of(refusal), vec(call_part(), 0..4), ends).prop_map(
        |(mut parts, text, refusal, calls, end)| {
            let finish = match (calls.is_empty(), &refusal) {
                (false, _) => FinishReason::ToolCalls,
                (true, Some(_)) => FinishReason::Refusal,
                (true, None) => end,
            };
            parts.extend(text);
            parts.extend(refusal);
            parts.extend(calls);
            name_calls(&mut parts);
            Choice { parts, finish: Some(finish), logprobs: None }
        },
    )
}

fn response() -> impl Strategy<Value = ChatResponse> {
    let usage =
        (1_u64..1_000_000, 0_u64..1_000_000, 0_u64..99).prop_map(|(prompt, completion, detail)| TokenUsage {
            prompt: prompt + 2 * detail,
            completion: completion + 2 * detail,
            cached: detail,
            cache_written: detail / 2,
            reasoning: detail,
            audio_prompt: detail / 3,
            audio_completion: detail / 4,
            ..TokenUsage::default()
        });
    (vec(choice(), 1..3), option::of(usage)).prop_map(|(choices, usage)| ChatResponse {
        id: Some("chatcmpl-1".into()),
        created: Some(5),
        model: Some("gpt-x".into()),
        choices,
        usage,
        service_tier: None,
        system_fingerprint: None,
    })
}

/// The events of an answer with its deltas cut in two, and the choices one after the other.
fn shredded(response: &ChatResponse, cut: Index) -> Vec<StreamEvent> {
    let mut whole = Vec::new();
    whole.extend(stream_decoder::whole(response.clone()));
    let halves = |text: &str| {
        let at = text.floor_char_boundary(cut.index(text.len() + 1));
        [text[..at].to_owned(), text[at..].to_owned()]
    };
    whole
        .into_iter()
        .flat_map(|event| match event {
            StreamEvent::TextDelta { choice, part, text } => {
                halves(&text).map(|text| StreamEvent::TextDelta { choice, part, text }).to_vec()
            }
            StreamEvent::ArgumentsDelta { choice, part, text } => {
                halves(&text).map(|text| StreamEvent::ArgumentsDelta { choice, part, text }).to_vec()
            }
            other => vec![other],
        })
        .collect()
}

fn encoded(events: &[StreamEvent]) -> Vec<u8> {
    let mut encoder = OpenAi::default().stream_encoder(&context(), true);
    let mut out = Vec::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    out
}

fn decoded<'a>(odd: bool, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<StreamEvent> {
    let mut dialect = OpenAi::default();
    dialect.upstream.odd_replies = odd;
    let mut decoder = dialect.stream_decoder();
    let mut events = Vec::new();
    chunks.into_iter().for_each(|chunk| decoder.push(chunk, &mut events));
    decoder.finish(&mut events);
    decoder.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\n", &mut events);
    decoder.finish(&mut events);
    events
}

/// The order of events in the canonical stream.
fn is_lawful(events: &[StreamEvent]) -> Result<(), String> {
    let mut begun = false;
    let mut open: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    let mut next: BTreeMap<usize, usize> = BTreeMap::new();
    let mut finished: Vec<usize> = Vec::new();
    for (position, event) in events.iter().enumerate() {
        let last = position + 1 == events.len();
        match event {
            StreamEvent::Start { .. } if begun => return Err("two starts".into()),
            StreamEvent::Start { .. } => begun = true,
            StreamEvent::Done => {
                if !last || !open.is_empty() || next.keys().any(|choice| !finished.contains(choice)) {
                    return Err("an early end".into());
                }
            }
            StreamEvent::Error(_) if !last => return Err("an early error".into()),
            StreamEvent::Error(_) | StreamEvent::Ping => {}
            _ if !begun => return Err(format!("before the start: {event:?}")),
            StreamEvent::PartStart { choice, part, start } => {
                let number = next.entry(*choice).or_default();
                let is_call = matches!(start, crate::dialect::canonical::PartStart::ToolCall { .. });
                let clashes = open.iter().any(|((other, _), call)| other == choice && !(*call && is_call));
                if *part != *number || clashes || finished.contains(choice) {
                    return Err(format!("out of order: {event:?}"));
                }
                *number += 1;
                open.insert((*choice, *part), is_call);
            }
            StreamEvent::TextDelta { choice, part, .. }
            | StreamEvent::ArgumentsDelta { choice, part, .. }
            | StreamEvent::SignatureDelta { choice, part, .. }
            | StreamEvent::Citation { choice, part, .. } => {
                if !open.contains_key(&(*choice, *part)) {
                    return Err(format!("not open: {event:?}"));
                }
            }
            StreamEvent::PartEnd { choice, part } => {
                if open.remove(&(*choice, *part)).is_none() {
                    return Err(format!("not open: {event:?}"));
                }
            }
            StreamEvent::Finish { choice, .. } => finished.push(*choice),
            StreamEvent::Usage(_) | StreamEvent::Logprobs { .. } | StreamEvent::Served { .. } => {}
        }
    }
    match events.last() {
        Some(StreamEvent::Done | StreamEvent::Error(_)) => Ok(()),
        other => Err(format!("no end: {other:?}")),
    }
}

fn sse_like() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        r#"{"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"漢字🎉"}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"b"},"logprobs":{"content":[]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"h","thinking_blocks":[{"type":"thinking","thinking":"h","signature":"s"}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"b","function":{"arguments":"{}"}},{"id":"c","function":{"name":"g"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"x","refusal":"no","annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"function_call":{"name":"f","arguments":"{}"}}}],"citations":["u"]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        r#"{"message":{"content":"odd"}}"#,
        r#"{"error":{"message":"no"}}"#,
        "[DONE]",
        "{",
        "",
    ];
    let event = select(pieces.to_vec()).prop_map(|piece| format!("data: {piece}\n\n").into_bytes());
    // Errors and ends are rarer than the rest, or every stream would be short.
    let common = select(pieces[..12].to_vec()).prop_map(|piece| format!("data:{piece}\r\n\r\n").into_bytes());
    let piece = prop_oneof![
        1 => event,
        6 => common,
        1 => Just(b": ping\n\n".to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn requests_survive_the_round_trip(request in request()) {
        let mut request = request;
        // What the assistant does not say is not sent, and there is always a message.
        let is_silent = |part: &Part| matches!(part, Part::Text { text, .. } if text.is_empty());
        request.messages.retain(|said| said.role != Role::Assistant || !said.parts.iter().all(is_silent));
        if request.messages.is_empty() {
            request.messages.push(Message::new(Role::User, vec![Part::text("q")]));
        }
        let encoded = capable().encode_request(&request, "m");
        prop_assert_eq!(&encoded.dropped, &Vec::<String>::new());
        let again = capable().decode_request(&encoded.body);
        for tool in &mut request.tools {
            if let Tool::Function(function) = tool {
                function.parameters = Some(arguments::schema_of(function.parameters.as_ref()));
            }
        }
        for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::ToolCall { arguments, .. } = part {
                *arguments = Json::arguments_text(arguments).into_owned();
            }
        }
        prop_assert_eq!(again.unwrap(), request, "{}", String::from_utf8_lossy(&encoded.body));
    }

    #[test]
    fn answers_survive_the_round_trip(response in response()) {
        let body = OpenAi::default().encode_response(&response, &context());
        let again = OpenAi::default().decode_response(&body);
        prop_assert_eq!(again.unwrap(), response, "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn a_stream_adds_up_to_the_answer(response in response(), cut in any::<Index>()) {
        let stream = encoded(&shredded(&response, cut));
        let events = decoded(false, [stream.as_slice()]);
        prop_assert_eq!(is_lawful(&events), Ok(()), "{:?}", events);
        prop_assert_eq!(assemble(events).unwrap(), response, "{}", String::from_utf8_lossy(&stream));
    }

    #[test]
    fn any_split_gives_the_same_lawful_events(
        stream in sse_like(),
        odd in any::<bool>(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let whole = decoded(odd, [stream.as_slice()]);
        prop_assert_eq!(is_lawful(&whole), Ok(()), "{:?}", whole);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        prop_assert_eq!(&decoded(odd, at.windows(2).map(|pair| &stream[pair[0]..pair[1]])), &whole);
        prop_assert_eq!(&decoded(odd, stream.chunks(1)), &whole);
    }

    #[test]
    fn nothing_breaks_on_arbitrary_bytes(bytes in vec(any::<u8>(), 0..200), status in 100_u16..600) {
        prop_assert_eq!(is_lawful(&decoded(true, [bytes.as_slice()])), Ok(()));
        let dialect = OpenAi::default();
        _ = (dialect.decode_request(&bytes), dialect.decode_response(&bytes), LegacyCompletions.decode_request(&bytes));
        prop_assert!(!dialect.decode_error(status, &bytes).message.is_empty());
    }

    #[test]
    fn nothing_breaks_on_a_damaged_request(request in request(), at in any::<Index>(), byte in any::<u8>()) {
        let mut body = capable().encode_request(&request, "m").body;
        let at = at.index(body.len());
        body[at] = byte;
        _ = capable().decode_request(&body);
        _ = capable().decode_response(&body);
        _ = capable().decode_error(400, &body);
    }
}

/// Results under the old role name their tool; those under the new one do not.
fn unnamed(mut messages: Vec<Message>) -> Vec<Message> {
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolResult { name, .. } = part {
            *name = None;
        }
    }
    messages
}

#[test]
fn the_requests_of_the_fixtures_are_read_and_survive() {
    let files = fixtures("requests/openai");
    assert!(files.len() >= 12);
    // These have content that the dialect has no form or another form for.
    let odd = ["answers_of_others_given_back", "thoughts_told_twice"];
    for (name, body) in files.into_iter().filter(|(name, _)| !odd.contains(&name.as_str())) {
        let request =
            OpenAi::default().decode_request(&body).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let encoded = capable().encode_request(&request, &request.model);
        let again = capable().decode_request(&encoded.body).unwrap();
        assert_eq!(again.messages, unnamed(request.messages), "{name}");
        assert_eq!((again.tools, again.tool_choice), (request.tools, request.tool_choice), "{name}");
        assert_eq!(encoded.dropped, Vec::<String>::new(), "{name}");
    }
    let files = fixtures("requests/openai_legacy");
    assert!(files.len() >= 12);
    for (name, body) in files {
        LegacyCompletions.decode_request(&body).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[test]
fn the_streams_of_the_fixtures_add_up_to_their_answers() {
    let answers = fixtures("responses/openai");
    let streams = fixtures("streams/openai");
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert!(answers.len() >= 8);
    assert_eq!(names(&answers), names(&streams));
    for ((name, answer), (_, stream)) in answers.iter().zip(&streams) {
        let answer =
            OpenAi::default().decode_response(answer).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let events = decoded(false, [stream.as_slice()]);
        assert_eq!(is_lawful(&events), Ok(()), "{name}: {events:?}");
        assert_eq!(assemble(events).as_ref(), Ok(&answer), "{name}");
        assert_eq!(assemble(decoded(false, stream.chunks(1))).as_ref(), Ok(&answer), "{name}");
    }
}

#[test]
fn the_errors_of_the_fixtures_are_read_and_written() {
    let files = fixtures("errors/openai");
    assert!(files.len() >= 3);
    for (name, body) in files {
        let status: u16 = name.split('_').next().and_then(|status| status.parse().ok()).unwrap();
        let info = OpenAi::default().decode_error(status, &body);
        assert!(
            !info.message.is_empty() && !info.message.starts_with("The provider answered with status"),
            "{name}"
        );
        let again = OpenAi::default().decode_error(status, &OpenAi::default().encode_error(&info, "r"));
        let ErrorInfo { kind, message, code, param, .. } = info;
        assert_eq!(
            (again.kind, again.message, again.code, again.param),
            (kind, message, code, param),
            "{name}"
        );
    }
}
