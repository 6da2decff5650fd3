//! Observers of pass-through answers, for each dialect that callers and upstreams share.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{ChatResponse, ErrorInfo, StreamDecoder, assemble};
use crate::dialect::listener::Listener;
use crate::dialect::openai::{response, stream_tap};
use crate::dialect::pipe::{Glance, StreamFacts, StreamPipe};
use crate::dialect::stream_translation::facts_of;
use crate::dialect::tap::{Observer, Tap};
use crate::dialect::{anthropic, gemini, registry, responses};
use crate::json::lenient;
use crate::sse::writer;

/// An unstreamed answer encoded in this caller dialect.
#[must_use]
pub fn decode_own_response(caller_dialect: CallerDialect, body: &[u8]) -> Option<ChatResponse> {
    registry::upstream(caller_dialect).decode_response(body).ok()
}

/// The tap of a stream; `withhold_usage` if the caller did not request usage where the dialect makes that optional.
#[must_use]
pub fn tap(caller_dialect: CallerDialect, withhold_usage: bool) -> Box<dyn StreamPipe> {
    match caller_dialect {
        CallerDialect::Anthropic => {
            listened(Tap::new(anthropic::tap::AnthropicObserver::default()), caller_dialect)
        }
        CallerDialect::Gemini => listened(Tap::new(gemini::tap::GeminiObserver::default()), caller_dialect),
        CallerDialect::OpenaiResponses => {
            listened(Tap::new(responses::tap::ResponsesObserver::default()), caller_dialect)
        }
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => {
            listened(stream_tap::chat_tap(withhold_usage), caller_dialect)
        }
    }
}

fn listened<O: Observer + 'static>(tap: Tap<O>, caller_dialect: CallerDialect) -> Box<dyn StreamPipe> {
    Box::new(Listener::new(tap, stream_decoder(caller_dialect)))
}

/// A decoder of streams that pass through to these callers.
fn stream_decoder(caller_dialect: CallerDialect) -> Box<dyn StreamDecoder> {
    registry::upstream(caller_dialect).stream_decoder()
}

/// Extracts what is recorded from a complete answer. The error is the answer's failure
/// (`upstream::verdict`). An answer that is plainly good is not decoded for that.
pub fn inspect(caller_dialect: CallerDialect, body: &[u8]) -> Result<StreamFacts, ErrorInfo> {
    let glance = match caller_dialect {
        CallerDialect::Anthropic => anthropic::usage_tap::inspect(body),
        CallerDialect::Gemini => gemini::usage_tap::inspect(body).map(|tap| Glance {
            facts: StreamFacts {
                usage: tap.usage,
                finish_reason: tap.finish_reason,
                estimated_completion: tap.estimated_completion,
            },
            is_plainly_good: tap.is_plainly_good,
        }),
        CallerDialect::OpenaiResponses => responses::tap::inspect(body),
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => response::inspect(body),
    };
    if let Ok(Glance { facts, is_plainly_good: true }) = glance {
        return Ok(facts);
    }
    let response = decode(caller_dialect, body)?;
    Ok(glance.map_or_else(|_| facts_of(&response), |glance| glance.facts))
}

/// The answer of a stream that was read to its end.
pub fn collect(caller_dialect: CallerDialect, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let (mut decoder, mut events) = (stream_decoder(caller_dialect), Vec::new());
    decoder.push(body, &mut events);
    decoder.finish(&mut events);
    assemble(events)
}

/// The response object in the last event of a stream of the Responses API.
#[must_use]
pub fn final_response(stream: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Last<'a> {
        #[serde(borrow)]
        response: &'a RawValue,
    }
    let data = stream.split(|byte| *byte == b'\n').rev().filter_map(|line| line.strip_prefix(b"data:"));
    let mut last = data.filter_map(|data| serde_json::from_slice::<Last<'_>>(data).ok());
    last.next().map(|last| last.response.get().as_bytes().to_vec())
}

fn decode(caller_dialect: CallerDialect, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let is_array = caller_dialect == CallerDialect::Gemini && body.trim_ascii_start().first() == Some(&b'[');
    if !is_array {
        return registry::upstream(caller_dialect).decode_response(body);
    }
    // A stream in the form of one array.
    let spare = lenient::Spare::default();
    let chunks = lenient::array(body, &spare);
    if chunks.is_empty() {
        return Err(ErrorInfo::unreadable("the answer is no array of chunks"));
    }
    let (mut decoder, mut events) = (stream_decoder(caller_dialect), Vec::new());
    for chunk in chunks {
        let mut event = Vec::new();
        writer::write_data(&mut event, chunk.get().replace('\n', " ").as_bytes());
        decoder.push(&event, &mut events);
    }
    decoder.finish(&mut events);
    assemble(events)
}
