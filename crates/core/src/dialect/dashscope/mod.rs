//! `DashScope`, the native protocol of Alibaba Cloud's Qwen models
//! (<https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope>).
//!
//! A request goes to one of two endpoints ([`Endpoint`]), for text models and for multimodal models, which have
//! different message formats. A stream is requested with a header ([`STREAM_HEADER`]), not in the body.
//!
//! Peculiarities of the answers that are handled here: events without a space after `data:`, with comments that
//! contain a status; the word `"null"` for "not finished"; usage repeated with every event; servers that ignore
//! `incremental_output` and repeat the text so far; fragments of tool calls without id and name; no final event of a
//! stream; errors framed as an event although the content type is JSON.

mod decode_response;
mod encode_request;
mod endpoint;
mod error;
mod growth;
mod messages;
mod stream_decoder;
mod wire;

pub use endpoint::{Endpoint, STREAM_HEADER};

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, StreamDecoder, UpstreamCodec,
};
use super::operation::Operation;
use super::upstream::constraints;

/// The native dialect of Qwen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DashScope;

impl UpstreamCodec for DashScope {
    fn limits(&self) -> &'static Limits {
        &constraints::DASHSCOPE
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

    fn operation(&self, request: &ChatRequest, model: &str) -> Operation {
        let multimodal = Endpoint::of(request, model) == Endpoint::MultimodalGeneration;
        Operation::Chat { stream: request.stream, multimodal }
    }
}

#[cfg(test)]
mod tests;
