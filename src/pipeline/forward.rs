//! Operations that have no dialects: embeddings, images, audio, rerank, moderations. The request goes to a provider that
//! offers the operation, the model's name spliced in where it has another there, and the answer comes back as it is.
//!
//! Uploads are streamed: of a multipart body only what stands before the end of its `model` field is taken in.

use futures::StreamExt;
use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::openai::response;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::multipart::{FieldScanner, Scan, boundary};
use nexus_edge_core::routing::endpoint::{self, Operation};
use nexus_edge_core::routing::{Candidate, Plan};
use nexus_edge_core::secrets::mask::redact;
use nexus_edge_core::stats::Outcome;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Response, ResponseBuilder, web_sys};

use super::relay::{self, has_body};
use super::settle::Settlement;
use super::upstream::{self, Connection};
use super::{admit, authenticate, native_responses, recognise};
use crate::exchange::Exchange;
use crate::platform::{bytes, new_ulid};
use crate::store::snapshot;

/// Most bytes of a multipart body that are taken in before its `model` field has come.
const MAX_MULTIPART_PREFIX: usize = 26 << 20;
/// An answer that says it is larger than this is passed on without a look at it.
const MAX_LOOKED_AT_BYTES: usize = 4 << 20;

/// Forwards a request for `operation`.
pub async fn forward(exchange: &Exchange, operation: Operation) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let conversation = recognise::named(exchange).unwrap_or_else(|| new_ulid(exchange.started_ms));
    let mut settlement = Settlement::begin(exchange, &principal, conversation);
    match serve(exchange, operation, &principal, &mut settlement).await {
        Ok((response, outcome)) => {
            settlement.finish(outcome);
            Ok(response)
        }
        Err(error) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
    }
}

async fn serve(
    exchange: &Exchange,
    operation: Operation,
    principal: &Principal,
    settlement: &mut Settlement,
) -> Result<(Response, Outcome), ApiError> {
    let content_type = exchange.header("content-type").unwrap_or_default();
    let (candidate, body, content_type) = if let Some(boundary) = boundary(&content_type) {
        let (candidate, body) = take_upload(exchange, boundary, principal, settlement).await?;
        (candidate, body, content_type.as_str())
    } else {
        let (candidate, body) = take_json(exchange, operation, principal, settlement).await?;
        (candidate, body, "application/json")
    };
    let call =
        endpoint::call(&candidate.upstream, operation, &candidate.upstream_model).ok_or_else(|| {
            let name = &candidate.upstream.record.name;
            let message = format!("The provider `{name}` of this model does not offer this operation.");
            ApiError::invalid("unsupported_operation", "model", message)
        })?;
    admit::admit(exchange, &candidate).await?;
    let request = upstream::build_request(exchange, &candidate, &call, body, content_type).await?;
    let (response, connection) = upstream::send(exchange, &candidate, request, || {}).await?;
    settlement.note_first_byte(exchange.elapsed_ms());
    answer(exchange, &candidate, response, connection, settlement).await
}

/// A body of JSON with the model's name.
async fn take_json(
    exchange: &Exchange,
    operation: Operation,
    principal: &Principal,
    settlement: &mut Settlement,
) -> Result<(Candidate, JsValue), ApiError> {
    let body = exchange.body().await?;
    let inbound = Inbound::parse_any(&body.bytes)?;
    let candidate = resolve(exchange, principal, &inbound.model, settlement).await?;
    settlement.note_prompt_estimate(inbound.estimate_prompt_tokens());
    let named = if operation == Operation::CompactResponse {
        native_responses::check_previous(exchange, principal, &inbound, &candidate).await?;
        endpoint::body_model(&candidate.upstream, &candidate.upstream_model)
    } else {
        None
    };
    let model = named.as_deref().unwrap_or(&candidate.upstream_model);
    let sent = body.to_js(inbound.native_body(model, false));
    Ok((candidate, sent.into()))
}

