//! Answers about calls: the end of one as a JSON object, or the events of one as Server-Sent Events in the shape of the predecessor
//! (`tool_status`, `tool_log`, `tool_result`).
//!
//! A result that is stored in pieces is read from the storage as fast as its caller takes it.

use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::{Stream, StreamExt};
use nexus_edge_api::agent_calls::{self, CallEnd, CallFailure, code_of, executed};
use nexus_edge_api::agent_refusals::status_of;
use nexus_edge_tunnel::backlog::{Cursor, Missed};
use nexus_edge_tunnel::frame::AskKind;
use nexus_edge_tunnel::hub::{CallRow, EndRow, Event, Status};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Response, ResponseBody, ResponseBuilder, Result};

use super::call::{CODE_HEADER, EXECUTED_HEADER};
use super::hub::{Heard, Inside, look, pause};
use crate::platform::log_error;
use crate::platform::promise::Timer;

/// Milliseconds of silence after which a comment is sent.
const KEEP_ALIVE_MS: u64 = 15_000;

/// A piece of an answer.
enum Piece {
    Here(Vec<u8>),
    Stored(u32),
}

/// The pieces of the JSON object that shows an end.
fn pieces(row: &CallRow, end: &EndRow) -> VecDeque<Piece> {
    let mut all = VecDeque::from([Piece::Here(CallEnd::of(row, end).head().into_bytes())]);
    match (&end.body, code_of(end)) {
        (_, Some(code)) => {
            let failure = CallFailure { code, reason: end.reason.as_deref() };
            all.push_back(Piece::Here(failure.to_json().into_bytes()));
        }
        (Some(body), None) => all.push_back(Piece::Here(body.clone().into_bytes())),
        (None, None) => all.extend((0..end.pieces).map(Piece::Stored)),
    }
    all.push_back(Piece::Here(b"}".to_vec()));
    all
}

/// The end of a call that a caller has waited for: its result, or a refusal.
pub fn whole(inside: &Rc<Inside>, ended: &(CallRow, EndRow)) -> Result<Response> {
    let Some(code) = code_of(&ended.1) else { return view(inside, ended) };
    let response = ResponseBuilder::new().with_status(status_of(code)).with_header(CODE_HEADER, code)?;
    Ok(response.with_header(EXECUTED_HEADER, executed(&ended.1))?.empty())
}

/// The end of a call as it is.
pub fn view(inside: &Rc<Inside>, (row, end): &(CallRow, EndRow)) -> Result<Response> {
    let pieces = pieces(row, end);
    let response = ResponseBuilder::new().with_header("content-type", "application/json")?;
    if end.pieces == 0 {
        let whole: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes(inside, &row.id)).collect();
        return Ok(response.fixed(whole));
    }
    let (inside, id) = (Rc::clone(inside), row.id.clone());
    let texts = futures::stream::iter(pieces).map(move |piece| piece.bytes(&inside, &id));
    Ok(response.body(body(texts)))
}

impl Piece {
    fn bytes(self, inside: &Inside, id: &str) -> Vec<u8> {
        match self {
            Self::Here(bytes) => bytes,
            Self::Stored(n) => match inside.tables.piece(id, n) {
                Ok(found) => found.unwrap_or_default(),
                Err(error) => {
                    log_error("agent hub", &error);
                    Vec::new()
                }
            },
        }
    }
}

fn body(texts: impl Stream<Item = Vec<u8>> + 'static) -> ResponseBody {
    let chunks = texts.map(|text| Ok::<JsValue, JsValue>(Uint8Array::from(text.as_slice()).into()));
    ResponseBody::Stream(wasm_streams::ReadableStream::from_stream(chunks).into_raw())
}

fn server_sent(texts: impl Stream<Item = Vec<u8>> + 'static) -> Result<Response> {
    let response = ResponseBuilder::new()
        .with_header("content-type", "text/event-stream; charset=utf-8")?
        .with_header("cache-control", "no-cache, no-transform")?
        .with_header("x-accel-buffering", "no")?;
    Ok(response.body(body(texts)))
}

/// A caller who reads the events of a call. One who leaves before they end cancels it.
struct Caller {
    inside: Rc<Inside>,
    id: String,
    told: mpsc::Receiver<Heard>,
    /// Whether the events end where the call asks for input.
    until_asked: bool,
    /// Whether nothing has been read yet.
    is_new: bool,
    /// What is still to be sent of the end.
    rest: Option<VecDeque<Piece>>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.rest.is_none()
            && let Err(error) =
                self.inside.with(|machine, now| machine.cancel(now, &self.id, "the caller left"))
        {
            log_error("agent hub", &error);
        }
    }
}

