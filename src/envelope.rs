//! Answers of the session API, in its envelope.

use nexus_edge_core::chat::envelope::Envelope;
use nexus_edge_core::error::ApiError;
use serde::Serialize;

use crate::exchange::{error_headers, json_bytes};
use crate::platform::http::{Headers, Response};
use crate::platform::now_ms;

/// A success.
pub fn success(status: u16, data: impl Serialize, message: &str, request_id: &str) -> Response {
    let envelope = Envelope::success(data, message, now_ms(), request_id);
    json_bytes(status, Headers::new(), serde_json::to_vec(&envelope).unwrap_or_default())
}

/// An error.
pub fn failure(error: &ApiError, request_id: &str) -> Response {
    let body = serde_json::to_vec(&Envelope::failure(error, now_ms(), request_id)).unwrap_or_default();
    json_bytes(error.status, error_headers(error), body)
}

/// The error of a turn that failed, with a status and a code that may be the upstream's own.
pub fn turn_failure(status: u16, code: &str, message: &str, request_id: &str) -> Response {
    let status = if (400..=599).contains(&status) { status } else { 502 };
    let envelope = Envelope::turn_failure(code, message, now_ms(), request_id);
    json_bytes(status, Headers::new(), serde_json::to_vec(&envelope).unwrap_or_default())
}