/// A multipart body: what came up to the model's name, the name itself, and the rest as a stream.
async fn take_upload(
    exchange: &Exchange,
    boundary: &str,
    principal: &Principal,
    settlement: &mut Settlement,
) -> Result<(Candidate, JsValue), ApiError> {
    let stream =
        exchange.body_stream()?.ok_or_else(|| ApiError::invalid_json("The request body is empty."))?;
    let mut chunks = bytes::into_chunks(stream);
    let mut scanner = FieldScanner::new(boundary, "model");
    let mut prefix = Vec::new();
    let missing = || {
        let message = "The required field `model` is missing from the form.";
        ApiError::invalid("missing_required_parameter", "model", message)
    };
    let model = loop {
        let Some(chunk) = chunks.next().await else { return Err(missing()) };
        let chunk: Uint8Array = chunk
            .map_err(|_| ApiError::invalid_json("The request body could not be read to its end."))?
            .unchecked_into();
        bytes::append(&mut prefix, &chunk);
        match scanner.scan(&prefix) {
            Scan::Found(range) => break range,
            Scan::Absent => return Err(missing()),
            Scan::NeedMore if prefix.len() > MAX_MULTIPART_PREFIX => {
                return Err(ApiError::too_large(MAX_MULTIPART_PREFIX));
            }
            Scan::NeedMore => {}
        }
    };
    let named = String::from_utf8_lossy(prefix.get(model.clone()).unwrap_or_default()).into_owned();
    let candidate = resolve(exchange, principal, &named, settlement).await?;
    if candidate.upstream_model != named {
        prefix.splice(model, candidate.upstream_model.bytes());
    }
    let first = futures::stream::once(async move { Ok(JsValue::from(Uint8Array::from(prefix.as_slice()))) });
    let sent = wasm_streams::ReadableStream::from_stream(first.chain(chunks)).into_raw();
    Ok((candidate, sent.into()))
}

async fn resolve(
    exchange: &Exchange,
    principal: &Principal,
    model: &str,
    settlement: &mut Settlement,
) -> Result<Candidate, ApiError> {
    settlement.note_request(model, false);
    let snapshot = snapshot::current(exchange).await?;
    let Plan { first, .. } = snapshot.resolve(model, principal)?;
    settlement.note_candidate(&first);
    settlement.admission =
        admit::model_limits(exchange, principal, &snapshot, model, first.price.as_ref()).await?;
    Ok(first)
}

/// The answer to a question about something that the provider keeps. Nothing is recorded of it.
pub async fn pass_on(
    exchange: &Exchange,
    candidate: &Candidate,
    response: web_sys::Response,
    connection: Connection,
) -> Result<Response, ApiError> {
    let status = response.status();
    let headers = relay::caller_headers(exchange, candidate, &response, exchange.elapsed_ms(), "");
    let builder = ResponseBuilder::new().with_status(status).with_headers(headers);
    if status < 400 && has_body(status) {
        connection.release();
        return Ok(match response.body() {
            Some(stream) => builder.stream(stream),
            None => builder.empty(),
        });
    }
    let body = relay::read_whole(candidate, &response).await?;
    connection.release();
    if !has_body(status) {
        return Ok(builder.empty());
    }
    let bytes = redact(&body.bytes, candidate.upstream.secrets()).unwrap_or_else(|| body.into_bytes());
    Ok(builder.fixed(bytes))
}

/// The answer as it is: looked at if it is JSON of a reasonable size, streamed past otherwise.
async fn answer(
    exchange: &Exchange,
    candidate: &Candidate,
    response: web_sys::Response,
    connection: Connection,
    settlement: &mut Settlement,
) -> Result<(Response, Outcome), ApiError> {
    let status = response.status();
    settlement.note_status(status);
    let conversation = settlement.conversation_id().to_owned();
    let headers = relay::caller_headers(exchange, candidate, &response, exchange.elapsed_ms(), &conversation);
    let given = |name: &str| response.headers().get(name).ok().flatten();
    let is_json = given("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    let is_large = given("content-length")
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > MAX_LOOKED_AT_BYTES);
    let builder = ResponseBuilder::new().with_status(status).with_headers(headers);
    if status < 400 && has_body(status) && (!is_json || is_large) {
        // The platform pumps it from now on, and closes the upstream if the caller leaves.
        connection.release();
        settlement.note_facts(&nexus_edge_core::dialect::pipe::StreamFacts::default());
        let response = match response.body() {
            Some(stream) => builder.stream(stream),
            None => builder.empty(),
        };
        return Ok((response, Outcome::Completed));
    }
    let body = relay::read_whole(candidate, &response).await?;
    connection.release();
    if !has_body(status) {
        return Ok((builder.empty(), Outcome::Completed));
    }
    if status >= 400 {
        let bytes = redact(&body.bytes, candidate.upstream.secrets()).unwrap_or_else(|| body.into_bytes());
        return Ok((builder.fixed(bytes), Outcome::Failed));
    }
    settlement.note_facts(&response::inspect(&body.bytes).unwrap_or_default());
    Ok((builder.fixed(body.into_bytes()), Outcome::Completed))
}
