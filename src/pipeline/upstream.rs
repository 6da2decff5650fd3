//! Builds the request to an upstream: what of the caller's request it contains, and how it is authenticated.

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::hops;
use nexus_edge_core::http::passing::to_upstream;
use nexus_edge_core::provider::bedrock::signed_headers;
use nexus_edge_core::provider::call::with_query;
use nexus_edge_core::provider::{Auth, Call};
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::routing::{Candidate, Upstream, UpstreamKey};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};

use super::failed::AttemptError;
use super::service_account;
use super::transport::{self, Connection, OutboundRequest};
use super::upload::Progress;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::{Headers, Received};
use crate::platform::{now_ms, random_bytes, rarely};

/// The error for an operation that the provider does not offer.
pub fn cannot(candidate: &Candidate) -> AttemptError {
    let name = &candidate.upstream.record.name;
    let message = format!("The provider `{name}` cannot do this as it is configured.");
    AttemptError::new(Failure::CapabilityMismatch, ApiError::unavailable("provider_unavailable", message))
}

/// Sends a request to a candidate and waits for the head of the answer. It is closed when the caller disconnects.
pub async fn send(
    exchange: &Exchange,
    candidate: &Candidate,
    request: &OutboundRequest,
) -> Result<(Received, Connection), AttemptError> {
    let caller = exchange.caller_signal();
    transport::send(&candidate.upstream, request, candidate.first_byte_timeout_ms, caller.as_ref()).await
}

/// The same for an upload, whose caller may take longer to send it than an upstream may to answer.
pub async fn send_upload(
    exchange: &Exchange,
    candidate: &Candidate,
    request: &OutboundRequest,
    progress: Progress,
) -> Result<(Received, Connection), AttemptError> {
    let caller = exchange.caller_signal();
    let failure = progress.failure(candidate.first_byte_timeout_ms);
    transport::send_until(&candidate.upstream, request, failure, caller.as_ref()).await
}

/// The request of `principal` for a candidate; the body is bytes or a stream.
pub async fn build_request(
    exchange: &Exchange,
    principal: &Principal,
    candidate: &Candidate,
    call: Call,
    body: JsValue,
    content_type: &str,
) -> Result<OutboundRequest, AttemptError> {
    let headers = Headers::new();
    let owner = [principal.key_id.as_str(), call.url.as_str(), candidate.upstream_model.as_str()];
    for (name, value) in exchange.headers().iter() {
        if let Some(value) = to_upstream(name, value, &owner) {
            set_header(&headers, name, &value);
        }
    }
    if let Some(trace) = &exchange.trace {
        // In place of the caller's: the attempt is a span of its own.
        let (provider, model) = (&candidate.upstream.record.name, &candidate.upstream_model);
        let span = random_bytes().unwrap_or_default();
        set_header(&headers, "traceparent", &trace.send(provider, model, now_ms(), span));
    }
    let passed = exchange.header(hops::HEADER);
    set_header(&headers, hops::HEADER, &hops::extended(passed.as_deref(), &exchange.settings.deployment));
    set_header(&headers, "content-type", content_type);
    if call.is_stream {
        // A compressed stream would be delayed by the compressor's buffer.
        set_header(&headers, "accept-encoding", "identity");
    }
    let provider = candidate.upstream.provider();
    let speaks = provider.speaks(exchange.caller_dialect);
    let query = exchange.query_to(provider);
    for (name, value) in &call.headers {
        // Version headers of a caller with the same dialect are forwarded unchanged.
        if !speaks || !headers.has(name) {
            set_header(&headers, name, value);
        }
    }
    let Call { url, method, auth, .. } = call;
    let request = OutboundRequest { url: with_query(url, &query), method, headers, body };
    authorize(&request, &candidate.upstream, candidate.key(), auth).await?;
    Ok(request)
}

/// Adds the credentials, and the headers of the provider's configuration, which take precedence. The rest of the request must
/// be complete.
pub async fn authorize(
    request: &OutboundRequest,
    upstream: &Upstream,
    key: Option<&UpstreamKey>,
    auth: Auth,
) -> Result<(), AttemptError> {
    let headers = &request.headers;
    if let Some(UpstreamKey { key, .. }) = key {
        let key = key.expose();
        match (auth.header(key), auth) {
            (Some((name, value)), _) => set_header(headers, name, &value),
            (None, Auth::AwsSignature) => sign(request, upstream, key)?,
            (None, _) => {
                let token = rarely(service_account::token(upstream, key)).await?;
                set_header(headers, "authorization", &format!("Bearer {}", token.expose()));
            }
        }
    }
    for (name, value) in &upstream.headers {
        set_header(headers, name, value.expose());
    }
    Ok(())
}

/// Signs a request. Its body is bytes, or there is none: no operation of a service that wants signatures is an upload.
#[inline(never)]
fn sign(request: &OutboundRequest, upstream: &Upstream, key: &str) -> Result<(), AttemptError> {
    let OutboundRequest { url, method, headers, body } = request;
    let body = body.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
    let signed = signed_headers(key, method, url, &body, now_ms()).map_err(|reason| {
        let name = &upstream.record.name;
        let message = format!("The provider `{name}` cannot be used as it is configured: the key {reason}.");
        AttemptError::new(Failure::CapabilityMismatch, ApiError::unavailable("provider_unavailable", message))
    })?;
    for (name, value) in signed {
        if let Some((_, signature)) = value.rsplit_once("Signature=") {
            upstream.guard.note_signature(signature);
        }
        set_header(headers, name, &value);
    }
    Ok(())
}
