//! Dify apps (<https://docs.dify.ai/en/api-reference/guides/streaming>).
//!
//! An app is not a model: its prompts, tools and sampling are set in Dify, and Dify stores the conversation. A
//! request contains the user's next message and the id of the conversation; the model's name is ignored.
//!
//! **Request.** With a conversation id, `query` is the user's last turn only: Dify has the rest. Without one, the
//! earlier history is prepended to the query, as instructions and a transcript. A request with a single turn is sent
//! as it is. Images and documents are sent as `files`, by URL, or by id if they were uploaded to Dify ([`upload`]);
//! those that could not be uploaded are dropped and reported.
//!
//! Completion and workflow apps ([`DifyApp`]) have no conversation: the whole history goes into their variable
//! `query`. The answer of a workflow is its output `text`, `answer`, `output` or `result`, its only output, or all of
//! them as JSON.
//!
//! **Answer.** The caller of this codec must store the id of the conversation and pass it with the next turn:
//! [`Dify::decode_with_ids`], [`DifyStreamDecoder::ids`].

mod app;
mod decode_response;
mod encode_request;
mod error;
mod files;
mod ids;
mod options;
mod stream_decoder;
mod transcript;
pub mod upload;
mod wire;

pub use app::DifyApp;
pub use ids::{DifyIds, conversation_id_in, task_id_in};
pub use options::{DEFAULT_USER, DifyOptions, user_of};
pub use stream_decoder::DifyStreamDecoder;

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, StreamDecoder, UpstreamCodec,
};

/// The dialect of Dify chat apps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dify {
    /// The context besides the request.
    pub options: DifyOptions,
}

impl Dify {
    /// The dialect with these options.
    #[must_use]
    pub fn new(options: DifyOptions) -> Self {
        Self { options }
    }

    /// Decodes an unstreamed answer together with its ids.
    pub fn decode_with_ids(&self, body: &[u8]) -> Result<(ChatResponse, DifyIds), ErrorInfo> {
        decode_response::decode(body)
    }

    /// The user of requests.
    #[must_use]
    pub fn user<'a>(&'a self, request: &'a ChatRequest) -> &'a str {
        encode_request::user(&self.options, request)
    }
}

impl UpstreamCodec for Dify {
    fn limits(&self) -> &'static Limits {
        &Limits::NONE
    }

    fn write_request(&self, request: &ChatRequest, _model: &str) -> EncodedRequest {
        encode_request::encode(request, &self.options)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode_response::decode(body).map(|(response, _)| response)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(DifyStreamDecoder::new())
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}

/// The body of a stop request. The user must be that of the message, or it has no effect.
#[must_use]
pub fn stop_body(user: &str) -> Vec<u8> {
    serde_json::json!({ "user": user }).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
