//! What a caller is told that a request used, and what the log says: for every upstream and every caller dialect, whole,
//! streamed and passed through. The counts are those of the vendors' own forms; how a dialect writes them is spelled out
//! here, apart from the code that reads them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its answers has failed")]

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ReplyContext;
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::pipe::StreamPipe;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::stream_translation::{StreamTranslation, facts_of};
use nexus_edge_core::provider::{ProviderKind, Quirks};
use nexus_edge_core::tokens::{ServedTier, TokenUsage};
use serde_json::Value;

#[path = "../fuzz/src/frames.rs"]
mod frames;

const CALLERS: [CallerDialect; 5] = [
    CallerDialect::OpenaiChat,
    CallerDialect::OpenaiCompletions,
    CallerDialect::OpenaiResponses,
    CallerDialect::Anthropic,
    CallerDialect::Gemini,
];

/// The answer of a vendor, whole and streamed, and what it used.
struct Case {
    name: &'static str,
    kind: ProviderKind,
    whole: String,
    stream: Vec<u8>,
    used: TokenUsage,
}

fn counts(prompt: u64, completion: u64) -> TokenUsage {
    TokenUsage { prompt, completion, ..TokenUsage::default() }
}

fn sse<'a>(events: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    events.into_iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect()
}

/// Chat Completions with this usage, in a chunk of its own.
fn chat(name: &'static str, usage: &str, used: TokenUsage) -> Case {
    Case {
        name,
        kind: ProviderKind::Openai,
        whole: format!(
            r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"x"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
        ),
        stream: sse([
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"x"},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            &format!(r#"{{"id":"c","model":"m","choices":[],"usage":{usage}}}"#),
            "[DONE]",
        ]),
        used,
    }
}

/// The same with the usage inside of the choice.
fn chat_in_choice(name: &'static str, usage: &str, used: TokenUsage) -> Case {
    Case {
        name,
        kind: ProviderKind::Openai,
        whole: format!(
            r#"{{"id":"c","model":"m","service_tier":"flex","choices":[{{"index":0,"message":{{"role":"assistant","content":"x"}},"finish_reason":"stop","usage":{usage}}}]}}"#
        ),
        stream: sse([
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"x"},"finish_reason":null}]}"#,
            &format!(
                r#"{{"id":"c","model":"m","service_tier":"flex","choices":[{{"index":0,"delta":{{}},"finish_reason":"stop","usage":{usage}}}]}}"#
            ),
            "[DONE]",
        ]),
        used,
    }
}

