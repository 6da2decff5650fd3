//! The codec of a provider: that of its kind, with what its quirks say.

use crate::catalog::{ProviderKind, ProviderRecord};
use crate::dialect::canonical::UpstreamDialect;
use crate::dialect::dify::{Dify, DifyApp, DifyOptions};
use crate::dialect::openai::codec::{OpenAi, TokenLimit, UpstreamOptions};
use crate::dialect::provenance::Marked;
use crate::dialect::registry;

/// The codec of a provider.
#[must_use]
pub fn upstream_of(provider: &ProviderRecord) -> Box<dyn UpstreamDialect> {
    let codec = match provider.kind {
        ProviderKind::Openai | ProviderKind::AzureOpenai => openai_of(provider),
        ProviderKind::Dify => {
            let app = dify_app(provider);
            Box::new(Dify::new(DifyOptions { app, ..DifyOptions::default() }))
        }
        kind => registry::upstream(kind),
    };
    Box::new(Marked::new(codec, provider.kind))
}

fn openai_of(provider: &ProviderRecord) -> Box<dyn UpstreamDialect> {
    let token_limit = if provider.has_quirk("max_tokens_only") {
        TokenLimit::MaxTokens
    } else if provider.has_quirk("max_completion_tokens") {
        TokenLimit::MaxCompletionTokens
    } else {
        TokenLimit::ByModel
    };
    let upstream = UpstreamOptions {
        token_limit,
        takes_cache_control: provider.has_quirk("cache_control"),
        odd_replies: provider.has_quirk("odd_replies"),
        ..UpstreamOptions::default()
    };
    Box::new(OpenAi { upstream, ..Default::default() })
}

/// The kind of app that a Dify provider is.
#[must_use]
pub fn dify_app(provider: &ProviderRecord) -> DifyApp {
    if provider.has_quirk("dify_workflow") {
        DifyApp::Workflow
    } else if provider.has_quirk("dify_completion") {
        DifyApp::Completion
    } else {
        DifyApp::Chat
    }
}
