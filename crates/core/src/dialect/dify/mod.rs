//! Dify chat apps (<https://docs.dify.ai/en/api-reference/guides/streaming>).
//!
//! An app is not a model: its prompts, tools and sampling are set in Dify, and Dify keeps the conversation. A request
//! carries what the person says next and the id of the conversation; the model's name means nothing.
//!
//! **What is sent.** With a conversation id, `query` is the last turn of the user and nothing else: Dify knows the rest.
//! Without one, Dify knows nothing, so what was said before rides along in front of the query, as instructions and a
//! transcript. A request that consists of one turn is sent as it is. Pictures and documents go as `files`, by address, or
//! by id if they were uploaded to Dify; what would have to be uploaded first is dropped by name.
//!
//! **What comes back.** The id of the conversation is for the caller of this codec to keep and to give back with the next
//! turn: [`Dify::decode_with_ids`], [`DifyStreamDecoder::ids`].

mod decode_response;
mod encode_request;
mod error;
mod files;
mod stream_decoder;
mod transcript;
mod wire;

pub use stream_decoder::DifyStreamDecoder;

use super::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Json, StreamDecoder, UpstreamDialect,
};

/// What Dify wants to know and a request does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DifyOptions {
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
    const FIELD: &[u8] = b"\"conversation_id\"";
    let after = bytes.get(memchr::memmem::find(bytes, FIELD)? + FIELD.len()..)?;
    let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let id = value.get(..memchr::memchr(b'"', value)?)?;
    let is_id =
        !id.is_empty() && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then(|| String::from_utf8_lossy(id).into_owned())
}

/// Where messages are sent. The base is what was entered for the provider, such as `https://api.dify.ai/v1`; one that ends
/// in `#` is taken literally.
#[must_use]
pub fn chat_messages_url(server_url: &str) -> String {
    match server_url.strip_suffix('#') {
        Some(literal) => literal.to_owned(),
        None => format!("{}/chat-messages", server_url.trim_end_matches('/')),
    }
}

/// Where an answer that is being written is stopped: `POST` with [`stop_body`].
#[must_use]
pub fn stop_url(server_url: &str, task_id: &str) -> String {
    // Ids are UUIDs; anything else must not lead to another path.
    let id: String =
        task_id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("{}/{id}/stop", chat_messages_url(server_url).trim_end_matches('/'))
}

/// The body of a request to stop. The user must be the one that the message was sent for, or nothing happens.
#[must_use]
pub fn stop_body(user: &str) -> Vec<u8> {
    serde_json::json!({ "user": user }).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
