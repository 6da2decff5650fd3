//! The canonical model: what every dialect is translated to and from.
//!
//! It is a superset: everything that at least two dialects can express has a place here. What only one can express is
//! not translated, and the encoder names it among the dropped parameters instead of losing it silently.
//!
//! A dialect of callers implements [`CallerCodec`], one of upstreams [`UpstreamCodec`]. Streams are decoded and
//! encoded event by event with bounded buffers.

mod assemble;
mod citation;
mod error;
mod explode;
mod json;
pub mod limits;
mod media_type;
mod message;
mod origin;
mod request;
mod response;
mod stream;
mod tier;

pub use crate::error::ErrorKind;
pub use assemble::{Answered, Assembly, assemble};
pub use citation::{Citation, Place, Unit};
pub use error::{ErrorInfo, StreamFault};
pub use explode::explode;
pub use json::Json;
pub use limits::Limits;
pub use message::{CacheControl, Media, Message, Part, Role};
pub use origin::SignatureOrigin;
pub use request::{
    AllowedMode, AudioOutput, ChatRequest, Function, Reasoning, ResponseFormat, Sampling, Tool, ToolChoice,
};
pub use response::{ChatResponse, Choice, FinishReason, ReplyContext};
pub use stream::{MAX_EVENT_BYTES, PartStart, StreamDecoder, StreamEncoder, StreamEvent};
pub use tier::{anthropic_tier, openai_tier};

use crate::dialect::operation::Operation;
use crate::error::ApiError;

/// A request in an upstream's dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRequest {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Parameters of the canonical request without a counterpart in the dialect, under the name that is most common
    /// in the caller's dialect (`logit_bias`, `tools[2]`, `messages[1].content[0]`).
    pub dropped: Vec<String>,
}

/// A dialect of callers.
pub trait CallerCodec {
    /// Decodes a request body. The error names the invalid field.
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError>;
    /// Encodes an unstreamed answer.
    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8>;
    /// An encoder of a streamed answer. `include_usage`: the caller requested usage where the dialect makes that
    /// optional.
    fn stream_encoder(&self, context: &ReplyContext, include_usage: bool) -> Box<dyn StreamEncoder>;
    /// The `content-type` of a streamed answer.
    fn stream_content_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }
    /// Encodes the body of an error response.
    fn encode_error(&self, error: &ErrorInfo, request_id: &str) -> Vec<u8>;
}

/// A dialect of upstreams.
pub trait UpstreamCodec {
    /// What the upstream accepts.
    fn limits(&self) -> &'static Limits;
    /// Encodes the body of a request that keeps the limits; `model` is the upstream's name of the model and replaces
    /// the request's own.
    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest;
    /// Makes a request keep the limits, and encodes its body. The calls of the answer have the names that the request
    /// was sent with; [`limits::tool_names`] leads back.
    fn encode_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        self.write_request(&limits::fitted(request, self.limits()), model)
    }
    /// Decodes an unstreamed answer with a success status. The error is the upstream's own if the body contains one,
    /// with [`StreamFault::Malformed`] if it cannot be parsed.
    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo>;
    /// A decoder of a streamed answer.
    fn stream_decoder(&self) -> Box<dyn StreamDecoder>;
    /// Decodes the body of an error response, in any form: the service's own, HTML, or empty.
    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo;
    /// The operation that the encoded request is for.
    fn operation(&self, request: &ChatRequest, _model: &str) -> Operation {
        Operation::Chat { stream: request.stream, multimodal: false }
    }
}
