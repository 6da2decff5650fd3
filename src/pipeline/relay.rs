//! Step 5: the upstream's answer to the caller.
//!
//! A stream is passed on chunk by chunk, each as the JavaScript object that it came in unless a byte of it has to be
//! withheld; the caller's pace is the upstream's pace, because a chunk is read only when one is asked for. Any other
//! answer is read to its end first, so that one that breaks off becomes a clean error.

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::dialect::openai::response;
use nexus_edge_core::dialect::openai::stream_tap::{Forward, StreamOutcome, StreamTap};
use nexus_edge_core::error::{ApiError, ErrorType};
use nexus_edge_core::http::headers::forwards_to_caller;
use nexus_edge_core::secrets::mask::{redact, reveals};
use nexus_edge_core::sse::writer::KEEP_ALIVE;
use nexus_edge_core::stats::Outcome;
use wasm_streams::readable::IntoStream;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Headers, Response, ResponseBuilder, web_sys};

use super::attempt::{Answer, Connection};
use super::settle::Settlement;
use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::{self, Body, ReadError};
use crate::platform::now_ms;
use crate::platform::timer::Timer;

/// Largest unstreamed answer that is taken in, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Turns the upstream's answer into the caller's.
pub async fn relay(
    exchange: &Exchange,
    answer: Answer,
    mut settlement: Settlement,
) -> Result<Response, ApiError> {
    let status = answer.response.status();
    settlement.note_status(status);
    let headers = caller_headers(exchange, &answer, settlement.conversation_id());
    let is_stream = content_type(&answer.response).starts_with("text/event-stream");
    if is_stream && status < 400 && has_body(status) {
        set_header(&headers, "cache-control", "no-cache, no-transform");
        set_header(&headers, "x-accel-buffering", "no");
        let stream = StreamRelay::new(exchange, answer, settlement).into_js();
        return Ok(ResponseBuilder::new().with_status(status).with_headers(headers).stream(stream));
    }
    let whole = read_whole(&answer).await;
    match whole.and_then(|body| check_whole(status, body, &answer, &mut settlement)) {
        Ok(body) => {
            answer.connection.release();
            settlement.finish(if status < 400 { Outcome::Completed } else { Outcome::Failed });
            Ok(ResponseBuilder::new().with_status(status).with_headers(headers).fixed(body.bytes))
        }
        Err(error) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
    }
}

/// Whether an answer of this status may have a body; the platform refuses to build one that may not.
fn has_body(status: u16) -> bool {
    matches!(status, 200..=599) && !matches!(status, 204 | 205 | 304)
}

fn caller_headers(exchange: &Exchange, answer: &Answer, conversation_id: &str) -> Headers {
    let headers = Headers::new();
    let given = Headers(answer.response.headers());
    for (name, value) in given.entries().filter(|(name, _)| forwards_to_caller(name)) {
        // Some services repeat in a header what they were sent in one.
        if !reveals(&value, answer.candidate.upstream.secrets()) {
            set_header(&headers, &name, &value);
        }
    }
    if let Ok(Some(id)) = given.get("x-request-id") {
        set_header(&headers, "x-upstream-request-id", &id);
    }
    if !headers.has("openai-processing-ms").unwrap_or(false) {
        set_header(&headers, "openai-processing-ms", &answer.first_byte_ms.to_string());
    }
    set_header(&headers, "x-nexus-provider", &answer.candidate.upstream.record.name);
    set_header(&headers, "x-conversation-id", conversation_id);
    set_header(&headers, "x-request-id", &exchange.request_id);
    headers
}

fn content_type(response: &web_sys::Response) -> String {
    response.headers().get("content-type").ok().flatten().unwrap_or_default().to_ascii_lowercase()
}

