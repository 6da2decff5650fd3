//! What is noted of a stream that passes through is what its translation notes: how it ended, and what it used. For every
//! recorded stream of a dialect that callers and upstreams share, cut off around the end
//! of any line, and for what recordings do not have.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::Path;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ReplyContext;
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::pipe::{Forward, StreamOutcome, StreamPipe};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::stream_translation::StreamTranslation;
use nexus_edge_core::tokens::TokenUsage;
use serde_json::json;

const DIALECTS: [(&str, CallerDialect); 4] = [
    ("openai", CallerDialect::OpenaiChat),
    ("responses", CallerDialect::OpenaiResponses),
    ("anthropic", CallerDialect::Anthropic),
    ("gemini", CallerDialect::Gemini),
];

/// Bytes that arrive together.
const CHUNK: usize = 16 << 10;

fn streams_of(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/streams").join(folder);
    let files =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

type Noted = (StreamOutcome, Option<TokenUsage>);

/// What a pipe sends for a stream, and what it notes.
fn run(pipe: &mut dyn StreamPipe, stream: &[u8]) -> (Vec<u8>, Noted) {
    let mut sent = Vec::new();
    for chunk in stream.chunks(CHUNK) {
        match pipe.push(chunk) {
            Forward::Unchanged => sent.extend_from_slice(chunk),
            Forward::Replaced(bytes) => sent.extend(bytes),
        }
    }
    let end = pipe.finish();
    sent.extend(end.tail);
    (sent, (end.outcome, pipe.facts().usage))
}

fn passed(dialect: CallerDialect, stream: &[u8]) -> Noted {
    run(&mut *native::tap(dialect, false), stream).1
}

fn translated(dialect: CallerDialect, stream: &[u8]) -> Noted {
    let context = ReplyContext { unique: "u".into(), created: 1, model: "m".into() };
    let mut pipe = StreamTranslation::new(
        registry::upstream(dialect).stream_decoder(),
        registry::caller(dialect).stream_encoder(&context, true),
    );
    run(&mut pipe, stream).1
}

fn sse<'a>(events: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    events.into_iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect()
}

