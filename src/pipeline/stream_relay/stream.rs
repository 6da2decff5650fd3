//! A stream until its first token, and common parts of both kinds of relay.
//!
//! A body that may be piped is split (`tee`) before anything of it is read: one branch is for the caller, the other
//! is read here.

use futures::future::{Either, select};
use nexus_edge_core::dialect::canonical::{ErrorInfo, StreamFault};
use nexus_edge_core::dialect::dify::conversation_id_in;
use nexus_edge_core::dialect::pipe::{Forward, StreamEnd, StreamOutcome, StreamPipe};
use nexus_edge_core::http::headers::is_text;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::secrets::redactor::{Place, Scrubber};
use nexus_edge_core::stats::Outcome;
use worker::js_sys::{Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, web_sys};

use super::chunks::Chunks;
use crate::exchange::Exchange;
use crate::pipeline::dify_app::Stop;
use crate::pipeline::settle::Settlement;
use crate::pipeline::translate::Memory;
use crate::pipeline::transport::Connection;
use crate::platform::bytes;
use crate::platform::now_ms;
use crate::platform::promise::{Awaited, Timer};
use crate::store::dify;

/// Most bytes that are held until the first token.
const MAX_HELD: usize = 256 << 10;

/// A stream in progress. When the caller disconnects, the platform drops it, which closes the upstream and settles.
pub struct StreamRelay {
    chunks: Option<Chunks>,
    pub(super) pipe: Box<dyn StreamPipe>,
    /// What to store of the answer.
    pub(super) memory: Memory,
    env: Env,
    /// Present while the stream is being relayed.
    pub(super) settlement: Option<Settlement>,
    /// Stops an app that would continue without its caller.
    stop: Option<Stop>,
    /// How the stream ended, if that was before the relay.
    pub(super) ended: Option<Result<(), StreamFault>>,
    /// Bytes before the first token.
    pub(super) held: Vec<Uint8Array>,
    scratch: Vec<u8>,
    /// Bytes of the upstream's body that were processed.
    pub(super) read_bytes: u64,
    /// Bytes for the caller so far.
    pub(super) sent_bytes: u64,
    /// Masks the upstream's secrets; `None` where the stream is no text, and is searched when it is decoded.
    scrubber: Option<Scrubber>,
    timer: Option<Timer>,
    /// Since when the next chunk is awaited.
    waiting_since_ms: u64,
    pub(super) idle_ms: u64,
    pub(super) keep_alive_ms: u64,
    /// Closes the upstream's connection if dropped before the end of the answer.
    pub(super) connection: Option<Connection>,
    /// Fires when the caller disconnects; `None` if the reader is in this isolate.
    pub(super) caller: Option<web_sys::AbortSignal>,
}

enum Woken {
    Chunk(Uint8Array),
    /// The body has ended, properly or not: the pipe knows which by its content.
    End,
    Timer,
}

impl StreamRelay {
    /// The stream of an answer of which nothing has been read.
    pub fn new(
        exchange: &Exchange,
        candidate: &Candidate,
        body: Option<&web_sys::ReadableStream>,
        pipe: Box<dyn StreamPipe>,
        connection: Connection,
        memory: Memory,
        dify_user: Option<&str>,
    ) -> Self {
        let redactor = candidate.upstream.redactor(Place::Content);
        let stop = Stop::of(exchange, candidate, dify_user);
        let is_text = is_text(candidate.upstream.provider().stream_type());
        // A stream that is piped cannot be searched before the caller has it.
        let is_verbatim = pipe.is_verbatim()
            && (redactor.is_empty() || candidate.upstream.is_discreet())
            && matches!(memory, Memory::None)
            && stop.is_none()
            && connection.is_remote()
            && exchange.internal_owner.is_none()
            && exchange.round.is_none();
        let now = now_ms();
        let idle_ms = u64::from(candidate.idle_timeout_ms);
        let keep_alive_ms = exchange.settings.keep_alive_ms;
        Self {
            chunks: body.map(|body| Chunks::of(body.clone(), is_verbatim)),
            pipe,
            memory,
            env: exchange.env.clone(),
            settlement: None,
            stop,
            ended: None,
            held: Vec::new(),
            scratch: Vec::new(),
            read_bytes: 0,
            sent_bytes: 0,
            scrubber: (is_text && !is_verbatim).then(|| Scrubber::new(redactor)),
            timer: Some(Timer::after_ms(idle_ms.min(keep_alive_ms))),
            waiting_since_ms: now,
            idle_ms,
            keep_alive_ms,
            connection: Some(connection),
            caller: exchange.caller_signal().filter(|_| exchange.round.is_none()),
        }
    }