async fn read_whole(answer: &Answer) -> Result<Body, ApiError> {
    let idle_ms = answer.candidate.idle_timeout_ms;
    let response = &answer.response;
    let declared =
        response.headers().get("content-length").ok().flatten().and_then(|length| length.parse().ok());
    let read = match (response.body(), declared) {
        (None, _) => Ok(Body::from_bytes(Vec::new())),
        // A body that comes with its length is on its way already: it needs no watch over its pieces.
        (Some(_), Some(0..=MAX_ANSWER_BYTES)) => match response.array_buffer() {
            Ok(array_buffer) => bytes::read_at_once(array_buffer, Some(idle_ms.into())).await,
            Err(_) => Err(ReadError::Broken),
        },
        (Some(stream), _) => bytes::read_chunks(stream, MAX_ANSWER_BYTES, Some(idle_ms.into())).await,
    };
    read.map_err(|error| match error {
        ReadError::Broken => broken_off(answer),
        ReadError::Idle => ApiError::upstream_timeout("further data", idle_ms),
        ReadError::TooLarge => {
            let message = format!("The provider's answer is larger than {MAX_ANSWER_BYTES} bytes.");
            ApiError::bad_gateway("upstream_invalid_response", message)
        }
    })
}

fn broken_off(answer: &Answer) -> ApiError {
    let name = &answer.candidate.upstream.record.name;
    ApiError::bad_gateway("upstream_unreachable", format!("The provider `{name}` broke off its answer."))
}

/// Notes what a whole answer says. A success that is no JSON object is an error: no client could read it.
fn check_whole(
    status: u16,
    body: Body,
    answer: &Answer,
    settlement: &mut Settlement,
) -> Result<Body, ApiError> {
    if !has_body(status) {
        let message = format!("The provider answered with the status {status}.");
        return Err(ApiError::bad_gateway("upstream_invalid_response", message));
    }
    if status >= 400 {
        // Some services repeat the key that they refuse.
        return Ok(redact(&body.bytes, answer.candidate.upstream.secrets()).map_or(body, Body::from_bytes));
    }
    let facts = response::inspect(&body.bytes).map_err(|_| {
        let name = &answer.candidate.upstream.record.name;
        let message = format!("The provider `{name}` answered with something that is not a JSON object.");
        ApiError::bad_gateway("upstream_invalid_response", message)
    })?;
    settlement.note_usage(facts.usage, facts.estimated_completion);
    settlement.note_finish_reason(facts.finish_reason.as_deref());
    Ok(body)
}

/// A stream on its way. When the caller leaves, the platform drops it: that closes the upstream and settles.
struct StreamRelay {
    chunks: Option<IntoStream<'static>>,
    tap: StreamTap,
    settlement: Option<Settlement>,
    scratch: Vec<u8>,
    timer: Timer,
    /// Since when the next chunk has been waited for.
    waiting_since_ms: u64,
    last_sent_ms: u64,
    idle_ms: u64,
    keep_alive_ms: u64,
    /// Closes the upstream's connection when it goes away before the upstream has ended its answer.
    connection: Option<Connection>,
}

enum Woken {
    Chunk(Uint8Array),
    End,
    Broken,
    Timer,
}

impl StreamRelay {
    fn new(exchange: &Exchange, answer: Answer, settlement: Settlement) -> Self {
        let now = now_ms();
        let idle_ms = u64::from(answer.candidate.idle_timeout_ms);
        let keep_alive_ms = exchange.settings.keep_alive_ms;
        let first_due = idle_ms.min(keep_alive_ms);
        Self {
            chunks: answer.response.body().map(bytes::into_chunks),
            tap: StreamTap::new(!answer.wants_usage),
            settlement: Some(settlement),
            scratch: Vec::new(),
            timer: Timer::after_ms(first_due),
            waiting_since_ms: now,
            last_sent_ms: now,
            idle_ms,
            keep_alive_ms,
            connection: Some(answer.connection),
        }
    }

    fn into_js(self) -> web_sys::ReadableStream {
        let pieces = futures::stream::unfold(self, |mut relay| async move {
            let piece = relay.next_piece().await?;
            Some((Ok::<JsValue, JsValue>(piece.into()), relay))
        });
        wasm_streams::ReadableStream::from_stream(pieces).into_raw()
    }

