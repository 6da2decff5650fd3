//! Step 5: the upstream's answer to the caller.
//!
//! A stream is passed on chunk by chunk, each as the JavaScript object that it came in unless a byte of it has to be
//! withheld; the caller's pace is the upstream's pace, because a chunk is read only when one is asked for. Any other
//! answer is read to its end first, so that one that breaks off becomes a clean error.

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::dialect::canonical::{Answered, ErrorInfo};
use nexus_edge_core::dialect::dify::conversation_id_in;
use nexus_edge_core::dialect::pipe::{Forward, MAX_ANSWER_TEXT, StreamOutcome, StreamPipe};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::headers::forwards_to_caller;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::secrets::mask::{redact, reveals};
use nexus_edge_core::sse::writer::KEEP_ALIVE;
use nexus_edge_core::stats::Outcome;
use wasm_streams::readable::IntoStream;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Headers, Response, ResponseBuilder, web_sys};

use super::attempt::{Answer, Connection};
use super::cross::Memory;
use super::settle::Settlement;
use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::{self, Body, ReadError};
use crate::platform::timer::Timer;
use crate::platform::{log_error, now_ms};
use crate::store::dify;

const JSON: &str = "application/json; charset=utf-8";
/// Largest unstreamed answer that is taken in, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Turns the upstream's answer into the caller's.
pub async fn relay(
    exchange: &Exchange,
    answer: Answer,
    memory: Memory,
    mut settlement: Settlement,
) -> Result<Response, ApiError> {
    let status = answer.response.status();
    settlement.note_status(status);
    let conversation = settlement.conversation_id();
    let headers =
        caller_headers(exchange, &answer.candidate, &answer.response, answer.first_byte_ms, conversation);
    if !answer.dropped.is_empty() {
        set_header(&headers, "x-nexus-dropped-params", &answer.dropped.join(", "));
    }
    let is_stream = content_type(&answer.response).starts_with("text/event-stream") && status < 400;
    if is_stream && has_body(status) && (answer.crossing.wants_stream() || answer.crossing.is_native()) {
        if let Some(content_type) = answer.crossing.stream_content_type() {
            set_header(&headers, "content-type", content_type);
        }
        set_header(&headers, "cache-control", "no-cache, no-transform");
        set_header(&headers, "x-accel-buffering", "no");
        let stream = StreamRelay::new(exchange, answer, memory, settlement).into_js();
        return Ok(ResponseBuilder::new().with_status(status).with_headers(headers).stream(stream));
    }
    let whole = read_whole(&answer.candidate, &answer.response).await;
    if let (Memory::DifyConversation(name), Ok(body)) = (&memory, &whole)
        && let Some(id) = conversation_id_in(&body.bytes)
    {
        dify::remember(&exchange.env, name, &id).await;
    }
    match whole.and_then(|body| convert_whole(exchange, status, is_stream, body, &answer, &mut settlement)) {
        Ok((body, kept)) => {
            if let Some(stream_type) = answer.crossing.stream_content_type() {
                let is_streamed = answer.crossing.wants_stream() && status < 400;
                set_header(&headers, "content-type", if is_streamed { stream_type } else { JSON });
            }
            answer.connection.release();
            if let Some(request) = answer.crossing.into_request() {
                settlement.transcript.keep_read_request(request);
            }
            if let Memory::Answer(keep) = memory
                && status < 400
            {
                keep.keep(&exchange.env, kept.as_deref().unwrap_or(&body)).await;
            }
            settlement.finish(if status < 400 { Outcome::Completed } else { Outcome::Failed });
            Ok(ResponseBuilder::new().with_status(status).with_headers(headers).fixed(body))
        }
        Err(error) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
    }
}

/// Whether an answer of this status may have a body; the platform refuses to build one that may not.
pub fn has_body(status: u16) -> bool {
    matches!(status, 200..=599) && !matches!(status, 204 | 205 | 304)
}

