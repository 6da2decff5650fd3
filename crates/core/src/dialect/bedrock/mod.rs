//! Amazon Bedrock's Converse and `ConverseStream`
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>), for upstreams.
//!
//! One request format for the models of many vendors. Fields for the models of one vendor only (`top_k`, thinking) go
//! under `additionalModelRequestFields` in that vendor's format; `family` determines the vendor by the model's
//! name. A name without a vendor, such as that of a custom inference profile, counts as a model of Anthropic.
//!
//! Guarantees:
//! - everything that both this dialect and the canonical model can express is translated; what the model does not
//!   support is named among the dropped parameters;
//! - turns alternate and begin with the user's, texts are not blank, documents have accepted and unique names: the
//!   service refuses anything else;
//! - thinking signatures and redacted thinking are returned unchanged, to Anthropic's models only;
//! - a streamed answer, which arrives in event-stream frames, equals the unstreamed one; an exception in it is the
//!   error that the unstreamed request would have ended in.
//!
//! The model's name is in the URL. Images and documents are sent inline or referred to by an `s3://` URL; those at
//! other URLs are dropped, because the service fetches nothing. Blocks of server tools are left out of translated
//! answers.

mod decode_response;
mod encode_messages;
mod encode_request;
mod encode_tools;
mod error;
mod family;
mod media;
mod stream_decoder;
#[cfg(test)]
mod tests;
mod wire;

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, StreamDecoder, UpstreamCodec,
};
use super::upstream::constraints;
use super::upstream::joined::Joined;

pub use error::with_error_type;

/// The dialect of Converse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bedrock;

impl UpstreamCodec for Bedrock {
    fn limits(&self) -> &'static Limits {
        &constraints::BEDROCK
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
