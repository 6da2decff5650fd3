//! Failures of attempts, and the error for the caller if no candidate is left.
//!
//! A failure keeps its type until the request has been answered: failover depends on its [`Failure`], never on the
//! code of the caller's error.

use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::routing::retry::Failure;

/// A failure with an error of the gateway.
#[derive(Debug)]
pub struct AttemptError {
    /// Its type.
    pub failure: Failure,
    /// The error for the caller.
    pub error: ApiError,
}

impl AttemptError {
    /// A failure of this type.
    #[must_use]
    pub fn new(failure: Failure, error: ApiError) -> Self {
        Self { failure, error }
    }

    /// An answer that cannot be parsed. A 502.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(Failure::Unreadable, ApiError::bad_gateway("upstream_invalid_response", message))
    }

    /// An upstream that cannot be reached, or that broke the connection. A 502.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Failure::Transport, ApiError::bad_gateway("upstream_unreachable", message))
    }
}

/// An error of the caller: its request is invalid in its dialect, or this candidate cannot do what it asks for.
impl From<ApiError> for AttemptError {
    fn from(error: ApiError) -> Self {
        let failure = match error.kind {
            ErrorKind::Unsupported => Failure::CapabilityMismatch,
            _ => Failure::Own(error.status),
        };
        Self::new(failure, error)
    }
}

impl From<AttemptError> for ApiError {
    fn from(failed: AttemptError) -> Self {
        failed.error
    }
}

/// A failed attempt. `R` is the error for a caller: the gateway's own, or the upstream's.
#[derive(Debug)]
pub struct Failed<R> {
    /// Its type.
    pub failure: Failure,
    /// The code of the upstream's error.
    pub code: Option<String>,
    /// The upstream's message.
    pub message: Option<String>,
    /// The cool-down that the upstream requests, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Milliseconds until the headers, if they came.
    pub first_byte_ms: Option<u64>,
    /// The error for the caller if no candidate is left.
    pub reply: R,
}

impl<R: From<ApiError>> From<AttemptError> for Failed<R> {
    fn from(AttemptError { failure, error }: AttemptError) -> Self {
        Self {
            failure,
            code: None,
            message: None,
            retry_after_ms: error.retry_after_s.map(|seconds| u64::from(seconds) * 1000),
            first_byte_ms: None,
            reply: error.into(),
        }
    }
}

impl<R> Failed<R> {
    /// An error of the upstream; `reply` is the same for the caller.
    pub fn of_upstream(status: u16, info: ErrorInfo, retry_after_ms: Option<u64>, reply: R) -> Self {
        Self {
            failure: Failure::Status(status),
            code: info.code,
            message: Some(info.message),
            retry_after_ms,
            first_byte_ms: None,
            reply,
        }
    }

    /// The same, so many milliseconds after the request.
    #[must_use]
    pub fn after(mut self, first_byte_ms: u64) -> Self {
        self.first_byte_ms = Some(first_byte_ms);
        self
    }
}
