//! Step 4: ask the upstream.

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::catalog::ProviderKind;
use nexus_edge_core::demo::DemoReply;
use nexus_edge_core::dialect::crossing::Crossing;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::openai::request::ChatRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::headers::forwards_to_upstream;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::endpoint::{self, Auth, Call};
use worker::js_sys::Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{AbortController, Headers, Method, Request, RequestInit, RequestRedirect, Response, web_sys};

use super::service_account;
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
    /// How the answer gets into the caller's dialect.
    pub crossing: Crossing,
    /// Parameters of the request that the upstream's dialect cannot say.
    pub dropped: Vec<String>,
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
    inbound: &Inbound<'_>,
    crossing: Crossing,
    settlement: &mut Settlement,
) -> Result<Answer, ApiError> {
    let outbound = crossing.outbound(inbound, &candidate.upstream_model);
    refuse_if_strict(exchange, &outbound.dropped)?;
    let sent_ms = now_ms();
    let (response, connection) = if candidate.upstream.record.kind == ProviderKind::Demo {
        settlement.note_prompt_estimate(inbound.estimate_prompt_tokens());
        (demo_response(exchange, candidate, &inbound.model, &outbound.body)?, Connection { controller: None })
    } else {
        let operation = crossing.operation(&candidate.upstream_model);
        let call = endpoint::call(&candidate.upstream, operation, &candidate.upstream_model);
        let call = call.ok_or_else(|| cannot(candidate))?;
        let body = body.to_js(outbound.body);
        let upstream_request =
            build_request(exchange, candidate, &call, body.into(), "application/json").await?;
        send(exchange, candidate, upstream_request, || {
            settlement.note_prompt_estimate(inbound.estimate_prompt_tokens());
        })
        .await?
    };
    let first_byte_ms = now_ms().saturating_sub(sent_ms);
    settlement.note_first_byte(first_byte_ms);
    let dropped = outbound.dropped;
    Ok(Answer { response, candidate: candidate.clone(), connection, crossing, dropped, first_byte_ms })
}

/// A caller who asks for it (`x-nexus-strict: true`) is refused what would otherwise be left out.
fn refuse_if_strict(exchange: &Exchange, dropped: &[String]) -> Result<(), ApiError> {
    let Some(first) = dropped.first() else { return Ok(()) };
    if exchange.header("x-nexus-strict").as_deref() != Some("true") {
        return Ok(());
    }
    let message = format!("The provider of this model cannot be told: {}.", dropped.join(", "));
    Err(ApiError::invalid("unsupported_parameter", first, message))
}

fn cannot(candidate: &Candidate) -> ApiError {
    let name = &candidate.upstream.record.name;
    ApiError::unavailable(
        "provider_unavailable",
        format!("The provider `{name}` cannot do this as it is configured."),
    )
}

/// Sends a request; `while_waiting` runs once it is on its way.
pub async fn send(
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

/// The request by which a candidate is asked; the body is bytes or a stream.
pub async fn build_request(
    exchange: &Exchange,
    candidate: &Candidate,
    call: &Call,
    body: JsValue,
    content_type: &str,
) -> Result<Request, ApiError> {
    let headers = Headers::new();
    for (name, value) in exchange.headers().entries().filter(|(name, _)| forwards_to_upstream(name)) {
        set_header(&headers, &name, &value);
    }
    set_header(&headers, "content-type", content_type);
    if call.is_stream {
        // A compressed stream is held back by the compressor's buffer.
        set_header(&headers, "accept-encoding", "identity");
    }
    for (name, value) in &call.headers {
        // What a caller of the same dialect says of versions is forwarded as it is.
        if !exchange.face.is_native_to(candidate.upstream.record.kind) || !headers.has(name).unwrap_or(false)
        {
            set_header(&headers, name, value);
        }
    }
    if let Some(key) = &candidate.upstream.server_key {
        match call.auth {
            Auth::ServiceAccount => {
                let token = service_account::token(&candidate.upstream.record, key).await?;
                set_header(&headers, "authorization", &format!("Bearer {token}"));
            }
            Auth::Bearer => set_header(&headers, "authorization", &format!("Bearer {key}")),
            Auth::Header(name) => set_header(&headers, name, key),
        }
    }
    for (name, value) in &candidate.upstream.headers {
        set_header(&headers, name, value);
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(body));
    Request::new_with_init(&call.url, &init).map_err(|error| {
        log_error("upstream request", &error);
        ApiError::bad_gateway("upstream_unreachable", "The address of the provider is not valid.")
    })
}

/// The embedded provider's answer, in the form of any other upstream's.
fn demo_response(
    exchange: &Exchange,
    candidate: &Candidate,
    model: &str,
    body: &[u8],
) -> Result<web_sys::Response, ApiError> {
    let internal = |error: worker::Error| {
        log_error("demo", &error);
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
        return Ok(Response::from_bytes(body).map_err(internal)?.with_headers(headers).into());
    }
    set_header(&headers, "content-type", "text/event-stream; charset=utf-8");
    let pause = u64::from(reply.pause_ms);
    let events = reply.to_events(&id, created, model, true);
    let stream = futures::stream::unfold(events.into_iter(), move |mut events| async move {
        let event = events.next()?;
        if pause > 0 {
            Timer::after_ms(pause).await;
        }
        Some((Ok::<_, worker::Error>(event), events))
    });
    Ok(Response::from_stream(stream).map_err(internal)?.with_headers(headers).into())
}
