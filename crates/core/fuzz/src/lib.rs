//! Properties that hold for any bytes: the bodies of the fuzz targets.
//!
//! They are plain functions, so that coverage-guided fuzzing (`cargo fuzz`) and the mutation test that runs on stable
//! (`tests/fuzz_smoke.rs`) check the same. Each takes bytes as they might come from outside and panics if a property
//! is violated; that the code itself never panics is the first property.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{
    ReplyContext, StreamDecoder, StreamEvent, UpstreamCodec, assemble, explode,
};
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::openai::codec::{OpenAi, UpstreamOptions};
use nexus_edge_core::dialect::pipe::{Forward, StreamEnd, StreamOutcome, StreamPipe};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::responses::ResponsesUpstream;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use nexus_edge_core::sse::{EventReader, Segment};
use serde_json::Value;

pub mod frames;
pub mod laws;
pub mod tunnel;

const CALLER_DIALECTS: [CallerDialect; 5] = [
    CallerDialect::OpenaiChat,
    CallerDialect::OpenaiCompletions,
    CallerDialect::OpenaiResponses,
    CallerDialect::Anthropic,
    CallerDialect::Gemini,
];

const KINDS: [ProviderKind; 8] = [
    ProviderKind::Openai,
    ProviderKind::Anthropic,
    ProviderKind::Bedrock,
    ProviderKind::Cohere,
    ProviderKind::Gemini,
    ProviderKind::Vertex,
    ProviderKind::Dashscope,
    ProviderKind::Dify,
];

/// The codec of a kind without quirks; its signatures are not marked.
fn upstream(kind: ProviderKind) -> Box<dyn UpstreamCodec> {
    kind.provider().codec(Quirks::NONE)
}

/// A function that checks some bytes.
pub type Target = fn(&[u8]);

/// Every target with its name, and the folder of `tests/fixtures` that its seeds are in.
pub const TARGETS: &[(&str, &str, Target)] = &[
    ("stream_openai", "streams/openai", stream_openai),
    ("stream_odd_replies", "streams/openai", stream_odd_replies),
    ("stream_anthropic", "streams/anthropic", stream_anthropic),
    ("stream_bedrock", "streams/bedrock", stream_bedrock),
    ("stream_cohere", "streams/cohere", stream_cohere),
    ("stream_gemini", "streams/gemini", stream_gemini),
    ("stream_dashscope", "streams/dashscope", stream_dashscope),
    ("stream_dify", "streams/dify", stream_dify),
    ("stream_responses", "streams/responses", stream_responses),
    ("tap_openai", "streams/openai", tap_openai),
    ("tap_responses", "streams/responses", tap_responses),
    ("tap_anthropic", "streams/anthropic", tap_anthropic),
    ("tap_gemini", "streams/gemini", tap_gemini),
    ("sse_reader", "streams", sse_reader),
    ("responses", "responses", responses),
    ("errors", "errors", errors),
    ("requests", "requests", requests),
    ("splice", "requests", splice),
    ("tunnel_frames", "tunnel", tunnel::tunnel_frames),
];

/// Streams of Chat Completions.
pub fn stream_openai(data: &[u8]) {
    stream(&*upstream(ProviderKind::Openai), data);
}

/// The same from services with odd replies.
pub fn stream_odd_replies(data: &[u8]) {
    let upstream = UpstreamOptions { odd_replies: true, ..UpstreamOptions::default() };
    stream(&OpenAi { upstream, ..OpenAi::default() }, data);
}

/// Streams of the Messages API.
pub fn stream_anthropic(data: &[u8]) {
    stream(&*upstream(ProviderKind::Anthropic), data);
}

/// Streams of Bedrock: the events in frames that are in order, and the bytes as if they were frames.
pub fn stream_bedrock(data: &[u8]) {
    let codec = upstream(ProviderKind::Bedrock);
    stream(&*codec, &frames::framed(data));
    stream(&*codec, data);
}

/// Streams of Cohere.
pub fn stream_cohere(data: &[u8]) {
    stream(&*upstream(ProviderKind::Cohere), data);
}

/// Streams of the Gemini API.
pub fn stream_gemini(data: &[u8]) {
    stream(&*upstream(ProviderKind::Gemini), data);
}

/// Streams of `DashScope`.
pub fn stream_dashscope(data: &[u8]) {
    stream(&*upstream(ProviderKind::Dashscope), data);
}

/// Streams of Dify.
pub fn stream_dify(data: &[u8]) {
    stream(&*upstream(ProviderKind::Dify), data);
}

/// Pass-through chat completions.
pub fn tap_openai(data: &[u8]) {
    tap(CallerDialect::OpenaiChat, data);
}

/// Pass-through responses.
pub fn tap_responses(data: &[u8]) {
    tap(CallerDialect::OpenaiResponses, data);
}

/// Pass-through messages.
pub fn tap_anthropic(data: &[u8]) {
    tap(CallerDialect::Anthropic, data);
}

