//! An upstream's response: its headers for the caller, its body read to the end, and an unstreamed answer returned
//! unchanged.
//!
//! Every secret of the upstream is masked, and no hop-by-hop header is forwarded.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::headers::is_text;
use nexus_edge_core::http::pace::Pace;
use nexus_edge_core::http::passing::reaches_caller;
use nexus_edge_core::http::request_id;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::secrets::redactor::{Place, Scrubber};

use super::failed::AttemptError;
use super::transport::{Connection, place_of};
use super::upstream_health::asked_wait_s;
use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::{self, Body, ReadError};
use crate::platform::http::{Headers, Received, Response, ResponseBody};

/// Largest unstreamed answer, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Whether an answer with this status may have a body; the platform refuses to build one that may not.
pub fn has_body(status: u16) -> bool {
    matches!(status, 200..=599) && !matches!(status, 204 | 205 | 304)
}

/// The headers of the caller's answer: the forwarded ones of the upstream, and the gateway's own.
pub fn caller_headers(
    exchange: &Exchange,
    candidate: &Candidate,
    response: &Received,
    first_byte_ms: u64,
) -> Headers {
    let headers = Headers::new();
    // Some services repeat a request header in a response header.
    let redactor = candidate.upstream.redactor(Place::Content);
    for (name, value) in response.headers.iter().filter(|(name, value)| reaches_caller(name, value)) {
        if !redactor.finds_in(value.as_bytes()) {
            set_header(&headers, name, value);
        }
    }
    if let Some(seconds) = asked_wait_s(response) {
        set_header(&headers, "retry-after", &seconds.to_string());
    }
    let id = response.header("x-request-id").and_then(request_id::accept);
    if let Some(id) = id.filter(|id| !redactor.finds_in(id.as_bytes())) {
        set_header(&headers, "x-upstream-request-id", id);
    }
    if !headers.has("openai-processing-ms") {
        set_header(&headers, "openai-processing-ms", &first_byte_ms.to_string());
    }
    set_header(&headers, "x-nexus-provider", &candidate.upstream.record.name);
    set_header(&headers, "x-request-id", &exchange.request_id);
    headers
}

/// Reads an answer to its end, with every secret of the upstream masked.
pub async fn read_whole(candidate: &Candidate, response: &Received) -> Result<Body, AttemptError> {
    let idle_ms = candidate.idle_timeout_ms;
    let declared = response.header("content-length").and_then(|length| length.parse().ok());
    let read = match (response.body(), declared) {
        (None, _) => Ok(Body::from_bytes(Vec::new())),
        // A body with a known length is on its way already: its chunks need no idle time-out.
        (Some(_), Some(0..=MAX_ANSWER_BYTES)) => match response.array_buffer() {
            Ok(array_buffer) => bytes::read_at_once(array_buffer, Some(idle_ms.into())).await,
            Err(_) => Err(ReadError::Broken),
        },
        (Some(stream), _) => {
            bytes::read_chunks(stream, MAX_ANSWER_BYTES, Some(Pace::of_answer(idle_ms.into()))).await
        }
    };
    let place = place_of(response.status);
    read.map(|body| body.cleaned(&candidate.upstream.redactor(place))).map_err(|error| match error {
        ReadError::Broken => broken_off(candidate),
        ReadError::Idle => {
            AttemptError::new(Failure::Stalled, ApiError::upstream_timeout("further data", idle_ms))
        }
        ReadError::TooLarge => {
            let message = format!("The provider's answer is larger than {MAX_ANSWER_BYTES} bytes.");
            AttemptError::unreadable(message)
        }
    })
}

/// The failure of an upstream with a truncated answer.
pub fn broken_off(candidate: &Candidate) -> AttemptError {
    AttemptError::unreachable(format!(
        "The provider `{}` broke off its answer.",
        candidate.upstream.record.name
    ))
}

/// The answer to a request about something that the provider stores. It is not recorded.
pub async fn pass_on(
    exchange: &Exchange,
    candidate: &Candidate,
    response: Received,
    connection: Connection,
) -> Result<Response, ApiError> {
    let status = response.status;
    let headers = caller_headers(exchange, candidate, &response, exchange.elapsed_ms());
    if status < 400 && has_body(status) {
        connection.release();
        return Ok(Response::new(status, headers, streamed(candidate, &response)));
    }
    let body = read_whole(candidate, &response).await?;
    connection.release();
    if !has_body(status) {
        return Ok(Response::empty(status, headers));
    }
    Ok(Response::new(status, headers, body.into_response()))
}

/// The bytes of a body that is piped without being read, as its upstream announces them; 0 if it does not, or if they are
/// those of a compressed body.
pub fn announced_bytes(response: &Received) -> u64 {
    if response.header("content-encoding").is_some() {
        return 0;
    }
    response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default()
}

/// The body of an answer that is streamed to the caller: text is searched for secrets, audio and images are not.
pub fn streamed(candidate: &Candidate, response: &Received) -> ResponseBody {
    let Some(stream) = response.body() else { return ResponseBody::Empty };
    let redactor = candidate.upstream.redactor(Place::Content);
    let is_text = response.header("content-type").is_none_or(is_text);
    if redactor.is_empty() || !is_text {
        return ResponseBody::Stream(stream);
    }
    ResponseBody::Stream(bytes::scrubbed(stream, Scrubber::new(redactor)))
}
