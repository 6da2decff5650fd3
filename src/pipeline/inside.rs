//! Providers without the network: the embedded one, and Workers AI through the platform's binding. Their answers have
//! the form of any other upstream's.

use nexus_edge_core::demo::DemoReply;
use nexus_edge_core::dialect::openai::request::ChatRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::Transport;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Env, web_sys};

use super::failed::AttemptError;
use super::workers_ai;
use crate::exchange::set_header;
use crate::platform::http::{Headers, Received, Response};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// The request.
pub struct Chat<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// The caller's name of it.
    pub asked_model: &'a str,
    /// For the id of the answer.
    pub request_id: &'a str,
    /// The body in the provider's dialect.
    pub body: &'a [u8],
}

/// The answer of such a provider, within `timeout_ms` milliseconds; `None` for providers that are reached over the
/// network.
pub async fn ask(
    env: &Env,
    transport: Transport,
    chat: &Chat<'_>,
    timeout_ms: u32,
) -> Option<Result<Received, AttemptError>> {
    let response = match transport {
        Transport::Network => return None,
        Transport::AiBinding => workers_ai::run(env, chat.model, chat.body, timeout_ms).await,
        Transport::Embedded => demo(chat).map_err(AttemptError::from),
    };
    Some(response.map(Received::of))
}

/// The embedded provider's answer.
fn demo(chat: &Chat<'_>) -> Result<web_sys::Response, ApiError> {
    let internal = |error: JsValue| {
        log_error("demo", &worker::Error::from(error));
        ApiError::internal()
    };
    let request = ChatRequest::parse(chat.body)?;
    let reply = DemoReply::new(chat.model, &request);
    let id = format!("chatcmpl-{}", chat.request_id);
    let created = now_ms() / 1000;
    let headers = Headers::new();
    if !request.stream {
        set_header(&headers, "content-type", "application/json");
        let body = reply.to_json(&id, created, chat.asked_model);
        return Response::bytes(200, headers, body).into_js().map_err(internal);
    }
    set_header(&headers, "content-type", "text/event-stream; charset=utf-8");
    let pause = u64::from(reply.pause_ms);
    let events = reply.to_events(&id, created, chat.asked_model, true);
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
