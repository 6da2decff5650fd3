//! An upload: a multipart body that is forwarded while it arrives.
//!
//! Only the bytes up to the end of its `model` field are held, so it can be sent only once.
//!
//! Two parties can stop it: the caller who sends it and the upstream that reads it. [`Progress`] tells them apart, so that
//! a caller who stops gets a 408, and only silence of the upstream counts as a failure of the upstream.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{Either, select};
use futures::{StreamExt, stream};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::multipart::{FieldScanner, RepeatGuard, Scan};
use nexus_edge_core::json::error::{invalid_value, missing};
use nexus_edge_core::routing::retry::Failure;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use super::failed::AttemptError;
use crate::exchange::{Exchange, unread_body};
use crate::platform::bytes::{self, Chunks, ReadError};
use crate::platform::promise::Timer;

/// Most bytes of a multipart body that are held until its `model` field has arrived.
const MAX_PREFIX_BYTES: usize = 26 << 20;

/// The bytes up to the model's name, and the rest as a stream.
pub struct Upload {
    prefix: Vec<u8>,
    named_at: Range<usize>,
    rest: Chunks,
    /// Bytes that have arrived.
    arrived: Rc<Cell<u64>>,
    /// Refuses a second `model`.
    guard: Option<RepeatGuard>,
}

impl Upload {
    /// Reads up to the model's name. `arrived` counts the bytes of the body, these and those that are passed on later.
    pub async fn begin(
        exchange: &Exchange,
        boundary: &str,
        arrived: Rc<Cell<u64>>,
    ) -> Result<Self, ApiError> {
        let stream =
            exchange.body_stream()?.ok_or_else(|| ApiError::invalid_json("The request body is empty."))?;
        let mut chunks = Chunks::new(stream, Some(exchange.body_pace()));
        let mut scanner = FieldScanner::new(boundary, "model");
        let mut prefix = Vec::new();
        let named_at = loop {
            let Some(chunk) = chunks.next().await.map_err(unread_body)? else {
                return Err(missing("model"));
            };
            bytes::append(&mut prefix, &chunk);
            arrived.set(prefix.len() as u64);
            match scanner.scan(&prefix) {
                Scan::Found(range) => break range,
                Scan::Absent => return Err(missing("model")),
                Scan::NeedMore if prefix.len() > MAX_PREFIX_BYTES => {
                    return Err(ApiError::too_large(MAX_PREFIX_BYTES));
                }
                Scan::NeedMore => {}
            }
        };
        Ok(Self { prefix, named_at, rest: chunks, arrived, guard: None })
    }

    /// Refuses a second `model` wherever it comes, because it matters which one the upstream uses. What follows is then read by
    /// the gateway, and not only passed on.
    pub fn refuse_second_model(&mut self, boundary: &str) -> Result<(), ApiError> {
        let mut guard = RepeatGuard::new(boundary, "model");
        if guard.push(self.prefix.get(self.named_at.end..).unwrap_or_default()) {
            return Err(second_model());
        }
        self.guard = Some(guard);
        Ok(())
    }

    /// The model in the field.
    pub fn model(&self) -> String {
        String::from_utf8_lossy(self.prefix.get(self.named_at.clone()).unwrap_or_default()).into_owned()
    }

    /// The complete body with this model instead, and how far it has been passed on.
    pub fn into_body(mut self, model: &str) -> (JsValue, Progress) {
        if self.prefix.get(self.named_at.clone()) != Some(model.as_bytes()) {
            self.prefix.splice(self.named_at, model.bytes());
        }
        let (notes, told) = unbounded();
        let arrived = self.arrived;
        let first = JsValue::from(Uint8Array::from(self.prefix.as_slice()));
        let rest = stream::unfold(
            (self.rest, notes, self.guard, arrived),
            |(mut rest, notes, mut guard, arrived)| async move {
                note(&notes, Note::Asked);
                let next = rest.next().await;
                if let Ok(Some(chunk)) = &next {
                    arrived.set(arrived.get() + u64::from(chunk.length()));
                }
                if let (Some(guard), Ok(Some(chunk))) = (&mut guard, &next)
                    && guard.push(&chunk.to_vec())
                {
                    note(&notes, Note::SecondModel);
                    return Some((
                        Err(JsValue::from_str("the body names two models")),
                        (rest, notes, None, arrived),
                    ));
                }
                note(&notes, next.as_ref().map_or_else(|error| Note::Unread(*error), |_| Note::Passed));
                let chunk = match next {
                    Ok(chunk) => Ok(JsValue::from(chunk?)),
                    Err(_) => Err(JsValue::from_str("the caller stopped sending the body")),
                };
                Some((chunk, (rest, notes, guard, arrived)))
            },
        );
        let whole = stream::once(async move { Ok(first) }).chain(rest);
        (wasm_streams::ReadableStream::from_stream(whole).into_raw().into(), Progress { told })
    }
}

/// A step of an upload.
#[derive(Debug, Clone, Copy)]
enum Note {
    /// The upstream wants more, and the caller is waited for.
    Asked,
    /// It has what the caller sent, or the end.
    Passed,
    /// The caller did not send more.
    Unread(ReadError),
    /// There is a second `model`.
    SecondModel,
}

fn second_model() -> ApiError {
    invalid_value("model", "must not be repeated")
}

fn note(notes: &UnboundedSender<Note>, step: Note) {
    // The receiver is gone when the upstream has answered.
    let _ = notes.unbounded_send(step);
}

/// How far an upload has been passed on.
pub struct Progress {
    told: UnboundedReceiver<Note>,
}

impl Progress {
    /// Completes with the failure of the upload: the caller's if they stopped sending it, the upstream's if it neither
    /// read on nor answered for `timeout_ms` milliseconds.
    pub async fn failure(mut self, timeout_ms: u32) -> AttemptError {
        loop {
            let next = match select(self.told.next(), Timer::after_ms(timeout_ms.into())).await {
                Either::Left((next, _)) => next,
                Either::Right(_) => break,
            };
            match next {
                // The caller has a limit of their own.
                Some(Note::Asked) => match self.told.next().await {
                    Some(Note::Unread(error)) => return unread_body(error).into(),
                    Some(Note::SecondModel) => return second_model().into(),
                    Some(Note::Asked | Note::Passed) => {}
                    None => break,
                },
                Some(Note::Unread(error)) => return unread_body(error).into(),
                Some(Note::SecondModel) => return second_model().into(),
                Some(Note::Passed) => {}
                // The whole body was passed on.
                None => {
                    Timer::after_ms(timeout_ms.into()).await;
                    break;
                }
            }
        }
        AttemptError::new(Failure::FirstByteTimeout, ApiError::upstream_timeout("answer", timeout_ms))
    }
}
