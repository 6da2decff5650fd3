//! Whole and streamed answers of the same content come to the same verdict, for every upstream dialect and every fault:
//! errors with a success status in every known form, answers without content, and abnormal ends. Where callers have the
//! upstream's dialect, the same holds for what passes through.

#![expect(clippy::indexing_slicing, reason = "a test that cannot read its cases has failed")]

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ErrorInfo, FinishReason, UpstreamCodec, assemble};
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::pipe::StreamOutcome;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use serde_json::{Value, json};

#[path = "../fuzz/src/frames.rs"]
mod frames;

const TEXT: &str = "Hello";

/// Bodies that are errors, whatever the upstream's dialect, with the status that they stand for.
const ERRORS: &[(u16, &str)] = &[
    (429, r#"{"error":{"message":"no seat","code":429,"type":"rate_limit"}}"#),
    (502, r#"{"error":{"message":"no seat"}}"#),
    (502, r#"{"error":{"message":{"text":"no seat"}}}"#),
    (502, r#"{"error":"no seat"}"#),
    (503, r#"{"error":"overloaded","message":"no seat"}"#),
    (429, r#"{"code":"Throttling","message":"no seat"}"#),
    (503, r#"{"code":503,"message":"no seat"}"#),
    (502, r#"{"detail":"no seat"}"#),
    (502, r#"{"errors":[{"message":"no seat"}],"success":false}"#),
    (429, r#"{"base_resp":{"status_code":1002,"status_msg":"no seat"}}"#),
];

/// How an answer ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// With this word of the service.
    Word(&'static str),
    /// Without any.
    Missing,
}

impl End {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Missing => None,
        }
    }
}

/// An upstream, the same answer in both forms, and its words for an end.
struct Upstream {
    name: &'static str,
    kind: ProviderKind,
    native: Option<CallerDialect>,
    whole: fn(Option<&str>, End) -> Value,
    stream: fn(Option<&str>, End) -> Vec<u8>,
    /// Words of an answer that failed, with the status.
    failed: &'static [(u16, &'static str)],
    /// Words of an answer that was blocked.
    blocked: &'static [&'static str],
}

const UPSTREAMS: &[Upstream] = &[
    Upstream {
        name: "openai",
        kind: ProviderKind::Openai,
        native: Some(CallerDialect::OpenaiChat),
        whole: |text, end| {
            json!({"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": text},
                "finish_reason": end.word()}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}})
        },
        stream: |text, end| {
            let chunk = |delta: Value, end: Option<&str>| json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]});
            let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
            chunks.extend(text.map(|text| chunk(json!({"content": text}), None)));
            chunks.push(chunk(json!({}), end.word()));
            [events(&chunks), b"data: [DONE]\n\n".to_vec()].concat()
        },
        failed: &[
            (503, "insufficient_system_resource"),
            (502, "abort"),
            (502, "error"),
            (502, "network_error"),
            (504, "timeout"),
        ],
        blocked: &["content_filter", "sensitive"],
    },
    Upstream {
        name: "anthropic",
        kind: ProviderKind::Anthropic,
        native: Some(CallerDialect::Anthropic),
        whole: |text, end| {
            let content: Vec<Value> =
                text.map(|text| json!({"type": "text", "text": text})).into_iter().collect();
            json!({"type": "message", "id": "m", "role": "assistant", "content": content,
                "stop_reason": end.word(), "usage": {"input_tokens": 3, "output_tokens": 1}})
        },
        stream: |text, end| {
            let mut events_of = vec![
                json!({"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 3}}}),
            ];
            if let Some(text) = text {
                events_of.extend([
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
                    json!({"type": "content_block_stop", "index": 0}),
                ]);
            }
            events_of.extend(
                end.word().map(|word| json!({"type": "message_delta", "delta": {"stop_reason": word}, "usage": {"output_tokens": 1}})),
            );
            events_of.push(json!({"type": "message_stop"}));
            events(&events_of)
        },
        failed: &[(502, "error"), (502, "abort")],
        blocked: &["refusal"],
    },
    Upstream {
        name: "gemini",
        kind: ProviderKind::Gemini,
        native: Some(CallerDialect::Gemini),
        whole: |text, end| gemini(text, end),
        stream: |text, end| events(&[gemini(text, end)]),
        failed: &[
            (502, "MALFORMED_FUNCTION_CALL"),
            (502, "UNEXPECTED_TOOL_CALL"),
            (502, "OTHER"),
            (502, "NO_IMAGE"),
            (502, "IMAGE_OTHER"),
            (502, "MALFORMED_RESPONSE"),
        ],
        blocked: &["SAFETY", "RECITATION", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "LANGUAGE", "SPII"],
    },
    Upstream {
        name: "vertex",
        kind: ProviderKind::Vertex,
        native: None,
        whole: |text, end| gemini(text, end),
        stream: |text, end| events(&[gemini(text, end)]),
        failed: &[(502, "UNEXPECTED_TOOL_CALL")],
        blocked: &["MODEL_ARMOR"],
    },
    Upstream {
        name: "bedrock",
        kind: ProviderKind::Bedrock,
        native: None,
        whole: |text, end| {
            let content: Vec<Value> = text.map(|text| json!({"text": text})).into_iter().collect();
            json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": end.word()})
        },
        stream: |text, end| {
            let mut lines = vec![json!({"messageStart": {"role": "assistant"}})];
            if let Some(text) = text {
                lines.push(json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": text}}}));
                lines.push(json!({"contentBlockStop": {"contentBlockIndex": 0}}));
            }
            lines.push(json!({"messageStop": {"stopReason": end.word()}}));
            let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
            frames::framed(lines.join("\n").as_bytes())
        },
        failed: &[(502, "malformed_model_output"), (502, "malformed_tool_use")],
        blocked: &["guardrail_intervened", "content_filtered"],
    },
    Upstream {
        name: "cohere",
        kind: ProviderKind::Cohere,
        native: None,
        whole: |text, end| {
            let content: Vec<Value> =
                text.map(|text| json!({"type": "text", "text": text})).into_iter().collect();
            json!({"id": "c", "message": {"role": "assistant", "content": content}, "finish_reason": end.word()})
        },
        stream: |text, end| {
            let mut events_of = vec![json!({"type": "message-start", "id": "c", "delta": {"message": {}}})];
            events_of.extend(text.map(|text| {
                json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}})
            }));
            events_of.push(json!({"type": "message-end", "delta": {"finish_reason": end.word()}}));
            events(&events_of)
        },
        failed: &[(502, "ERROR"), (504, "TIMEOUT"), (502, "USER_CANCEL")],
        blocked: &["ERROR_TOXIC"],
    },
    Upstream {
        name: "dashscope",
        kind: ProviderKind::Dashscope,
        native: None,
        whole: |text, end| dashscope(text, end),
        stream: |text, end| events(&[dashscope(text, end)]),
        failed: &[(502, "abort"), (502, "error")],
        blocked: &["content_filter"],
    },
    Upstream {
        name: "dify",
        kind: ProviderKind::Dify,
        native: None,
        whole: |text, end| match end.word() {
            Some(word) => json!({"workflow_run_id": "w", "data": {"status": word, "outputs": outputs(text)}}),
            None => json!({"workflow_run_id": "w", "data": {"outputs": {}}}),
        },
        stream: |text, end| {
            let mut all = vec![json!({"event": "workflow_started", "workflow_run_id": "w", "data": {}})];
            all.extend(text.map(|text| json!({"event": "text_chunk", "data": {"text": text}})));
            all.extend(end.word().map(|word| {
                json!({"event": "workflow_finished", "data": {"status": word, "outputs": outputs(text)}})
            }));
            events(&all)
        },
        failed: &[(502, "failed"), (502, "stopped")],
        blocked: &[],
    },
    Upstream {
        name: "workers-ai",
        kind: ProviderKind::WorkersAi,
        native: None,
        whole: |text, end| json!({"choices": [{"message": {"content": text}, "finish_reason": end.word()}]}),
        stream: |text, end| {
            let chunk =
                json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end.word()}]});
            [events(&[chunk]), b"data: [DONE]\n\n".to_vec()].concat()
        },
        failed: &[(502, "abort")],
        blocked: &["content_filter"],
    },
];

