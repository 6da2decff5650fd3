//! An export as the body of an answer: a page is read when the caller has taken the one before, so that memory holds one page.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::time::rfc3339;
use nexus_edge_exports::format::Format;
use nexus_edge_exports::writer::Writer;
use thiserror::Error;
use worker::Env;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use super::source::Source;
use crate::platform::http::{Headers, Response};
use crate::platform::{log_error, now_ms};
use crate::store::StoreError;

/// Most pages of one answer: a run of the Worker may make 1,000 calls of the database, and a page needs up to two.
const PAGES: usize = 450;

struct Export {
    env: Env,
    source: Source,
    /// `None` at the end.
    writer: Option<Writer>,
    format: Format,
    pages: usize,
    /// Bytes of the first page.
    first: Option<Vec<u8>>,
}

/// Answers with the rows of a source. The first page is read before, so that its errors have a status. An export that would need
/// too many pages says at its end from where the rest can be exported; of CSV, which cannot say so, the stream breaks off.
pub async fn streamed(
    env: &Env,
    mut source: Source,
    format: Format,
    bom: bool,
) -> Result<Response, ApiError> {
    let sheet = source.sheet();
    let mut writer = Writer::new(format, sheet, bom);
    let next = source.write(env, &mut writer).await?;
    let mut first = writer.take();
    let mut rest = Some(writer);
    if next.is_none()
        && let Some(writer) = rest.take()
    {
        first.extend(writer.finish(None).last);
    }
    let export = Export { env: env.clone(), source, writer: rest, format, pages: 1, first: Some(first) };
    let pieces = futures::stream::unfold(Some(export), |export| async move {
        let mut export = export?;
        if let Some(first) = export.first.take() {
            return Some((Ok(bytes(&first)), Some(export)));
        }
        let writer = export.writer.take()?;
        match page(&mut export, writer).await {
            Ok(piece) => Some((Ok(bytes(&piece)), Some(export))),
            Err(reason) => {
                log_error("an export breaks off", &reason);
                Some((Err(JsValue::from_str("the export breaks off")), None))
            }
        }
    });
    let stream = wasm_streams::ReadableStream::from_stream(pieces).into_raw();
    Ok(Response::stream(200, headers(format, sheet.name), stream))
}

/// Why an export ends before its last row.
#[derive(Debug, Error)]
enum BrokenOff {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("CSV of so many pages needs a job")]
    TooLong,
}

/// The bytes of the next page. The writer goes back into the export unless it was the last.
async fn page(export: &mut Export, mut writer: Writer) -> Result<Vec<u8>, BrokenOff> {
    let next = export.source.write(&export.env, &mut writer).await?;
    export.pages += 1;
    if next.is_some() && export.pages < PAGES {
        let piece = writer.take();
        export.writer = Some(writer);
        return Ok(piece);
    }
    if next.is_some() && export.format == Format::Csv {
        return Err(BrokenOff::TooLong);
    }
    Ok(writer.finish(next).last)
}

fn bytes(piece: &[u8]) -> JsValue {
    Uint8Array::from(piece).into()
}

/// Answers with a whole export.
pub fn answer(format: Format, name: &str, bytes: Vec<u8>) -> Response {
    Response::bytes(200, headers(format, name), bytes)
}

fn headers(format: Format, name: &str) -> Headers {
    let headers = Headers::new();
    headers.set("content-type", format.content_type());
    headers.set("cache-control", "no-store");
    let day = rfc3339(now_ms() / 1000);
    let day = day.split('T').next().unwrap_or_default();
    let file = format!("attachment; filename=\"{name}-{day}.{}\"", format.name());
    headers.set("content-disposition", &file);
    headers
}
