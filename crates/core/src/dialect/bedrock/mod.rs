//! Amazon Bedrock's Converse and `ConverseStream`
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>), for upstreams.
//!
//! One form of request for the models of many makers. What only one maker's models take (`top_k`, thinking) goes under
//! `additionalModelRequestFields` in that maker's own words, which [`family`] reads off the model's name; a name that
//! hides its maker, such as that of an inference profile of one's own, is taken for a model of Anthropic's.
//!
//! Guarantees:
//! - what the dialect and the canonical model can both say crosses; what cannot be said to the model is named among the
//!   dropped parameters;
//! - turns alternate and begin with the user's, texts are not blank, documents have accepted and different names: the
//!   service refuses anything else;
//! - thinking signatures and redacted thoughts come back as they left, to Anthropic's models only;
//! - a streamed answer, which comes in event-stream frames, is what the unstreamed one would have been; an exception in
//!   it is the error that the unstreamed request would have ended in.
//!
//! The model's name stands in the address. Pictures and documents go along or are named by an `s3://` address; what lies
//! at any other address is dropped, as the service fetches nothing. What tools that the service runs itself leave behind
//! is left out of translated answers.

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

use super::canonical::{ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, StreamDecoder, UpstreamCodec};

pub use error::with_error_type;

/// The dialect of Converse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bedrock;

impl UpstreamCodec for Bedrock {
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
