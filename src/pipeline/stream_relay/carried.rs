//! A stream that JavaScript relays chunk by chunk, calling Rust for each.
//!
//! Every stream can be relayed in this way: a chunk may be replaced or withheld, state is stored before the chunk is
//! forwarded, and keep-alives fill pauses.
//!
//! A caller at the other end of a connection is written to: what comes while a write is under way, or within 5 ms after one, becomes
//! one piece, because a write costs more than reading a chunk and translating it; the first piece never waits. Some 16 KiB are
//! read ahead of a caller who does not read, and no more. The caller's leaving is noticed at once. A reader in this isolate pulls
//! each chunk.

use nexus_edge_core::dialect::canonical::{ErrorInfo, StreamFault};
use nexus_edge_core::dialect::pipe::{Forward, StreamOutcome};
use worker::js_sys::{Array, Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::future_to_promise;
use worker::web_sys;

use super::chunks::Chunks;
use super::stream::{StreamRelay, as_piece};
use crate::pipeline::translate::Memory;
use crate::platform::bytes;

#[wasm_bindgen(module = "/src/js/carried.js")]
extern "C" {
    fn nexus_carry(
        reader: &web_sys::ReadableStreamDefaultReader,
        pending: Option<&Promise>,
        held: &Array,
        relay: CarriedStream,
        remembers: bool,
        first_ms: u32,
        caller: Option<&web_sys::AbortSignal>,
    ) -> web_sys::ReadableStream;
}

/// Forward the chunk unchanged.
const UNCHANGED: u32 = 0;
/// Withhold the chunk.
const NOTHING: u32 = 1;
/// Send something else instead.
const REPLACED: u32 = 2;
/// Send something else instead, and end with it.
const LAST: u32 = 3;

/// Relays a stream. `chunks`: the rest of the upstream's body.
pub fn carry(mut relay: StreamRelay, chunks: Option<Chunks>) -> web_sys::ReadableStream {
    relay.sent_bytes = relay.held.iter().map(|piece| u64::from(piece.length())).sum();
    let held: Array = std::mem::take(&mut relay.held).into_iter().map(JsValue::from).collect();
    let first_ms = relay.idle_ms.min(relay.keep_alive_ms);
    let remembers = !matches!(relay.memory, Memory::None);
    let (reader, pending) = chunks.map_or_else(|| (empty_reader(), None), Chunks::hand_on);
    let caller = relay.caller.take();
    let relay = CarriedStream { relay, kept: Vec::new(), commented_after_ms: 0, timer_ms: first_ms };
    let first_ms = as_milliseconds(first_ms);
    nexus_carry(&reader, pending.as_ref(), &held, relay, remembers, first_ms, caller.as_ref())
}

/// A reader for an absent body.
fn empty_reader() -> web_sys::ReadableStreamDefaultReader {
    let nothing = futures::stream::empty::<Result<JsValue, JsValue>>();
    wasm_streams::ReadableStream::from_stream(nothing).into_raw().get_reader().unchecked_into()
}

fn as_milliseconds(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds.max(1)).unwrap_or(u32::MAX).min(i32::MAX as u32)
}

/// A relayed stream. Freed at its end or when the caller disconnects.
#[wasm_bindgen]
pub struct CarriedStream {
    relay: StreamRelay,
    /// What is to be sent next.
    kept: Vec<u8>,
    /// Milliseconds of the current wait at which the last keep-alive was sent.
    commented_after_ms: u64,
    timer_ms: u64,
}

#[wasm_bindgen]
impl CarriedStream {
    /// Processes a chunk: what to send instead. `is_behind`: what was kept before has not been sent, and a chunk that needs no change
    /// is kept as well.
    pub fn look_at(&mut self, chunk: &Uint8Array, is_behind: bool) -> u32 {
        self.commented_after_ms = 0;
        let verdict = match self.relay.look_at(chunk) {
            Forward::Unchanged => {
                self.relay.sent_bytes += u64::from(chunk.length());
                if !is_behind {
                    return UNCHANGED;
                }
                self.kept.extend_from_slice(self.relay.scratch());
                REPLACED
            }
            Forward::Replaced(bytes) => {
                self.relay.sent_bytes += bytes.len() as u64;
                self.replace(bytes)
            }
        };
        if verdict == REPLACED && self.relay.pipe.is_blocked() {
            self.relay.settle(Err(StreamFault::Blocked));
            return LAST;
        }
        verdict
    }

