//! Counting the tokens of a request without answering it.
//!
//! An upstream that speaks the caller's dialect is asked itself, because only it knows its tokenizer; for any other the
//! count is an estimate.

use nexus_edge_core::dialect::face::Face;
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::endpoint::{self, Operation};
use nexus_edge_core::secrets::mask::redact;
use worker::{Response, ResponseBuilder};

use super::{authenticate, relay, upstream};
use crate::exchange::{Exchange, json};
use crate::store::snapshot;

/// `POST /v1/messages/count_tokens` and Gemini's `countTokens`.
pub async fn count_tokens(
    exchange: &Exchange,
    from_path: Option<FromPath<'_>>,
) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let body = exchange.body().await?;
    let inbound = Inbound::parse(exchange.face, &body.bytes, from_path)?;
    let snapshot = snapshot::current(exchange).await?;
    let candidate = snapshot.resolve(&inbound.model, &principal)?.first;
    let kind = candidate.upstream.record.kind;
    let call = endpoint::call(&candidate.upstream, Operation::CountTokens, &candidate.upstream_model);
    let Some(call) = call.filter(|_| exchange.face.is_native_to(kind)) else {
        return answer_estimate(exchange.face, inbound.estimate_prompt_tokens());
    };
    let sent = body.to_js(inbound.native_body(&candidate.upstream_model, false));
    let request =
        upstream::build_request(exchange, &candidate, &call, sent.into(), "application/json").await?;
    let (response, connection) = upstream::send(exchange, &candidate, request, || {}).await?;
    let status = response.status();
    let headers = relay::caller_headers(exchange, &candidate, &response, exchange.elapsed_ms(), "");
    let body = relay::read_whole(&candidate, &response).await?;
    connection.release();
    let builder = ResponseBuilder::new().with_status(status).with_headers(headers);
    if !relay::has_body(status) {
        return Ok(builder.empty());
    }
    let bytes = redact(&body.bytes, candidate.upstream.secrets()).unwrap_or_else(|| body.into_bytes());
    Ok(builder.fixed(bytes))
}

fn answer_estimate(face: Face, tokens: u64) -> Result<Response, ApiError> {
    let name = if face == Face::Gemini { "totalTokens" } else { "input_tokens" };
    json(200, &std::collections::BTreeMap::from([(name, tokens)]))
}
