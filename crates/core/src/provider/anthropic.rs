//! Anthropic's Messages API (<https://platform.claude.com/docs/en/api/overview>).

use super::call::{Auth, Call, Site};
use super::interface::Provider;
use super::models;
use super::quirk::Quirks;
use crate::dialect::anthropic::Anthropic;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{SignatureOrigin, UpstreamCodec};
use crate::dialect::operation::Operation;

const VERSION: &str = "v1";
const MAIN: &str = "messages";
const AUTH: Auth = Auth::Header("x-api-key");
const API_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// `anthropic`
#[derive(Debug)]
pub struct AnthropicApi;

impl Provider for AnthropicApi {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn speaks(&self, caller_dialect: CallerDialect) -> bool {
        caller_dialect == CallerDialect::Anthropic
    }

    fn signature_origin(&self) -> Option<SignatureOrigin> {
        Some(SignatureOrigin::Anthropic)
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(Anthropic)
    }

    fn call(&self, site: &Site<'_>, operation: Operation, _model: &str) -> Option<Call> {
        let path = match operation {
            Operation::Chat { .. } => MAIN,
            Operation::CountTokens => "messages/count_tokens",
            _ => return None,
        };
        let (name, value) = API_VERSION;
        Some(Call::post(site.endpoint(VERSION, MAIN, path)?, AUTH).with_header(name, value))
    }

    fn models(&self, site: &Site<'_>, next: Option<&str>) -> Option<Call> {
        let list = site.endpoint(VERSION, MAIN, "models")?;
        let (name, value) = API_VERSION;
        let list = models::page(list, "limit=1000", next.map(|next| ("after_id", next)));
        Some(Call::get(list, AUTH).with_header(name, value))
    }

    fn takes_callers_query(&self) -> bool {
        true
    }
}
