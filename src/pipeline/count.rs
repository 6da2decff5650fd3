//! Counts the tokens of a request without answering it.
//!
//! An upstream with the caller's dialect is asked, because it has the exact tokenizer; for others, and for upstreams
//! without such an endpoint, the gateway counts.

use std::collections::BTreeMap;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::dialect::operation::Operation;
use nexus_edge_core::dialect::responses::ResponsesRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::Call;
use nexus_edge_core::routing::Candidate;
use nexus_edge_counting::api::{InputTokens, count_in_dialect};

use super::guard::Guards;
use super::{authenticate, ownership, received, translate, upstream};
use crate::exchange::{Exchange, json};
use crate::platform::bytes::Body;
use crate::platform::http::Response;
use crate::store::snapshot;

/// How services answer that lack the endpoint; many have Anthropic's dialect for messages only.
const DOES_NOT_COUNT: [u16; 3] = [404, 405, 501];

/// `POST /v1/messages/count_tokens` and Gemini's `countTokens`.
pub async fn count_tokens(
    exchange: &Exchange,
    from_path: Option<FromPath<'_>>,
) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let body = exchange.body().await?;
    let model = Inbound::parse(exchange.caller_dialect, &body.bytes, from_path)?.model.into_owned();
    let snapshot = snapshot::current(exchange).await?;
    // The upstream that counts is sent the texts as well.
    let guarded = match Guards::of(exchange, &snapshot, &principal, &model) {
        Some(guards) => guards.request(&body.bytes).await?.map(Body::from_bytes),
        None => None,
    };
    let body = guarded.as_ref().unwrap_or(&body);
    let inbound = Inbound::parse(exchange.caller_dialect, &body.bytes, from_path)?;
    let candidate = snapshot.resolve(&inbound.model, &principal)?.first;
    snapshot.check_named(&principal, &inbound, false)?;
    let call = candidate.upstream.call(Operation::CountTokens, &candidate.upstream_model);
    if let Some(call) = call.filter(|_| candidate.upstream.provider().speaks(exchange.caller_dialect))
        && let Some(answer) = ask(exchange, &principal, &candidate, call, body, &inbound).await?
    {
        return Ok(answer);
    }
    let tokens = count_in_dialect(&inbound, &candidate.upstream_model)?;
    let name = if exchange.caller_dialect == CallerDialect::Gemini { "totalTokens" } else { "input_tokens" };
    json(200, &BTreeMap::from([(name, tokens)]))
}

/// The upstream's own answer; `None` if it does not have the endpoint.
async fn ask(
    exchange: &Exchange,
    principal: &Principal,
    candidate: &Candidate,
    call: Call,
    body: &Body,
    inbound: &Inbound<'_>,
) -> Result<Option<Response>, ApiError> {
    let named = inbound.references()?;
    ownership::check(exchange, principal, named.references.iter(), candidate).await?;
    let sent = body.to_js(inbound.native_body(&candidate.upstream_model, false));
    let request =
        upstream::build_request(exchange, principal, candidate, call, sent.into(), "application/json")
            .await?;
    let (response, connection) = upstream::send(exchange, candidate, &request).await?;
    let status = response.status;
    if DOES_NOT_COUNT.contains(&status) {
        return Ok(None);
    }
    let headers = received::caller_headers(exchange, candidate, &response, exchange.elapsed_ms());
    let body = received::read_whole(candidate, &response).await?;
    connection.release();
    if !received::has_body(status) {
        return Ok(Some(Response::empty(status, headers)));
    }
    Ok(Some(Response::new(status, headers, body.into_response())))
}

/// `POST /v1/responses/input_tokens`, including the turns of the response that the request continues.
pub async fn count_response_input(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let body = exchange.body().await?;
    let inbound = Inbound::parse(exchange.caller_dialect, &body.bytes, None)?;
    let snapshot = snapshot::current(exchange).await?;
    let candidate = snapshot.resolve(&inbound.model, &principal)?.first;
    let request = ResponsesRequest::parse(inbound.body, "")?;
    let request = translate::resolve(exchange, &principal, request).await?.request;
    json(200, &InputTokens::of(&candidate.upstream_model, &request))
}
