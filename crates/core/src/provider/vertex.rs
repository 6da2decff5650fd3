//! Google's Gemini models in a Vertex AI project (<https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest>).
//! The key is the JSON of a service account; the base address names project and location.

use super::call::{Auth, Call, Site, origin};
use super::gemini::action;
use super::interface::Provider;
use super::models;
use super::quirk::Quirks;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{SignatureOrigin, UpstreamCodec};
use crate::dialect::gemini::Vertex;
use crate::dialect::operation::Operation;
use crate::http::percent::encode_name;

/// `vertex`
#[derive(Debug)]
pub struct VertexAi;

impl Provider for VertexAi {
    fn name(&self) -> &'static str {
        "vertex"
    }

    fn speaks(&self, caller_dialect: CallerDialect) -> bool {
        caller_dialect == CallerDialect::Gemini
    }

    fn signature_origin(&self) -> Option<SignatureOrigin> {
        Some(SignatureOrigin::Google)
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(Vertex)
    }

    fn call(&self, site: &Site<'_>, operation: Operation, model: &str) -> Option<Call> {
        let action = action(operation)?;
        let base = site.url?.base().trim_end_matches("/publishers/google");
        let model = encode_name(model.strip_prefix("models/").unwrap_or(model));
        let url = format!("{base}/publishers/google/models/{model}:{action}");
        Some(Call::post(url, Auth::ServiceAccount))
    }

    fn models(&self, site: &Site<'_>, next: Option<&str>) -> Option<Call> {
        let list = format!("{}/v1beta1/publishers/google/models", origin(site.url?.base())?);
        let list = models::page(list, "pageSize=200", next.map(|next| ("pageToken", next)));
        Some(Call::get(list, Auth::ServiceAccount))
    }
}