/// The headers of the caller's answer: the upstream's, as far as they are the caller's business, and the gateway's.
pub fn caller_headers(
    exchange: &Exchange,
    candidate: &Candidate,
    response: &web_sys::Response,
    first_byte_ms: u64,
    conversation_id: &str,
) -> Headers {
    let headers = Headers::new();
    let given = Headers(response.headers());
    for (name, value) in given.entries().filter(|(name, _)| forwards_to_caller(name)) {
        // Some services repeat in a header what they were sent in one.
        if !reveals(&value, candidate.upstream.secrets()) {
            set_header(&headers, &name, &value);
        }
    }
    if let Ok(Some(id)) = given.get("x-request-id") {
        set_header(&headers, "x-upstream-request-id", &id);
    }
    if !headers.has("openai-processing-ms").unwrap_or(false) {
        set_header(&headers, "openai-processing-ms", &first_byte_ms.to_string());
    }
    set_header(&headers, "x-nexus-provider", &candidate.upstream.record.name);
    set_header(&headers, "x-conversation-id", conversation_id);
    set_header(&headers, "x-request-id", &exchange.request_id);
    headers
}

fn content_type(response: &web_sys::Response) -> String {
    response.headers().get("content-type").ok().flatten().unwrap_or_default().to_ascii_lowercase()
}

/// Reads an answer to its end.
pub async fn read_whole(candidate: &Candidate, response: &web_sys::Response) -> Result<Body, ApiError> {
    let idle_ms = candidate.idle_timeout_ms;
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
        ReadError::Broken => broken_off(candidate),
        ReadError::Idle => ApiError::upstream_timeout("further data", idle_ms),
        ReadError::TooLarge => {
            let message = format!("The provider's answer is larger than {MAX_ANSWER_BYTES} bytes.");
            ApiError::bad_gateway("upstream_invalid_response", message)
        }
    })
}

fn broken_off(candidate: &Candidate) -> ApiError {
    let name = &candidate.upstream.record.name;
    ApiError::bad_gateway("upstream_unreachable", format!("The provider `{name}` broke off its answer."))
}

/// Brings a whole answer into the caller's dialect and notes what it says. A success that cannot be read is an error:
/// no client could read it either. Beside the body comes the one to be kept, where that is another.
fn convert_whole(
    exchange: &Exchange,
    status: u16,
    is_stream: bool,
    body: Body,
    answer: &Answer,
    settlement: &mut Settlement,
) -> Result<(Vec<u8>, Option<Vec<u8>>), ApiError> {
    if !has_body(status) {
        let message = format!("The provider answered with the status {status}.");
        return Err(ApiError::bad_gateway("upstream_invalid_response", message));
    }
    if status >= 400 {
        // Some services repeat the key that they refuse.
        let bytes =
            redact(&body.bytes, answer.candidate.upstream.secrets()).unwrap_or_else(|| body.into_bytes());
        return Ok((answer.crossing.error(status, &bytes, &exchange.request_id).unwrap_or(bytes), None));
    }
    let collected = if is_stream { answer.crossing.collected(&body.bytes) } else { None };
    let whole = match collected {
        Some(collected) => collected.map_err(|error| error.message),
        None => answer.crossing.whole(&body.bytes),
    };
    let whole = whole.map_err(|reason| {
        let name = &answer.candidate.upstream.record.name;
        log_error("upstream answer", &format_args!("provider {name}: {reason}"));
        let message = format!("The provider `{name}` answered with something that cannot be read.");
        ApiError::bad_gateway("upstream_invalid_response", message)
    })?;
    settlement.note_facts(&whole.facts);
    let kind = answer.candidate.upstream.record.kind;
    match whole.answer {
        Some(response) => settlement.transcript.keep_read_answer(Answered { response, is_whole: true }),
        None if body.bytes.len() <= MAX_ANSWER_TEXT => {
            settlement.transcript.keep_answer(kind, body.bytes.to_vec());
        }
        None => {}
    }
    Ok((whole.body.unwrap_or_else(|| body.into_bytes()), whole.kept))
}

