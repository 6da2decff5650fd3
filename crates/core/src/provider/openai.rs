//! Any service that is compatible with `OpenAI` (<https://platform.openai.com/docs/api-reference>).

use super::call::{Auth, Call, Site, origin};
use super::interface::Provider;
use super::models::{self, Page};
use super::quirk::{Quirk, Quirks};
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::openai::codec::{OpenAi, Setting, TokenLimit, UpstreamOptions};
use crate::dialect::operation::Operation;
use crate::dialect::responses::ResponsesUpstream;

/// The default version and path of an address without either.
const VERSION: &str = "v1";
const MAIN: &str = "chat/completions";

/// `openai`
#[derive(Debug)]
pub struct OpenAiCompatible;

impl Provider for OpenAiCompatible {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn speaks(&self, caller_dialect: CallerDialect) -> bool {
        caller_dialect == CallerDialect::OpenaiChat
    }

    fn codec(&self, quirks: Quirks) -> Box<dyn UpstreamCodec> {
        codec(quirks)
    }

    fn responses_codec(&self, site: &Site<'_>, _model: &str) -> Option<Box<dyn UpstreamCodec>> {
        responses_codec(site, None)
    }

    fn call(&self, site: &Site<'_>, operation: Operation, _model: &str) -> Option<Call> {
        let url = site.endpoint(VERSION, MAIN, operation.openai_path()?)?;
        Some(Call::post(url, Auth::Bearer))
    }

    fn models(&self, site: &Site<'_>, _next: Option<&str>) -> Option<Call> {
        Some(Call::get(site.endpoint(VERSION, MAIN, "models")?, Auth::Bearer))
    }

    fn read_models(&self, body: &[u8]) -> Result<Page, String> {
        models::read_strictly(body)
    }
}

/// The codec of the Responses API of a service that has it; `body_model` is the model's name in the body, if it is another.
pub(super) fn responses_codec(site: &Site<'_>, body_model: Option<String>) -> Option<Box<dyn UpstreamCodec>> {
    let host = origin(site.server_url).unwrap_or(site.server_url).to_owned();
    site.quirks.has(Quirk::Responses).then(|| Box::new(ResponsesUpstream { host, body_model }) as _)
}

/// The codec of a service with these quirks.
pub(super) fn codec(quirks: Quirks) -> Box<dyn UpstreamCodec> {
    let token_limit = if quirks.has(Quirk::MaxTokensOnly) {
        TokenLimit::MaxTokens
    } else if quirks.has(Quirk::MaxCompletionTokens) {
        TokenLimit::MaxCompletionTokens
    } else {
        TokenLimit::ByModel
    };
    let upstream = UpstreamOptions {
        token_limit,
        takes_cache_control: quirks.has(Quirk::CacheControl),
        odd_replies: quirks.has(Quirk::OddReplies),
        current_api: if quirks.has(Quirk::NoDeveloperRole) { Setting::No } else { Setting::ByModel },
        ..UpstreamOptions::default()
    };
    Box::new(OpenAi { upstream, ..Default::default() })
}