fn gemini(text: Option<&str>, end: End) -> Value {
    let parts: Vec<Value> = text.map(|text| json!({"text": text})).into_iter().collect();
    let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": parts}});
    if let Some(word) = end.word() {
        candidate["finishReason"] = word.into();
    }
    json!({"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}})
}

fn dashscope(text: Option<&str>, end: End) -> Value {
    json!({"output": {"choices": [{"message": {"role": "assistant", "content": text.unwrap_or_default()},
        "finish_reason": end.word().unwrap_or("null")}]}, "request_id": "r"})
}

/// What a workflow of Dify says.
fn outputs(text: Option<&str>) -> Value {
    text.map_or_else(|| json!({}), |text| json!({"text": text}))
}

fn events(data: &[Value]) -> Vec<u8> {
    let event = |data: &Value| match data.get("type").and_then(Value::as_str) {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    };
    data.iter().map(event).collect::<String>().into_bytes()
}

/// What matters of a verdict: the end of a good answer, or the failure.
type Verdict = Result<Option<FinishReason>, (u16, Option<String>, String)>;

fn told(error: ErrorInfo) -> (u16, Option<String>, String) {
    (error.status, error.code, error.message)
}

fn codec(upstream: &Upstream) -> Box<dyn UpstreamCodec> {
    upstream.kind.codec(Quirks::NONE)
}

fn of_whole(upstream: &Upstream, body: &[u8]) -> Verdict {
    let read = codec(upstream).decode_response(body);
    read.map(|response| response.choices[0].finish.clone()).map_err(told)
}

fn of_stream(upstream: &Upstream, body: &[u8]) -> Verdict {
    let read = |size: usize| {
        let (mut decoder, mut events) = (codec(upstream).stream_decoder(), Vec::new());
        for chunk in body.chunks(size) {
            decoder.push(chunk, &mut events);
        }
        decoder.finish(&mut events);
        assemble(events).map(|response| response.choices[0].finish.clone()).map_err(told)
    };
    let verdict = read(usize::MAX);
    for size in [1, 7] {
        assert_eq!(read(size), verdict, "{} in pieces of {size}", upstream.name);
    }
    verdict
}

/// What passes through: the verdict before the first word, or the outcome after it.
fn of_native_stream(dialect: CallerDialect, body: &[u8]) -> (bool, Option<u16>, StreamOutcome) {
    let mut pipe = native::tap(dialect, false);
    let _ = pipe.push(body);
    let outcome = pipe.finish().outcome;
    let has_content = pipe.has_content();
    (has_content, pipe.error().map(|error| error.status), outcome)
}

#[test]
fn errors_with_a_success_status() {
    for upstream in UPSTREAMS {
        for (status, body) in ERRORS {
            let name = format!("{}: {body}", upstream.name);
            let whole = of_whole(upstream, body.as_bytes()).unwrap_err();
            assert_eq!((whole.0, whole.2.as_str()), (*status, "no seat"), "{name}");
            // As a document where a stream was expected, and as an event of one.
            assert_eq!(of_stream(upstream, body.as_bytes()).unwrap_err(), whole, "{name}");
            if upstream.kind == ProviderKind::Bedrock {
                continue;
            }
            for event in [format!("data: {body}\n\n"), format!("event: error\ndata: {body}\n\n")] {
                assert_eq!(of_stream(upstream, event.as_bytes()).unwrap_err(), whole, "{name}");
            }
            let Some(dialect) = upstream.native else { continue };
            let passed = native::inspect(dialect, body.as_bytes()).unwrap_err();
            assert_eq!((passed.status, passed.message.as_str()), (*status, "no seat"), "{name}");
            let event = format!("data: {body}\n\n");
            let (has_content, failed, _) = of_native_stream(dialect, event.as_bytes());
            assert_eq!((has_content, failed), (false, Some(*status)), "{name}");
        }
    }
}

#[test]
fn answers_without_content_or_without_an_end() {
    for upstream in UPSTREAMS {
        let (nothing, body) = ((upstream.whole)(None, End::Missing), (upstream.stream)(None, End::Missing));
        let whole = of_whole(upstream, nothing.to_string().as_bytes()).unwrap_err();
        let streamed = of_stream(upstream, &body).unwrap_err();
        assert_eq!(whole.0, 502, "{}", upstream.name);
        // Streams without an end of their own are the same as truncated ones.
        if !matches!(upstream.name, "gemini" | "vertex" | "dashscope" | "dify") {
            assert_eq!(streamed, whole, "{}", upstream.name);
        }
        assert_eq!(streamed.0, 502);
        if let Some(dialect) = upstream.native {
            assert_eq!(native::inspect(dialect, nothing.to_string().as_bytes()).unwrap_err().status, 502);
            assert!(!of_native_stream(dialect, &body).0, "{}", upstream.name);
        }
        for body in ["{}", r#"{"usage":{"prompt_tokens":5}}"#, r#"{"choices":[]}"#, r#"{"candidates":[]}"#] {
            assert_eq!(of_whole(upstream, body.as_bytes()).unwrap_err().0, 502, "{}: {body}", upstream.name);
            assert_eq!(of_stream(upstream, body.as_bytes()).unwrap_err().0, 502, "{}: {body}", upstream.name);
            if let Some(dialect) = upstream.native {
                assert_eq!(native::inspect(dialect, body.as_bytes()).unwrap_err().status, 502);
            }
        }
    }
}

#[test]
fn abnormal_ends() {
    for upstream in UPSTREAMS {
        for (status, word) in upstream.failed {
            for text in [None, Some(TEXT)] {
                let name = format!("{}: {word} after {text:?}", upstream.name);
                let end = End::Word(word);
                let (body, stream) = ((upstream.whole)(text, end), (upstream.stream)(text, end));
                let whole = of_whole(upstream, body.to_string().as_bytes()).unwrap_err();
                assert_eq!((whole.0, whole.1.is_some()), (*status, true), "{name}");
                assert_eq!(of_stream(upstream, &stream).unwrap_err(), whole, "{name}");
                let Some(dialect) = upstream.native else { continue };
                let passed = native::inspect(dialect, body.to_string().as_bytes()).unwrap_err();
                assert_eq!(told(passed), whole, "{name}");
                let (has_content, failed, outcome) = of_native_stream(dialect, &stream);
                assert_eq!((has_content, failed), (text.is_some(), Some(*status)), "{name}");
                assert_eq!(outcome, StreamOutcome::UpstreamError, "{name}");
            }
        }
    }
}

#[test]
fn blocked_and_good_ends() {
    for upstream in UPSTREAMS {
        for word in upstream.blocked {
            for text in [None, Some(TEXT)] {
                let name = format!("{}: {word} after {text:?}", upstream.name);
                let end = End::Word(word);
                let (body, stream) = ((upstream.whole)(text, end), (upstream.stream)(text, end));
                let whole = of_whole(upstream, body.to_string().as_bytes()).unwrap();
                assert!(
                    matches!(whole, Some(FinishReason::ContentFilter | FinishReason::Refusal)),
                    "{name}: {whole:?}"
                );
                assert_eq!(of_stream(upstream, &stream).unwrap(), whole, "{name}");
                let Some(dialect) = upstream.native else { continue };
                assert!(native::inspect(dialect, body.to_string().as_bytes()).is_ok(), "{name}");
                let (_, failed, outcome) = of_native_stream(dialect, &stream);
                assert_eq!((failed, outcome), (None, StreamOutcome::Complete), "{name}");
            }
        }
        // A word that is not known is named, and never a failure.
        let end = End::Word("brand_new");
        let whole = of_whole(upstream, (upstream.whole)(Some(TEXT), end).to_string().as_bytes());
        assert_eq!(whole, Ok(Some(FinishReason::Other("brand_new".into()))), "{}", upstream.name);
        assert_eq!(of_stream(upstream, &(upstream.stream)(Some(TEXT), end)), whole, "{}", upstream.name);
    }
}

/// The Responses API, which has states instead of words.
#[test]
fn states_of_responses() {
    let dialect = CallerDialect::OpenaiResponses;
    let output =
        json!([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]}]);
    let response = |status: &str, output: &Value, error: Value| json!({"id": "resp_1", "object": "response", "status": status, "output": output, "error": error});
    for (expected, status, error) in [
        (None, "completed", Value::Null),
        (None, "incomplete", Value::Null),
        (None, "queued", Value::Null),
        (
            Some((429, "rate_limit_exceeded")),
            "failed",
            json!({"code": "rate_limit_exceeded", "message": "no seat"}),
        ),
        (Some((502, "server_error")), "failed", json!({"code": "server_error", "message": "no seat"})),
        (Some((502, "cancelled")), "cancelled", Value::Null),
    ] {
        let body = response(status, &output, error.clone());
        let read = native::inspect(dialect, body.to_string().as_bytes()).err();
        assert_eq!(
            read.as_ref().map(|info| (info.status, info.code.as_deref().unwrap())),
            expected,
            "{status}"
        );
        if status != "failed" {
            continue;
        }
        let message = read.unwrap().message;
        assert_eq!(message, "no seat");
        let created =
            json!({"type": "response.created", "response": response("in_progress", &json!([]), Value::Null)});
        let flat =
            json!({"type": "error", "code": error["code"], "message": error["message"], "param": null});
        for last in [
            json!({"type": "response.failed", "response": response("failed", &json!([]), error.clone())}),
            json!({"type": "error", "error": error}),
            json!({"type": "error", "error": {"type": error["code"], "code": error["code"], "message": error["message"]}}),
            flat,
        ] {
            let stream = events(&[created.clone(), last.clone()]);
            let mut pipe = native::tap(dialect, false);
            let _ = pipe.push(&stream);
            assert_eq!(pipe.finish().outcome, StreamOutcome::UpstreamError, "{last}");
            let info = pipe.error().unwrap();
            assert_eq!((info.status, info.code.as_deref().unwrap()), expected.unwrap(), "{last}");
            assert_eq!(info.message, "no seat", "{last}");
            assert!(!pipe.has_content());
        }
    }
}