/// A stream on its way. When the caller leaves, the platform drops it: that closes the upstream and settles.
struct StreamRelay {
    chunks: Option<IntoStream<'static>>,
    pipe: Box<dyn StreamPipe>,
    /// What is to be remembered of the answer.
    memory: Memory,
    env: Env,
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
    fn new(exchange: &Exchange, answer: Answer, memory: Memory, mut settlement: Settlement) -> Self {
        let now = now_ms();
        let pipe = answer.crossing.pipe();
        if let Some(request) = answer.crossing.into_request() {
            settlement.transcript.keep_read_request(request);
        }
        let idle_ms = u64::from(answer.candidate.idle_timeout_ms);
        let keep_alive_ms = exchange.settings.keep_alive_ms;
        let first_due = idle_ms.min(keep_alive_ms);
        Self {
            chunks: answer.response.body().map(bytes::into_chunks),
            pipe,
            memory,
            env: exchange.env.clone(),
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
            self.remember().await;
            if let Some(piece) = piece {
                self.last_sent_ms = now_ms();
                return Some(piece);
            }
        }
    }

    /// Remembers what is to be remembered as soon as it is known, and before the caller is told that all is said.
    async fn remember(&mut self) {
        match &self.memory {
            Memory::Answer(keep) if self.pipe.is_complete() => {
                if let Some(body) = self.pipe.final_body() {
                    keep.keep(&self.env, &body).await;
                }
            }
            Memory::DifyConversation(name) => {
                let Some(id) = conversation_id_in(&self.scratch) else { return };
                dify::remember(&self.env, name, &id).await;
            }
            _ => return,
        }
        self.memory = Memory::None;
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
        match self.pipe.push(&self.scratch) {
            Forward::Unchanged => Some(chunk),
            Forward::Replaced(bytes) => as_piece(&bytes),
        }
    }

    fn on_timer(&mut self) -> Option<Uint8Array> {
        let now = now_ms();
        let idle_due = self.waiting_since_ms + self.idle_ms;
        if now >= idle_due {
            if self.pipe.is_complete() {
                // Everything is said; only the connection was left open.
                return self.end();
            }
            let message = format!("The provider sent nothing for {} ms.", self.idle_ms);
            return self.fail(Vec::new(), &ErrorInfo::in_stream("upstream_stream_idle", message));
        }
        let quiet = now >= self.last_sent_ms.max(self.waiting_since_ms) + self.keep_alive_ms;
        let comment = (quiet && self.pipe.at_boundary()).then(|| Uint8Array::from(KEEP_ALIVE));
        let quiet_since = if quiet { now } else { self.last_sent_ms.max(self.waiting_since_ms) };
        let due = idle_due.min(quiet_since + self.keep_alive_ms).max(now + 1);
        self.timer = Timer::after_ms(due - now);
        comment
    }

    /// The upstream has ended its body, as it should or not.
    fn end(&mut self) -> Option<Uint8Array> {
        self.chunks = None;
        let end = self.pipe.finish();
        match end.outcome {
            StreamOutcome::Complete => self.settle(Outcome::Completed, None),
            StreamOutcome::UpstreamError => self.settle(Outcome::Failed, Some("upstream_error")),
            StreamOutcome::Truncated => return self.fail(end.tail, &ErrorInfo::truncated()),
        }
        as_piece(&end.tail)
    }

    /// Tells the caller, whose status line has long left, by an event.
    fn fail(&mut self, mut before: Vec<u8>, error: &ErrorInfo) -> Option<Uint8Array> {
        self.chunks = None;
        self.settle(Outcome::Failed, error.code.as_deref());
        before.extend(self.pipe.encode_error(error));
        as_piece(&before)
    }

    fn settle(&mut self, outcome: Outcome, error_code: Option<&str>) {
        if let Some(mut settlement) = self.settlement.take() {
            settlement.note_facts(&self.pipe.facts());
            settlement.transcript.keep_read_answer(self.pipe.take_answer());
            settlement.note_error_code(error_code);
            settlement.finish(outcome);
        }
    }
}

impl Drop for StreamRelay {
    /// Reached with a settlement only when the caller left early; what was used until then is recorded.
    fn drop(&mut self) {
        let outcome = if self.pipe.is_complete() { Outcome::Completed } else { Outcome::Cancelled };
        self.settle(outcome, None);
    }
}

fn as_piece(bytes: &[u8]) -> Option<Uint8Array> {
    (!bytes.is_empty()).then(|| Uint8Array::from(bytes))
}
