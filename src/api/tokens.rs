//! The token API: `POST /v1/tokenize`, `POST /v1/detokenize` and `POST /stats/estimate`.
//!
//! What a model's name means comes from the catalog, as for any request: a caller asks for the model that it uses, and
//! is answered for the one behind it.

use nexus_edge_core::error::ApiError;
use nexus_edge_counting::api::{Detokenize, Estimate, MAX_BODY_BYTES, Tokenize};
use worker::Response;

use crate::exchange::{Exchange, json};
use crate::pipeline::authenticate::authenticate;
use crate::store::snapshot;

/// `POST /v1/tokenize`
pub async fn tokenize(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let body = exchange.body_up_to(MAX_BODY_BYTES).await?;
    let asked = Tokenize::parse(&body.bytes)?;
    let plan = snapshot::current(exchange).await?.resolve(&asked.model, &principal)?;
    json(200, &asked.answer(&plan.first.upstream_model)?)
}

/// `POST /v1/detokenize`
pub async fn detokenize(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let body = exchange.body_up_to(MAX_BODY_BYTES).await?;
    let asked = Detokenize::parse(&body.bytes)?;
    let plan = snapshot::current(exchange).await?.resolve(&asked.model, &principal)?;
    json(200, &asked.answer(&plan.first.upstream_model)?)
}

/// `POST /stats/estimate`: about how many tokens a text or messages are, without a model.
pub async fn estimate(exchange: &Exchange) -> Result<Response, ApiError> {
    json(200, &Estimate::of(&exchange.body_up_to(MAX_BODY_BYTES).await?.bytes)?)
}