    /// The next bytes for the caller; `None` once everything is said.
    async fn next_piece(&mut self) -> Option<Uint8Array> {
        // A caller who takes a pause is not an upstream that falls silent.
        self.waiting_since_ms += now_ms().saturating_sub(self.last_sent_ms);
        loop {
            self.settlement.as_ref()?;
            let piece = match self.wait().await {
                Woken::Chunk(chunk) => self.take_in(chunk),
                Woken::End | Woken::Broken => {
                    if let Some(connection) = self.connection.take() {
                        connection.release();
                    }
                    self.end()
                }
                Woken::Timer => self.on_timer(),
            };
            if let Some(piece) = piece {
                self.last_sent_ms = now_ms();
                return Some(piece);
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let Some(chunks) = &mut self.chunks else { return Woken::End };
        // One timer serves many chunks: setting one for each would cost more than relaying the chunk.
        match select(chunks.next(), &mut self.timer).await {
            Either::Left((Some(Ok(chunk)), _)) => Woken::Chunk(chunk.unchecked_into()),
            Either::Left((Some(Err(_)), _)) => Woken::Broken,
            Either::Left((None, _)) => Woken::End,
            Either::Right(_) => Woken::Timer,
        }
    }

    fn take_in(&mut self, chunk: Uint8Array) -> Option<Uint8Array> {
        self.waiting_since_ms = now_ms();
        self.scratch.clear();
        bytes::append(&mut self.scratch, &chunk);
        match self.tap.push(&self.scratch) {
            Forward::Unchanged => Some(chunk),
            Forward::Replaced(bytes) => as_piece(&bytes),
        }
    }

    fn on_timer(&mut self) -> Option<Uint8Array> {
        let now = now_ms();
        let idle_due = self.waiting_since_ms + self.idle_ms;
        if now >= idle_due {
            let message = format!("The provider sent nothing for {} ms.", self.idle_ms);
            return self.fail(&ApiError::new(504, ErrorType::UpstreamError, "upstream_stream_idle", message));
        }
        let quiet = now >= self.last_sent_ms.max(self.waiting_since_ms) + self.keep_alive_ms;
        let comment = (quiet && self.tap.at_boundary()).then(|| Uint8Array::from(KEEP_ALIVE));
        let quiet_since = if quiet { now } else { self.last_sent_ms.max(self.waiting_since_ms) };
        let due = idle_due.min(quiet_since + self.keep_alive_ms).max(now + 1);
        self.timer = Timer::after_ms(due - now);
        comment
    }

    /// The upstream has ended its body, as it should or not.
    fn end(&mut self) -> Option<Uint8Array> {
        self.chunks = None;
        let end = self.tap.finish();
        match end.outcome {
            StreamOutcome::Complete => self.settle(Outcome::Completed, None),
            StreamOutcome::UpstreamError => self.settle(Outcome::Failed, Some("upstream_error")),
            StreamOutcome::Truncated => {
                let message = "The provider broke off its answer.";
                let error =
                    ApiError::new(502, ErrorType::UpstreamError, "upstream_stream_truncated", message);
                return self.fail(&error);
            }
        }
        as_piece(&end.tail)
    }

    /// Tells the caller, whose status line has long left, by an event.
    fn fail(&mut self, error: &ApiError) -> Option<Uint8Array> {
        self.chunks = None;
        self.settle(Outcome::Failed, Some(error.code));
        as_piece(&error.to_sse_event())
    }

    fn settle(&mut self, outcome: Outcome, error_code: Option<&str>) {
        if let Some(mut settlement) = self.settlement.take() {
            settlement.note_usage(self.tap.usage(), self.tap.estimated_completion());
            settlement.note_finish_reason(self.tap.finish_reason());
            settlement.note_error_code(error_code);
            settlement.finish(outcome);
        }
    }
}

impl Drop for StreamRelay {
    /// Reached with a settlement only when the caller left early; what was used until then is recorded.
    fn drop(&mut self) {
        let outcome = if self.tap.is_complete() { Outcome::Completed } else { Outcome::Cancelled };
        self.settle(outcome, None);
    }
}

fn as_piece(bytes: &[u8]) -> Option<Uint8Array> {
    (!bytes.is_empty()).then(|| Uint8Array::from(bytes))
}
