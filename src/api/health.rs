//! `GET /health`, for load balancers and people: is this deployment alive?

use nexus_edge_core::error::ApiError;

use crate::exchange::json;
use crate::platform::http::Response;

/// Answers without touching anything else, so that it says what it says: the Worker runs.
pub fn health() -> Result<Response, ApiError> {
    json(200, &serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}
