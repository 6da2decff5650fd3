//! The token API: `POST /v1/tokenize`, `POST /v1/detokenize` and `POST /stats/estimate`.
//!
//! Names of models are resolved by the catalog, as for any request: tokens are counted for the upstream's model behind the
//! name. A name that is not configured is accepted if it is one of a well-known model.

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_counting::Tokenizer;
use nexus_edge_counting::api::{Detokenize, Estimate, MAX_BODY_BYTES, Tokenize};

use crate::exchange::{Exchange, json};
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::store::snapshot;

/// `POST /v1/tokenize`
pub async fn tokenize(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let body = exchange.body_up_to(MAX_BODY_BYTES).await?;
    let asked = Tokenize::parse(&body.bytes)?;
    json(200, &asked.answer(&model_behind(exchange, &principal, &asked.model).await?)?)
}

/// `POST /v1/detokenize`
pub async fn detokenize(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let body = exchange.body_up_to(MAX_BODY_BYTES).await?;
    let asked = Detokenize::parse(&body.bytes)?;
    json(200, &asked.answer(&model_behind(exchange, &principal, &asked.model).await?)?)
}

/// The model behind a name. A well-known model whose vocabulary is in the build need not be configured: counting needs no
/// upstream.
async fn model_behind(exchange: &Exchange, principal: &Principal, name: &str) -> Result<String, ApiError> {
    match snapshot::current(exchange).await?.resolve(name, principal) {
        Ok(plan) => Ok(plan.first.upstream_model),
        Err(_) if Tokenizer::for_model(name).is_exact() => Ok(name.to_owned()),
        Err(error) => Err(error),
    }
}

/// `POST /stats/estimate`: about how many tokens a text or messages are, without a model.
pub async fn estimate(exchange: &Exchange) -> Result<Response, ApiError> {
    json(200, &Estimate::of(&exchange.body_up_to(MAX_BODY_BYTES).await?.bytes)?)
}
