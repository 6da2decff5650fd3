//! Step 5, streamed: the upstream's stream to the caller.
//!
//! A stream is passed on chunk by chunk, each as the JavaScript object that it came in unless a byte of it has to be
//! withheld; the caller's pace is the upstream's pace, because a chunk is read only when one is asked for.

use std::collections::VecDeque;

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::dialect::canonical::{ErrorInfo, ErrorKind};
use nexus_edge_core::dialect::dify::conversation_id_in;
use nexus_edge_core::dialect::pipe::{Forward, StreamOutcome, StreamPipe};
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::stats::Outcome;
use wasm_streams::readable::IntoStream;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, web_sys};

use super::cross::Memory;
use super::dify_app::Stop;
use super::settle::Settlement;
use super::upstream::Connection;
use crate::exchange::Exchange;
use crate::platform::bytes;
use crate::platform::now_ms;
use crate::platform::timer::Timer;
use crate::store::dify;

/// Most bytes that are held while the first word is waited for.
const MAX_HELD: usize = 256 << 10;

/// A stream on its way. When the caller leaves, the platform drops it: that closes the upstream and settles.
pub struct StreamRelay {
    chunks: Option<IntoStream<'static>>,
    pipe: Box<dyn StreamPipe>,
    /// What is to be remembered of the answer.
    memory: Memory,
    env: Env,
    /// There while the stream is on its way to a caller.
    settlement: Option<Settlement>,
    /// Tells an app that would go on without its caller.
    stop: Option<Stop>,
    /// How the stream ended, if it did before it was passed on.
    ended: Option<(Outcome, Option<String>)>,
    /// What came before the first word.
    held: VecDeque<Uint8Array>,
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
    /// The stream of an answer, of which nothing has been read yet.
    pub fn new(
        exchange: &Exchange,
        candidate: &Candidate,
        body: Option<web_sys::ReadableStream>,
        pipe: Box<dyn StreamPipe>,
        connection: Connection,
        memory: Memory,
    ) -> Self {
        let user = match &memory {
            Memory::DifyConversation { user, .. } => Some(user.as_str()),
            _ => None,
        };
        let stop = Stop::of(exchange, candidate, user);
        let now = now_ms();
        let idle_ms = u64::from(candidate.idle_timeout_ms);
        let keep_alive_ms = exchange.settings.keep_alive_ms;
        Self {
            chunks: body.map(bytes::into_chunks),
            pipe,
            memory,
            env: exchange.env.clone(),
            settlement: None,
            stop,
            ended: None,
            held: VecDeque::new(),
            scratch: Vec::new(),
            timer: Timer::after_ms(idle_ms.min(keep_alive_ms)),
            waiting_since_ms: now,
            last_sent_ms: now,
            idle_ms,
            keep_alive_ms,
            connection: Some(connection),
        }
    }

    /// Waits until the upstream has said something of its answer, and holds what came until then. The error is the
    /// reason why it never will. A wait so long that the caller should get a sign of life ends it, too.
    pub async fn wait_for_first_word(&mut self) -> Result<(), ErrorInfo> {
        let mut held_bytes = 0;
        let give_up_at_ms = self.waiting_since_ms + self.keep_alive_ms;
        loop {
            match self.wait().await {
                Woken::Chunk(chunk) => {
                    held_bytes += chunk.length() as usize;
                    if let Some(piece) = self.take_in(chunk) {
                        self.held.push_back(piece);
                    }
                }
                Woken::End | Woken::Broken => {
                    self.release_connection();
                    self.chunks = None;
                    let end = self.pipe.finish();
                    self.held.extend(as_piece(&end.tail));
                    match end.outcome {
                        StreamOutcome::Complete => self.ended = Some((Outcome::Completed, None)),
                        StreamOutcome::Truncated => return Err(ErrorInfo::truncated()),
                        StreamOutcome::UpstreamError => {}
                    }
                }
                Woken::Timer => {
                    let now = now_ms();
                    if now >= self.waiting_since_ms + self.idle_ms {
                        let message = format!("The provider sent nothing for {} ms.", self.idle_ms);
                        let error = ErrorInfo::in_stream("upstream_stream_idle", message);
                        return Err(ErrorInfo { status: 504, kind: ErrorKind::Timeout, ..error });
                    }
                    let due = (self.waiting_since_ms + self.idle_ms).min(give_up_at_ms);
                    self.timer = Timer::after_ms(due.max(now + 1) - now);
                }
            }
            self.remember().await;
            if self.pipe.has_spoken() || self.ended.is_some() {
                return Ok(());
            }
            if let Some(error) = self.pipe.error() {
                return Err(error);
            }
            if self.chunks.is_none() {
                return Err(ErrorInfo::malformed());
            }
            if held_bytes > MAX_HELD || now_ms() >= give_up_at_ms {
                return Ok(());
            }
        }
    }

    /// Passes the stream on to the caller, and settles when it is over.
    pub fn into_js(mut self, settlement: Settlement) -> web_sys::ReadableStream {
        self.settlement = Some(settlement);
        self.last_sent_ms = now_ms();
        self.waiting_since_ms = self.last_sent_ms;
        self.timer = Timer::after_ms(self.idle_ms.min(self.keep_alive_ms));
        let pieces = futures::stream::unfold(self, |mut relay| async move {
            let piece = relay.next_piece().await?;
            Some((Ok::<JsValue, JsValue>(piece.into()), relay))
        });
        wasm_streams::ReadableStream::from_stream(pieces).into_raw()
    }

    /// The next bytes for the caller; `None` once everything is said.
    async fn next_piece(&mut self) -> Option<Uint8Array> {
        if let Some(piece) = self.held.pop_front() {
            if self.held.is_empty()
                && let Some((outcome, code)) = self.ended.take()
            {
                self.settle(outcome, code.as_deref());
            }
            return Some(piece);
        }
        // A caller who takes a pause is not an upstream that falls silent.
        self.waiting_since_ms += now_ms().saturating_sub(self.last_sent_ms);
        loop {
            self.settlement.as_ref()?;
            let piece = match self.wait().await {
                Woken::Chunk(chunk) => self.take_in(chunk),
                Woken::End | Woken::Broken => {
                    self.release_connection();
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

    fn release_connection(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.release();
        }
        if let Some(stop) = &mut self.stop {
            stop.release();
        }
    }

    /// Remembers what is to be remembered as soon as it is known, and before the caller is told that all is said.
    async fn remember(&mut self) {
        match &self.memory {
            Memory::Answer(keep) => {
                let Some(body) = self.pipe.final_body() else { return };
                keep.keep(&self.env, &body).await;
            }
            Memory::DifyConversation { name: Some(name), .. } => {
                let Some(id) = conversation_id_in(&self.scratch) else { return };
                dify::remember(&self.env, name, &id).await;
            }
            Memory::None | Memory::DifyConversation { .. } => return,
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
        if let Some(stop) = &mut self.stop {
            stop.look_at(&self.scratch);
        }
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
        let comment = (quiet && self.pipe.at_boundary()).then(|| Uint8Array::from(self.pipe.keep_alive()));
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
