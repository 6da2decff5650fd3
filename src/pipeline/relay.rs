//! Step 5: the upstream's answer to the caller.
//!
//! A stream is passed on chunk by chunk, each as the JavaScript object that it came in unless a byte of it has to be
//! withheld; the caller's pace is the upstream's pace, because a chunk is read only when one is asked for. Any other
//! answer is read to its end first, so that one that breaks off becomes a clean error.

use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::dialect::openai::response;
use nexus_edge_core::dialect::openai::stream_tap::{Forward, StreamOutcome, StreamTap};
use nexus_edge_core::error::{ApiError, ErrorType};
use nexus_edge_core::http::headers::forwards_to_caller;
use nexus_edge_core::secrets::mask::redact;
use nexus_edge_core::sse::writer::KEEP_ALIVE;
use nexus_edge_core::stats::Outcome;
use wasm_streams::readable::IntoStream;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Delay, Headers, Response, ResponseBody, ResponseBuilder};

use super::attempt::{Answer, Connection};
use super::settle::Settlement;
use crate::exchange::{Exchange, set_header};
use crate::platform::now_ms;

/// Largest unstreamed answer that is taken in, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Turns the upstream's answer into the caller's.
pub async fn relay(
    exchange: &Exchange,
    answer: Answer,
    mut settlement: Settlement,
) -> Result<Response, ApiError> {
    let status = answer.response.status_code();
    settlement.note_status(status);
    let headers = caller_headers(exchange, &answer, settlement.conversation_id());
    let is_stream = content_type(&answer.response).starts_with("text/event-stream");
    if is_stream && status < 400 {
        set_header(&headers, "cache-control", "no-cache, no-transform");
        set_header(&headers, "x-accel-buffering", "no");
        let stream = StreamRelay::new(exchange, answer, settlement).into_js();
        return Ok(ResponseBuilder::new().with_status(status).with_headers(headers).stream(stream));
    }
    match read_whole(&answer).await.and_then(|body| check_whole(status, body, &answer, &mut settlement)) {
        Ok(body) => {
            let outcome = if status < 400 { Outcome::Completed } else { Outcome::Failed };
            settlement.finish(outcome);
            Ok(ResponseBuilder::new().with_status(status).with_headers(headers).fixed(body))
        }
        Err(error) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
    }
}

fn caller_headers(exchange: &Exchange, answer: &Answer, conversation_id: &str) -> Headers {
    let headers = Headers::new();
    let given = answer.response.headers();
    for (name, value) in given.entries().filter(|(name, _)| forwards_to_caller(name)) {
        set_header(&headers, &name, &value);
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

fn content_type(response: &Response) -> String {
    response.headers().get("content-type").ok().flatten().unwrap_or_default().to_ascii_lowercase()
}

/// The chunks of an answer's body.
fn chunks(response: &Response) -> Option<IntoStream<'static>> {
    match response.body() {
        ResponseBody::Stream(stream) => {
            Some(wasm_streams::ReadableStream::from_raw(stream.clone()).into_stream())
        }
        ResponseBody::Empty | ResponseBody::Body(_) => None,
    }
}

async fn read_whole(answer: &Answer) -> Result<Vec<u8>, ApiError> {
    if let ResponseBody::Body(bytes) = answer.response.body() {
        return Ok(bytes.clone());
    }
    let Some(mut chunks) = chunks(&answer.response) else { return Ok(Vec::new()) };
    let idle_ms = answer.candidate.idle_timeout_ms;
    let mut body = Vec::new();
    loop {
        let time_out = Delay::from(Duration::from_millis(idle_ms.into()));
        let chunk = match select(chunks.next(), time_out).await {
            Either::Left((Some(Ok(chunk)), _)) => chunk,
            Either::Left((None, _)) => return Ok(body),
            Either::Left((Some(Err(_)), _)) => return Err(broken_off(answer)),
            Either::Right(_) => return Err(ApiError::upstream_timeout("further data", idle_ms)),
        };
        append(&mut body, &chunk.unchecked_into());
        if body.len() > MAX_ANSWER_BYTES {
            let message = format!("The provider's answer is larger than {MAX_ANSWER_BYTES} bytes.");
            return Err(ApiError::bad_gateway("upstream_invalid_response", message));
        }
    }
}

fn append(body: &mut Vec<u8>, chunk: &Uint8Array) {
    let start = body.len();
    body.resize(start + chunk.length() as usize, 0);
    if let Some(target) = body.get_mut(start..) {
        chunk.copy_to(target);
    }
}

fn broken_off(answer: &Answer) -> ApiError {
    let name = &answer.candidate.upstream.record.name;
    ApiError::bad_gateway("upstream_unreachable", format!("The provider `{name}` broke off its answer."))
}

/// Notes what a whole answer says. A success that is no JSON object is an error: no client could read it.
fn check_whole(
    status: u16,
    body: Vec<u8>,
    answer: &Answer,
    settlement: &mut Settlement,
) -> Result<Vec<u8>, ApiError> {
    if status >= 400 {
        // Some services repeat the key that they refuse.
        return Ok(redact(&body, answer.candidate.upstream.secrets()).unwrap_or(body));
    }
    let facts = response::inspect(&body).map_err(|_| {
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
    timer: Delay,
    last_chunk_ms: u64,
    last_sent_ms: u64,
    idle_ms: u64,
    keep_alive_ms: u64,
    /// Dropped last: closes the upstream's connection.
    _connection: Connection,
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
            chunks: chunks(&answer.response),
            tap: StreamTap::new(!answer.wants_usage),
            settlement: Some(settlement),
            scratch: Vec::new(),
            timer: Delay::from(Duration::from_millis(first_due)),
            last_chunk_ms: now,
            last_sent_ms: now,
            idle_ms,
            keep_alive_ms,
            _connection: answer.connection,
        }
    }

    fn into_js(self) -> worker::web_sys::ReadableStream {
        let pieces = futures::stream::unfold(self, |mut relay| async move {
            let piece = relay.next_piece().await?;
            Some((Ok::<JsValue, JsValue>(piece.into()), relay))
        });
        wasm_streams::ReadableStream::from_stream(pieces).into_raw()
    }

    /// The next bytes for the caller; `None` once everything is said.
    async fn next_piece(&mut self) -> Option<Uint8Array> {
        loop {
            self.settlement.as_ref()?;
            let piece = match self.wait().await {
                Woken::Chunk(chunk) => self.take_in(chunk),
                Woken::End | Woken::Broken => self.end(),
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
        self.last_chunk_ms = now_ms();
        self.scratch.clear();
        append(&mut self.scratch, &chunk);
        match self.tap.push(&self.scratch) {
            Forward::Unchanged => Some(chunk),
            Forward::Replaced(bytes) => as_piece(&bytes),
        }
    }

    fn on_timer(&mut self) -> Option<Uint8Array> {
        let now = now_ms();
        let idle_due = self.last_chunk_ms + self.idle_ms;
        if now >= idle_due {
            let message = format!("The provider sent nothing for {} ms.", self.idle_ms);
            return self.fail(&ApiError::new(504, ErrorType::UpstreamError, "upstream_stream_idle", message));
        }
        let quiet = now >= self.last_sent_ms.max(self.last_chunk_ms) + self.keep_alive_ms;
        let comment = (quiet && self.tap.at_boundary()).then(|| Uint8Array::from(KEEP_ALIVE));
        let quiet_since = if quiet { now } else { self.last_sent_ms.max(self.last_chunk_ms) };
        let due = idle_due.min(quiet_since + self.keep_alive_ms).max(now + 1);
        self.timer = Delay::from(Duration::from_millis(due - now));
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