    /// Waits for the first token of the answer, and holds the bytes until then. The error is the reason why there
    /// will be none. A wait so long that the caller needs a keep-alive ends it, too.
    pub async fn wait_for_first_token(&mut self) -> Result<(), ErrorInfo> {
        let mut held_bytes = 0;
        let give_up_at_ms = self.waiting_since_ms + self.keep_alive_ms;
        loop {
            match self.wait().await {
                Woken::Chunk(chunk) => {
                    held_bytes += chunk.length() as usize;
                    if let Some(piece) = self.take_in(chunk) {
                        self.held.push(piece);
                    }
                }
                Woken::End => {
                    self.release_connection();
                    self.chunks = None;
                    let end = self.finish_pipe();
                    self.held.extend(as_piece(&end.tail));
                    match end.outcome {
                        StreamOutcome::Complete => self.ended = Some(Ok(())),
                        StreamOutcome::Truncated => {
                            return Err(self.pipe.error().unwrap_or_else(ErrorInfo::truncated));
                        }
                        // Of a stream with content, the caller has to be told how it ended.
                        StreamOutcome::UpstreamError => self.ended = Some(Err(self.fault())),
                    }
                }
                Woken::Timer => {
                    let now = now_ms();
                    if now >= self.waiting_since_ms + self.idle_ms {
                        return Err(ErrorInfo::idle(self.idle_ms));
                    }
                    let due = (self.waiting_since_ms + self.idle_ms).min(give_up_at_ms);
                    self.timer = Some(Timer::after_ms(due.max(now + 1) - now));
                }
            }
            if self.pipe.is_blocked() {
                // Nothing more is wanted of the upstream.
                self.chunks = None;
                self.ended = Some(Err(StreamFault::Blocked));
                return Ok(());
            }
            if let Some(remembering) = self.remember() {
                remembering.await;
            }
            if self.pipe.has_content() {
                return Ok(());
            }
            if let Some(error) = self.pipe.error() {
                return Err(error);
            }
            if self.ended.is_some() {
                return Ok(());
            }
            if self.chunks.is_none() {
                return Err(ErrorInfo::malformed());
            }
            if held_bytes > MAX_HELD || now_ms() >= give_up_at_ms {
                return Ok(());
            }
        }
    }

    /// Begins the relay. Returns the rest of the body, and its unread branch.
    pub(super) fn begin(
        &mut self,
        settlement: Settlement,
    ) -> (Option<Chunks>, Option<web_sys::ReadableStream>) {
        self.settlement = Some(settlement);
        self.timer = None;
        let unread = self.chunks.as_mut().and_then(|chunks| chunks.unread.take());
        (self.chunks.take(), unread)
    }

    /// The fault of a stream whose caller has been told of an error.
    pub(super) fn fault(&self) -> StreamFault {
        if self.pipe.is_blocked() { StreamFault::Blocked } else { StreamFault::UpstreamError }
    }

