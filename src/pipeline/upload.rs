//! An upload: a multipart body that is forwarded while it arrives.
//!
//! Only the bytes up to the end of its `model` field are held, so it can be sent only once.

use std::ops::Range;

use futures::stream::LocalBoxStream;
use futures::{StreamExt, stream};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::multipart::{FieldScanner, Scan};
use nexus_edge_core::json::error::missing;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::exchange::Exchange;
use crate::platform::bytes;

/// Most bytes of a multipart body that are held until its `model` field has arrived.
const MAX_PREFIX_BYTES: usize = 26 << 20;

/// The bytes up to the model's name, and the rest as a stream.
pub struct Upload {
    prefix: Vec<u8>,
    named_at: Range<usize>,
    rest: LocalBoxStream<'static, Result<JsValue, JsValue>>,
}

impl Upload {
    /// Reads up to the model's name.
    pub async fn begin(exchange: &Exchange, boundary: &str) -> Result<Self, ApiError> {
        let stream =
            exchange.body_stream()?.ok_or_else(|| ApiError::invalid_json("The request body is empty."))?;
        let mut chunks = bytes::into_chunks(stream);
        let mut scanner = FieldScanner::new(boundary, "model");
        let mut prefix = Vec::new();
        let named_at = loop {
            let Some(chunk) = chunks.next().await else { return Err(missing("model")) };
            let chunk: Uint8Array = chunk
                .map_err(|_| ApiError::invalid_json("The request body could not be read to its end."))?
                .unchecked_into();
            bytes::append(&mut prefix, &chunk);
            match scanner.scan(&prefix) {
                Scan::Found(range) => break range,
                Scan::Absent => return Err(missing("model")),
                Scan::NeedMore if prefix.len() > MAX_PREFIX_BYTES => {
                    return Err(ApiError::too_large(MAX_PREFIX_BYTES));
                }
                Scan::NeedMore => {}
            }
        };
        Ok(Self { prefix, named_at, rest: chunks.boxed_local() })
    }

    /// The model in the field.
    pub fn model(&self) -> String {
        String::from_utf8_lossy(self.prefix.get(self.named_at.clone()).unwrap_or_default()).into_owned()
    }

    /// The complete body with this model instead.
    pub fn into_body(mut self, model: &str) -> JsValue {
        if self.prefix.get(self.named_at.clone()) != Some(model.as_bytes()) {
            self.prefix.splice(self.named_at, model.bytes());
        }
        let first = JsValue::from(Uint8Array::from(self.prefix.as_slice()));
        let whole = stream::once(async move { Ok(first) }).chain(self.rest);
        wasm_streams::ReadableStream::from_stream(whole).into_raw().into()
    }
}
