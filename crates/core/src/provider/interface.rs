//! The interface of a kind of provider.

use super::call::{Call, Site};
use super::models::{self, Page};
use super::quirk::Quirks;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{SignatureOrigin, UpstreamCodec};
use crate::dialect::dify::DifyApp;
use crate::dialect::operation::Operation;

/// How a kind of provider is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over the network, at the `server_url`.
    Network,
    /// Through the deployment's binding for Workers AI.
    AiBinding,
    /// Not at all: the gateway answers itself.
    Embedded,
}

/// A kind of provider. The defaults are for kinds that behave like most.
pub trait Provider: Sync {
    /// The name in the admin API and in the database.
    fn name(&self) -> &'static str;

    /// How it is reached.
    fn transport(&self) -> Transport {
        Transport::Network
    }

    /// Whether it has this caller dialect, so that bodies pass through without translation.
    fn speaks(&self, _caller_dialect: CallerDialect) -> bool {
        false
    }

    /// The codec for requests, answers and errors of a provider with these quirks. It does not mark signatures; see
    /// [`super::ProviderKind::codec`].
    fn codec(&self, quirks: Quirks) -> Box<dyn UpstreamCodec>;

    /// The codec of its Responses API, for its own name of the model; `None` if it has none. It does not mark
    /// signatures.
    fn responses_codec(&self, _site: &Site<'_>, _model: &str) -> Option<Box<dyn UpstreamCodec>> {
        None
    }

    /// The beginning of the `content-type` of its streamed answers.
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    /// The vendor that issues signatures and sealed blocks; only it can read them back. `None` if it is not known:
    /// any vendor may be behind a service that is merely compatible.
    fn signature_origin(&self) -> Option<SignatureOrigin> {
        None
    }

    /// The request for `operation` without its body, with the provider's own name of the model; `None` if it does not
    /// offer the operation. Whether the answer is streamed is filled in by [`super::ProviderKind::call`].
    fn call(&self, _site: &Site<'_>, _operation: Operation, _model: &str) -> Option<Call> {
        None
    }

    /// The model's name in the body, if that differs from the configured name.
    fn body_model(&self, _site: &Site<'_>, _model: &str) -> Option<String> {
        None
    }

    /// The request (a GET) for its list of models, or for the page of it after `next`; `None` if it has no list.
    fn models(&self, _site: &Site<'_>, _next: Option<&str>) -> Option<Call> {
        None
    }

    /// Parses a page of its list. The error describes why it is invalid.
    fn read_models(&self, body: &[u8]) -> Result<Page, String> {
        models::read(body)
    }

    /// The body of an error answer together with what its headers say about the error, as the codec reads it.
    fn error_body(&self, _header: &dyn Fn(&str) -> Option<String>, body: Vec<u8>) -> Vec<u8> {
        body
    }

    /// Whether the query of a caller with its dialect is forwarded: it may contain a version (`?beta=true`).
    fn takes_callers_query(&self) -> bool {
        false
    }

    /// Whether its models are listed as `provider/model`, so that their short names stay out of the lists of clients.
    fn is_listed_by_address(&self) -> bool {
        false
    }

    /// The kind of Dify app that it is, if it is one.
    fn dify_app(&self, _quirks: Quirks) -> Option<DifyApp> {
        None
    }
}