    /// The answer is complete: nothing is left to close or to stop.
    pub(super) fn release_connection(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.release();
        }
        if let Some(stop) = &mut self.stop {
            stop.release();
        }
    }

    /// Stores what must be stored as soon as it is known, before the caller sees the end.
    pub(super) fn remember(&mut self) -> Option<impl Future<Output = ()> + 'static> {
        enum Found {
            Answer(Vec<u8>),
            Conversation(String),
        }
        let found = match &self.memory {
            Memory::Answer(_) => self.pipe.final_body().map(Found::Answer),
            Memory::DifyConversation { .. } => conversation_id_in(&self.scratch).map(Found::Conversation),
            Memory::None => None,
        }?;
        let memory = std::mem::replace(&mut self.memory, Memory::None);
        let env = self.env.clone();
        let conversation =
            self.settlement.as_mut().map(|settlement| settlement.record().event.conversation_id.clone());
        Some(async move {
            match (memory, found) {
                (Memory::Answer(keep), Found::Answer(body)) => keep.keep(&env, conversation, &body).await,
                (Memory::DifyConversation { name }, Found::Conversation(id)) => {
                    dify::remember(&env, &name, &id).await;
                }
                _ => {}
            }
        })
    }

    async fn wait(&mut self) -> Woken {
        let (Some(chunks), Some(timer)) = (&mut self.chunks, &mut self.timer) else { return Woken::End };
        let reading = chunks.pending.take().unwrap_or_else(|| chunks.reader.read());
        // One timer serves many chunks: a timer for each would cost more than relaying the chunk.
        match select(Awaited::from(reading.clone()), timer).await {
            Either::Left((Ok(read), _)) => {
                let value = Reflect::get(&read, &"value".into()).unwrap_or(JsValue::UNDEFINED);
                if value.is_undefined() { Woken::End } else { Woken::Chunk(value.unchecked_into()) }
            }
            Either::Left((Err(_), _)) => Woken::End,
            Either::Right(_) => {
                chunks.pending = Some(reading);
                Woken::Timer
            }
        }
    }

    /// Processes a chunk of the body before the first token; returns the bytes to forward.
    fn take_in(&mut self, chunk: Uint8Array) -> Option<Uint8Array> {
        self.waiting_since_ms = now_ms();
        match self.look_at(&chunk) {
            Forward::Unchanged => Some(chunk),
            Forward::Replaced(bytes) => as_piece(&bytes),
        }
    }

    /// Processes a chunk of the body: what to send instead.
    pub(super) fn look_at(&mut self, chunk: &Uint8Array) -> Forward {
        self.scratch.clear();
        self.read_bytes += u64::from(chunk.length());
        bytes::append(&mut self.scratch, chunk);
        if let Some(stop) = &mut self.stop {
            stop.look_at(&self.scratch);
        }
        let is_changed = self.scrubber.as_mut().is_some_and(|scrubber| scrubber.push(&mut self.scratch));
        match self.pipe.push(&self.scratch) {
            Forward::Unchanged if is_changed => Forward::Replaced(self.scratch.clone()),
            forward => forward,
        }
    }

    /// The bytes of the last processed chunk.
    pub(super) fn scratch(&self) -> &[u8] {
        &self.scratch
    }

    /// Processes the end of the body.
    pub(super) fn finish_pipe(&mut self) -> StreamEnd {
        let rest = self.scrubber.as_mut().map(Scrubber::finish).unwrap_or_default();
        if rest.is_empty() {
            return self.pipe.finish();
        }
        let mut tail = match self.pipe.push(&rest) {
            Forward::Unchanged => rest,
            Forward::Replaced(bytes) => bytes,
        };
        let end = self.pipe.finish();
        tail.extend(end.tail);
        StreamEnd { tail, outcome: end.outcome }
    }

    /// Ends the request of a finished stream; only the first call has an effect.
    pub(super) fn settle(&mut self, end: Result<(), StreamFault>) {
        let Some(settlement) = self.noted() else { return };
        match end {
            Ok(()) => settlement.finish(Outcome::Completed),
            Err(fault) => settlement.finish_faulty(fault),
        }
    }

    /// The settlement, with everything recorded of the answer; `None` if the request has ended.
    fn noted(&mut self) -> Option<Settlement> {
        let mut settlement = self.settlement.take()?;
        settlement.record().event.answer_bytes = self.sent_bytes;
        settlement.record().note_facts(&self.pipe.facts());
        settlement.record().transcript.keep_read_answer(self.pipe.take_answer());
        Some(settlement)
    }
}

impl Drop for StreamRelay {
    /// There is a settlement only if the caller disconnected early; the usage until then is recorded.
    fn drop(&mut self) {
        let outcome = if self.pipe.is_complete() { Outcome::Completed } else { Outcome::Cancelled };
        if let Some(settlement) = self.noted() {
            settlement.finish(outcome);
        }
    }
}

/// Bytes for the caller; `None` if there are none.
pub fn as_piece(bytes: &[u8]) -> Option<Uint8Array> {
    (!bytes.is_empty()).then(|| Uint8Array::from(bytes))
}
