//! Answers: JSON, and errors in the caller's dialect.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::headers::is_valid_value;

use crate::platform::http::{Headers, Response};
use crate::platform::log_error;

/// A JSON answer.
pub fn json(status: u16, body: &impl serde::Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(body).map_err(|error| {
        log_error("serialize", &error);
        ApiError::internal()
    })?;
    Ok(json_bytes(status, Headers::new(), body))
}

/// A response of serialised JSON with these additional headers.
pub fn json_bytes(status: u16, headers: Headers, body: Vec<u8>) -> Response {
    set_header(&headers, "content-type", "application/json; charset=utf-8");
    Response::bytes(status, headers, body)
}

/// The response for an error, in the caller's dialect.
pub fn error_response(error: &ApiError, caller_dialect: CallerDialect, request_id: &str) -> Response {
    json_bytes(
        error.status,
        error_headers(error),
        registry::encode_own_error(caller_dialect, error, request_id),
    )
}

/// The headers of the answer for an error.
pub fn error_headers(error: &ApiError) -> Headers {
    let headers = Headers::new();
    if let Some(seconds) = error.retry_after_s {
        set_header(&headers, "retry-after", &seconds.to_string());
    }
    if let Some(allow) = &error.allow {
        set_header(&headers, "allow", allow);
    }
    if error.status == 401 {
        set_header(&headers, "www-authenticate", "Bearer");
    }
    headers
}

/// Sets a header whose value may come from configuration; an invalid one is left out.
pub fn set_header(headers: &Headers, name: &str, value: &str) {
    if is_valid_value(value) {
        headers.set(name, value);
    }
}
