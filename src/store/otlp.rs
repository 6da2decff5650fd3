//! Sends traces and metrics to the collector of the deployment, after the answer and never in its way.
//!
//! Spans of several requests of one isolate leave together. What the collector does not take is tried again as
//! `nexus_edge_telemetry::otlp::delivery` says, and then dropped; dropped spans are counted in the next usage event of the isolate.
//! Nothing waits without bound: of what is too much the newest is dropped.

use std::cell::{Cell, RefCell};

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::outbox::{Departure, Outbox};
use nexus_edge_core::routing::backoff;
use nexus_edge_core::settings::OtlpSettings;
use nexus_edge_telemetry::otlp::delivery::{Next, next};
use nexus_edge_telemetry::otlp::{TRACES, spans};
use serde_json::Value;
use worker::AbortController;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use crate::platform::http::{self, Headers};
use crate::platform::promise::Timer;
use crate::platform::{log_warn, now_ms};

/// Milliseconds for which spans wait so that those of other requests join.
const LINGER_MS: u64 = 1_000;
/// Most spans of one request to the collector.
const SPANS: usize = 512;
/// Most spans that wait.
const WAITING: usize = 2_048;
/// Most requests to the collector at once.
const DELIVERIES: usize = 4;
/// Milliseconds that the collector may take for its answer.
const PATIENCE_MS: u64 = 10_000;

thread_local! {
    static OUTBOX: RefCell<Outbox<Value>> = const { RefCell::new(Outbox::lingering(LINGER_MS)) };
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// Spans that were dropped since this was asked last.
pub fn take_dropped() -> u64 {
    DROPPED.take()
}

/// Spans of this isolate that wait to be sent.
pub fn waiting() -> usize {
    OUTBOX.with_borrow(Outbox::len)
}

fn drop_spans(count: usize) {
    DROPPED.set(DROPPED.get().saturating_add(count as u64));
}

/// Hands spans over. Ends when they have left, if this request has taken that on, and at once otherwise.
pub async fn export_spans(otlp: &OtlpSettings, spans: Vec<Value>) {
    let count = spans.len();
    let departure = OUTBOX.with_borrow_mut(|outbox| {
        if outbox.len() + count > WAITING {
            drop_spans(count);
            return None;
        }
        outbox.add(spans, SPANS, now_ms())
    });
    let Some(departure) = departure else { return };
    if let Departure::AfterMs(ms) = departure {
        Timer::after_ms(ms).await;
    }
    let leaving = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    for spans in leaving.chunks(SPANS) {
        let body = spans::request(spans, env!("CARGO_PKG_VERSION"));
        if !deliver(otlp, TRACES, &body).await {
            drop_spans(spans.len());
        }
    }
}

/// Sends a request to a path of the collector. False if it did not take it.
pub async fn deliver(otlp: &OtlpSettings, path: &str, body: &Value) -> bool {
    if UNDER_WAY.get() >= DELIVERIES {
        return false;
    }
    UNDER_WAY.set(UNDER_WAY.get() + 1);
    let is_delivered = try_all(otlp, path, body.to_string().as_bytes()).await;
    UNDER_WAY.set(UNDER_WAY.get().saturating_sub(1));
    is_delivered
}

async fn try_all(otlp: &OtlpSettings, path: &str, body: &[u8]) -> bool {
    for number in 1.. {
        let (status, retry_after_ms) = try_once(otlp, path, body).await;
        match next(number, status, retry_after_ms) {
            Next::Done => return true,
            Next::Again(wait_ms) => Timer::after_ms(wait_ms).await,
            Next::GiveUp => {
                let told =
                    status.map_or("it does not answer".to_owned(), |status| format!("status {status}"));
                log_warn("the collector of OpenTelemetry", &format_args!("{path}: {told}"));
                return false;
            }
        }
    }
    false
}

/// The status, if there was an answer, and for how many milliseconds the collector wants to be left alone.
async fn try_once(otlp: &OtlpSettings, path: &str, body: &[u8]) -> (Option<u16>, Option<u64>) {
    let headers = Headers::new();
    headers.set("content-type", "application/json");
    for (name, value) in &otlp.headers {
        headers.set(name, value.expose());
    }
    let (url, body) = (format!("{}{path}", otlp.endpoint), JsValue::from(Uint8Array::from(body)));
    let controller = AbortController::default();
    let signal = controller.signal();
    let sending = http::fetch(http::Sent {
        url: &url,
        method: "POST",
        headers: &headers,
        body: &body,
        signal: Some(&signal),
        other_signal: None,
    });
    let timeout = Timer::after_ms(PATIENCE_MS);
    pin_mut!(sending, timeout);
    let answer = match select(sending, timeout).await {
        Either::Left((Ok(answer), _)) => {
            let retry_after_ms = backoff::retry_after_ms(None, answer.header("retry-after"), now_ms());
            (Some(answer.status), retry_after_ms)
        }
        Either::Left((Err(_), _)) | Either::Right(_) => (None, None),
    };
    // Nothing of the answer's body is needed.
    controller.abort();
    answer
}
