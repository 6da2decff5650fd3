//! Cohere's Chat API, version 2 (<https://docs.cohere.com/v2/reference/chat>), for upstreams.
//!
//! Guarantees: everything that both this dialect and the canonical model can express is translated, and the rest is
//! named among the dropped parameters; a streamed answer equals the unstreamed one.
//!
//! Peculiarities: the plan before tool calls is a field of its own (`tool_plan`), which is reasoning in the canonical
//! model; citations contain ranges of characters of the answer, and come after the text in a stream; a stream may end
//! in `message-end` with an error. Usage is the billed one, if the service reports it.

mod decode_response;
mod encode_messages;
mod encode_request;
mod error;
mod stream_decoder;
#[cfg(test)]
mod tests;
mod wire;

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, StreamDecoder, UpstreamCodec,
};
use super::upstream::constraints;

/// The dialect of `/v2/chat`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cohere;

impl UpstreamCodec for Cohere {
    fn limits(&self) -> &'static Limits {
        &constraints::COHERE
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        encode_request::encode(request, model)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        stream_decoder::decoder()
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}
