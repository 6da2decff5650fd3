//! A request to a service beside the providers: the mail service, those that users sign in with, and guards.
//!
//! Its address is checked each time, because settings may have changed since it was entered; redirects are not followed, and its
//! answer is read up to a limit and within a time.

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::http::service_fault::ServiceFault;
use nexus_edge_core::http::upstream_url::UpstreamUrl;
use worker::AbortController;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use crate::platform::bytes;
use crate::platform::http::{self, Headers, Sent};
use crate::platform::promise::Timer;

/// Milliseconds that the service may take, its body included.
const TIME_OUT_MS: u64 = 10_000;
/// Most bytes of an answer.
const MAX_BYTES: usize = 1 << 20;

/// A request.
pub struct Question<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// Whether private and local addresses may be asked.
    pub allow_private: bool,
    /// In upper case.
    pub method: &'a str,
    /// Headers besides `user-agent`.
    pub headers: &'a [(&'static str, String)],
    /// The body.
    pub body: Option<&'a str>,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of an answer that says that it went well.
    ///
    /// # Errors
    /// The fault of its status.
    pub fn good(self) -> Result<Vec<u8>, ServiceFault> {
        ServiceFault::of_status(self.status).map_or(Ok(self.body), Err)
    }
}

/// Whether an address may be asked: over TLS, unless private and local addresses are allowed.
pub fn may_ask(url: &str, allow_private: bool) -> bool {
    // Taken as it is, query included.
    let is_address = UpstreamUrl::parse(&format!("{url}#"), allow_private).is_ok();
    is_address && (allow_private || url.starts_with("https://"))
}

/// Asks a service.
///
/// # Errors
/// Why there is no answer.
pub async fn ask(question: Question<'_>) -> Result<Answer, ServiceFault> {
    if !may_ask(question.url, question.allow_private) {
        return Err(ServiceFault::Address);
    }
    ask_checked(question, Bounds { time_out_ms: TIME_OUT_MS, max_bytes: MAX_BYTES }).await
}

/// How long a service may take, and how much of its answer is read.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Milliseconds, its body included.
    pub time_out_ms: u64,
    /// Most bytes of an answer.
    pub max_bytes: usize,
}

/// Asks a service whose address the caller has checked.
///
/// # Errors
/// Why there is no answer.
pub async fn ask_checked(question: Question<'_>, bounds: Bounds) -> Result<Answer, ServiceFault> {
    let headers = Headers::new();
    headers.set("user-agent", "nexus-edge");
    for (name, value) in question.headers {
        headers.set(name, value);
    }
    let body = question.body.map_or(JsValue::UNDEFINED, |body| Uint8Array::from(body.as_bytes()).into());
    let controller = AbortController::default();
    let signal = controller.signal();
    let asking = async {
        let sent = Sent {
            url: question.url,
            method: question.method,
            headers: &headers,
            body: &body,
            signal: Some(&signal),
            other_signal: None,
        };
        let received = http::fetch(sent).await.map_err(|_| ServiceFault::Unreachable)?;
        let body = match received.body() {
            Some(stream) => bytes::read_chunks(stream, bounds.max_bytes, None).await,
            None => return Ok(Answer { status: received.status, body: Vec::new() }),
        };
        let body = body.map_err(|_| ServiceFault::Unread)?;
        Ok(Answer { status: received.status, body: body.into_bytes() })
    };
    pin_mut!(asking);
    let answer = match select(asking, Timer::after_ms(bounds.time_out_ms)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(ServiceFault::Late(bounds.time_out_ms)),
    };
    if answer.is_err() {
        controller.abort();
    }
    answer
}
