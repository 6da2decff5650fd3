//! Tests of the whole codec: peculiarities of the API, what survives translation, and the order of streams.

mod answers;
mod fixtures;
mod laws;
mod repeated;
mod requests;
mod streams;

use serde_json::{Value, json};

use super::{Anthropic, decode_count_tokens};
use crate::dialect::canonical::*;
use crate::tokens::TokenUsage;

const OLD: &str = "claude-sonnet-4-5";
const NEW: &str = "claude-opus-4-7";

fn decode(body: &Value) -> ChatRequest {
    Anthropic.decode_request(body.to_string().as_bytes()).unwrap()
}

fn encode(request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let encoded = Anthropic.encode_request(request, model);
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn asking(messages: Vec<Message>) -> ChatRequest {
    ChatRequest { model: "m".into(), messages, max_tokens: Some(100), ..ChatRequest::default() }
}

fn says(role: Role, text: &str) -> Message {
    Message::new(role, vec![Part::text(text)])
}

fn call(id: &str) -> Part {
    Part::ToolCall {
        id: id.into(),
        name: "get".into(),
        arguments: r#"{"a":1}"#.into(),
        signature: None,
        cache: None,
    }
}

fn result(id: &str) -> Part {
    Part::ToolResult {
        call_id: id.into(),
        name: None,
        parts: vec![Part::text("ok")],
        is_error: false,
        cache: None,
    }
}

fn context() -> ReplyContext {
    ReplyContext { unique: "u1".into(), created: 7, model: "asked-for".into() }
}

fn read_stream<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<StreamEvent> {
    let mut decoder = Anthropic.stream_decoder();
    let mut events = Vec::new();
    chunks.into_iter().for_each(|chunk| decoder.push(chunk, &mut events));
    decoder.finish(&mut events);
    events
}

fn write_stream(events: &[StreamEvent]) -> String {
    let mut encoder = Anthropic.stream_encoder(&context(), false);
    let mut out = Vec::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// The names of the events of a stream, without those of deltas.
fn names(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
}
