//! What is noted of answers that pass untouched, in each dialect that callers and upstreams share.

use crate::catalog::ProviderKind;
use crate::dialect::canonical::{ChatResponse, ErrorInfo, UpstreamDialect};
use crate::dialect::face::Face;
use crate::dialect::listener::Listener;
use crate::dialect::openai::{response, stream_tap};
use crate::dialect::pipe::{StreamFacts, StreamPipe};
use crate::dialect::tap::{Ending, Observer, Tap};
use crate::dialect::{anthropic, gemini, registry, responses};
use crate::sse::{Event, writer};

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
        Face::Anthropic => listened(Tap::new(AnthropicObserver::default()), face),
        Face::Gemini => listened(Tap::new(GeminiObserver::default()), face),
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

/// Looks at a Messages stream.
#[derive(Default)]
struct AnthropicObserver(anthropic::usage_tap::UsageTap);

impl Observer for AnthropicObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(data) = event.data() {
            self.0.observe(&data);
        }
        true
    }

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            // Before the end the upstream has counted only the prompt; what is counted afterwards makes up for it.
            usage: self.0.usage(),
            finish_reason: self.0.finish_reason().map(str::to_owned),
            estimated_completion: self.0.estimated_completion(),
        }
    }

    fn ending(&self) -> Ending {
        match (self.0.error(), self.0.is_complete(), self.0.finish_reason()) {
            (Some(_), ..) => Ending::Error,
            (None, true, _) => Ending::Done,
            (None, false, Some(_)) => Ending::Finished,
            (None, false, None) => Ending::Open,
        }
    }

    fn keep_alive(&self) -> &'static [u8] {
        anthropic::PING
    }

    fn missing_end(&self) -> &'static [u8] {
        b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    }

    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8> {
        let mut event = b"event: error\n".to_vec();
        writer::write_data(&mut event, &Face::Anthropic.encode_error(error, ""));
        event
    }
}

/// Looks at a stream of `GenerateContentResponse`s.
#[derive(Default)]
struct GeminiObserver(gemini::usage_tap::UsageTap);

impl Observer for GeminiObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(data) = event.data() {
            self.0.observe(&data);
        }
        true
    }

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            usage: self.0.usage,
            finish_reason: self.0.finish_reason.clone(),
            estimated_completion: self.0.estimated_completion,
        }
    }

    fn ending(&self) -> Ending {
        match (&self.0.error, self.0.complete) {
            (Some(_), _) => Ending::Error,
            // The dialect has no event that ends a stream.
            (None, true) => Ending::Finished,
            (None, false) => Ending::Open,
        }
    }

    fn missing_end(&self) -> &'static [u8] {
        b""
    }

    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8> {
        let mut event = Vec::new();
        writer::write_data(&mut event, &Face::Gemini.encode_error(error, ""));
        event
    }
}
