//! What is noted of answers that pass untouched, in each dialect that callers and upstreams share.

use crate::dialect::canonical::{ChatResponse, UpstreamDialect};
use crate::dialect::face::Face;
use crate::dialect::listener::Listener;
use crate::dialect::openai::{response, stream_tap};
use crate::dialect::pipe::{StreamFacts, StreamPipe};
use crate::dialect::provider_kind::ProviderKind;
use crate::dialect::tap::{Observer, Tap};
use crate::dialect::{anthropic, gemini, registry, responses};

/// The kind of provider that speaks the dialect of these callers.
#[must_use]
pub fn kind_of(face: Face) -> ProviderKind {
    match face {
        Face::Anthropic => ProviderKind::Anthropic,
        Face::Gemini => ProviderKind::Gemini,
        Face::OpenaiChat | Face::OpenaiCompletions | Face::OpenaiResponses => ProviderKind::Openai,
    }
}

/// The codec of upstreams that speak the dialect of these callers.
#[must_use]
pub fn upstream_of(face: Face) -> Box<dyn UpstreamDialect> {
    registry::upstream(kind_of(face))
}

/// An unstreamed answer that is written in the dialect of these callers.
#[must_use]
pub fn decode_own_response(face: Face, body: &[u8]) -> Option<ChatResponse> {
    upstream_of(face).decode_response(body).ok()
}

/// The tap on a stream; `withhold_usage` if the caller did not ask for usage where the dialect makes that optional.
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
    Box::new(Listener::new(tap, upstream_of(face).stream_decoder()))
}

/// Reads what is recorded off a whole answer. The error says what is wrong with it.
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