/// Pass-through Gemini answers.
pub fn tap_gemini(data: &[u8]) {
    tap(CallerDialect::Gemini, data);
}

/// Streams of the Responses API.
pub fn stream_responses(data: &[u8]) {
    let upstream = ResponsesUpstream { host: "api.example".to_owned(), body_model: None };
    stream(&upstream, data);
    let _ = upstream.decode_response(data);
}

/// The events of a stream do not depend on the chunking, are in the order of `canonical/stream.rs`, and can be
/// encoded in every caller dialect: as JSON, and with an end only if they have one.
fn stream(upstream: &dyn UpstreamCodec, data: &[u8]) {
    let events = decode(upstream.stream_decoder(), [data]);
    laws::assert_lawful("stream", &events);
    assert!(events == decode(upstream.stream_decoder(), data.chunks(1)), "cut into bytes");
    assert!(events == decode(upstream.stream_decoder(), cuts(data)), "cut at random");
    for caller_dialect in CALLER_DIALECTS {
        let mut encoder = registry::caller(caller_dialect).stream_encoder(&context(), true);
        let mut out = Vec::new();
        for event in &events {
            encoder.encode(event, &mut out);
        }
        let is_whole = matches!(events.last(), Some(StreamEvent::Done));
        assert_reads_as_stream(caller_dialect, &out, is_whole);
    }
    // A complete stream can be assembled, and the answer can be converted to events again.
    if let Ok(response) = assemble(events) {
        laws::assert_lawful("exploded", &explode(response.clone()));
        for caller_dialect in CALLER_DIALECTS {
            assert_json(&registry::caller(caller_dialect).encode_response(&response, &context()));
        }
    }
}

fn decode<'a>(
    mut decoder: Box<dyn StreamDecoder>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut events);
    }
    decoder.finish(&mut events);
    events
}

/// Encoded streams can be decoded again, where the dialect is one of upstreams, too.
fn assert_reads_as_stream(caller_dialect: CallerDialect, out: &[u8], is_whole: bool) {
    let mut reader = EventReader::new(usize::MAX);
    reader.push(out, |segment| {
        let Segment::Event(event) = segment else { return };
        let Some(data) = event.data() else { return };
        if *data != *b"[DONE]" {
            assert_json(&data);
        }
    });
    assert!(reader.finish().is_empty(), "{caller_dialect:?}: every event ends");
    if caller_dialect == CallerDialect::OpenaiCompletions {
        return;
    }
    let read = decode(registry::upstream(caller_dialect).stream_decoder(), [out]);
    laws::assert_lawful("read again", &read);
    // A truncated stream must not look complete. Gemini ends a stream with a finish reason, which a stream that is
    // truncated later may have; and a complete one may still be refused by a decoder, for arguments that are no
    // object.
    if caller_dialect != CallerDialect::Gemini && !is_whole {
        assert!(!matches!(read.last(), Some(StreamEvent::Done)), "{caller_dialect:?}: the end");
    }
}

/// In pass-through the output is the input, in complete events, for any chunking.
fn tap(caller_dialect: CallerDialect, data: &[u8]) {
    for withhold in [false, true] {
        let whole = pass(native::tap(caller_dialect, withhold), [data]);
        assert!(whole == pass(native::tap(caller_dialect, withhold), data.chunks(1)), "cut into bytes");
        assert!(whole == pass(native::tap(caller_dialect, withhold), cuts(data)), "cut at random");
        // The bytes that are added at the end are not part of the input.
        assert!(withhold || data.starts_with(&whole.body), "nothing is changed");
    }
    let piped = pass(native::tap(caller_dialect, false), [data]);
    let observed = observe(native::tap(caller_dialect, false), [data]);
    assert!(observed == observe(native::tap(caller_dialect, false), data.chunks(1)), "observed in bytes");
    assert!(observed == observe(native::tap(caller_dialect, false), cuts(data)), "observed in pieces");
    assert!(observed.outcome == piped.outcome, "the end does not depend on how the bytes pass");
    if piped.body == data {
        assert!(observed.tail == piped.tail, "what is supplied after whole events");
    } else {
        assert!(observed.tail.starts_with(b"\n") || observed.outcome != StreamOutcome::Truncated);
    }
    let _ = native::inspect(caller_dialect, data);
}

/// A stream whose every byte is forwarded, and that is only inspected.
fn observe<'a>(mut pipe: Box<dyn StreamPipe>, chunks: impl IntoIterator<Item = &'a [u8]>) -> StreamEnd {
    assert!(pipe.is_verbatim());
    for chunk in chunks {
        let _ = pipe.push(chunk);
    }
    pipe.finish_verbatim()
}

/// The result of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    body: Vec<u8>,
    tail: Vec<u8>,
    outcome: StreamOutcome,
}

