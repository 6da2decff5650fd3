//! The network transport to providers. Everything that the gateway sends to a provider passes through here, so that
//! all of it has a time-out, is closed as soon as it is not needed any more, and never follows a redirect.
//!
//! | what | time-out |
//! |---|---|
//! | chats, forwarded operations, requests about stored responses | the candidate's `first_byte_timeout_ms` until the headers ([`send`]); then its `idle_timeout_ms` for each chunk, and half an hour for an unstreamed answer |
//! | uploads of callers | the same, from the moment that the upstream has what the caller has sent; the caller has the limit of `http::pace` |
//! | uploads to a Dify app (all of a request together), and its stop request | the candidate's `first_byte_timeout_ms` until the last byte ([`whole`]) |
//! | the exchange of a service account for a token | the same of the provider, and 10 s at most |
//! | probes, lists of models | 20 s until the last byte |

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Upstream;
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::secrets::redactor::Place;
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, web_sys};

use super::failed::AttemptError;
use crate::platform::bytes::{self, Body, ReadError};
use crate::platform::http::{self, Headers, Received};
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

/// A request to be sent.
pub struct OutboundRequest {
    /// The URL.
    pub url: String,
    /// In upper case.
    pub method: &'static str,
    /// The headers, with authentication.
    pub headers: Headers,
    /// Bytes or a stream; `undefined` for none.
    pub body: JsValue,
}

/// Sends a request to this provider and waits at most `timeout_ms` milliseconds for the headers of the answer.
/// `caller` aborts it, too.
pub async fn send(
    upstream: &Upstream,
    request: &OutboundRequest,
    timeout_ms: u32,
    caller: Option<&web_sys::AbortSignal>,
) -> Result<(Received, Connection), AttemptError> {
    send_until(upstream, request, timed_out(timeout_ms), caller).await
}

/// The same; it ends with the failure of `given_up` when that completes.
pub async fn send_until(
    upstream: &Upstream,
    request: &OutboundRequest,
    given_up: impl Future<Output = AttemptError>,
    caller: Option<&web_sys::AbortSignal>,
) -> Result<(Received, Connection), AttemptError> {
    let name = &upstream.record.name;
    let controller = AbortController::default();
    let signal = controller.signal();
    let connection = Connection { controller: Some(controller) };
    let sending = http::fetch(http::Sent {
        url: &request.url,
        method: request.method,
        headers: &request.headers,
        body: &request.body,
        signal: Some(&signal),
        other_signal: caller,
    });
    let response = until(sending, given_up).await?.map_err(|error| {
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

/// An answer that was read to its end.
pub struct Whole {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a request to this provider and reads the answer, of at most `max_bytes`, within `limit_ms`
/// milliseconds in total. The upstream's secrets are masked.
pub async fn whole(
    upstream: &Upstream,
    request: &OutboundRequest,
    limit_ms: u32,
    max_bytes: usize,
) -> Result<Whole, AttemptError> {
    let mut answer = whole_with_secrets(upstream, request, limit_ms, max_bytes).await?;
    let redactor = upstream.redactor(place_of(answer.status));
    answer.body = redactor.clean(&answer.body).unwrap_or(answer.body);
    Ok(answer)
}

/// The same for an answer whose purpose is a secret. Nothing of it may be told or logged as it is.
pub async fn whole_with_secrets(
    upstream: &Upstream,
    request: &OutboundRequest,
    limit_ms: u32,
    max_bytes: usize,
) -> Result<Whole, AttemptError> {
    let asking = async {
        let (response, connection) = send(upstream, request, limit_ms, None).await?;
        let body = read_as_it_is(upstream, &response, max_bytes).await?;
        connection.release();
        Ok(Whole { status: response.status, body })
    };
    within(asking, limit_ms).await?
}

/// Where an answer with this status will be read.
pub fn place_of(status: u16) -> Place {
    if status < 400 { Place::Content } else { Place::Report }
}

/// Reads a body of at most `max_bytes`, without a time-out of its own. The upstream's secrets are masked.
pub async fn read(
    upstream: &Upstream,
    response: &Received,
    max_bytes: usize,
) -> Result<Vec<u8>, AttemptError> {
    let body = read_as_it_is(upstream, response, max_bytes).await?;
    Ok(upstream.redactor(place_of(response.status)).clean(&body).unwrap_or(body))
}

async fn read_as_it_is(
    upstream: &Upstream,
    response: &Received,
    max_bytes: usize,
) -> Result<Vec<u8>, AttemptError> {
    let Some(stream) = response.body() else { return Ok(Vec::new()) };
    let read = bytes::read_chunks(stream, max_bytes, None).await;
    let name = &upstream.record.name;
    read.map(Body::into_bytes).map_err(|error| match error {
        ReadError::TooLarge => {
            AttemptError::unreadable(format!("The answer of the provider `{name}` is too long."))
        }
        ReadError::Broken | ReadError::Idle => {
            AttemptError::unreachable(format!("The provider `{name}` broke off its answer."))
        }
    })
}

/// Waits at most `timeout_ms` milliseconds for an upstream.
pub async fn within<T>(sending: impl Future<Output = T>, timeout_ms: u32) -> Result<T, AttemptError> {
    until(sending, timed_out(timeout_ms)).await
}

/// Waits for an upstream until it is given up. If both are ready, the failure is the reason for what was sent.
async fn until<T>(
    sending: impl Future<Output = T>,
    given_up: impl Future<Output = AttemptError>,
) -> Result<T, AttemptError> {
    pin_mut!(sending, given_up);
    match select(given_up, sending).await {
        Either::Left((failed, _)) => Err(failed),
        Either::Right((sent, _)) => Ok(sent),
    }
}

/// Completes with the failure of an upstream that did not answer in time.
async fn timed_out(timeout_ms: u32) -> AttemptError {
    Timer::after_ms(timeout_ms.into()).await;
    AttemptError::new(Failure::FirstByteTimeout, ApiError::upstream_timeout("answer", timeout_ms))
}