/// A choice with an error of its own: `OpenRouter` reports so that its provider broke off.
#[test]
fn errors_of_choices() {
    let upstream = &UPSTREAMS[0];
    let error = json!({"code": 429, "message": "no seat"});
    for (text, reason) in [(None, Value::Null), (Some(TEXT), json!("error")), (Some(TEXT), Value::Null)] {
        let whole = json!({"choices": [{"index": 0, "error": error, "finish_reason": reason,
            "message": {"role": "assistant", "content": text}}]});
        let delta = json!({"choices": [{"index": 0, "error": error, "finish_reason": reason, "delta": {"content": ""}}]});
        let mut stream = (upstream.stream)(text, End::Missing);
        stream.truncate(stream.len() - b"data: [DONE]\n\n".len());
        stream.extend(events(&[delta]));
        let failed = of_whole(upstream, whole.to_string().as_bytes()).unwrap_err();
        assert_eq!((failed.0, failed.2.as_str()), (429, "no seat"));
        assert_eq!(of_stream(upstream, &stream).unwrap_err(), failed);
        assert_eq!(
            native::inspect(CallerDialect::OpenaiChat, whole.to_string().as_bytes()).unwrap_err().status,
            429
        );
        let (has_content, failed, outcome) = of_native_stream(CallerDialect::OpenaiChat, &stream);
        assert_eq!((has_content, failed, outcome), (text.is_some(), Some(429), StreamOutcome::UpstreamError));
    }
}

/// What stands in the place of a call and is none; and errors that are empty.
#[test]
fn what_is_empty_is_nothing() {
    let upstream = &UPSTREAMS[0];
    for empty in [
        json!({"function_call": {"name": "", "arguments": ""}, "tool_calls": null}),
        json!({"function_call": {}}),
        json!({"tool_calls": []}),
        json!({"tool_calls": [{"id": "", "type": "function", "function": {"name": "", "arguments": ""}}]}),
        json!({"tool_calls": [{"index": 0, "id": "c", "function": {"arguments": "{}"}}]}),
    ] {
        let mut message = empty.clone();
        message["content"] = TEXT.into();
        let whole = json!({"error": {}, "choices": [{"index": 0, "message": message, "finish_reason": "", "error": null}]});
        let chunk = json!({"error": "", "choices": [{"index": 0, "delta": message, "finish_reason": ""}]});
        let stream = [events(&[chunk]), b"data: [DONE]\n\n".to_vec()].concat();
        assert_eq!(of_whole(upstream, whole.to_string().as_bytes()), Ok(Some(FinishReason::Stop)), "{empty}");
        assert_eq!(of_stream(upstream, &stream), Ok(Some(FinishReason::Stop)), "{empty}");
    }
}
