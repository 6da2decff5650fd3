//! Observers of pass-through answers, for each dialect that callers and upstreams share.

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::ChatResponse;
use crate::dialect::listener::Listener;
use crate::dialect::openai::{response, stream_tap};
use crate::dialect::pipe::{StreamFacts, StreamPipe};
use crate::dialect::tap::{Observer, Tap};
use crate::dialect::{anthropic, gemini, registry, responses};

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
        CallerDialect::OpenaiResponses => Box::new(Listener::new(
            Tap::new(responses::tap::ResponsesObserver::default()),
            responses::answer_decoder(),
        )),
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => {
            listened(stream_tap::chat_tap(withhold_usage), caller_dialect)
        }
    }
}

fn listened<O: Observer + 'static>(tap: Tap<O>, caller_dialect: CallerDialect) -> Box<dyn StreamPipe> {
    Box::new(Listener::new(tap, registry::upstream(caller_dialect).stream_decoder()))
}

/// Extracts what is recorded from a complete answer. The error describes why it is invalid.
pub fn inspect(caller_dialect: CallerDialect, body: &[u8]) -> Result<StreamFacts, String> {
    match caller_dialect {
        CallerDialect::Anthropic => anthropic::usage_tap::inspect(body),
        CallerDialect::Gemini => gemini::usage_tap::inspect(body).map(|tap| StreamFacts {
            usage: tap.usage,
            finish_reason: tap.finish_reason,
            estimated_completion: tap.estimated_completion,
        }),
        CallerDialect::OpenaiResponses => responses::tap::inspect(body),
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => response::inspect(body),
    }
    .map_err(|error| error.to_string())
}
