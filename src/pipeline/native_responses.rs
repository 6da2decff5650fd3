//! The Responses API of providers that have it: requests and answers pass through unchanged, so that server tools,
//! background responses and encrypted reasoning work.
//!
//! The gateway records which provider and which key a response belongs to. It reveals no id of another key: the
//! provider's account is shared by all keys.

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::references::{Named, in_answer};
use nexus_edge_core::dialect::responses::{Kept, KeptElsewhere};
use nexus_edge_core::dialect::translation::Translation;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::passing::query_to_upstream;
use nexus_edge_core::json::object::as_str;
use nexus_edge_core::provider::{Quirk, ResponseAction};
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::retry::Failure;
use worker::wasm_bindgen::JsValue;

use super::failed::AttemptError;
use super::{ownership, received, upstream};
use crate::exchange::Exchange;
use crate::platform::http::Response;
use crate::platform::log_error;
use crate::store::{issued, responses, snapshot};

/// The pass-through for a candidate with the same dialect; `None` if it has another, or if the request continues a
/// response that the gateway stores.
pub async fn translate(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    named: &Named,
    candidate: &Candidate,
) -> Result<Option<Translation>, AttemptError> {
    let provider = &candidate.upstream.record;
    if !provider.has_quirk(Quirk::Responses) {
        return Ok(None);
    }
    let mut known_as = None;
    if let Some(previous) = previous_of(inbound) {
        match responses::find(&exchange.env, &principal.key_id, &previous).await? {
            Some(Kept::Elsewhere(kept)) if kept.kept_by == provider.uid => {
                known_as = Some(kept.id).filter(|id| *id != previous);
            }
            Some(Kept::Elsewhere(_)) => return Err(kept_by_another(&previous)),
            // It was created in translation, so its turns are stored here only.
            Some(Kept::Here(_)) => return Ok(None),
            None => return Err(no_previous(&previous).into()),
        }
    }
    ownership::check(exchange, principal, named.references.iter(), candidate).await?;
    let translation = Translation::native(inbound, false);
    let translation = match known_as {
        Some(id) => translation.continuing(id),
        None => translation,
    };
    Ok(Some(match candidate.upstream.body_model(&candidate.upstream_model) {
        Some(model) => translation.naming(model),
        None => translation,
    }))
}

/// Whether the provider stores the answer, which is the default.
pub fn is_stored(inbound: &Inbound<'_>) -> bool {
    inbound.field("store").is_none_or(|value| value.get() != "false")
}

/// Refuses an id of another key in the body of a forwarded operation.
pub async fn check_previous(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    candidate: &Candidate,
) -> Result<(), AttemptError> {
    let Some(previous) = previous_of(inbound) else { return Ok(()) };
    match responses::find(&exchange.env, &principal.key_id, &previous).await? {
        Some(Kept::Elsewhere(kept)) if kept.kept_by == candidate.upstream.record.uid => Ok(()),
        Some(_) => Err(kept_by_another(&previous)),
        None => Err(no_previous(&previous).into()),
    }
}

/// Sends a request about a stored response to the provider that stores it, and returns its answer.
pub async fn ask_keeper(
    exchange: &Exchange,
    principal: &Principal,
    kept: &KeptElsewhere,
    action: ResponseAction,
) -> Result<Response, ApiError> {
    let gone = || {
        let message = "The provider that keeps this response is no longer offered to this key.";
        ApiError::unavailable("provider_unavailable", message)
    };
    let snapshot = snapshot::current(exchange).await?;
    let candidate = snapshot.candidate_at(&kept.kept_by, principal).ok_or_else(gone)?;
    let query = exchange.query_string().map(query_to_upstream);
    let call = candidate.upstream.kept_response(&kept.id, action, query.as_deref());
    let call = call.ok_or_else(gone)?;
    let request = upstream::build_request(
        exchange,
        principal,
        &candidate,
        call,
        JsValue::UNDEFINED,
        "application/json",
    )
    .await?;
    let (response, connection) = upstream::send(exchange, &candidate, &request).await?;
    let is_json =
        response.header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    if action != ResponseAction::Get || response.status != 200 || !is_json {
        return received::pass_on(exchange, &candidate, response, connection).await;
    }
    // What came about in a background response is seen here first.
    let headers = received::caller_headers(exchange, &candidate, &response, exchange.elapsed_ms());
    let body = received::read_whole(&candidate, &response).await?;
    connection.release();
    let ids = in_answer(CallerDialect::OpenaiResponses, &body.bytes);
    if let Err(error) = issued::put(&exchange.env, &principal.key_id, &kept.kept_by, &ids).await {
        log_error("ids are not noted", &error);
    }
    Ok(Response::new(200, headers, body.into_response()))
}

/// The error for a response that does not exist, or belongs to another key.
pub fn no_previous(id: &str) -> ApiError {
    let message = format!("There is no response with the id `{}`.", shown(id));
    ApiError::not_found("previous_response_not_found", message).with_param("previous_response_id")
}

/// The failure for a response that another provider than this candidate stores. That one may be among the candidates.
pub fn kept_by_another(id: &str) -> AttemptError {
    let message = format!(
        "The response `{}` is kept by a provider that does not serve this model. Send the turns before instead.",
        shown(id)
    );
    let error = ApiError::invalid("previous_response_kept_elsewhere", "previous_response_id", message);
    AttemptError::new(Failure::CapabilityMismatch, error)
}

fn previous_of(inbound: &Inbound<'_>) -> Option<String> {
    Some(as_str(inbound.field("previous_response_id")?)?.into_owned())
}

fn shown(id: &str) -> String {
    id.chars().take(100).collect()
}