impl Caller {
    /// The question for input that was asked before these events began, and ends them.
    fn asked_before(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_new) || !self.until_asked {
            return None;
        }
        let asks = self.inside.with(|machine, _| Ok(machine.asks(&self.id).to_vec())).ok()?;
        let mut events = asks.into_iter().map(|ask| Event::Asked(Box::new(ask)));
        let text = events.find(is_for_input).and_then(|event| agent_calls::event(&event, None, true))?;
        self.rest = Some(VecDeque::new());
        Some(text.into_bytes())
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        let mut silent_ms = 0;
        loop {
            if let Some(rest) = &mut self.rest {
                let bytes = rest.pop_front()?.bytes(&self.inside, &self.id);
                // Line breaks of a result stand between its tokens, and would end the event.
                return Some(
                    bytes
                        .into_iter()
                        .map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })
                        .collect(),
                );
            }
            let (status, due) = match look(&self.inside, &self.id) {
                Ok(found) => found,
                Err(error) => {
                    log_error("agent hub", &error);
                    return None;
                }
            };
            match status {
                Status::Ended(ended) => {
                    self.rest = Some(pieces(&ended.0, &ended.1));
                    return Some(b"event: tool_result\ndata: ".to_vec());
                }
                Status::Unknown => {
                    self.rest = Some(VecDeque::new());
                    return Some(b"event: error\ndata: {\"code\":\"call_not_found\"}\n\n".to_vec());
                }
                Status::Open | Status::Queued => {}
            }
            if let Some(asked) = self.asked_before() {
                return Some(asked);
            }
            match pause(&mut self.told, due).await {
                Some(event) => {
                    if self.until_asked && is_for_input(&event) {
                        self.rest = Some(VecDeque::new());
                    }
                    if let Some(text) = agent_calls::event(&event, None, true) {
                        return Some(text.into_bytes());
                    }
                }
                None => silent_ms += 1_000,
            }
            if silent_ms >= KEEP_ALIVE_MS {
                return Some(b": keep-alive\n\n".to_vec());
            }
        }
    }
}

/// Whether a call asks for input.
fn is_for_input(event: &Event) -> bool {
    matches!(event, Event::Asked(ask) if ask.kind == AskKind::InputRequired)
}

/// The events of a call, and its end, or the first question for input where they end there.
pub fn stream(
    inside: &Rc<Inside>,
    id: String,
    told: mpsc::Receiver<Heard>,
    until_asked: bool,
) -> Result<Response> {
    let caller = Caller { inside: Rc::clone(inside), id, told, until_asked, is_new: true, rest: None };
    let texts = futures::stream::unfold(caller, |mut caller| async move {
        let text = caller.next().await?;
        Some((text, caller))
    });
    server_sent(texts.chain(futures::stream::once(async { b"\n\n".to_vec() })))
}

/// The events of a hub, after those that a watcher missed.
pub fn events(
    told: mpsc::Receiver<Heard>,
    missed: Option<Missed<Rc<Event>>>,
    agent_id: String,
    only_tools: bool,
) -> Result<Response> {
    let (is_lost, missed) = match missed {
        Some(Missed::These(events)) => (false, events),
        Some(Missed::Lost(events)) => (true, events),
        None => (false, Vec::new()),
    };
    let mut first = format!("event: ready\ndata: {{\"missed\":{is_lost}}}\n\n");
    for (cursor, event) in &missed {
        first.extend(named(Some(*cursor), event, &agent_id, only_tools));
    }
    let texts = futures::stream::unfold((told, Some(first)), move |(mut told, first)| {
        let agent_id = agent_id.clone();
        async move {
            if let Some(first) = first {
                return Some((first.into_bytes(), (told, None)));
            }
            loop {
                match select(told.next(), Timer::after_ms(KEEP_ALIVE_MS)).await {
                    Either::Left((Some(Heard { cursor, event }), _)) => {
                        if let Some(text) = named(cursor, &event, &agent_id, only_tools) {
                            return Some((text.into_bytes(), (told, None)));
                        }
                    }
                    Either::Left((None, _)) => return None,
                    Either::Right(_) => return Some((b": keep-alive\n\n".to_vec(), (told, None))),
                }
            }
        }
    });
    server_sent(texts)
}

/// An event with its name, for `Last-Event-ID`.
fn named(cursor: Option<Cursor>, event: &Event, agent_id: &str, only_tools: bool) -> Option<String> {
    let text = agent_calls::event(event, Some(agent_id), only_tools)?;
    Some(match cursor {
        Some(cursor) => format!("id: {cursor}\n{text}"),
        None => text,
    })
}
