//! Bodies: bytes that JavaScript holds and that Rust inspects.
//!
//! A call across the border to JavaScript costs more than reading the bytes, so a body is copied in one piece where
//! the platform has it in one, and the JavaScript original is kept: what is forwarded unchanged is sent from the
//! original.

use std::borrow::Cow;
use std::rc::Rc;

use futures::StreamExt;
use futures::future::{Either, select};
use nexus_edge_core::http::pace::Pace;
use nexus_edge_core::secrets::redactor::{Redactor, Scrubber};
use wasm_streams::readable::IntoStream;
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::ReadableStream;

use super::http::ResponseBody;
use super::now_ms;
use super::promise::{Awaited, Timer};

/// A body that was read to its end. A clone is the same bytes, not a copy.
#[derive(Clone)]
pub struct Body {
    /// A copy that Rust can read.
    pub bytes: Rc<Vec<u8>>,
    /// The JavaScript original, if it came in one piece.
    original: Option<Uint8Array>,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// It is larger than the limit.
    TooLarge,
    /// It ended early.
    Broken,
    /// Nothing arrived for too long.
    Idle,
}

impl Body {
    /// A body that was made in Rust.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes: Rc::new(bytes), original: None }
    }

    /// The bytes, without a copy if there is no other reference to them.
    pub fn into_bytes(self) -> Vec<u8> {
        Rc::unwrap_or_clone(self.bytes)
    }

    /// The body with every secret masked.
    pub fn cleaned(self, redactor: &Redactor) -> Self {
        redactor.clean(&self.bytes).map_or(self, Self::from_bytes)
    }

    /// The body as that of an answer, without a copy if JavaScript holds it.
    pub fn into_response(self) -> ResponseBody {
        match self.original {
            Some(original) => ResponseBody::Held(original),
            None => ResponseBody::Bytes(Rc::unwrap_or_clone(self.bytes)),
        }
    }

    /// The body as a stream of one piece.
    pub fn to_stream(&self) -> ReadableStream {
        let bytes = self.to_js(Cow::Borrowed(self.bytes.as_slice()));
        let piece = futures::stream::once(futures::future::ready(Ok(JsValue::from(bytes))));
        wasm_streams::ReadableStream::from_stream(piece).into_raw()
    }

    /// The JavaScript form of bytes that were derived from this body: if they are the body itself, the original where
    /// there is one.
    pub fn to_js(&self, made: Cow<'_, [u8]>) -> Uint8Array {
        match (made, &self.original) {
            (Cow::Borrowed(_), Some(original)) => original.clone(),
            (made, _) => Uint8Array::from(made.as_ref()),
        }
    }
}

/// Reads a body whose length is known to be within the limit, in one piece, within `limit_ms` milliseconds if given.
pub async fn read_at_once(array_buffer: Promise, limit_ms: Option<u64>) -> Result<Body, ReadError> {
    let reading = Awaited::from(array_buffer);
    let read = match limit_ms {
        None => reading.await,
        Some(limit_ms) => match select(reading, Timer::after_ms(limit_ms)).await {
            Either::Left((read, _)) => read,
            Either::Right(_) => return Err(ReadError::Idle),
        },
    };
    let original = Uint8Array::new(&read.map_err(|_| ReadError::Broken)?);
    Ok(Body { bytes: Rc::new(original.to_vec()), original: Some(original) })
}

/// Reads a body of unknown length chunk by chunk, at this pace if given.
pub async fn read_chunks(
    stream: ReadableStream,
    limit: usize,
    pace: Option<Pace>,
) -> Result<Body, ReadError> {
    let mut chunks = Chunks::new(stream, pace);
    let mut bytes = Vec::new();
    let mut only: Option<Uint8Array> = None;
    while let Some(chunk) = chunks.next().await? {
        if bytes.len() + chunk.length() as usize > limit {
            return Err(ReadError::TooLarge);
        }
        let is_first = bytes.is_empty();
        append(&mut bytes, &chunk);
        only = is_first.then_some(chunk);
    }
    Ok(Body { bytes: Rc::new(bytes), original: only })
}

/// The chunks of a stream that has to keep a pace. Dropping them cancels the stream.
pub struct Chunks {
    stream: IntoStream<'static>,
    pace: Option<Pace>,
}

impl Chunks {
    /// The chunks of this stream.
    pub fn new(stream: ReadableStream, pace: Option<Pace>) -> Self {
        Self { stream: into_chunks(stream), pace }
    }

    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Uint8Array>, ReadError> {
        let next = match &mut self.pace {
            None => self.stream.next().await,
            Some(pace) => {
                let began_ms = now_ms();
                match select(self.stream.next(), Timer::after_ms(pace.next_wait_ms())).await {
                    Either::Left((next, _)) => {
                        let bytes = next.iter().flatten().map(length).sum();
                        pace.arrived(bytes, now_ms().saturating_sub(began_ms));
                        next
                    }
                    Either::Right(_) => return Err(ReadError::Idle),
                }
            }
        };
        next.transpose().map(|chunk| chunk.map(JsValue::unchecked_into)).map_err(|_| ReadError::Broken)
    }
}

fn length(chunk: &JsValue) -> usize {
    chunk.unchecked_ref::<Uint8Array>().length() as usize
}

/// The chunks of a stream. Dropping them cancels the stream.
pub fn into_chunks(stream: ReadableStream) -> IntoStream<'static> {
    wasm_streams::ReadableStream::from_raw(stream).into_stream()
}

/// A stream of which each chunk is searched before it is forwarded.
pub fn scrubbed(stream: ReadableStream, scrubber: Scrubber) -> ReadableStream {
    let chunks = into_chunks(stream);
    let cleaned =
        futures::stream::unfold((chunks, Some(scrubber)), |(mut chunks, mut scrubber)| async move {
            let under_way = scrubber.as_mut()?;
            let piece: JsValue = match chunks.next().await {
                Some(Ok(chunk)) => {
                    let mut bytes = Vec::new();
                    append(&mut bytes, chunk.unchecked_ref());
                    if under_way.push(&mut bytes) { Uint8Array::from(bytes.as_slice()).into() } else { chunk }
                }
                Some(Err(error)) => return Some((Err(error), (chunks, None))),
                None => {
                    let rest = under_way.finish();
                    return (!rest.is_empty())
                        .then(|| (Ok(Uint8Array::from(rest.as_slice()).into()), (chunks, None)));
                }
            };
            Some((Ok(piece), (chunks, scrubber)))
        });
    // A chunk of which everything is held would be an empty one.
    let cleaned = cleaned.filter(|piece| {
        let is_empty = piece.as_ref().is_ok_and(|piece| piece.unchecked_ref::<Uint8Array>().length() == 0);
        futures::future::ready(!is_empty)
    });
    wasm_streams::ReadableStream::from_stream(cleaned).into_raw()
}

/// Appends a chunk to the bytes so far.
pub fn append(held: &mut Vec<u8>, chunk: &Uint8Array) {
    let start = held.len();
    held.resize(start + chunk.length() as usize, 0);
    if let Some(target) = held.get_mut(start..) {
        chunk.copy_to(target);
    }
}
