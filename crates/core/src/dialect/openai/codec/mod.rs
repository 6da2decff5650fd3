//! `OpenAI` Chat Completions (<https://platform.openai.com/docs/api-reference/chat>) to and from the canonical model.
//!
//! Traffic between a caller and an upstream with this dialect passes through without this codec. It is for
//! translation, and for upstreams whose answers need normalisation.
//!
//! Guarantees:
//! - a refused request names the path of the invalid field;
//! - every answer of an upstream, well formed or not, is decoded without a panic and with bounded memory;
//! - tool calls keep their ids and argument text and get indexes without gaps, regardless of the upstream's;
//! - a streamed answer adds up to the unstreamed one.
//!
//! What has no official place in the dialect is carried in fields that many services and clients use: reasoning in
//! `reasoning_content` and `thinking_blocks`, the signature of a tool call in
//! `extra_content.google.thought_signature`, cache marks in `cache_control`, images of an answer in `images`.

mod answer;
mod calls;
mod choice_state;
mod decode_message;
mod decode_request;
mod decode_response;
mod encode_message;
mod encode_request;
mod encode_response;
mod error;
mod lenient;
mod maker;
mod options;
mod policy;
mod stream_decoder;
mod stream_encoder;
pub(super) mod wire;

#[cfg(test)]
mod tests;

use crate::dialect::canonical::limits;
use crate::dialect::canonical::{
    CallerCodec, ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, ReplyContext, StreamDecoder,
    StreamEncoder, UpstreamCodec,
};
use crate::dialect::upstream::constraints;
use crate::dialect::upstream::joined::Joined;
use crate::error::ApiError;

pub(in crate::dialect) use decode_request::decode_checked;
pub(super) use decode_request::stop;
pub(super) use encode_response::{finish_word, usage_out};
pub(super) use error::encode as encode_error;
pub(in crate::dialect) use error::{
    encode_own as encode_own_error, encode_passthrough as encode_passthrough_error,
};
pub(super) use error::{in_stream as decode_error_in_answer, is_error, is_said as is_error_value};
pub use options::{Setting, TokenLimit, UpstreamOptions};
pub(super) use policy::POLICY;

/// Chat Completions, with properties of the upstream or caller. The default is for `OpenAI` itself and close
/// imitations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenAi {
    /// Properties of the upstream.
    pub upstream: UpstreamOptions,
    /// The caller declared its tools as `functions`, and so expects `function_call` in the answer. See
    /// [`wants_function_call`].
    pub function_call_answers: bool,
}

/// Whether a request body declares its tools in the old way, as `functions` and nothing else.
#[must_use]
pub fn wants_function_call(body: &[u8]) -> bool {
    POLICY
        .of_body(body)
        .is_ok_and(|fields| fields.get("functions").is_some() && fields.get("tools").is_none())
}

impl CallerCodec for OpenAi {
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        decode_request::decode(body)
    }

    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
        encode_response::encode(response, context, self.function_call_answers)
    }

    fn stream_encoder(&self, context: &ReplyContext, include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream_encoder::Encoder::new(context, include_usage, self.function_call_answers))
    }

    fn encode_error(&self, error: &ErrorInfo, _request_id: &str) -> Vec<u8> {
        error::encode(error)
    }
}

impl UpstreamCodec for OpenAi {
    fn limits(&self) -> &'static Limits {
        &constraints::OPENAI_CHAT
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        let ids = maker::Maker::of(model).call_ids();
        encode_request::encode(&limits::with_call_ids(request, ids), model, self.upstream)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body, self.upstream.odd_replies)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Joined::new(stream_decoder::Decoder::new(self.upstream.odd_replies)))
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}
