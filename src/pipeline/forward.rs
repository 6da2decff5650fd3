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
use nexus_edge_core::routing::endpoint::{self, Call, Operation};
use nexus_edge_core::routing::retry::{self, Failure, Outcomes};
use nexus_edge_core::routing::route::DEFAULT_MAX_ATTEMPTS;
use nexus_edge_core::routing::{Candidate, Plan};
use nexus_edge_core::secrets::mask::redact;
use nexus_edge_core::stats::{AttemptRecord, Outcome};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Response, ResponseBuilder, web_sys};

use super::relay::{self, has_body};
use super::settle::Settlement;
use super::upstream::{self, Connection};
use super::upstream_health::{Hold, with_board};
use super::{admit, authenticate, failover, native_responses, recognise};
use crate::exchange::Exchange;
use crate::platform::bytes::{self, Body};
use crate::platform::{new_ulid, now_ms};
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
    let Some(boundary) = boundary(&content_type) else {
        return serve_json(exchange, operation, principal, settlement).await;
    };
    // An upload is streamed, so it can be sent only once.
    let (candidate, body) = take_upload(exchange, boundary, principal, settlement).await?;
    let call = call_of(&candidate, operation)?;
    admit::admit(exchange, &candidate).await?;
    let request = upstream::build_request(exchange, &candidate, &call, body, &content_type).await?;
    let (response, connection) = upstream::send(exchange, &candidate, request, || {}).await?;
    settlement.note_first_byte(exchange.elapsed_ms());
    answer(exchange, &candidate, response, connection, settlement).await
}

fn call_of(candidate: &Candidate, operation: Operation) -> Result<Call, ApiError> {
    endpoint::call(&candidate.upstream, operation, &candidate.upstream_model).ok_or_else(|| {
        let name = &candidate.upstream.record.name;
        let message = format!("The provider `{name}` of this model does not offer this operation.");
        ApiError::invalid("unsupported_operation", "model", message)
    })
}

/// A body of JSON goes to one candidate after the other until one answers with something that another would not make
/// better.
async fn serve_json(
    exchange: &Exchange,
    operation: Operation,
    principal: &Principal,
    settlement: &mut Settlement,
) -> Result<(Response, Outcome), ApiError> {
    let body = exchange.body().await?;
    let inbound = Inbound::parse_any(&body.bytes)?;
    let Plan { first, rest } = plan(exchange, principal, &inbound.model, settlement).await?;
    settlement.note_prompt_estimate(inbound.estimate_prompt_tokens());
    let candidates: Vec<Candidate> =
        std::iter::once(first).chain(rest).take(DEFAULT_MAX_ATTEMPTS as usize).collect();
    let mut error = None;
    for (index, candidate) in candidates.iter().enumerate() {
        let is_last = index + 1 == candidates.len();
        match ask(exchange, operation, principal, candidate, &inbound, &body, settlement).await {
            Ok((response, connection, hold)) => {
                let verdict = retry::classify(Failure::Status(response.status()), None, None, &[]);
                let failed = response.status() >= 400;
                hold.end(if failed { verdict.outcomes(None, true) } else { Outcomes::SUCCESS });
                settlement.note_attempt(AttemptRecord {
                    status: Some(response.status()),
                    error_class: failed.then(|| verdict.class.word().to_owned()),
                    ..failover::record_of(candidate)
                });
                if is_last || !failed || !verdict.may_go_on() {
                    return answer(exchange, candidate, response, connection, settlement).await;
                }
                // The connection is closed by being dropped.
            }
            Err(refusal) if exchange.caller_gone().aborted() => return Err(refusal),
            Err(refusal) => {
                settlement.note_attempt(AttemptRecord {
                    error_class: Some(refusal.code.to_owned()),
                    ..failover::record_of(candidate)
                });
                error = Some(refusal);
            }
        }
    }
    Err(error.unwrap_or_else(ApiError::internal))
}

async fn ask(
    exchange: &Exchange,
    operation: Operation,
    principal: &Principal,
    candidate: &Candidate,
    inbound: &Inbound<'_>,
    body: &Body,
    settlement: &mut Settlement,
) -> Result<(web_sys::Response, Connection, Hold), ApiError> {
    settlement.note_candidate(candidate);
    let call = call_of(candidate, operation)?;
    let named = if operation == Operation::CompactResponse {
        native_responses::check_previous(exchange, principal, inbound, candidate).await?;
        endpoint::body_model(&candidate.upstream, &candidate.upstream_model)
    } else {
        None
    };
    let hold = Hold::begin_anyway(failover::targets_of(candidate));
    admit::admit(exchange, candidate).await?;
    let model = named.as_deref().unwrap_or(&candidate.upstream_model);
    let sent = body.to_js(inbound.native_body(model, false));
    let request =
        upstream::build_request(exchange, candidate, &call, sent.into(), "application/json").await?;
    match upstream::send(exchange, candidate, request, || {}).await {
        Ok((response, connection)) => {
            settlement.note_first_byte(exchange.elapsed_ms());
            Ok((response, connection, hold))
        }
        // It was the caller who broke off: nobody is to blame.
        Err(error) if exchange.caller_gone().aborted() => Err(error),
        Err(error) => {
            hold.end(retry::classify(Failure::Transport, None, None, &[]).outcomes(None, true));
            Err(error)
        }
    }
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
    let candidate = plan(exchange, principal, &named, settlement).await?.first;
    if candidate.upstream_model != named {
        prefix.splice(model, candidate.upstream_model.bytes());
    }
    let first = futures::stream::once(async move { Ok(JsValue::from(Uint8Array::from(prefix.as_slice()))) });
    let sent = wasm_streams::ReadableStream::from_stream(first.chain(chunks)).into_raw();
    Ok((candidate, sent.into()))
}

/// Whom to ask for the model: those that are well before those that are not.
async fn plan(
    exchange: &Exchange,
    principal: &Principal,
    model: &str,
    settlement: &mut Settlement,
) -> Result<Plan, ApiError> {
    settlement.note_request(model, false);
    let snapshot = snapshot::current(exchange).await?;
    let Plan { first, rest } = snapshot.resolve(model, principal)?;
    let mut candidates: Vec<Candidate> = std::iter::once(first.clone()).chain(rest).collect();
    let now = now_ms();
    with_board(|board| {
        let is_blocked = |target: &str| board.blocked_until_ms(target, now).is_some();
        candidates.sort_by_key(|candidate| {
            is_blocked(&candidate.upstream.record.uid) || is_blocked(&candidate.target)
        });
    });
    let mut candidates = candidates.into_iter();
    let first = candidates.next().unwrap_or(first);
    settlement.note_candidate(&first);
    settlement.admission =
        admit::model_limits(exchange, principal, &snapshot, model, first.price.as_ref()).await?;
    Ok(Plan { first, rest: candidates.collect() })
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
