//! Bodies of admin requests, read as the inputs that `nexus_edge_core::input!` declares.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::Input;

use crate::exchange::Exchange;
use crate::platform::bytes::Body;

/// Largest body, in bytes. The longest that the declarations allow has a tenth of it.
const MAX_BYTES: usize = 1 << 20;

async fn body(exchange: &Exchange) -> Result<Body, ApiError> {
    exchange.body_up_to(MAX_BYTES).await
}

/// The body that makes a new record: what is required must be there.
pub async fn new<I: Input>(exchange: &Exchange) -> Result<I, ApiError> {
    I::parse_new(&body(exchange).await?.bytes)
}

/// The body of a change: what it does not name stays as it is.
pub async fn change<I: Input>(exchange: &Exchange) -> Result<I, ApiError> {
    I::parse(&body(exchange).await?.bytes)
}

/// A body that may be missing, which is the same as `{}`.
pub async fn optional<I: Input>(exchange: &Exchange) -> Result<I, ApiError> {
    I::parse_optional(&body(exchange).await?.bytes)
}
