//! Which codec speaks which dialect. Adding a dialect is a folder and a line here.

use std::rc::Rc;

use crate::catalog::{ProviderKind, ProviderRecord};
use crate::dialect::canonical::{CallerDialect, ChatRequest, ReplyContext, UpstreamDialect};
use crate::dialect::crossing::Crossing;
use crate::dialect::dify::DifyOptions;
use crate::dialect::face::Face;
use crate::dialect::inbound::Inbound;
use crate::dialect::openai::codec::{TokenLimit, UpstreamOptions};
use crate::dialect::provenance::Marked;
use crate::dialect::{anthropic, dashscope, dify, gemini, openai, responses, workers_ai};
use crate::error::ApiError;

/// The crossing of a request to an upstream of another dialect.
pub fn translated(
    inbound: &Inbound<'_>,
    provider: &ProviderRecord,
    context: ReplyContext,
) -> Result<Crossing, ApiError> {
    let codec = if inbound.as_array { Box::new(gemini::GeminiArray) } else { caller(inbound.face) };
    let request = inbound.canonical()?;
    Ok(Crossing::translated(inbound, request, codec, upstream_of(provider), context))
}

/// The crossing of a request to a Dify app, in the conversation that the options name. The request has
/// been read, because files in it had to be uploaded.
#[must_use]
pub fn to_dify(
    inbound: &Inbound<'_>,
    request: ChatRequest,
    options: DifyOptions,
    context: ReplyContext,
) -> Crossing {
    let dify = Box::new(dify::Dify::new(options));
    Crossing::translated(inbound, Rc::new(request), caller(inbound.face), dify, context)
}

/// The crossing of a request that has been read already.
#[must_use]
pub fn crossing(
    inbound: &Inbound<'_>,
    mut request: ChatRequest,
    caller: Box<dyn CallerDialect>,
    provider: &ProviderRecord,
    context: ReplyContext,
) -> Crossing {
    request.model = inbound.model.to_string();
    request.stream = inbound.stream;
    Crossing::translated(inbound, Rc::new(request), caller, upstream_of(provider), context)
}

/// The codec of a caller's dialect.
#[must_use]
pub fn caller(face: Face) -> Box<dyn CallerDialect> {
    match face {
        Face::OpenaiChat => Box::new(openai::codec::OpenAi::default()),
        Face::OpenaiCompletions => Box::new(openai::legacy::LegacyCompletions),
        Face::OpenaiResponses => Box::new(responses::Responses),
        Face::Anthropic => Box::new(anthropic::Anthropic),
        Face::Gemini => Box::new(gemini::Gemini),
    }
}

/// The codec of a provider, with what is particular about it.
#[must_use]
pub fn upstream_of(provider: &ProviderRecord) -> Box<dyn UpstreamDialect> {
    let codec = match provider.kind {
        ProviderKind::Openai | ProviderKind::AzureOpenai => openai_of(provider),
        ProviderKind::Dify => {
            let app = dify::DifyApp::of(provider);
            Box::new(dify::Dify::new(DifyOptions { app, ..DifyOptions::default() }))
        }
        kind => upstream(kind),
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
    Box::new(openai::codec::OpenAi { upstream, ..Default::default() })
}

/// The codec of an upstream's dialect.
#[must_use]
pub fn upstream(kind: ProviderKind) -> Box<dyn UpstreamDialect> {
    match kind {
        ProviderKind::Openai | ProviderKind::AzureOpenai | ProviderKind::Demo => {
            Box::new(openai::codec::OpenAi::default())
        }
        ProviderKind::Anthropic => Box::new(anthropic::Anthropic),
        ProviderKind::Gemini => Box::new(gemini::Gemini),
        ProviderKind::Vertex => Box::new(gemini::Vertex),
        ProviderKind::Dashscope => Box::new(dashscope::DashScope),
        ProviderKind::Dify => Box::new(dify::Dify::default()),
        ProviderKind::WorkersAi => Box::new(workers_ai::codec()),
    }
}
