//! `GET /health`, for load balancers and people: is this deployment alive?

use nexus_edge_api::health::Health;
use nexus_edge_core::error::ApiError;

use crate::exchange::json;
use crate::platform::http::Response;

/// `GET /health`
pub fn health() -> Result<Response, ApiError> {
    json(200, &view())
}

/// Reads nothing, so the answer says exactly this: the Worker runs.
pub fn view() -> Health {
    Health { status: "ok", version: env!("CARGO_PKG_VERSION") }
}
