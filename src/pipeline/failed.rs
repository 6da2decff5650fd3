//! The error for a caller whose request no candidate answered, and the failures of attempts that carry one.

use nexus_edge_core::error::ApiError;
pub use nexus_edge_failover::AttemptError;

use crate::platform::http::Headers;
use crate::store::StoreError;

/// A failed attempt.
pub type Failed = nexus_edge_failover::Failed<Reply>;

/// The error for a caller.
pub enum Reply {
    /// The gateway's own error.
    Gateway(ApiError),
    /// The upstream's error, in the caller's dialect.
    Upstream {
        /// Its status.
        status: u16,
        /// The headers for the caller.
        headers: Headers,
        /// The body.
        bytes: Vec<u8>,
    },
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        Self::Gateway(error)
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}
