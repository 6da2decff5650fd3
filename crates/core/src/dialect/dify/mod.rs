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
mod stream_decoder;
mod transcript;
pub mod upload;
mod wire;

pub use app::DifyApp;
pub use stream_decoder::DifyStreamDecoder;

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Json, StreamDecoder, UpstreamDialect,
};

/// The user of a request that names none: Dify refuses one without.
pub const NOBODY: &str = "nexus-edge";

/// What Dify wants to know and a request does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DifyOptions {
    /// The kind of app.
    pub app: DifyApp,
    /// The conversation that the request goes on with.
    pub conversation_id: Option<String>,
    /// Whose conversation it is. Dify shows a conversation to nobody else, so it must stay the same. If empty, the
    /// request's own `user` is taken.
    pub user: String,
    /// Values of the app's variables, an object. Those in the request's `inputs` win.
    pub inputs: Option<Json>,
}

/// The names that Dify gave to an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifyIds {
    /// To be given back with the next turn.
    pub conversation_id: Option<String>,
    /// Names the answer, for feedback and suggestions.
    pub message_id: Option<String>,
    /// Names the work in progress, to stop it.
    pub task_id: Option<String>,
}

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

/// The conversation that a piece of an answer names; every event and every whole answer does.
#[must_use]
pub fn conversation_id_in(bytes: &[u8]) -> Option<String> {
    id_in(bytes, b"\"conversation_id\"")
}

/// The work in progress that an event names.
#[must_use]
pub fn task_id_in(bytes: &[u8]) -> Option<String> {
    id_in(bytes, b"\"task_id\"")
}

fn id_in(bytes: &[u8], field: &[u8]) -> Option<String> {
    let after = bytes.get(memchr::memmem::find(bytes, field)? + field.len()..)?;
    let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let id = value.get(..memchr::memchr(b'"', value)?)?;
    let is_id =
        !id.is_empty() && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then(|| String::from_utf8_lossy(id).into_owned())
}

/// The body of a request to stop. The user must be the one that the message was sent for, or nothing happens.
#[must_use]
pub fn stop_body(user: &str) -> Vec<u8> {
    serde_json::json!({ "user": user }).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