/// Messages with the counts of the start and of the end of a stream.
fn messages(name: &'static str, start: &str, end: &str, used: TokenUsage) -> Case {
    Case {
        name,
        kind: ProviderKind::Anthropic,
        whole: format!(
            r#"{{"id":"m","type":"message","role":"assistant","model":"c","content":[{{"type":"text","text":"x"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{end}}}"#
        ),
        stream: sse([
            &format!(
                r#"{{"type":"message_start","message":{{"id":"m","type":"message","role":"assistant","model":"c","content":[],"usage":{start}}}}}"#
            ),
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            &format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{end}}}"#),
            r#"{"type":"message_stop"}"#,
        ]),
        used,
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let gemini = r#"{"promptTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":30,"toolUsePromptTokenCount":7,"totalTokenCount":157,"cachedContentTokenCount":60}"#;
    let gemini_chunk = |usage: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"role":"model","parts":[{{"text":"x"}}]}},"finishReason":"STOP","groundingMetadata":{{"webSearchQueries":["a","b"]}}}}],"usageMetadata":{usage}}}"#
        )
    };
    let cohere = r#"{"billed_units":{"input_tokens":50,"output_tokens":9},"tokens":{"input_tokens":255,"output_tokens":9},"cached_tokens":240}"#;
    let dashscope = r#"{"input_tokens":2000,"output_tokens":30,"total_tokens":2030,"prompt_tokens_details":{"cached_tokens":500,"cache_creation_input_tokens":300},"output_tokens_details":{"reasoning_tokens":12}}"#;
    let dashscope_answer = format!(
        r#"{{"request_id":"r","output":{{"choices":[{{"message":{{"role":"assistant","content":"x"}},"finish_reason":"stop"}}]}},"usage":{dashscope}}}"#
    );
    let dify = r#"{"usage":{"prompt_tokens":1033,"completion_tokens":135,"total_tokens":1168,"total_price":"0.0013030","currency":"USD"}}"#;
    vec![
        chat(
            "07: Moonshot",
            r#"{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010,"cached_tokens":900}"#,
            TokenUsage { cached: 900, ..counts(1000, 10) },
        ),
        chat_in_choice(
            "07: Moonshot, in the choice",
            r#"{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010,"cached_tokens":900}"#,
            TokenUsage { cached: 900, tier: ServedTier::Flex, ..counts(1000, 10) },
        ),
        chat(
            "W4: Mistral",
            r#"{"prompt_tokens":64,"completion_tokens":6,"total_tokens":70,"num_cached_tokens":32}"#,
            TokenUsage { cached: 32, ..counts(64, 6) },
        ),
        chat(
            "numbers as text, reasoning beside the answer, a cost",
            r#"{"prompt_tokens":"41","completion_tokens":"104","total_tokens":"480","completion_tokens_details":{"reasoning_tokens":"335"},"cost_in_usd_ticks":"37756001"}"#,
            TokenUsage { reasoning: 335, reported_cost_micros: Some(3776), ..counts(41, 439) },
        ),
        messages(
            "W3: a compaction",
            r#"{"input_tokens":200,"output_tokens":1}"#,
            r#"{"input_tokens":200,"output_tokens":12,"iterations":[{"type":"compaction","input_tokens":60000,"output_tokens":385},{"type":"message","input_tokens":200,"output_tokens":12}]}"#,
            counts(60_200, 397),
        ),
        messages(
            "a cache of both lifetimes, and searches",
            r#"{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},"output_tokens":1}"#,
            r#"{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},"output_tokens":42,"output_tokens_details":{"thinking_tokens":6},"server_tool_use":{"web_search_requests":3},"service_tier":"priority"}"#,
            TokenUsage {
                cached: 100,
                cache_written: 20,
                cache_written_1h: 15,
                reasoning: 6,
                web_searches: 3,
                tier: ServedTier::Priority,
                ..counts(130, 42)
            },
        ),
        Case {
            name: "Gemini",
            kind: ProviderKind::Gemini,
            whole: gemini_chunk(gemini),
            stream: sse([
                r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"x"}]}}],"usageMetadata":{"promptTokenCount":100,"totalTokenCount":100}}"#,
                &gemini_chunk(gemini),
            ]),
            used: TokenUsage { cached: 60, reasoning: 30, web_searches: 2, ..counts(107, 50) },
        },
        Case {
            name: "Bedrock",
            kind: ProviderKind::Bedrock,
            whole: r#"{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":10,"totalTokens":2053,"cacheReadInputTokens":1994,"cacheWriteInputTokens":40,"cacheDetails":[{"ttl":"1h","inputTokens":30},{"ttl":"5m","inputTokens":10}]}}"#.to_owned(),
            stream: frames::framed(
                br#"{"messageStart":{"role":"assistant"}}
{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"x"}}}
{"contentBlockStop":{"contentBlockIndex":0}}
{"messageStop":{"stopReason":"end_turn"}}
{"metadata":{"usage":{"inputTokens":9,"outputTokens":10,"totalTokens":2053,"cacheReadInputTokens":1994,"cacheWriteInputTokens":40,"cacheDetails":[{"ttl":"1h","inputTokens":30}]}}}
"#,
            ),
            used: TokenUsage { cached: 1994, cache_written: 40, cache_written_1h: 30, ..counts(2043, 10) },
        },
        Case {
            name: "Cohere",
            kind: ProviderKind::Cohere,
            whole: format!(
                r#"{{"id":"c","finish_reason":"COMPLETE","message":{{"role":"assistant","content":[{{"type":"text","text":"x"}}]}},"usage":{cohere}}}"#
            ),
            stream: sse([
                r#"{"type":"message-start","id":"c","delta":{"message":{"role":"assistant"}}}"#,
                r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"x"}}}}"#,
                r#"{"type":"content-end","index":0}"#,
                &format!(r#"{{"type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{cohere}}}}}"#),
            ]),
            used: TokenUsage { cached: 35, ..counts(50, 9) },
        },
        Case {
            name: "DashScope",
            kind: ProviderKind::Dashscope,
            whole: dashscope_answer.clone(),
            stream: sse([dashscope_answer.as_str()]),
            used: TokenUsage { cached: 500, cache_written: 300, reasoning: 12, ..counts(2000, 30) },
        },
        Case {
            name: "Dify",
            kind: ProviderKind::Dify,
            whole: format!(
                r#"{{"event":"message","message_id":"m","conversation_id":"v","answer":"x","created_at":1,"metadata":{dify}}}"#
            ),
            stream: sse([
                r#"{"event":"message","message_id":"m","conversation_id":"v","answer":"x","created_at":1}"#,
                &format!(
                    r#"{{"event":"message_end","message_id":"m","conversation_id":"v","metadata":{dify}}}"#
                ),
            ]),
            used: TokenUsage { reported_cost_micros: Some(1303), ..counts(1033, 135) },
        },
    ]
}

