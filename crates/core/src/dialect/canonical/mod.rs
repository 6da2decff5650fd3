//! The canonical model: what every dialect is translated to and from.
//!
//! It is a superset: whatever at least two dialects can say has a place here. What only one can say does not cross,
//! and the encoder names it among the dropped parameters instead of losing it silently.
//!
//! A dialect that callers may speak implements [`CallerDialect`]; one that upstreams speak implements
//! [`UpstreamDialect`]. Streams are decoded and encoded event by event with bounded buffers.

mod assemble;
mod error;
mod explode;
mod json;
mod maker;
mod message;
mod request;
mod response;
mod stream;

pub use assemble::{Answered, Assembly, assemble};
pub use error::{ErrorInfo, ErrorKind};
pub use explode::explode;
pub use json::Json;
pub use maker::Maker;
pub use message::{CacheControl, Citation, Media, Message, Part, Role};
pub use request::{
    AllowedMode, AudioOutput, ChatRequest, Function, Reasoning, ResponseFormat, Sampling, Tool, ToolChoice,
};
pub use response::{ChatResponse, Choice, FinishReason, ReplyContext};
pub use stream::{PartStart, StreamDecoder, StreamEncoder, StreamEvent};

use crate::error::ApiError;

/// A request in an upstream's dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRequest {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Parameters of the canonical request that have no counterpart in the dialect, by the name the caller's own
    /// dialect most commonly uses (`logit_bias`, `tools[2]`, `messages[1].content[0]`).
    pub dropped: Vec<String>,
}

/// A dialect that callers may speak to the gateway.
pub trait CallerDialect {
    /// Reads a request body. The error names the field at fault.
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError>;
    /// Writes an unstreamed answer.
    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8>;
    /// Begins a streamed answer. `include_usage`: the caller asked for usage where the dialect makes that optional.
    fn stream_encoder(&self, context: &ReplyContext, include_usage: bool) -> Box<dyn StreamEncoder>;
    /// The `content-type` of a streamed answer.
    fn stream_content_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }
    /// Writes the body of an error answer.
    fn encode_error(&self, error: &ErrorInfo, request_id: &str) -> Vec<u8>;
}

/// A dialect that an upstream speaks.
pub trait UpstreamDialect {
    /// Writes a request body; `model` is the upstream's name of the model and replaces the request's own.
    fn encode_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest;
    /// Reads an unstreamed answer of a success status. The error is a description for the log and the caller.
    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, String>;
    /// Begins to read a streamed answer.
    fn stream_decoder(&self) -> Box<dyn StreamDecoder>;
    /// Reads the body of an error answer, whatever it is: the service's own error shape, HTML, or nothing.
    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo;
}
