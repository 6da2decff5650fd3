//! The `OpenAI` Responses API (`POST /v1/responses`), as callers speak it.
//!
//! <https://platform.openai.com/docs/api-reference/responses>
//!
//! - [`ResponsesRequest`] reads a request: the canonical request, and what the dialect keeps between requests.
//! - [`ResponsesEncoder`] writes the answer, streamed or not; it repeats the settings of the request.
//! - [`StoredResponse`] is what is kept of an exchange, so that the next request can continue it.
//!
//! What survives: the order of items; signatures and encrypted thoughts, also those of tool calls, as
//! `encrypted_content`; custom and grouped tools, as functions and back. What no other dialect can say (tools that
//! `OpenAI` runs itself, and their items) is left out and named by its path among the request's `extra`, from where
//! the upstream's encoder reports it.
//!
//! A provider that speaks this dialect itself is asked in it, and its answers pass ([`tap`]); then the gateway remembers
//! no more of a response than who keeps it ([`KeptElsewhere`]).
//!
//! Of all others the id of a response is the gateway's own, whatever the upstream calls its answer, since it is the gateway that is
//! asked for it later.

mod call_names;
mod decode_answer;
mod decode_content;
mod decode_input;
mod decode_request;
mod decode_tools;
mod encode_response;
mod error;
mod events;
mod extra;
mod input_items;
mod opaque;
mod output;
mod settings;
mod stored;
mod stream_encoder;
pub mod tap;
#[cfg(test)]
mod tests;
mod wire;

pub use decode_answer::{answer_decoder, decode_answer};
pub use decode_request::ResponsesRequest;
pub use encode_response::ResponsesEncoder;
pub use input_items::response_of_item;
pub use stored::{Kept, KeptElsewhere, Page, StoredResponse, deleted_body, history};
pub use stream_encoder::ResponsesStream;

use super::canonical::{CallerDialect, ChatRequest, ChatResponse, ErrorInfo, ReplyContext, StreamEncoder};
use crate::error::ApiError;

/// The dialect, without state between requests and without the settings that answers repeat. The gateway itself uses
/// [`ResponsesRequest`] and [`ResponsesEncoder`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Responses;

impl CallerDialect for Responses {
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        Ok(ResponsesRequest::parse(body, "")?.resolve(&[], &[])?.request)
    }

    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
        ResponsesEncoder::without_request(context).encode(response)
    }

    fn stream_encoder(&self, context: &ReplyContext, _include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(ResponsesEncoder::without_request(context).stream())
    }

    fn encode_error(&self, error: &ErrorInfo, _request_id: &str) -> Vec<u8> {
        error::encode(error)
    }
}

/// The dialect with the settings of one request.
impl CallerDialect for ResponsesEncoder {
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        Responses.decode_request(body)
    }

    fn encode_response(&self, response: &ChatResponse, _context: &ReplyContext) -> Vec<u8> {
        self.encode(response)
    }

    fn stream_encoder(&self, _context: &ReplyContext, _include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(self.stream())
    }

    fn encode_error(&self, error: &ErrorInfo, _request_id: &str) -> Vec<u8> {
        error::encode(error)
    }
}
