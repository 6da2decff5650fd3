//! Sends a request to an upstream, and holds the connection.

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::demo::DemoReply;
use nexus_edge_core::dialect::openai::request::ChatRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::headers::forwards_to_upstream;
use nexus_edge_core::provider::call::with_query;
use nexus_edge_core::provider::{Auth, Call};
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::routing::{Candidate, Upstream, UpstreamKey};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, web_sys};

use super::failed::AttemptError;
use super::service_account;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::{self, Headers, Received, Response};
use crate::platform::log_error;
use crate::platform::promise::Timer;

/// A request to an upstream in progress. Dropping it closes the connection, so that a request whose caller has left,
/// or that timed out, costs nothing more.
pub struct Connection {
    controller: Option<AbortController>,
}

impl Connection {
    /// For an answer without a connection.
    pub fn none() -> Self {
        Self { controller: None }
    }

    /// Whether the answer comes over a network.
    pub fn is_remote(&self) -> bool {
        self.controller.is_some()
    }

    /// Releases a connection whose answer was read to its end: there is nothing left to close.
    pub fn release(mut self) {
        self.controller = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(controller) = self.controller.take() {
            controller.abort();
        }
    }
}

/// The error for an operation that the provider does not offer.
pub fn cannot(candidate: &Candidate) -> AttemptError {
    let name = &candidate.upstream.record.name;
    let message = format!("The provider `{name}` cannot do this as it is configured.");
    AttemptError::new(Failure::CapabilityMismatch, ApiError::unavailable("provider_unavailable", message))
}

/// A request to be sent.
pub struct OutboundRequest {
    url: String,
    method: &'static str,
    headers: Headers,
    body: JsValue,
}

/// Sends a request and waits for the head of the answer.
pub async fn send(
    exchange: &Exchange,
    candidate: &Candidate,
    request: &OutboundRequest,
) -> Result<(Received, Connection), AttemptError> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let caller = exchange.caller_signal();
    let connection = Connection { controller: Some(controller) };
    let sending = http::fetch(http::Sent {
        url: &request.url,
        method: request.method,
        headers: &request.headers,
        body: &request.body,
        signal: Some(&signal),
        other_signal: caller.as_ref(),
    });
    let sent = within(sending, candidate.first_byte_timeout_ms).await?;
    let name = &candidate.upstream.record.name;
    let response = sent.map_err(|error| {
        log_error("upstream unreachable", &format_args!("provider {name}: {}", worker::Error::from(error)));
        AttemptError::unreachable(format!("The provider `{name}` cannot be reached."))
    })?;
    if (300..400).contains(&response.status) {
        // A redirect would send the provider's key to an address that was not configured.
        let message = format!("The provider `{name}` answered with a redirect. Check its server_url.");
        return Err(AttemptError::unreadable(message));
    }
    Ok((response, connection))
}

/// Waits with a time-out for an upstream.
pub async fn within<T>(sending: impl Future<Output = T>, timeout_ms: u32) -> Result<T, AttemptError> {
    pin_mut!(sending);
    match select(sending, Timer::after_ms(timeout_ms.into())).await {
        Either::Left((sent, _)) => Ok(sent),
        Either::Right(_) => {
            let error = ApiError::upstream_timeout("answer", timeout_ms);
            Err(AttemptError::new(Failure::FirstByteTimeout, error))
        }
    }
}

/// The request for a candidate; the body is bytes or a stream.
pub async fn build_request(
    exchange: &Exchange,
    candidate: &Candidate,
    call: Call,
    body: JsValue,
    content_type: &str,
) -> Result<OutboundRequest, AttemptError> {
    let headers = Headers::new();
    for (name, value) in exchange.headers().iter().filter(|(name, _)| forwards_to_upstream(name)) {
        set_header(&headers, name, value);
    }
    set_header(&headers, "content-type", content_type);
    if call.is_stream {
        // A compressed stream would be delayed by the compressor's buffer.
        set_header(&headers, "accept-encoding", "identity");
    }
    let provider = candidate.upstream.provider();
    let speaks = provider.speaks(exchange.face);
    for (name, value) in &call.headers {
        // Version headers of a caller with the same dialect are forwarded unchanged.
        if !speaks || !headers.has(name) {
            set_header(&headers, name, value);
        }
    }
    authorize(&headers, &candidate.upstream, candidate.key(), call.auth).await?;
    // The query contains versions of the dialect, too (`?beta=true`).
    let takes_query = speaks && provider.takes_callers_query();
    let query = exchange.query_string().filter(|_| takes_query).unwrap_or_default();
    let Call { url, method, .. } = call;
    Ok(OutboundRequest { url: with_query(url, query), method, headers, body })
}

/// Adds the credentials, and the headers of the provider's configuration, which take precedence.
pub async fn authorize(
    headers: &Headers,
    upstream: &Upstream,
    key: Option<&UpstreamKey>,
    auth: Auth,
) -> Result<(), AttemptError> {
    if let Some(UpstreamKey { key, .. }) = key {
        match auth {
            Auth::ServiceAccount => {
                let token = service_account::token(&upstream.record, key).await;
                let token = token.map_err(|error| AttemptError::new(Failure::Transport, error))?;
                set_header(headers, "authorization", &format!("Bearer {token}"));
            }
            _ => {
                if let Some((name, value)) = auth.header(key) {
                    set_header(headers, name, &value);
                }
            }
        }
    }
    for (name, value) in &upstream.headers {
        set_header(headers, name, value);
    }
    Ok(())
}

/// The embedded provider's answer, in the form of any other upstream's.
pub fn demo_response(
    exchange: &Exchange,
    candidate: &Candidate,
    model: &str,
    body: &[u8],
) -> Result<web_sys::Response, ApiError> {
    let internal = |error: JsValue| {
        log_error("demo", &worker::Error::from(error));
        ApiError::internal()
    };
    let request = ChatRequest::parse(body)?;
    let reply = DemoReply::new(&candidate.upstream_model, &request);
    let id = format!("chatcmpl-{}", exchange.request_id);
    let created = exchange.started_ms / 1000;
    let headers = Headers::new();
    if !request.stream {
        set_header(&headers, "content-type", "application/json");
        let body = reply.to_json(&id, created, model);
        return Response::bytes(200, headers, body).into_js().map_err(internal);
    }
    set_header(&headers, "content-type", "text/event-stream; charset=utf-8");
    let pause = u64::from(reply.pause_ms);
    let events = reply.to_events(&id, created, model, true);
    let stream = futures::stream::unfold(events.into_iter(), move |mut events| async move {
        let event = events.next()?;
        if pause > 0 {
            Timer::after_ms(pause).await;
        }
        Some((Ok::<JsValue, JsValue>(Uint8Array::from(event.as_slice()).into()), events))
    });
    let stream = wasm_streams::ReadableStream::from_stream(stream).into_raw();
    Response::stream(200, headers, stream).into_js().map_err(internal)
}
