//! `OpenAI`'s legacy completions (<https://platform.openai.com/docs/api-reference/completions>), for callers only.
//!
//! The prompt becomes a user message, and the text of the answer is returned as `text_completion` objects. Features
//! of the old API without a counterpart in chats (`echo`, `suffix`, `best_of`) are kept among the extra fields, so
//! that they are named among the dropped parameters. Reasoning and tool calls cannot be expressed in these answers.

mod decode_request;
mod encode_response;
mod logprobs;
mod stream_encoder;

use crate::dialect::canonical::{
    CallerCodec, ChatRequest, ChatResponse, ErrorInfo, ReplyContext, StreamEncoder,
};
use crate::dialect::openai::codec;
use crate::error::ApiError;

/// Legacy completions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LegacyCompletions;

impl CallerCodec for LegacyCompletions {
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ApiError> {
        decode_request::decode(body)
    }

    fn encode_response(&self, response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
        encode_response::encode(response, context)
    }

    fn stream_encoder(&self, context: &ReplyContext, include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream_encoder::Encoder::new(context, include_usage))
    }

    fn encode_error(&self, error: &ErrorInfo, _request_id: &str) -> Vec<u8> {
        codec::encode_error(error)
    }
}