    /// Keeps a piece to be sent after what was kept before.
    pub fn keep(&mut self, piece: &Uint8Array) {
        bytes::append(&mut self.kept, piece);
    }

    /// What was kept since the last call.
    pub fn kept(&mut self) -> Uint8Array {
        let piece = Uint8Array::from(self.kept.as_slice());
        self.kept.clear();
        piece
    }

    /// The upstream's body has ended, properly or not: what must follow for the caller.
    pub fn end(&mut self) -> u32 {
        self.relay.release_connection();
        let tail = self.finish();
        self.replace(tail)
    }

    /// The bytes before the first token were sent. True if the stream ended with them.
    pub fn held_is_sent(&mut self) -> bool {
        match self.relay.ended.take() {
            Some(end) => {
                self.relay.settle(end);
                true
            }
            None => false,
        }
    }

    /// The timer fired while waiting for the upstream: what to send to the caller.
    pub fn on_timer(&mut self, waiting_ms: f64) -> Option<Uint8Array> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a clock may be set back"
        )]
        let waiting_ms = waiting_ms.max(0.0) as u64;
        if waiting_ms < self.commented_after_ms {
            // A new wait has begun.
            self.commented_after_ms = 0;
        }
        let relay = &mut self.relay;
        if waiting_ms >= relay.idle_ms {
            if relay.pipe.is_complete() {
                // The answer is complete; only the connection was left open.
                return as_piece(&self.finish());
            }
            let idle_ms = relay.idle_ms;
            return as_piece(&self.fail(Vec::new(), StreamFault::Idle, &ErrorInfo::idle(idle_ms)));
        }
        let is_quiet = waiting_ms >= self.commented_after_ms + relay.keep_alive_ms;
        if is_quiet {
            self.commented_after_ms = waiting_ms;
        }
        let keep_alive_due_ms = self.commented_after_ms + relay.keep_alive_ms;
        self.timer_ms = relay.idle_ms.min(keep_alive_due_ms).saturating_sub(waiting_ms);
        if !is_quiet || !relay.pipe.at_boundary() {
            return None;
        }
        let keep_alive = relay.pipe.keep_alive();
        relay.sent_bytes += keep_alive.len() as u64;
        Some(Uint8Array::from(keep_alive))
    }

    /// Milliseconds until the timer must fire again.
    pub fn timer_ms(&self) -> u32 {
        as_milliseconds(self.timer_ms)
    }

    /// Whether the request is settled, so that nothing more is forwarded.
    pub fn is_over(&self) -> bool {
        self.relay.settlement.is_none()
    }

    /// What must complete before the last chunk is forwarded.
    pub fn remember(&mut self) -> Option<Promise> {
        let remembering = self.relay.remember()?;
        Some(future_to_promise(async move {
            remembering.await;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// The upstream's body has ended, properly or not: what must follow for the caller.
    fn finish(&mut self) -> Vec<u8> {
        let relay = &mut self.relay;
        let end = relay.finish_pipe();
        if matches!(end.outcome, StreamOutcome::Truncated) {
            return self.fail(end.tail, StreamFault::Truncated, &ErrorInfo::truncated());
        }
        // Counted before the request is settled.
        relay.sent_bytes += end.tail.len() as u64;
        let fault = matches!(end.outcome, StreamOutcome::UpstreamError).then(|| relay.fault());
        relay.settle(fault.map_or(Ok(()), Err));
        end.tail
    }

    /// An error event for the caller, whose status line has been sent.
    fn fail(&mut self, mut before: Vec<u8>, fault: StreamFault, error: &ErrorInfo) -> Vec<u8> {
        let relay = &mut self.relay;
        before.extend(relay.pipe.encode_error(error));
        relay.sent_bytes += before.len() as u64;
        relay.settle(Err(fault));
        before
    }

    fn replace(&mut self, bytes: Vec<u8>) -> u32 {
        if bytes.is_empty() {
            return NOTHING;
        }
        if self.kept.is_empty() {
            self.kept = bytes;
        } else {
            self.kept.extend(bytes);
        }
        REPLACED
    }
}
