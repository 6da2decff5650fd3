//! Google's Gemini API (<https://ai.google.dev/api>).

use super::call::{Auth, Call, Site};
use super::interface::Provider;
use super::models;
use super::quirk::Quirks;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{SignatureOrigin, UpstreamCodec};
use crate::dialect::gemini::Gemini;
use crate::dialect::operation::Operation;
use crate::http::percent::encode_name;

const AUTH: Auth = Auth::Header("x-goog-api-key");

/// `gemini`
#[derive(Debug)]
pub struct GeminiApi;

impl Provider for GeminiApi {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn speaks(&self, caller_dialect: CallerDialect) -> bool {
        caller_dialect == CallerDialect::Gemini
    }

    fn signature_origin(&self) -> Option<SignatureOrigin> {
        Some(SignatureOrigin::Google)
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(Gemini)
    }

    /// A tuned model is in a collection of its own.
    fn call(&self, site: &Site<'_>, operation: Operation, model: &str) -> Option<Call> {
        let action = action(operation)?;
        let model = model.strip_prefix("models/").unwrap_or(model);
        let (collection, model) = match model.strip_prefix("tunedModels/") {
            Some(tuned) => ("tunedModels", tuned),
            None => ("models", model),
        };
        let base = versioned(site)?;
        Some(Call::post(format!("{base}/{collection}/{}:{action}", encode_name(model)), AUTH))
    }

    fn models(&self, site: &Site<'_>, next: Option<&str>) -> Option<Call> {
        let list = format!("{}/models", versioned(site)?);
        let list = models::page(list, "pageSize=1000", next.map(|next| ("pageToken", next)));
        Some(Call::get(list, AUTH))
    }
}

/// The base URL; without a version it gets `v1beta`.
fn versioned(site: &Site<'_>) -> Option<String> {
    let base = site.url?.base();
    let has_version = base.ends_with("/v1beta") || base.ends_with("/v1");
    Some(if has_version { base.to_owned() } else { format!("{base}/v1beta") })
}

/// The action after the colon; `None` for operations that neither of Google's services offers.
pub(super) fn action(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::CountTokens => Some("countTokens"),
        Operation::Chat { stream: true, .. } => Some("streamGenerateContent?alt=sse"),
        Operation::Chat { .. } => Some("generateContent"),
        _ => None,
    }
}
