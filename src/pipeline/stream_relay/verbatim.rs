//! A stream that the platform pipes by itself, and that is inspected from time to time.
//!
//! The caller's branch is piped by the platform: a chunk is forwarded as soon as it arrives, with back-pressure, and
//! no JavaScript runs for it. The other branch is read by a timer, and each time everything queued there is read at
//! once; so the cost of a stream does not depend on its number of chunks.
//!
//! Guarantees:
//! - the caller gets every byte unchanged, and after the last one the bytes that the pipe adds;
//! - an upstream that is idle for too long is detected, with a delay of at most one pause between inspections (a
//!   quarter of the idle time-out). Slow but steady bytes are not idle;
//! - when the caller disconnects, the upstream connection is closed at once, and the usage until then is counted.
//!
//! Inspection must not defeat back-pressure: reading one branch of a split stream ahead of the other makes the other
//! queue. So an inspection reads on only while the bytes are known to be queued already, because they are more than
//! the platform reads from the upstream at a time; otherwise the pause before the next one doubles. For a caller who
//! has stopped reading, at most one such piece is read ahead for every inspection.

use nexus_edge_core::dialect::canonical::{ErrorInfo, StreamFault};
use nexus_edge_core::dialect::pipe::StreamOutcome;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys;

use super::chunks::Chunks;
use super::stream::{StreamRelay, as_piece};

#[wasm_bindgen(module = "/src/js/verbatim.js")]
extern "C" {
    fn nexus_pass(
        unread: &web_sys::ReadableStream,
        body: &web_sys::ReadableStream,
        reader: &web_sys::ReadableStreamDefaultReader,
        relay: VerbatimStream,
        caller: Option<&web_sys::AbortSignal>,
        idle_ms: f64,
    ) -> web_sys::ReadableStream;
}

/// Relays a stream whose first token has arrived. `unread` has all of it, `chunks` the part after that token.
pub fn pass(
    mut relay: StreamRelay,
    chunks: Chunks,
    unread: &web_sys::ReadableStream,
) -> web_sys::ReadableStream {
    relay.held.clear();
    // What was held is in the caller's branch as it was read.
    relay.sent_bytes = relay.read_bytes;
    let caller = relay.caller.take();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of days, not of ages")]
    let idle_ms = relay.idle_ms as f64;
    let body = chunks.body.clone();
    let (reader, _) = chunks.hand_on();
    nexus_pass(unread, &body, &reader, VerbatimStream { relay, ended: None }, caller.as_ref(), idle_ms)
}

/// A piped stream. Freed when it has ended; if it has not been settled by then, its caller has disconnected.
#[wasm_bindgen]
pub struct VerbatimStream {
    relay: StreamRelay,
    /// How it ended.
    ended: Option<Result<(), StreamFault>>,
}

#[wasm_bindgen]
impl VerbatimStream {
    /// Inspects forwarded bytes.
    pub fn look_at(&mut self, chunk: &Uint8Array) {
        self.relay.sent_bytes += u64::from(chunk.length());
        let _ = self.relay.look_at(chunk);
    }

    /// Whether the answer is complete.
    pub fn is_complete(&self) -> bool {
        self.relay.pipe.is_complete()
    }

    /// Closes the upstream.
    pub fn close(&mut self) {
        self.relay.connection = None;
    }

    /// All bytes were inspected: returns what must follow for the caller. `is_idle`: the upstream was closed because
    /// it was idle for too long.
    pub fn end(&mut self, is_idle: bool) -> Option<Uint8Array> {
        let relay = &mut self.relay;
        relay.release_connection();
        if is_idle && !relay.pipe.is_complete() {
            let event_end = relay.pipe.event_end().to_vec();
            return self.fail(event_end, StreamFault::Idle, &ErrorInfo::idle(self.relay.idle_ms));
        }
        let end = relay.pipe.finish_verbatim();
        self.ended = Some(match end.outcome {
            StreamOutcome::Complete => Ok(()),
            StreamOutcome::UpstreamError => Err(StreamFault::UpstreamError),
            StreamOutcome::Truncated => {
                return self.fail(end.tail, StreamFault::Truncated, &ErrorInfo::truncated());
            }
        });
        relay.sent_bytes += end.tail.len() as u64;
        as_piece(&end.tail)
    }

    /// The caller has received everything.
    pub fn settle(&mut self) {
        if let Some(end) = self.ended.take() {
            self.relay.settle(end);
        }
    }

    /// An error event for the caller, whose status line has been sent.
    fn fail(&mut self, mut before: Vec<u8>, fault: StreamFault, error: &ErrorInfo) -> Option<Uint8Array> {
        before.extend(self.relay.pipe.encode_error(error));
        self.relay.sent_bytes += before.len() as u64;
        self.ended = Some(Err(fault));
        as_piece(&before)
    }
}
