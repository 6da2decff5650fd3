//! Dify apps (<https://docs.dify.ai/en/api-reference/guides/streaming>).
//!
//! An app is not a model: its prompts, tools and sampling are set in Dify, and Dify keeps the conversation. A request
//! carries what the person says next and the id of the conversation; the model's name means nothing.
//!
//! **What is sent.** With a conversation id, `query` is the last turn of the user and nothing else: Dify knows the rest.
//! Without one, Dify knows nothing, so what was said before rides along in front of the query, as instructions and a
//! transcript. A request that consists of one turn is sent as it is. Pictures and documents go as `files`, by address, or
//! by id if they were uploaded to Dify ([`upload`]); what could not be uploaded is dropped by name.
//!
//! Completion and workflow apps ([`DifyApp`]) have no conversation: everything that was said goes into their variable
//! `query`, and the answer of a workflow is its output of the name `text`, `answer`, `output` or `result`, its only
//! output, or all of them as JSON.
//!
//! **What comes back.** The id of the conversation is for the caller of this codec to keep and to give back with the next
//! turn: [`Dify::decode_with_ids`], [`DifyStreamDecoder::ids`].

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
pub use options::{DifyOptions, NOBODY};
pub use stream_decoder::DifyStreamDecoder;

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, StreamDecoder, UpstreamDialect,
};

/// The dialect of Dify chat apps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dify {
    /// What the request does not say.
    pub options: DifyOptions,
}

impl Dify {
    /// The dialect with these options.
    #[must_use]
    pub fn new(options: DifyOptions) -> Self {
        Self { options }
    }

    /// Reads an unstreamed answer together with its names.
    pub fn decode_with_ids(&self, body: &[u8]) -> Result<(ChatResponse, DifyIds), String> {
        decode_response::decode(body)
    }

    /// The user that requests are sent for.
    #[must_use]
    pub fn user<'a>(&'a self, request: &'a ChatRequest) -> &'a str {
        encode_request::user(&self.options, request)
    }
}

impl UpstreamDialect for Dify {
    fn encode_request(&self, request: &ChatRequest, _model: &str) -> EncodedRequest {
        encode_request::encode(request, &self.options)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, String> {
        decode_response::decode(body).map(|(response, _)| response)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(DifyStreamDecoder::new())
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        error::decode(status, body)
    }
}

/// The body of a request to stop. The user must be the one that the message was sent for, or nothing happens.
#[must_use]
pub fn stop_body(user: &str) -> Vec<u8> {
    serde_json::json!({ "user": user }).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
