//! Step 4: ask the upstream.

use std::borrow::Cow;

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::demo::DemoReply;
use nexus_edge_core::dialect::openai::request::ChatRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::headers::forwards_to_upstream;
use nexus_edge_core::routing::Candidate;
use worker::js_sys::{Array, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{AbortController, Headers, Method, Request, RequestInit, RequestRedirect, Response, web_sys};

use super::settle::Settlement;
use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::Body;
use crate::platform::timer::Timer;
use crate::platform::{global, log_error, now_ms};

/// An upstream's answer, its body still to come.
pub struct Answer {
    /// What the upstream answered.
    pub response: web_sys::Response,
    /// Who answered, and how long its body may be silent.
    pub candidate: Candidate,
    /// Closes the upstream's connection when it goes away.
    pub connection: Connection,
    /// Whether the caller asked for the usage chunk of a stream.
    pub wants_usage: bool,
    /// Milliseconds until the headers came.
    pub first_byte_ms: u64,
}

/// Our hold on a request to an upstream. Dropping it closes the connection, so that a request whose caller has left, or
/// that timed out, costs nothing more.
pub struct Connection {
    controller: Option<AbortController>,
}

impl Connection {
    /// Lets go of a connection whose answer has been read to its end: there is nothing left to close.
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

/// Sends the request to one candidate and waits for the headers of the answer.
pub async fn attempt(
    exchange: &Exchange,
    candidate: &Candidate,
    body: &Body,
    request: &ChatRequest<'_>,
    settlement: &mut Settlement,
) -> Result<Answer, ApiError> {
    let sent_ms = now_ms();
    let (response, connection) = match &candidate.upstream.url {
        None => {
            settlement.note_prompt_estimate(request.estimate_prompt_tokens());
            (demo_response(exchange, candidate, request)?, Connection { controller: None })
        }
        Some(url) => {
            let body = match request.upstream_body(&candidate.upstream_model) {
                Cow::Borrowed(_) => body.to_js(),
                Cow::Owned(spliced) => Uint8Array::from(spliced.as_slice()),
            };
            let upstream_request =
                build_request(exchange, candidate, url.chat_completions(), body, request.stream)?;
            send(exchange, candidate, upstream_request, || {
                settlement.note_prompt_estimate(request.estimate_prompt_tokens());
            })
            .await?
        }
    };
    let first_byte_ms = now_ms().saturating_sub(sent_ms);
    settlement.note_first_byte(first_byte_ms);
    let wants_usage = request.wants_usage || !request.stream;
    Ok(Answer { response, candidate: candidate.clone(), connection, wants_usage, first_byte_ms })
}

/// Sends a request; `while_waiting` runs once it is on its way.
async fn send(
    exchange: &Exchange,
    candidate: &Candidate,
    request: Request,
    while_waiting: impl FnOnce(),
) -> Result<(web_sys::Response, Connection), ApiError> {
    let controller = AbortController::default();
    let either = Array::of2(controller.signal().as_ref(), exchange.caller_gone().as_ref());
    let signal = web_sys::AbortSignal::any(&either);
    let connection = Connection { controller: Some(controller) };

    let init = web_sys::RequestInit::new();
    init.set_signal(Some(&signal));
    let sending = JsFuture::from(global().fetch_with_request_and_init(request.inner(), &init));
    pin_mut!(sending);
    // The first poll puts the request on its way; what can be done while the upstream works is done then.
    let early = futures::poll!(&mut sending);
    while_waiting();
    let sent = match early {
        std::task::Poll::Ready(sent) => sent,
        std::task::Poll::Pending => {
            match select(sending, Timer::after_ms(candidate.first_byte_timeout_ms.into())).await {
                Either::Left((sent, _)) => sent,
                Either::Right(_) => {
                    return Err(ApiError::upstream_timeout("answer", candidate.first_byte_timeout_ms));
                }
            }
        }
    };
    let name = &candidate.upstream.record.name;
    let response: web_sys::Response = sent.map(JsCast::unchecked_into).map_err(|error| {
        log_error("upstream unreachable", &format_args!("provider {name}: {}", worker::Error::from(error)));
        ApiError::bad_gateway("upstream_unreachable", format!("The provider `{name}` cannot be reached."))
    })?;
    if (300..400).contains(&response.status()) {
        // Following it would send the provider's key to an address that nobody configured.
        let message = format!("The provider `{name}` answered with a redirect. Check its server_url.");
        return Err(ApiError::bad_gateway("upstream_invalid_response", message));
    }
    Ok((response, connection))
}

fn build_request(
    exchange: &Exchange,
    candidate: &Candidate,
    url: &str,
    body: Uint8Array,
    stream: bool,
) -> Result<Request, ApiError> {
    let headers = Headers::new();
    for (name, value) in exchange.headers().entries().filter(|(name, _)| forwards_to_upstream(name)) {
        set_header(&headers, &name, &value);
    }
    set_header(&headers, "content-type", "application/json");
    if stream {
        // A compressed stream is held back by the compressor's buffer.
        set_header(&headers, "accept-encoding", "identity");
    }
    if let Some(key) = &candidate.upstream.server_key {
        set_header(&headers, "authorization", &format!("Bearer {key}"));
    }
    for (name, value) in &candidate.upstream.headers {
        set_header(&headers, name, value);
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(JsValue::from(body)));
    Request::new_with_init(url, &init).map_err(|error| {
        log_error("upstream request", &error);
        ApiError::bad_gateway("upstream_unreachable", "The address of the provider is not valid.")
    })
}

/// The embedded provider's answer, in the form of any other upstream's.
fn demo_response(
    exchange: &Exchange,
    candidate: &Candidate,
    request: &ChatRequest<'_>,
) -> Result<web_sys::Response, ApiError> {
    let internal = |error: worker::Error| {
        log_error("demo", &error);
        ApiError::internal()
    };
    let reply = DemoReply::new(&candidate.upstream_model, request);
    let id = format!("chatcmpl-{}", exchange.request_id);
    let created = exchange.started_ms / 1000;
    let model: Cow<'_, str> = Cow::Borrowed(&request.model);
    let headers = Headers::new();
    if !request.stream {
        set_header(&headers, "content-type", "application/json");
        let body = reply.to_json(&id, created, &model);
        return Ok(Response::from_bytes(body).map_err(internal)?.with_headers(headers).into());
    }
    set_header(&headers, "content-type", "text/event-stream; charset=utf-8");
    let pause = u64::from(reply.pause_ms);
    let events = reply.to_events(&id, created, &model, true);
    let stream = futures::stream::unfold(events.into_iter(), move |mut events| async move {
        let event = events.next()?;
        if pause > 0 {
            Timer::after_ms(pause).await;
        }
        Some((Ok::<_, worker::Error>(event), events))
    });
    Ok(Response::from_stream(stream).map_err(internal)?.with_headers(headers).into())
}