/// What a usage object of a caller dialect says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    prompt: u64,
    completion: u64,
    cached: u64,
    /// `None`: the dialect has no word for it.
    written: Option<u64>,
    reasoning: u64,
}

fn said(caller: CallerDialect, answer: &Value) -> Said {
    let at = |path: &str| {
        let usage = if caller == CallerDialect::Gemini { "/usageMetadata" } else { "/usage" };
        answer.pointer(&format!("{usage}{path}")).and_then(Value::as_u64)
    };
    let number = |path: &str| at(path).unwrap_or(0);
    match caller {
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => {
            assert_eq!(number("/total_tokens"), number("/prompt_tokens") + number("/completion_tokens"));
            Said {
                prompt: number("/prompt_tokens"),
                completion: number("/completion_tokens"),
                cached: number("/prompt_tokens_details/cached_tokens"),
                written: at("/prompt_tokens_details/cache_write_tokens"),
                reasoning: number("/completion_tokens_details/reasoning_tokens"),
            }
        }
        CallerDialect::OpenaiResponses => {
            assert_eq!(number("/total_tokens"), number("/input_tokens") + number("/output_tokens"));
            Said {
                prompt: number("/input_tokens"),
                completion: number("/output_tokens"),
                cached: number("/input_tokens_details/cached_tokens"),
                written: at("/input_tokens_details/cache_write_tokens"),
                reasoning: number("/output_tokens_details/reasoning_tokens"),
            }
        }
        CallerDialect::Anthropic => {
            let (cached, written) =
                (number("/cache_read_input_tokens"), number("/cache_creation_input_tokens"));
            Said {
                prompt: number("/input_tokens") + cached + written,
                completion: number("/output_tokens"),
                cached,
                written: Some(written),
                reasoning: number("/output_tokens_details/thinking_tokens"),
            }
        }
        CallerDialect::Gemini => {
            let thoughts = number("/thoughtsTokenCount");
            let sum = number("/promptTokenCount") + number("/candidatesTokenCount") + thoughts;
            assert_eq!(number("/totalTokenCount"), sum);
            Said {
                prompt: number("/promptTokenCount"),
                completion: number("/candidatesTokenCount") + thoughts,
                cached: number("/cachedContentTokenCount"),
                written: None,
                reasoning: thoughts,
            }
        }
    }
}

fn expected(caller: CallerDialect, used: &TokenUsage) -> Said {
    Said {
        prompt: used.prompt,
        completion: used.completion,
        cached: used.cached,
        written: (caller != CallerDialect::Gemini).then_some(used.cache_written),
        reasoning: used.reasoning,
    }
}

