//! Why an attempt failed, and what the caller is told if no other upstream can be asked.
//!
//! A failure keeps its type until the request has been answered: what it means for failover is its [`Failure`], never the
//! code of the error that the caller would see.

use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::retry::Failure;

use crate::platform::http::Headers;
use crate::store::StoreError;

/// A failure for which the gateway has words of its own.
#[derive(Debug)]
pub struct AttemptError {
    /// What happened.
    pub failure: Failure,
    /// What the caller would be told.
    pub error: ApiError,
}

impl AttemptError {
    /// A failure of this type.
    pub fn new(failure: Failure, error: ApiError) -> Self {
        Self { failure, error }
    }

    /// An answer that cannot be read. A 502.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(Failure::Unreadable, ApiError::bad_gateway("upstream_invalid_response", message))
    }

    /// An upstream that cannot be reached, or that broke off. A 502.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Failure::Transport, ApiError::bad_gateway("upstream_unreachable", message))
    }
}

/// An error of the caller's own: its request is not what its dialect demands.
impl From<ApiError> for AttemptError {
    fn from(error: ApiError) -> Self {
        Self::new(Failure::Status(error.status), error)
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<AttemptError> for ApiError {
    fn from(failed: AttemptError) -> Self {
        failed.error
    }
}

/// An attempt that came to nothing.
pub struct Failed {
    /// What happened.
    pub failure: Failure,
    /// The code of the error, the upstream's or our own.
    pub code: Option<String>,
    /// What the upstream's error says.
    pub message: Option<String>,
    /// How long the upstream wants to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Milliseconds until the headers came, if they did.
    pub first_byte_ms: Option<u64>,
    /// What the caller is told if no other upstream can be asked.
    pub reply: Reply,
}

/// What a caller is told of a failure.
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

impl From<AttemptError> for Failed {
    fn from(AttemptError { failure, error }: AttemptError) -> Self {
        Self {
            failure,
            code: Some(error.code.to_owned()),
            message: None,
            retry_after_ms: error.retry_after_s.map(|seconds| u64::from(seconds) * 1000),
            first_byte_ms: None,
            reply: Reply::Gateway(error),
        }
    }
}

impl Failed {
    /// An error of the upstream's own.
    pub fn of_upstream(
        status: u16,
        info: ErrorInfo,
        retry_after_ms: Option<u64>,
        headers: Headers,
        bytes: Vec<u8>,
    ) -> Self {
        Self {
            failure: Failure::Status(status),
            code: info.code,
            message: Some(info.message),
            retry_after_ms,
            first_byte_ms: None,
            reply: Reply::Upstream { status, headers, bytes },
        }
    }

    /// The same, so many milliseconds after it was asked.
    pub fn after(mut self, first_byte_ms: u64) -> Self {
        self.first_byte_ms = Some(first_byte_ms);
        self
    }
}