fn pass<'a>(mut pipe: Box<dyn StreamPipe>, chunks: impl IntoIterator<Item = &'a [u8]>) -> Passed {
    let mut passed = Vec::new();
    for chunk in chunks {
        match pipe.push(chunk) {
            Forward::Unchanged => passed.extend_from_slice(chunk),
            Forward::Replaced(bytes) => passed.extend(bytes),
        }
    }
    let end = pipe.finish();
    Passed { body: passed, tail: end.tail, outcome: end.outcome }
}

/// The segments are the input, and the events do not depend on the chunking.
pub fn sse_reader(data: &[u8]) {
    for limit in [usize::MAX, 16] {
        let (bytes, events) = read(limit, [data]);
        assert_eq!(bytes, data);
        let (cut, cut_events) = read(limit, cuts(data));
        assert_eq!(cut, data);
        if limit == usize::MAX {
            assert_eq!(events, cut_events);
            assert_eq!(events, read(limit, data.chunks(1)).1);
        }
    }
}

type Events = Vec<(Option<Vec<u8>>, Option<Vec<u8>>)>;

fn read<'a>(limit: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Events) {
    let mut reader = EventReader::new(limit);
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    for chunk in chunks {
        reader.push(chunk, |segment| match segment {
            Segment::Event(event) => {
                bytes.extend_from_slice(event.raw());
                events
                    .push((event.name().map(<[u8]>::to_vec), event.data().map(std::borrow::Cow::into_owned)));
            }
            Segment::LineFeed(raw) | Segment::Oversized(raw) => bytes.extend_from_slice(raw),
        });
    }
    bytes.extend(reader.finish());
    (bytes, events)
}

/// Every answer of every upstream either is refused, or can be encoded in every caller dialect, streamed or not.
pub fn responses(data: &[u8]) {
    for kind in KINDS {
        let Ok(response) = upstream(kind).decode_response(data) else { continue };
        for caller_dialect in CALLER_DIALECTS {
            assert_json(&registry::caller(caller_dialect).encode_response(&response, &context()));
        }
        let events = explode(response);
        laws::assert_lawful("exploded", &events);
        for caller_dialect in CALLER_DIALECTS {
            let mut encoder = registry::caller(caller_dialect).stream_encoder(&context(), true);
            let mut out = Vec::new();
            for event in &events {
                encoder.encode(event, &mut out);
            }
            assert_reads_as_stream(caller_dialect, &out, true);
        }
    }
}

/// Every error of every upstream can be encoded in every caller dialect.
pub fn errors(data: &[u8]) {
    for kind in KINDS {
        for status in [400, 429, 500] {
            let error = upstream(kind).decode_error(status, data);
            for caller_dialect in CALLER_DIALECTS {
                assert_json(&registry::caller(caller_dialect).encode_error(&error, "req_1"));
            }
        }
    }
}

/// Every request either is refused with the path of a field, or can be encoded for every upstream.
pub fn requests(data: &[u8]) {
    for caller_dialect in CALLER_DIALECTS {
        let request = match registry::caller(caller_dialect).decode_request(data) {
            Ok(request) => request,
            Err(error) => {
                assert!((400..500).contains(&error.status), "{error:?}");
                continue;
            }
        };
        for kind in KINDS {
            assert_json(&upstream(kind).encode_request(&request, "model").body);
        }
    }
}

/// A pass-through request that was JSON is JSON afterwards, with the upstream's model.
pub fn splice(data: &[u8]) {
    let in_path = FromPath { model: "asked", stream: true, as_array: false };
    for (caller_dialect, path) in [
        (CallerDialect::OpenaiChat, None),
        (CallerDialect::Anthropic, None),
        (CallerDialect::OpenaiResponses, None),
        (CallerDialect::Gemini, Some(in_path)),
    ] {
        let Ok(inbound) = Inbound::parse(caller_dialect, data, path) else { continue };
        let _ = inbound.estimate_prompt_tokens();
        for asks_usage in [false, true] {
            let body = inbound.native_body("an \"upstream\" model", asks_usage);
            if serde_json::from_slice::<Value>(data).is_err() {
                // Nested values may be ones that no tree can hold: a number, or nesting.
                continue;
            }
            let sent = serde_json::from_slice::<Value>(&body)
                .unwrap_or_else(|error| panic!("{caller_dialect:?}: {error}"));
            if path.is_none() {
                assert_eq!(sent["model"], "an \"upstream\" model", "{caller_dialect:?}");
            }
        }
    }
}

fn assert_json(text: &[u8]) {
    let read = serde_json::from_slice::<Box<serde_json::value::RawValue>>(text);
    assert!(read.is_ok(), "{}: {}", read.unwrap_err(), String::from_utf8_lossy(text));
}

fn context() -> ReplyContext {
    ReplyContext { unique: "01unique".into(), created: 1_700_000_000, model: "asked".into() }
}

/// Pieces of one to some dozens of bytes, the same for the same data.
fn cuts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let length = 1 + usize::try_from(state >> 58).unwrap_or(0);
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        Some(piece)
    })
}
