//! Google's Gemini API: `generateContent` and `streamGenerateContent`
//! (<https://ai.google.dev/api/generate-content>), and the same on Vertex AI
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>).
//!
//! Guarantees:
//! - a request from the canonical model is one that the service accepts: roles alternate, every function call has its
//!   response, schemas are reduced to the supported subset;
//! - signatures of thoughts (`thoughtSignature`) are returned to the vendor that issued them;
//! - a streamed answer and the same answer unstreamed give the same canonical answer, with one exception: an image is
//!   an image in an unstreamed answer, and a Markdown image in a stream.
//!
//! The model is part of the URL, not of the body: [`crate::provider`] writes it. [`Gemini`] is the Gemini API,
//! [`Vertex`] the same model on Vertex AI, whose older message types lack a few fields.

mod chunk;
mod citations;
mod decode_config;
mod decode_contents;
mod decode_request;
mod decode_response;
mod encode_config;
mod encode_contents;
mod encode_media;
mod encode_request;
mod encode_response;
mod encode_tools;
pub mod error;
mod finish;
mod logprobs;
mod model_name;
mod partial_args;
mod policy;
mod repeated;
mod schema;
mod schema_leaf;
mod schema_read;
mod service;
mod signature;
mod stream_decoder;
mod stream_encoder;
pub(in crate::dialect) mod tap;
mod tool_result;
mod usage;
pub mod usage_tap;
pub mod vertex;
mod wire;

#[cfg(test)]
mod tests;

use super::canonical::{
    CallerCodec, ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, ReplyContext, StreamDecoder,
    StreamEncoder, UpstreamCodec,
};
use super::upstream::constraints;
use super::upstream::joined::Joined;
use crate::error::ApiError;

use service::Service;
pub use stream_encoder::Framing;

/// The Gemini API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gemini;

/// Gemini on Vertex AI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vertex;

impl Gemini {
    /// An encoder of a streamed answer with this framing: a caller that requests a stream without `alt=sse` expects a
    /// JSON array, which grows by one element per chunk.
    #[must_use]
    pub fn stream_encoder_framed(self, context: &ReplyContext, framing: Framing) -> Box<dyn StreamEncoder> {
        Box::new(stream_encoder::Encoder::new(context, framing))
    }
}

impl CallerCodec for Gemini {
    /// The model is in the URL, so that of the request is left empty; likewise streaming.
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        decode_request::decode(body)
    }

    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
        encode_response::encode(response, context)
    }

    /// Usage is part of every answer in this dialect.
    fn stream_encoder(&self, context: &ReplyContext, _include_usage: bool) -> Box<dyn StreamEncoder> {
        self.stream_encoder_framed(context, Framing::Sse)
    }

    fn encode_error(&self, error: &ErrorInfo, request_id: &str) -> Vec<u8> {
        error::encode(error, request_id, None)
    }
}

/// The Gemini API for callers that stream without `alt=sse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GeminiArray;

impl CallerCodec for GeminiArray {
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        Gemini.decode_request(body)
    }

    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
        Gemini.encode_response(response, context)
    }

    fn stream_encoder(&self, context: &ReplyContext, _include_usage: bool) -> Box<dyn StreamEncoder> {
        Gemini.stream_encoder_framed(context, Framing::JsonArray)
    }

    fn stream_content_type(&self) -> &'static str {
        "application/json; charset=utf-8"
    }

    fn encode_error(&self, error: &ErrorInfo, request_id: &str) -> Vec<u8> {
        Gemini.encode_error(error, request_id)
    }
}

impl UpstreamCodec for Gemini {
    fn limits(&self) -> &'static Limits {
        &constraints::GEMINI
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        encode_request::encode(request, model, Service::Gemini)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Joined::new(stream_decoder::Decoder::new()))
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}

impl UpstreamCodec for Vertex {
    fn limits(&self) -> &'static Limits {
        &constraints::VERTEX
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        encode_request::encode(request, model, Service::Vertex)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Joined::new(stream_decoder::Decoder::new()))
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}
