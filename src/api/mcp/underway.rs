//! An answer that is waited for, and told as events where the caller reads them.
//!
//! Where nothing but the result comes before a keep-alive is due, the answer is one JSON object with the status of the result; else it is
//! a stream of events: what the server says, in its order, and the result last. A caller who leaves drops the request, which is ended at
//! the server.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::future::{Either, LocalBoxFuture, select};
use futures::pin_mut;
use nexus_edge_core::sse::writer::{KEEP_ALIVE, write_data};
use nexus_edge_mcp::rpc::{Message, Notification};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use super::asked::{Answered, written};
use crate::exchange::Exchange;
use crate::pipeline::mcp::Notes;
use crate::platform::http::{Headers, Response};
use crate::platform::now_ms;
use crate::platform::promise::Timer;

/// Milliseconds after which it is looked whether the caller has left.
const LOOK_MS: u64 = 1_000;

/// A request that its server is answering.
pub(super) struct Underway {
    /// `None` once it has ended.
    running: Option<LocalBoxFuture<'static, Answered>>,
    notes: Option<Notes>,
    ended: Option<Answered>,
}

/// What becomes of a request.
pub(super) enum Reply {
    /// It is answered.
    Now(Answered),
    /// A server is asked.
    Later(Underway),
}

impl From<Answered> for Reply {
    fn from(answered: Answered) -> Self {
        Self::Now(answered)
    }
}

impl From<Underway> for Reply {
    fn from(underway: Underway) -> Self {
        Self::Later(underway)
    }
}

impl Reply {
    /// The answer as one message.
    pub(super) async fn whole(self) -> Answered {
        match self {
            Self::Now(answered) => answered,
            Self::Later(underway) => underway.whole().await,
        }
    }

    /// The answer as a caller reads it who reads events.
    pub(super) async fn told(self, exchange: &Exchange) -> Response {
        match self {
            Self::Now(answered) => written(&[answered], false),
            Self::Later(underway) => underway.told(exchange).await,
        }
    }
}

/// What comes of it.
enum Event {
    /// Something before the end.
    Note(Notification),
    /// The end.
    End(Answered),
}

impl Underway {
    /// A request, and where goes what is said before its end.
    pub(super) fn new(running: LocalBoxFuture<'static, Answered>, notes: Option<Notes>) -> Self {
        Self { running: Some(running), notes, ended: None }
    }

    /// The end.
    async fn whole(mut self) -> Answered {
        loop {
            if let Event::End(answered) = self.next().await {
                return answered;
            }
        }
    }

    /// The answer as the caller reads it.
    async fn told(mut self, exchange: &Exchange) -> Response {
        let keep_alive_ms = exchange.settings.keep_alive_ms;
        let began_ms = now_ms();
        let first = loop {
            match self.next_within(LOOK_MS.min(keep_alive_ms)).await {
                Some(Event::End(answered)) => return written(&[answered], false),
                Some(Event::Note(note)) => break event_of(&note.into()),
                None if exchange.is_caller_gone() => return Response::empty(499, Headers::new()),
                None if now_ms().saturating_sub(began_ms) >= keep_alive_ms => break KEEP_ALIVE.to_vec(),
                None => {}
            }
        };
        let headers = Headers::new();
        headers.set("content-type", "text/event-stream; charset=utf-8");
        headers.set("cache-control", "no-cache, no-transform");
        headers.set("x-accel-buffering", "no");
        let pieces =
            futures::stream::unfold((Some(self), Some(first)), move |(underway, first)| async move {
                let mut underway = underway?;
                let (piece, is_over) = match first {
                    Some(first) => (first, false),
                    None => match underway.next_within(keep_alive_ms).await {
                        Some(Event::Note(note)) => (event_of(&note.into()), false),
                        Some(Event::End(answered)) => (event_of(&answered.response.into()), true),
                        None => (KEEP_ALIVE.to_vec(), false),
                    },
                };
                let rest = (!is_over).then_some(underway);
                Some((Ok::<JsValue, JsValue>(Uint8Array::from(piece.as_slice()).into()), (rest, None)))
            });
        let stream = wasm_streams::ReadableStream::from_stream(pieces).into_raw();
        Response::stream(200, headers, stream)
    }

    async fn next_within(&mut self, limit_ms: u64) -> Option<Event> {
        let next = self.next();
        pin_mut!(next);
        match select(next, Timer::after_ms(limit_ms)).await {
            Either::Left((event, _)) => Some(event),
            Either::Right(_) => None,
        }
    }

    async fn next(&mut self) -> Event {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(running) = &mut self.running
            && let Poll::Ready(answered) = running.as_mut().poll(context)
        {
            self.running = None;
            self.ended = Some(answered);
        }
        // What was said in the same moment as the end comes before it.
        if let Some(note) = self.notes.as_ref().and_then(Notes::next) {
            return Poll::Ready(Event::Note(note));
        }
        self.ended.take().map_or(Poll::Pending, |answered| Poll::Ready(Event::End(answered)))
    }
}

fn event_of(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    write_data(&mut out, message.to_line().as_bytes());
    out
}
