//! Anthropic Messages (<https://platform.claude.com/docs/en/api/messages>), for callers and upstreams.
//!
//! Guarantees:
//! - what the dialect and the canonical model can both say crosses; what an upstream of this dialect cannot be told is
//!   named among the dropped parameters, and so is every value that had to be adjusted for it to be accepted;
//! - a request for an upstream obeys the rules of the model that it names (`model_rules`): the form of thinking, the
//!   sampling parameters, whether an answer may be begun for the model, a limit of tokens;
//! - thinking signatures and redacted thoughts come back as they left; the signature of another provider's tool call
//!   travels inside the call's id, the one field that clients of this dialect give back (`tool_id`);
//! - a streamed answer is what the unstreamed one would have been.
//!
//! Content that the service's own tools leave behind (`server_tool_use`, `web_search_tool_result` …) is carried as it is
//! and told to no other service; what the model says about it is text with citations. Blocks of kinds that are not known
//! are left out of translated answers, and named where a caller sends them.

mod decode_content;
mod decode_request;
mod decode_response;
mod encode_messages;
mod encode_request;
mod encode_response;
mod encode_tools;
mod error;
mod fields;
mod model_rules;
mod schema;
mod stream_decoder;
mod stream_encoder;
pub(in crate::dialect) mod tap;
#[cfg(test)]
mod tests;
mod thinking;
mod tool_id;
pub mod usage_tap;
mod wire;

use super::canonical::{
    CallerDialect, ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, ReplyContext, StreamDecoder,
    StreamEncoder, UpstreamDialect,
};
use crate::error::ApiError;

pub use stream_encoder::PING;

/// The dialect of the Messages API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anthropic;

/// Reads the body of `POST /v1/messages/count_tokens`: a Messages request whose `max_tokens` may be missing.
pub fn decode_count_tokens(body: &[u8]) -> Result<ChatRequest, ApiError> {
    decode_request::decode(body, decode_request::Purpose::Count)
}

impl CallerDialect for Anthropic {
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

impl UpstreamDialect for Anthropic {
    fn encode_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        encode_request::encode(request, model)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, String> {
        decode_response::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream_decoder::Decoder::default())
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}
