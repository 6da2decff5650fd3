//! The codec of each dialect.

use crate::dialect::canonical::{CallerDialect, ErrorInfo, UpstreamDialect};
use crate::dialect::face::Face;
use crate::dialect::{anthropic, gemini, openai, responses};

/// The codec of a caller dialect.
#[must_use]
pub fn caller(face: Face) -> Box<dyn CallerDialect> {
    match face {
        Face::OpenaiChat => Box::new(openai::codec::OpenAi::default()),
        Face::OpenaiCompletions => Box::new(openai::legacy::LegacyCompletions),
        Face::OpenaiResponses => Box::new(responses::Responses),
        Face::Anthropic => Box::new(anthropic::Anthropic),
        Face::Gemini => Box::new(gemini::Gemini),
    }
}

/// The body of an error response in a caller dialect.
#[must_use]
pub fn encode_error(face: Face, error: &ErrorInfo, request_id: &str) -> Vec<u8> {
    match face {
        Face::Anthropic | Face::Gemini => caller(face).encode_error(error, request_id),
        Face::OpenaiChat | Face::OpenaiCompletions | Face::OpenaiResponses => {
            openai::codec::encode_passthrough_error(error)
        }
    }
}

/// The codec of upstreams with the dialect of these callers.
#[must_use]
pub fn upstream(face: Face) -> Box<dyn UpstreamDialect> {
    match face {
        Face::Anthropic => Box::new(anthropic::Anthropic),
        Face::Gemini => Box::new(gemini::Gemini),
        Face::OpenaiChat | Face::OpenaiCompletions | Face::OpenaiResponses => {
            Box::new(openai::codec::OpenAi::default())
        }
    }
}
