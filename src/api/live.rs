//! Requests while they end: figures of each second, and a tail of the request log, as Server-Sent Events.

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::error::ApiError;
use nexus_edge_stats::live::{KEEP_ALIVE_MS, Subject, Watch};
use nexus_edge_stats::query;
use nexus_edge_stats::scope::Scope;
use wasm_streams::readable::IntoStream;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::statistics::{dimensions, own, seen};
use super::stats::wanted;
use crate::exchange::Exchange;
use crate::platform::bytes::into_chunks;
use crate::platform::http::{Headers, Response};
use crate::platform::now_ms;
use crate::platform::promise::Timer;
use crate::store::live;

/// A stream ends after so long, and clients open it anew: with what they may see by then.
const OPEN_FOR_MS: u64 = 15 * 60 * 1000;
/// A stream that is silent for longer has lost its object: it would say something at least every [`KEEP_ALIVE_MS`].
const SILENT_FOR_MS: u64 = KEEP_ALIVE_MS + 10_000;
/// Times that a stream is opened anew without a word from it, until its caller has to.
const MOST_FAILURES: u64 = 10;
/// Milliseconds before the first of them; each further pause is longer by as much.
const PAUSE_MS: u64 = 300;

/// `GET /stats/live`
pub async fn figures(exchange: &Exchange) -> Result<Response, ApiError> {
    figures_of(exchange, seen(exchange)).await
}

/// `GET /v1/stats/live`
pub async fn my_figures(exchange: &Exchange) -> Result<Response, ApiError> {
    figures_of(exchange, own(exchange).await?).await
}

/// `GET /requests/live`
pub async fn requests(exchange: &Exchange) -> Result<Response, ApiError> {
    requests_of(exchange, seen(exchange)).await
}

/// `GET /v1/requests/live`
pub async fn my_requests(exchange: &Exchange) -> Result<Response, ApiError> {
    requests_of(exchange, own(exchange).await?).await
}

async fn figures_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    let subject = Subject::Figures(query::filters(&dimensions(exchange), &scope)?);
    open(exchange, scope, subject).await
}

async fn requests_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    open(exchange, scope, Subject::Requests(Box::new(wanted(exchange)?))).await
}

async fn open(exchange: &Exchange, scope: Scope, subject: Subject) -> Result<Response, ApiError> {
    let watch = Watch { subject, scope };
    let chunks = into_chunks(live::watch(&exchange.env, &watch).await?);
    let ends_at_ms = now_ms().saturating_add(OPEN_FOR_MS);
    let relay = Relay { env: exchange.env.clone(), watch, chunks: Some(chunks), failures: 0, ends_at_ms };
    let pieces = futures::stream::unfold(relay, |mut relay| async move {
        let piece = relay.next().await?;
        Some((Ok(piece), relay))
    });
    let headers = Headers::new();
    headers.set("content-type", "text/event-stream; charset=utf-8");
    headers.set("cache-control", "no-cache, no-transform");
    headers.set("x-accel-buffering", "no");
    Ok(Response::stream(200, headers, wasm_streams::ReadableStream::from_stream(pieces).into_raw()))
}

/// A stream of the object that watches, opened anew if the object was restarted.
struct Relay {
    env: Env,
    watch: Watch,
    chunks: Option<IntoStream<'static>>,
    failures: u64,
    ends_at_ms: u64,
}

impl Relay {
    async fn next(&mut self) -> Option<JsValue> {
        while now_ms() < self.ends_at_ms {
            if let Some(chunks) = &mut self.chunks
                && let Either::Left((Some(Ok(chunk)), _)) =
                    select(chunks.next(), Timer::after_ms(SILENT_FOR_MS)).await
            {
                self.failures = 0;
                return Some(chunk);
            }
            self.chunks = None;
            self.failures += 1;
            if self.failures > MOST_FAILURES {
                return None;
            }
            Timer::after_ms(PAUSE_MS * self.failures).await;
            self.chunks = live::watch(&self.env, &self.watch).await.ok().map(into_chunks);
        }
        None
    }
}
