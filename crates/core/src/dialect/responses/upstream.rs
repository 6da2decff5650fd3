//! The dialect for upstreams: services that have the Responses API themselves.

use super::decode_response::decode;
use super::encode_request;
use super::stream_decoder::decoder;
use crate::dialect::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Limits, StreamDecoder, UpstreamCodec,
};
use crate::dialect::operation::Operation;
use crate::dialect::upstream::{constraints, told, unreadable_error};

/// A service with the Responses API.
#[derive(Debug, Clone, Default)]
pub struct ResponsesUpstream {
    /// Its host: only it can read back the reasoning that it sealed.
    pub host: String,
    /// The model's name in the body, if it is not the upstream's own: a deployment.
    pub body_model: Option<String>,
}

impl UpstreamCodec for ResponsesUpstream {
    fn limits(&self) -> &'static Limits {
        &constraints::OPENAI_RESPONSES
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        let name = self.body_model.as_deref().unwrap_or(model);
        encode_request::encode(request, model, name, &self.host)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode(body, &self.host)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        decoder(&self.host)
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        match told::read(body) {
            Some(told) if !told.message.is_empty() => told.into_info(status),
            _ => ErrorInfo::of_status(status, unreadable_error(status, body)),
        }
    }

    fn operation(&self, request: &ChatRequest, _model: &str) -> Operation {
        Operation::Responses { stream: request.stream }
    }
}
