//! A stream that the platform passes on by itself, while what went on is looked at now and then.
//!
//! The branch for the caller is piped by the platform: a chunk is with the caller as soon as it is here, the caller's pace
//! is the upstream's pace, and no JavaScript runs for it. The other branch is read when a timer says so, and each time
//! everything that has piled up there comes at once; so what a stream costs does not depend on its number of chunks.
//!
//! Guarantees:
//! - the caller gets every byte as it came, and after the last one what the pipe says has to follow;
//! - an upstream that is silent for too long is noticed, with the delay of one pause between two looks (at most a quarter of
//!   the time that is too long). Whoever trickles is not silent;
//! - when the caller leaves the upstream is closed at once, and what it had sent until then is counted.
//!
//! Looking must not become a way around a caller who does not read: a branch that is read before the other one makes that
//! one pile up. So a look reads on only where what came is known to have piled up, because it is more than the platform
//! takes from the upstream at a time; otherwise the next look comes after twice the time. A caller who has stopped reading
//! is ahead of the upstream by no more than such a piece for every look.

use nexus_edge_core::dialect::canonical::{ErrorInfo, StreamFault};
use nexus_edge_core::dialect::pipe::StreamOutcome;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys;

use super::chunks::Chunks;
use super::stream::{StreamRelay, as_piece};

#[wasm_bindgen(inline_js = r#"
// What the platform takes from an upstream at a time, at most. A read that brings more brings what had piled up.
const PIECE = 16 << 10;
const ROOM = 2 * PIECE;
// Between two looks.
const FIRST_PAUSE_MS = 250;
const LEAST_PAUSE_MS = 50;
const MOST_PAUSE_MS = 2000;
// For the end of a connection over which everything is said.
const LINGER_MS = 10_000;
// Buffers that are used again.
const spare = [];
const MOST_SPARE = 16;

// `unread` goes to the caller; `body` has the same bytes, of which `reader` has read the first. `caller` tells that he left.
export function nexus_pass(unread, body, reader, relay, caller, idle_ms) {
  reader.releaseLock();
  const observer = body.getReader({ mode: "byob" });
  const { readable, writable } = new IdentityTransformStream();
  const most_pause = Math.max(LEAST_PAUSE_MS, Math.min(MOST_PAUSE_MS, idle_ms / 4));
  let pause = Math.min(FIRST_PAUSE_MS, most_pause);
  let timer;
  let reading;
  let asked_at;
  let is_late = false;
  let is_at_end = false;
  let is_over = false;
  let is_idle = false;
  const read = () => {
    const room = new Uint8Array(spare.pop() ?? new ArrayBuffer(ROOM));
    asked_at = Date.now();
    is_late = false;
    reading = observer.read(room).then(
      ({ done, value }) => {
        reading = undefined;
        is_at_end = done;
        const size = value?.length ?? 0;
        if (size) relay.look_at(value);
        if (value && spare.length < MOST_SPARE) spare.push(value.buffer);
        return size;
      },
      () => {
        reading = undefined;
        is_at_end = true;
        return 0;
      },
    );
    return reading;
  };
  const look = async () => {
    let seen = 0;
    for (;;) {
      const size = await read();
      seen += size;
      if (size < ROOM || is_at_end || is_over) break;
    }
    if (seen > ROOM) pause = Math.max(pause / 2, LEAST_PAUSE_MS);
    else if (seen <= PIECE) pause = Math.min(pause * 2, most_pause);
  };
  // Closing the upstream takes from the caller what has not reached him yet. Where everything is said, all of it may be on
  // its way to one who reads slowly, and only the end of the connection late: that is waited for.
  const is_silent = (quiet_ms) => quiet_ms >= idle_ms && (quiet_ms >= idle_ms + LINGER_MS || !relay.is_complete());
  const watch = () => {
    if (is_at_end) return;
    if (!reading) {
      if (!is_over) look();
    } else if (is_silent(Date.now() - asked_at)) {
      // Where everything is late, what came may be waiting behind this timer: it goes before the next one.
      if (is_late) {
        is_idle = true;
        relay.close();
        return;
      }
      is_late = true;
    }
    timer = setTimeout(watch, is_late ? LEAST_PAUSE_MS : pause);
  };
  const finish = async (is_whole) => {
    is_over = true;
    let has_left = caller?.aborted;
    // There is nothing more to come, or nobody for whom. What had come until then can still be read.
    if (!is_whole || has_left) relay.close();
    await reading;
    while (!is_at_end) await read();
    clearTimeout(timer);
    const writer = writable.getWriter();
    if (!has_left) {
      const rest = relay.end(is_idle);
      if (rest) {
        try {
          await writer.write(rest);
        } catch {
          has_left = true;
        }
      }
      if (!has_left) relay.settle();
    }
    relay.free();
    // Whoever has left cannot tell; if he has not after all, he is not to take this for the end.
    (has_left ? writer.abort() : writer.close()).catch(() => {});
  };
  timer = setTimeout(watch, pause);
  unread.pipeTo(writable, { preventClose: true, preventAbort: true }).then(
    () => finish(true),
    () => finish(false),
  );
  return readable;
}
"#)]
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

/// Passes a stream on of which the first word has come. `unread` has all of it, `chunks` what comes after that word.
pub fn pass(
    mut relay: StreamRelay,
    chunks: Chunks,
    unread: &web_sys::ReadableStream,
) -> web_sys::ReadableStream {
    relay.held.clear();
    let caller = relay.caller.take();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of days, not of ages")]
    let idle_ms = relay.idle_ms as f64;
    let body = chunks.body.clone();
    let (reader, _) = chunks.hand_on();
    nexus_pass(unread, &body, &reader, VerbatimStream { relay, ended: None }, caller.as_ref(), idle_ms)
}

/// A stream that passes. Freed when it is over; if it has not been settled by then, its caller has left.
#[wasm_bindgen]
pub struct VerbatimStream {
    relay: StreamRelay,
    /// How it ended.
    ended: Option<Result<(), StreamFault>>,
}

#[wasm_bindgen]
impl VerbatimStream {
    /// Looks at what has gone on.
    pub fn look_at(&mut self, chunk: &Uint8Array) {
        let _ = self.relay.look_at(chunk);
    }

    /// Whether the upstream has said everything.
    pub fn is_complete(&self) -> bool {
        self.relay.pipe.is_complete()
    }

    /// Closes the upstream.
    pub fn close(&mut self) {
        self.relay.connection = None;
    }

    /// Everything has been looked at: what the caller is still to be told. `is_idle`: the upstream was closed because it
    /// was silent for too long.
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
        as_piece(&end.tail)
    }

    /// The caller has been told everything.
    pub fn settle(&mut self) {
        if let Some(end) = self.ended.take() {
            self.relay.settle(end);
        }
    }

    /// Tells the caller, whose status line has long left, by an event.
    fn fail(&mut self, mut before: Vec<u8>, fault: StreamFault, error: &ErrorInfo) -> Option<Uint8Array> {
        before.extend(self.relay.pipe.encode_error(error));
        self.ended = Some(Err(fault));
        as_piece(&before)
    }
}
