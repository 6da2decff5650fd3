//! The kinds of providers, a file a kind: where it is addressed, how it is authenticated, how its models are listed, which
//! codec it speaks and how it is reached. Adding one: docs/adding-a-provider.md.
//!
//! Code outside asks a [`Provider`] and does not compare kinds, so that a new kind changes nothing there.

mod anthropic;
pub mod azure;
pub mod bedrock;
pub mod call;
mod cohere;
mod dashscope;
mod demo;
pub mod dify;
mod gemini;
mod interface;
pub mod models;
mod openai;
pub mod probe;
pub mod quirk;
mod vertex;
mod workers_ai;

use serde::{Deserialize, Serialize};

pub use call::{Auth, Call, ResponseAction, Site};
pub use interface::{Provider, Transport};
pub use quirk::{Quirk, Quirks};

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::canonical::{ChatRequest, SignatureOrigin};
use crate::dialect::inbound::Inbound;
use crate::dialect::operation::Operation;
use crate::dialect::responses::{asks_responses, may_need_responses};
use crate::dialect::signature_origin::Marked;
use crate::dialect::upstream::verdict::Judged;

/// Declares [`ProviderKind`]: each kind with its implementation.
macro_rules! kinds {
    ($($kind:ident => $implementation:expr),+ $(,)?) => {
        /// A kind of provider, as records name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is described where it is implemented")]
        pub enum ProviderKind {
            $($kind),+
        }

        impl ProviderKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Its implementation.
            #[must_use]
            pub fn provider(self) -> &'static dyn Provider {
                match self {
                    $(Self::$kind => &$implementation),+
                }
            }
        }
    };
}

kinds! {
    Openai => openai::OpenAiCompatible,
    AzureOpenai => azure::Azure,
    Anthropic => anthropic::AnthropicApi,
    Bedrock => bedrock::AmazonBedrock,
    Cohere => cohere::CohereApi,
    Gemini => gemini::GeminiApi,
    Vertex => vertex::VertexAi,
    Dashscope => dashscope::DashScopeApi,
    Dify => dify::DifyApps,
    WorkersAi => workers_ai::WorkersAi,
    Demo => demo::Demo,
}

impl ProviderKind {
    /// Its name in the admin API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.provider().name()
    }

    /// Every kind with its name.
    #[must_use]
    pub fn names() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|kind| (kind.name(), *kind)).collect()
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether its providers are reached over the network, at a `server_url`.
    #[must_use]
    pub fn has_address(self) -> bool {
        self.provider().transport() == Transport::Network
    }

    /// The codec of its providers, which marks signatures with their origin and whose answers are judged.
    #[must_use]
    pub fn codec(self, quirks: Quirks) -> Box<dyn UpstreamCodec> {
        let provider = self.provider();
        let marked = Marked::new(provider.codec(quirks), provider.signature_origin());
        Box::new(Judged::new(Box::new(marked)))
    }

    /// The codec of the provider's Responses API, if this request is asked there (see [`asks_responses`]).
    #[must_use]
    pub fn responses_codec(
        self,
        site: &Site<'_>,
        caller_dialect: CallerDialect,
        request: &ChatRequest,
        model: &str,
    ) -> Option<Box<dyn UpstreamCodec>> {
        let codec = self.provider().responses_codec(site, model)?;
        let chat_passes = site.quirks.has(Quirk::ChatPassthrough);
        let host = call::origin(site.server_url).unwrap_or(site.server_url);
        asks_responses(request, model, caller_dialect, chat_passes, host)
            .then(|| Box::new(Judged::new(Box::new(Marked::new(codec, Some(SignatureOrigin::OpenAi))))) as _)
    }

    /// The same for a caller of Chat Completions, whose body is decoded only if that can change where it goes.
    #[must_use]
    pub fn responses_codec_for_chat(
        self,
        site: &Site<'_>,
        inbound: &Inbound<'_>,
        model: &str,
    ) -> Option<Box<dyn UpstreamCodec>> {
        let is_old = inbound.chat().is_none_or(|chat| chat.field("functions").is_some());
        let may_ask = site.quirks.has(Quirk::Responses)
            && (may_need_responses(model) || !(is_old || site.quirks.has(Quirk::ChatPassthrough)));
        let request = if may_ask { inbound.canonical().ok()? } else { return None };
        self.responses_codec(site, inbound.caller_dialect, &request, model)
    }

    /// The request for `operation` with the provider's own name of the model; `None` if it does not offer the
    /// operation.
    #[must_use]
    pub fn call(self, site: &Site<'_>, operation: Operation, model: &str) -> Option<Call> {
        if operation.is_of_responses() && !site.quirks.has(Quirk::Responses) {
            return None;
        }
        let call = self.provider().call(site, operation, model)?;
        Some(call.streamed(operation.is_streamed()))
    }

    /// The request about a response that a provider stores; `query` is the caller's. `None` if it stores none.
    #[must_use]
    pub fn kept_response(
        self,
        site: &Site<'_>,
        id: &str,
        action: ResponseAction,
        query: Option<&str>,
    ) -> Option<Call> {
        let create = self.call(site, Operation::Responses { stream: false }, "")?;
        Some(action.on(create, id, query))
    }
}

#[cfg(test)]
mod tests;