/// The object of a stream that ends with the usage.
fn last_with_usage(caller: CallerDialect, stream: &[u8]) -> Value {
    let field = if caller == CallerDialect::Gemini { "usageMetadata" } else { "usage" };
    let text = String::from_utf8(stream.to_vec()).unwrap();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .map(|event| event.get("response").cloned().unwrap_or(event))
        .rfind(|event| event.get(field).is_some_and(Value::is_object))
        .unwrap_or_else(|| panic!("no usage in {text}"))
}

fn context() -> ReplyContext {
    ReplyContext { unique: "u".into(), created: 1, model: "m".into() }
}

fn run(pipe: &mut dyn StreamPipe, stream: &[u8]) -> Vec<u8> {
    let mut out = match pipe.push(stream) {
        nexus_edge_core::dialect::pipe::Forward::Unchanged => stream.to_vec(),
        nexus_edge_core::dialect::pipe::Forward::Replaced(bytes) => bytes,
    };
    out.extend(pipe.finish().tail);
    out
}

#[test]
fn every_caller_is_told_what_is_logged() {
    for case in cases() {
        let codec = || case.kind.provider().codec(Quirks::NONE);
        for caller in CALLERS {
            let place = format!("{} to {caller:?}", case.name);
            let response = codec().decode_response(case.whole.as_bytes()).unwrap();
            assert_eq!(facts_of(&response).usage, Some(case.used), "{place}, log");
            let body = registry::caller(caller).encode_response(&response, &context());
            let told = said(caller, &serde_json::from_slice(&body).unwrap());
            assert_eq!(told, expected(caller, &case.used), "{place}, whole");

            let encoder = registry::caller(caller).stream_encoder(&context(), true);
            let mut pipe = StreamTranslation::new(codec().stream_decoder(), encoder);
            let out = run(&mut pipe, &case.stream);
            let logged = pipe.facts().usage;
            assert_eq!(logged, Some(case.used), "{place}, log of the stream");
            let told = said(caller, &last_with_usage(caller, &out));
            assert_eq!(told, expected(caller, &case.used), "{place}, streamed");
        }
    }
}

#[test]
fn what_passes_through_is_logged_as_what_is_translated() {
    for case in cases() {
        let caller = match case.kind {
            ProviderKind::Openai => CallerDialect::OpenaiChat,
            ProviderKind::Anthropic => CallerDialect::Anthropic,
            ProviderKind::Gemini => CallerDialect::Gemini,
            _ => continue,
        };
        let facts = native::inspect(caller, case.whole.as_bytes()).unwrap();
        assert_eq!(facts.usage, Some(case.used), "{}, whole", case.name);
        let mut pipe = native::tap(caller, false);
        assert_eq!(run(&mut *pipe, &case.stream), case.stream, "{}: byte for byte", case.name);
        assert_eq!(pipe.facts().usage, Some(case.used), "{}, streamed", case.name);
    }
    let usage = r#"{"input_tokens":75,"input_tokens_details":{"cached_tokens":32},"output_tokens":1186,"output_tokens_details":{"reasoning_tokens":1024},"total_tokens":1261,"cost_in_usd_ticks":628540000}"#;
    let response = format!(
        r#"{{"id":"r","object":"response","status":"completed","service_tier":"flex","output":[{{"type":"web_search_call","id":"w","action":{{"type":"search","query":"q"}}}},{{"type":"web_search_call","id":"w2","action":{{"type":"open_page"}}}},{{"type":"message","content":[{{"type":"output_text","text":"x"}}]}}],"usage":{usage}}}"#
    );
    let used = TokenUsage {
        cached: 32,
        reasoning: 1024,
        web_searches: 1,
        reported_cost_micros: Some(62_854),
        tier: ServedTier::Flex,
        ..counts(75, 1186)
    };
    let facts = native::inspect(CallerDialect::OpenaiResponses, response.as_bytes()).unwrap();
    assert_eq!(facts.usage, Some(used));
    let stream = sse([format!(r#"{{"type":"response.completed","response":{response}}}"#).as_str()]);
    let mut pipe = native::tap(CallerDialect::OpenaiResponses, false);
    assert_eq!(run(&mut *pipe, &stream), stream);
    assert_eq!(pipe.facts().usage, Some(used));
}
