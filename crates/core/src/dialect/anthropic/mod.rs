//! Anthropic Messages (<https://platform.claude.com/docs/en/api/messages>), for callers and upstreams.
//!
//! Guarantees:
//! - everything that both this dialect and the canonical model can express is translated; what cannot be expressed
//!   for an upstream is named among the dropped parameters, and so is every value that had to be adjusted;
//! - a request for an upstream follows the rules of its model (`model_rules`): the form of thinking, the sampling
//!   parameters, whether the answer may be prefilled, a limit on tokens;
//! - thinking signatures and redacted thinking are returned unchanged; the signature of another provider's tool call
//!   is carried inside the call's id, the one field that clients of this dialect send back (`tool_id`);
//! - a streamed answer equals the unstreamed one.
//!
//! Blocks of server tools (`server_tool_use`, `web_search_tool_result` …) are carried unchanged and sent to no other
//! service; the model's text about them has citations. Blocks of unknown kinds are left out of translated answers,
//! and reported if a caller sends them.

mod citation;
mod decode_content;
mod decode_request;
mod decode_response;
mod encode_messages;
pub(in crate::dialect) mod encode_request;
mod encode_response;
mod encode_tools;
mod error;
mod fields;
pub(in crate::dialect) mod model_rules;
pub(in crate::dialect) mod schema;
mod stream_decoder;
mod stream_encoder;
pub(in crate::dialect) mod tap;
#[cfg(test)]
mod tests;
pub(in crate::dialect) mod thinking;
pub(in crate::dialect) mod tool_id;
pub mod usage_tap;
mod wire;

use super::canonical::{
    CallerCodec, ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, ReplyContext, StreamDecoder,
    StreamEncoder, UpstreamCodec,
};
use super::upstream::constraints;
use super::upstream::joined::Joined;
use crate::error::ApiError;

pub use stream_encoder::PING;

/// The dialect of the Messages API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anthropic;

/// Decodes the body of `POST /v1/messages/count_tokens`: a Messages request whose `max_tokens` may be missing.
pub fn decode_count_tokens(body: &[u8]) -> Result<ChatRequest, ApiError> {
    decode_request::decode(body, decode_request::Purpose::Count)
}

impl CallerCodec for Anthropic {
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        decode_request::decode(body, decode_request::Purpose::Answer)
    }

    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
        encode_response::encode(response, context)
    }

    /// Usage is always part of a stream of this dialect.
    fn stream_encoder(&self, context: &ReplyContext, _include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream_encoder::Encoder::new(context.clone()))
    }

    fn encode_error(&self, error: &ErrorInfo, request_id: &str) -> Vec<u8> {
        error::encode(error, request_id)
    }
}

impl UpstreamCodec for Anthropic {
    fn limits(&self) -> &'static Limits {
        &constraints::ANTHROPIC
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        encode_request::encode(request, model)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Joined::new(stream_decoder::Decoder::default()))
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}
