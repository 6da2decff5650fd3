//! Observers of pass-through answers, for each dialect that callers and upstreams share.

use crate::dialect::canonical::ChatResponse;
use crate::dialect::face::Face;
use crate::dialect::listener::Listener;
use crate::dialect::openai::{response, stream_tap};
use crate::dialect::pipe::{StreamFacts, StreamPipe};
use crate::dialect::tap::{Observer, Tap};
use crate::dialect::{anthropic, gemini, registry, responses};

/// An unstreamed answer encoded in this caller dialect.
#[must_use]
pub fn decode_own_response(face: Face, body: &[u8]) -> Option<ChatResponse> {
    registry::upstream(face).decode_response(body).ok()
}

/// The tap of a stream; `withhold_usage` if the caller did not request usage where the dialect makes that optional.
#[must_use]
pub fn tap(face: Face, withhold_usage: bool) -> Box<dyn StreamPipe> {
    match face {
        Face::Anthropic => listened(Tap::new(anthropic::tap::AnthropicObserver::default()), face),
        Face::Gemini => listened(Tap::new(gemini::tap::GeminiObserver::default()), face),
        Face::OpenaiResponses => Box::new(Listener::new(
            Tap::new(responses::tap::ResponsesObserver::default()),
            responses::answer_decoder(),
        )),
        Face::OpenaiChat | Face::OpenaiCompletions => listened(stream_tap::chat_tap(withhold_usage), face),
    }
}

fn listened<O: Observer + 'static>(tap: Tap<O>, face: Face) -> Box<dyn StreamPipe> {
    Box::new(Listener::new(tap, registry::upstream(face).stream_decoder()))
}

/// Extracts what is recorded from a complete answer. The error describes why it is invalid.
pub fn inspect(face: Face, body: &[u8]) -> Result<StreamFacts, String> {
    match face {
        Face::Anthropic => anthropic::usage_tap::inspect(body),
        Face::Gemini => gemini::usage_tap::inspect(body).map(|tap| StreamFacts {
            usage: tap.usage,
            finish_reason: tap.finish_reason,
            estimated_completion: tap.estimated_completion,
        }),
        Face::OpenaiResponses => responses::tap::inspect(body),
        Face::OpenaiChat | Face::OpenaiCompletions => response::inspect(body),
    }
    .map_err(|error| error.to_string())
}
