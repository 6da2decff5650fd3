//! Cohere's own API (<https://docs.cohere.com/reference/about>). Chats are asked of its second version; embeddings of its
//! address that is compatible with `OpenAI`, whose bodies the gateway forwards.

use super::call::{Auth, Call, Site};
use super::interface::Provider;
use super::models;
use super::quirk::Quirks;
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::cohere::Cohere;
use crate::dialect::operation::Operation;

const VERSION: &str = "v2";
const MAIN: &str = "chat";

/// `cohere`
#[derive(Debug)]
pub struct CohereApi;

impl Provider for CohereApi {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(Cohere)
    }

    fn call(&self, site: &Site<'_>, operation: Operation, _model: &str) -> Option<Call> {
        let url = match operation {
            Operation::Chat { .. } => site.endpoint(VERSION, MAIN, MAIN)?,
            // Its own form of the body is the one that callers of this endpoint use.
            Operation::Rerank => site.endpoint(VERSION, MAIN, "rerank")?,
            Operation::Embeddings => format!("{}/compatibility/v1/embeddings", root(site)?),
            _ => return None,
        };
        Some(Call::post(url, Auth::Bearer))
    }

    fn models(&self, site: &Site<'_>, next: Option<&str>) -> Option<Call> {
        let list = format!("{}/v1/models", root(site)?);
        let list = models::page(list, "endpoint=chat&page_size=1000", next.map(|next| ("page_token", next)));
        Some(Call::get(list, Auth::Bearer))
    }
}

/// The address without the version of its chats.
fn root<'a>(site: &Site<'a>) -> Option<&'a str> {
    let base = site.url?.base();
    Some(base.strip_suffix("/v2").unwrap_or(base))
}
