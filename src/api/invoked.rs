//! The answer to a call of an agent's tool, of which it is recorded how the call ended while it passes.

use nexus_edge_core::error::ApiError;
use nexus_edge_stats::call_end::CallEnd;
use nexus_edge_stats::tool_calls::CallStatus;
use nexus_edge_tunnel::told::Reader;
use worker::wasm_bindgen::JsValue;

use crate::pipeline::mcp::Calling;
use crate::platform::bytes::Chunks;
use crate::platform::http::{Response, ResponseBody};

/// The answer as it is; `calling` ends with it. A caller who does not read it to its end has left.
pub fn recorded(
    calling: Calling,
    answer: Result<Response, ApiError>,
    is_stream: bool,
) -> Result<Response, ApiError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let is_refused = matches!(error.status, 403 | 404 | 409 | 413 | 429);
            let end = if is_refused { CallEnd::refused } else { CallEnd::failed };
            calling.end(end(error.code));
            return Err(error);
        }
    };
    Ok(answer.map_body(|body| observed(calling, Reader::new(is_stream), body)))
}

fn observed(calling: Calling, mut reader: Reader, body: ResponseBody) -> ResponseBody {
    let stream = match body {
        ResponseBody::Stream(stream) => stream,
        body => {
            if let ResponseBody::Bytes(bytes) = &body {
                reader.push(bytes);
            }
            end(calling, reader);
            return body;
        }
    };
    let passing = (Chunks::new(stream, None), Some((calling, reader)));
    let pieces = futures::stream::unfold(passing, |(mut chunks, mut reading)| async move {
        let next = chunks.next().await;
        if let Some((calling, mut reader)) = reading.take() {
            match &next {
                Ok(Some(chunk)) => {
                    reader.push(&chunk.to_vec());
                    if reader.is_over() {
                        end(calling, reader);
                    } else {
                        reading = Some((calling, reader));
                    }
                }
                Ok(None) => end(calling, reader),
                Err(_) => calling.end(CallEnd::failed("bridge_gateway_error")),
            }
        }
        let piece: Result<JsValue, JsValue> = match next {
            Ok(chunk) => Ok(chunk?.into()),
            Err(_) => Err("the answer broke off".into()),
        };
        Some((piece, (chunks, reading)))
    });
    ResponseBody::Stream(wasm_streams::ReadableStream::from_stream(pieces).into_raw())
}

fn end(calling: Calling, reader: Reader) {
    calling.end(match reader.told() {
        Some(told) if told.status != "done" => CallEnd::failed(&told.status),
        Some(told) => {
            let status = if told.ok { CallStatus::Ok } else { CallStatus::ToolError };
            CallEnd { status, code: None, bytes: told.bytes }
        }
        None => CallEnd::failed("bridge_gateway_error"),
    });
}
