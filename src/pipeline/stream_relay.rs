//! Step 5, streamed: the upstream's stream to the caller.
//!
//! A stream is passed on chunk by chunk, each as the JavaScript object that it came in unless a byte of it has to be
//! withheld; the caller's pace is the upstream's pace, because a chunk is read only when one is asked for. Until its first
//! word a stream is read here; from then on JavaScript carries the chunks and calls [`CarriedStream`] to look at each,
//! which halves what a chunk costs.

use futures::future::{Either, select};
use nexus_edge_core::dialect::canonical::{ErrorInfo, ErrorKind};
use nexus_edge_core::dialect::dify::conversation_id_in;
use nexus_edge_core::dialect::pipe::{Forward, StreamOutcome, StreamPipe};
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::stats::Outcome;
use worker::js_sys::{Array, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::future_to_promise;
use worker::{Env, web_sys};

use super::cross::Memory;
use super::dify_app::Stop;
use super::settle::Settlement;
use super::upstream::Connection;
use crate::exchange::Exchange;
use crate::platform::bytes;
use crate::platform::now_ms;
use crate::platform::promise::{Awaited, Timer};
use crate::store::dify;

/// Most bytes that are held while the first word is waited for.
const MAX_HELD: usize = 256 << 10;

#[wasm_bindgen(inline_js = r#"
// `held` goes first. `pending` is a read that was begun already. A timer runs while the stream is carried; it matters
// only while the upstream is waited for, not while the caller takes its time.
export function nexus_carry(reader, pending, held, relay, remembers, first_ms) {
  let since = 0;
  let timer;
  let over = false;
  const finish = (controller) => {
    over = true;
    clearTimeout(timer);
    relay.free();
    controller.close();
  };
  const watch = (controller, ms) => {
    timer = setTimeout(() => {
      if (over) return;
      const piece = relay.on_timer(since ? Date.now() - since : 0);
      if (piece) controller.enqueue(piece);
      if (relay.is_over()) {
        reader.cancel().catch(() => {});
        finish(controller);
      } else {
        watch(controller, relay.timer_ms());
      }
    }, ms);
  };
  const next = async () => {
    try {
      return await (pending ?? reader.read());
    } catch {
      return { done: true };
    } finally {
      pending = undefined;
    }
  };
  return new ReadableStream({
    start(controller) {
      watch(controller, first_ms);
    },
    async pull(controller) {
      if (held.length) {
        controller.enqueue(held.shift());
        if (!held.length && relay.held_is_sent()) finish(controller);
        return;
      }
      for (;;) {
        since = Date.now();
        const { done, value } = await next();
        if (over) return;
        const verdict = done ? relay.end() : relay.look_at(value);
        if (remembers) {
          const remembered = relay.remember();
          if (remembered) await remembered;
          if (over) return;
        }
        if (verdict === 0) controller.enqueue(value);
        else if (verdict === 2) controller.enqueue(relay.replacement());
        if (done) return finish(controller);
        if (verdict !== 1) {
          since = 0;
          return;
        }
      }
    },
    cancel(reason) {
      if (over) return;
      over = true;
      clearTimeout(timer);
      relay.free();
      return reader.cancel(reason).catch(() => {});
    },
  }, { highWaterMark: 0 });
}
"#)]
extern "C" {
    fn nexus_carry(
        reader: &web_sys::ReadableStreamDefaultReader,
        pending: Option<&Promise>,
        held: &Array,
        relay: CarriedStream,
        remembers: bool,
        first_ms: u32,
    ) -> web_sys::ReadableStream;
}

/// The chunk goes on as it came.
const UNCHANGED: u32 = 0;
/// Nothing of the chunk goes on.
const NOTHING: u32 = 1;
/// Something else goes on in its place.
const REPLACED: u32 = 2;

/// An upstream's body, read chunk by chunk. Dropping it closes the upstream.
struct Chunks {
    reader: web_sys::ReadableStreamDefaultReader,
    /// A read that was begun and has not ended.
    pending: Option<Promise>,
    is_carried: bool,
}

impl Chunks {
    fn of(body: &web_sys::ReadableStream) -> Self {
        Self { reader: body.get_reader().unchecked_into(), pending: None, is_carried: false }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if !self.is_carried {
            let _ = self.reader.cancel();
        }
    }
}

/// A stream on its way. When the caller leaves, the platform drops it: that closes the upstream and settles.
pub struct StreamRelay {
    chunks: Option<Chunks>,
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
    held: Vec<Uint8Array>,
    scratch: Vec<u8>,
    timer: Option<Timer>,
    /// Since when the next chunk has been waited for.
    waiting_since_ms: u64,
    idle_ms: u64,
    keep_alive_ms: u64,
    /// Closes the upstream's connection when it goes away before the upstream has ended its answer.
    connection: Option<Connection>,
}

/// A stream that JavaScript carries to the caller. Freed when it is over or the caller has left.
#[wasm_bindgen]
pub struct CarriedStream {
    relay: StreamRelay,
    replacement: Option<Uint8Array>,
    /// Milliseconds of the present wait after which the last sign of life was given.
    commented_after_ms: u64,
    timer_ms: u64,
}

enum Woken {
    Chunk(Uint8Array),
    /// The body is over, or broken off: the pipe knows which by what has come.
    End,
    Timer,
}

impl StreamRelay {
    /// The stream of an answer, of which nothing has been read yet.
    pub fn new(
        exchange: &Exchange,
        candidate: &Candidate,
        body: Option<&web_sys::ReadableStream>,
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
            chunks: body.map(Chunks::of),
            pipe,
            memory,
            env: exchange.env.clone(),
            settlement: None,
            stop,
            ended: None,
            held: Vec::new(),
            scratch: Vec::new(),
            timer: Some(Timer::after_ms(idle_ms.min(keep_alive_ms))),
            waiting_since_ms: now,
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
                        self.held.push(piece);
                    }
                }
                Woken::End => {
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
                    self.timer = Some(Timer::after_ms(due.max(now + 1) - now));
                }
            }
            if let Some(remembering) = self.remember() {
                remembering.await;
            }
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
        self.timer = None;
        let held: Array = std::mem::take(&mut self.held).into_iter().map(JsValue::from).collect();
        let first_ms = self.idle_ms.min(self.keep_alive_ms);
        let remembers = !matches!(self.memory, Memory::None);
        let (reader, pending) = match &mut self.chunks {
            Some(chunks) => {
                chunks.is_carried = true;
                (chunks.reader.clone(), chunks.pending.take())
            }
            None => (empty_reader(), None),
        };
        let relay =
            CarriedStream { relay: self, replacement: None, commented_after_ms: 0, timer_ms: first_ms };
        nexus_carry(&reader, pending.as_ref(), &held, relay, remembers, as_milliseconds(first_ms))
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
    fn remember(&mut self) -> Option<impl Future<Output = ()> + 'static> {
        enum Found {
            Answer(Vec<u8>),
            Conversation(String),
        }
        let found = match &self.memory {
            Memory::Answer(_) => self.pipe.final_body().map(Found::Answer),
            Memory::DifyConversation { name: Some(_), .. } => {
                conversation_id_in(&self.scratch).map(Found::Conversation)
            }
            Memory::None | Memory::DifyConversation { .. } => None,
        }?;
        let memory = std::mem::replace(&mut self.memory, Memory::None);
        let env = self.env.clone();
        Some(async move {
            match (memory, found) {
                (Memory::Answer(keep), Found::Answer(body)) => keep.keep(&env, &body).await,
                (Memory::DifyConversation { name: Some(name), .. }, Found::Conversation(id)) => {
                    dify::remember(&env, &name, &id).await;
                }
                _ => {}
            }
        })
    }

    async fn wait(&mut self) -> Woken {
        let (Some(chunks), Some(timer)) = (&mut self.chunks, &mut self.timer) else { return Woken::End };
        let reading = chunks.pending.take().unwrap_or_else(|| chunks.reader.read());
        // One timer serves many chunks: setting one for each would cost more than relaying the chunk.
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

    /// Looks at a chunk of the body before the first word; what of it goes on.
    fn take_in(&mut self, chunk: Uint8Array) -> Option<Uint8Array> {
        self.waiting_since_ms = now_ms();
        self.scratch.clear();
        bytes::append(&mut self.scratch, &chunk);
        match self.look_at_scratch() {
            Forward::Unchanged => Some(chunk),
            Forward::Replaced(bytes) => as_piece(&bytes),
        }
    }

    fn look_at_scratch(&mut self) -> Forward {
        if let Some(stop) = &mut self.stop {
            stop.look_at(&self.scratch);
        }
        self.pipe.push(&self.scratch)
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

#[wasm_bindgen]
impl CarriedStream {
    /// Looks at a chunk: what goes on in its place.
    pub fn look_at(&mut self, chunk: &Uint8Array) -> u32 {
        self.commented_after_ms = 0;
        let relay = &mut self.relay;
        relay.scratch.clear();
        bytes::append(&mut relay.scratch, chunk);
        match relay.look_at_scratch() {
            Forward::Unchanged => UNCHANGED,
            Forward::Replaced(bytes) => self.replace(as_piece(&bytes)),
        }
    }

    /// What goes on in place of the chunk that was looked at last.
    pub fn replacement(&mut self) -> Option<Uint8Array> {
        self.replacement.take()
    }

    /// The upstream has ended its body, or broken it off: what is still to be said.
    pub fn end(&mut self) -> u32 {
        self.relay.release_connection();
        let piece = self.relay.end();
        self.replace(piece)
    }

    /// What came before the first word has been sent. True if that was all.
    pub fn held_is_sent(&mut self) -> bool {
        match self.relay.ended.take() {
            Some((outcome, code)) => {
                self.relay.settle(outcome, code.as_deref());
                true
            }
            None => false,
        }
    }

    /// The timer has gone off after the upstream was waited for so long: what the caller is told.
    pub fn on_timer(&mut self, waiting_ms: f64) -> Option<Uint8Array> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a clock may be set back"
        )]
        let waiting_ms = waiting_ms.max(0.0) as u64;
        if waiting_ms < self.commented_after_ms {
            // This is another wait.
            self.commented_after_ms = 0;
        }
        let relay = &mut self.relay;
        if waiting_ms >= relay.idle_ms {
            if relay.pipe.is_complete() {
                // Everything is said; only the connection was left open.
                return relay.end();
            }
            let message = format!("The provider sent nothing for {} ms.", relay.idle_ms);
            return relay.fail(Vec::new(), &ErrorInfo::in_stream("upstream_stream_idle", message));
        }
        let is_quiet = waiting_ms >= self.commented_after_ms + relay.keep_alive_ms;
        if is_quiet {
            self.commented_after_ms = waiting_ms;
        }
        let keep_alive_due_ms = self.commented_after_ms + relay.keep_alive_ms;
        self.timer_ms = relay.idle_ms.min(keep_alive_due_ms).saturating_sub(waiting_ms);
        (is_quiet && relay.pipe.at_boundary()).then(|| Uint8Array::from(relay.pipe.keep_alive()))
    }

    /// Milliseconds until the timer is to go off again.
    pub fn timer_ms(&self) -> u32 {
        as_milliseconds(self.timer_ms)
    }

    /// Whether the request is settled, so that nothing more goes on.
    pub fn is_over(&self) -> bool {
        self.relay.settlement.is_none()
    }

    /// What has to be waited for before the last chunk goes on.
    pub fn remember(&mut self) -> Option<Promise> {
        let remembering = self.relay.remember()?;
        Some(future_to_promise(async move {
            remembering.await;
            Ok(JsValue::UNDEFINED)
        }))
    }

    fn replace(&mut self, piece: Option<Uint8Array>) -> u32 {
        self.replacement = piece;
        if self.replacement.is_some() { REPLACED } else { NOTHING }
    }
}

/// A reader of a body that there is not.
fn empty_reader() -> web_sys::ReadableStreamDefaultReader {
    let nothing = futures::stream::empty::<Result<JsValue, JsValue>>();
    wasm_streams::ReadableStream::from_stream(nothing).into_raw().get_reader().unchecked_into()
}

fn as_milliseconds(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds.max(1)).unwrap_or(u32::MAX).min(i32::MAX as u32)
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