/// Where streams are cut off: at the end of each line, and `around` it a byte before and after it.
fn cuts(stream: &[u8], around: bool) -> Vec<usize> {
    let ends = stream.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let mut cuts: Vec<usize> =
        ends.flat_map(|end| if around { vec![end - 1, end, end + 1] } else { vec![end] }).collect();
    cuts.extend([0, 1, stream.len()]);
    cuts.retain(|cut| *cut <= stream.len());
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// A stream as it was recorded, with other ends of lines and with comments, and without the types in its data.
fn written(name: &str, stream: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8(stream.to_vec()).unwrap();
    let untyped = text.replace("{\"type\":\"response.", "{\"kind\":\"response.");
    let mut forms = vec![
        ("as it is", text.clone()),
        ("with CR LF", text.replace("\r\n", "\n").replace('\n', "\r\n")),
        ("with comments", text.replace("\ndata:", "\n: hold\ndata:")),
    ];
    if untyped.contains("event: response.completed") {
        forms.push(("without types", untyped));
    }
    forms.into_iter().map(|(form, text)| (format!("{name} {form}"), text.into_bytes())).collect()
}

/// Whether the service says at the end of a response that it failed, and whether it names that end.
#[test]
fn a_response_that_failed_is_none_whatever_its_last_event_is_called() {
    let response = |fields: &str| format!(r#"{{"id":"r","output":[],{fields}}}"#);
    let (good, failed) =
        (response(r#""status":"completed""#), response(r#""status":"failed","error":{"message":"m"}"#));
    for (kind, response, outcome) in [
        ("response.completed", &good, StreamOutcome::Complete),
        ("response.done", &good, StreamOutcome::Complete),
        ("response.completed", &failed, StreamOutcome::UpstreamError),
        ("response.done", &failed, StreamOutcome::UpstreamError),
        ("response.failed", &failed, StreamOutcome::UpstreamError),
        ("response.cancelled", &response(r#""status":"cancelled""#), StreamOutcome::UpstreamError),
        ("response.completed", &response(r#""status":"cancelled""#), StreamOutcome::UpstreamError),
    ] {
        let typed = format!("data: {{\"type\":\"{kind}\",\"response\":{response}}}\n\n");
        let named = format!("event: {kind}\ndata: {{\"response\":{response}}}\n\n");
        for stream in [typed, named] {
            let passed = passed(CallerDialect::OpenaiResponses, stream.as_bytes());
            assert_eq!(passed.0, outcome, "{stream}");
            assert_eq!(translated(CallerDialect::OpenaiResponses, stream.as_bytes()), passed, "{stream}");
        }
    }
}

#[test]
fn an_error_in_the_shape_of_another_service_is_one() {
    let error = sse([r#"{"error":{"message":"m"}}"#]);
    for (_, dialect) in DIALECTS {
        assert_eq!(passed(dialect, &error).0, StreamOutcome::UpstreamError, "{dialect:?}");
        assert_eq!(translated(dialect, &error).0, StreamOutcome::UpstreamError, "{dialect:?}, translated");
    }
}

#[test]
fn a_stream_that_passes_ends_and_costs_what_its_translation_does() {
    let (mut different, mut compared) = (Vec::new(), 0);
    for (folder, dialect) in DIALECTS {
        for (name, stream) in streams_of(folder).iter().flat_map(|(name, stream)| written(name, stream)) {
            for cut in cuts(&stream, name.ends_with("as it is")) {
                let (passed, translated) =
                    (passed(dialect, &stream[..cut]), translated(dialect, &stream[..cut]));
                compared += 1;
                if passed != translated {
                    different.push(format!("{name} cut at {cut}: {passed:?}, translated {translated:?}"));
                    break;
                }
            }
        }
    }
    assert!(different.is_empty() && compared > 1_000, "{compared} compared\n{}", different.join("\n"));
}

#[test]
fn choices_that_have_not_ended_are_missed() {
    for (dialect, said, ended) in [
        (
            CallerDialect::OpenaiChat,
            r#"{"choices":[{"index":NUMBER,"delta":{"content":"a"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":NUMBER,"delta":{},"finish_reason":"stop"}]}"#,
        ),
        (
            CallerDialect::OpenaiCompletions,
            r#"{"choices":[{"index":NUMBER,"text":"a","finish_reason":null}]}"#,
            r#"{"choices":[{"index":NUMBER,"text":"","finish_reason":"stop"}]}"#,
        ),
        (
            CallerDialect::Gemini,
            r#"{"candidates":[{"index":NUMBER,"content":{"parts":[{"text":"a"}]}}]}"#,
            r#"{"candidates":[{"index":NUMBER,"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}"#,
        ),
    ] {
        let of = |event: &str, number: &str| event.replace("NUMBER", number);
        let cut = [of(said, "0"), of(said, "1"), of(ended, "0")];
        let whole = [&cut[..], &[of(ended, "1")]].concat();
        for (events, outcome) in [(&cut[..], StreamOutcome::Truncated), (&whole[..], StreamOutcome::Complete)]
        {
            let stream = sse(events.iter().map(String::as_str));
            assert_eq!(passed(dialect, &stream).0, outcome, "{dialect:?}");
            assert_eq!(translated(dialect, &stream).0, outcome, "{dialect:?}, translated");
        }
    }
}

/// What passes and what is translated of a stream, which must have this end.
fn both_end(dialect: CallerDialect, events: &[&str], outcome: StreamOutcome) {
    let stream = sse(events.iter().copied());
    let noted = [passed(dialect, &stream), translated(dialect, &stream)];
    assert_eq!(noted.map(|noted| noted.0), [outcome, outcome], "{dialect:?}: {events:?}");
}

#[test]
fn only_a_reason_that_is_set_blocks_a_prompt() {
    let (said, ended) = (
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"promptFeedback":{"blockReason":"WORD"}}"#,
        r#"{"candidates":[{"finishReason":"STOP"}]}"#,
    );
    for (word, is_block) in [("", false), ("BLOCK_REASON_UNSPECIFIED", false), ("SAFETY", true)] {
        let said = said.replace("WORD", word);
        let outcome = if is_block { StreamOutcome::Complete } else { StreamOutcome::Truncated };
        both_end(CallerDialect::Gemini, &[&said], outcome);
        both_end(CallerDialect::Gemini, &[&said, ended], StreamOutcome::Complete);
        let alone = format!(r#"{{"promptFeedback":{{"blockReason":"{word}"}}}}"#);
        let facts = native::inspect(CallerDialect::Gemini, alone.as_bytes());
        assert_eq!(facts.is_ok(), is_block, "{word}");
        // A stream without an answer is an error for a translation, and one without an end where it passes.
        assert_eq!(passed(CallerDialect::Gemini, &sse([alone.as_str()])).0, outcome, "{word}");
    }
}

#[test]
fn a_chunk_that_says_it_is_done_is_an_end() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"done":false}"#;
    let last = |done: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{}}}}],"done":{done}}}"#);
    for (done, outcome) in [
        ("true", StreamOutcome::Complete),
        (r#""true""#, StreamOutcome::Complete),
        ("false", StreamOutcome::Truncated),
        ("null", StreamOutcome::Truncated),
        ("{}", StreamOutcome::Truncated),
    ] {
        both_end(CallerDialect::OpenaiChat, &[text, text, &last(done)], outcome);
    }
    both_end(CallerDialect::OpenaiChat, &[text, r#"{"done":true}"#], StreamOutcome::Complete);
    both_end(CallerDialect::OpenaiChat, &[r#"{"done":true}"#], StreamOutcome::Truncated);
}

#[test]
fn choices_with_numbers_that_no_service_has_are_those_of_the_decoder() {
    let chat = |number: &str| {
        format!(r#"{{"choices":[{{"index":{number},"delta":{{"content":"a"}},"finish_reason":"stop"}}]}}"#)
    };
    for (number, outcome) in [
        ("127", StreamOutcome::Complete),
        ("128", StreamOutcome::UpstreamError),
        ("18446744073709551615", StreamOutcome::UpstreamError),
        ("-1", StreamOutcome::Complete),
    ] {
        both_end(CallerDialect::OpenaiChat, &[&chat(number)], outcome);
        both_end(CallerDialect::OpenaiChat, &[&chat(number), "[DONE]"], outcome);
        both_end(CallerDialect::OpenaiChat, &[&chat("0"), &chat(number)], outcome);
    }
    // Gemini's are ignored.
    let candidate = |number: &str, end: &str| {
        format!(r#"{{"candidates":[{{"index":{number},"content":{{"parts":[{{"text":"a"}}]}}{end}}}]}}"#)
    };
    let (far, said, ended) =
        (candidate("128", ""), candidate("0", ""), candidate("0", r#","finishReason":"STOP""#));
    both_end(CallerDialect::Gemini, &[&said, &far, &far, &ended], StreamOutcome::Complete);
    let far = candidate("128", r#","finishReason":"STOP""#);
    both_end(CallerDialect::Gemini, &[&said, &far], StreamOutcome::Truncated);
}

#[test]
fn the_word_null_is_no_end() {
    let stream = sse([r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"null"}]}"#]);
    assert_eq!(passed(CallerDialect::OpenaiChat, &stream).0, StreamOutcome::Truncated);
    assert_eq!(translated(CallerDialect::OpenaiChat, &stream).0, StreamOutcome::Truncated);
}

/// A picture is one event, and so is the response at the end of a stream, with all of its pictures.
#[test]
fn an_event_with_a_picture_is_read() {
    let picture = "A".repeat(6 << 20);
    let item =
        json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": picture});
    let response = json!({"id": "resp_1", "status": "completed", "created_at": 7, "model": "m", "output": [item],
        "usage": {"input_tokens": 5, "output_tokens": 3}});
    let responses = [
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": response}),
    ];
    let gemini = json!({
        "candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": picture}}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8},
    });
    let url = format!("data:image/png;base64,{picture}");
    let chat = json!({
        "choices": [{"index": 0, "delta": {"images": [{"type": "image_url", "image_url": {"url": url}}]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3},
    });
    let used = TokenUsage { prompt: 5, completion: 3, ..TokenUsage::default() };
    for (dialect, events) in [
        (CallerDialect::OpenaiResponses, responses.map(|event| event.to_string()).to_vec()),
        (CallerDialect::Gemini, vec![gemini.to_string()]),
        (CallerDialect::OpenaiChat, vec![chat.to_string(), "[DONE]".to_owned()]),
    ] {
        let stream = sse(events.iter().map(String::as_str));
        let (sent, noted) = run(&mut *native::tap(dialect, false), &stream);
        assert!(sent == stream, "{dialect:?} does not pass as it came");
        assert_eq!(noted, (StreamOutcome::Complete, Some(used)), "{dialect:?}");
        assert_eq!(translated(dialect, &stream), noted, "{dialect:?}, translated");
    }
}

/// The chunk with the usage is withheld from callers that did not ask for it, but nothing else that is in it.
#[test]
fn only_usage_is_withheld() {
    let usage = r#""usage":{"prompt_tokens":5,"completion_tokens":3}"#;
    for (chunk, is_sent) in [
        (format!(r#"{{"id":"c","object":"chat.completion.chunk","choices":[],{usage}}}"#), false),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#.to_owned(),
            false,
        ),
        (r#"{"choices":[],"usage":null,"prompt_filter_results":[]}"#.to_owned(), true),
        (format!(r#"{{"choices":[],{usage},"citations":[]}}"#), false),
        (format!(r#"{{"choices":[],{usage},"citations":["https://a.example"]}}"#), true),
        (format!(r#"{{"choices":[],{usage},"search_results":[{{"url":"https://a.example"}}]}}"#), true),
        (format!(r#"{{"choices":[],{usage},"error":{{"message":"overloaded","code":503}}}}"#), true),
    ] {
        let text = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
        let stream = sse([text, chunk.as_str(), "[DONE]"]);
        let (sent, _) = run(&mut *native::tap(CallerDialect::OpenaiChat, true), &stream);
        let expected = if is_sent { stream } else { sse([text, "[DONE]"]) };
        assert_eq!(String::from_utf8(sent).unwrap(), String::from_utf8(expected).unwrap(), "{chunk}");
    }
}
