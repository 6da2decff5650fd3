//! The error that a caller gets.
//!
//! Every layer below has its own error type; at the edge all of them become an [`ApiError`], which has an HTTP
//! status, a kind, a stable machine-readable code and the path of the invalid field. How it is written in the caller's
//! dialect is known to [`crate::dialect::registry`]. Messages are written for the caller: they never contain a secret or an internal detail.

/// The kinds of errors. Every dialect has a word for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be served as it was sent.
    InvalidRequest,
    /// The request is valid, but what was chosen to serve it cannot do what it asks for. Another candidate may.
    Unsupported,
    /// The key is missing, wrong, expired or disabled.
    Authentication,
    /// The key is valid, but not for this.
    Permission,
    /// What the request names does not exist.
    NotFound,
    /// The request is larger than allowed.
    RequestTooLarge,
    /// A limit is exceeded.
    RateLimit,
    /// Budget, credits or quota are used up.
    InsufficientQuota,
    /// Nothing that could answer has capacity.
    Overloaded,
    /// The gateway lacks something that it needs.
    Unavailable,
    /// Something took too long.
    Timeout,
    /// The upstream (status 502) or the gateway (other statuses) failed.
    Server,
}

impl ErrorKind {
    /// The kind that a status stands for where the body does not say more.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::InsufficientQuota,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::RequestTooLarge,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Server,
        }
    }
}

/// An error with everything that its answer contains.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// Stable code; clients may branch on it.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The invalid field, as a path such as `messages[0].role`.
    pub param: Option<String>,
    /// Seconds after which a retry may succeed, for the `retry-after` header.
    pub retry_after_s: Option<u32>,
    /// The methods that the path supports, for the `allow` header of a 405.
    pub allow: Option<String>,
}

/// A wait in milliseconds as whole seconds of a `retry-after` header: rounded up, and never 0, because a caller who
/// retries at once is refused again.
#[must_use]
pub fn retry_after_s(wait_ms: u64) -> u32 {
    u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

impl ApiError {
    /// An error with status, kind, code and message; the other fields are empty.
    pub fn new(status: u16, kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code, message: message.into(), param: None, retry_after_s: None, allow: None }
    }

    /// A 400 for an invalid field.
    pub fn invalid(code: &'static str, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::InvalidRequest, code, message).with_param(param)
    }

    /// A 400 for a body that is not JSON of the expected outer shape.
    pub fn invalid_json(message: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::InvalidRequest, "invalid_json", message)
    }

    /// A 401.
    pub fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(401, ErrorKind::Authentication, code, message)
    }

    /// A 403.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, ErrorKind::Permission, code, message)
    }

    /// A 404.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(404, ErrorKind::NotFound, code, message)
    }

    /// The 404 for a model that does not exist or that the key may not use; the two cannot be told apart.
    #[must_use]
    pub fn model_not_found(model: &str) -> Self {
        let shown: String = model.chars().take(100).collect();
        Self::not_found(
            "model_not_found",
            format!("The model `{shown}` does not exist or this key has no access to it."),
        )
        .with_param("model")
    }

    /// A 405 with the methods that the path supports.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        let message = format!("This path answers only {allow}.");
        let error = Self::new(405, ErrorKind::InvalidRequest, "method_not_allowed", message);
        Self { allow: Some(allow.to_owned()), ..error }
    }

    /// A 400 for something that is valid in itself, but that what was chosen to serve the request cannot do.
    pub fn unsupported(code: &'static str, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::Unsupported, code, message).with_param(param)
    }

    /// A 409.
    pub fn conflict(code: &'static str, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(409, ErrorKind::InvalidRequest, code, message).with_param(param)
    }

    /// A 413 with the limit in bytes.
    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            413,
            ErrorKind::RequestTooLarge,
            "request_too_large",
            format!("The request body is larger than the limit of {limit_bytes} bytes."),
        )
    }

    /// A 408: the request's body did not arrive in time.
    #[must_use]
    pub fn body_too_slow() -> Self {
        let message =
            "The request body did not arrive in time: the caller stopped sending it, or sent it too slowly.";
        Self::new(408, ErrorKind::Timeout, "request_timeout", message)
    }

    /// A 502.
    pub fn bad_gateway(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(502, ErrorKind::Server, code, message)
    }

    /// A 504 that names the operation and its time-out in milliseconds.
    #[must_use]
    pub fn upstream_timeout(waited_for: &str, limit_ms: u32) -> Self {
        Self::new(
            504,
            ErrorKind::Timeout,
            "upstream_timeout",
            format!("The provider sent no {waited_for} within {limit_ms} ms."),
        )
    }

    /// A 500: a fault of the gateway. The cause belongs in the log, not in the message.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(500, ErrorKind::Server, "internal_error", "The gateway failed to handle the request.")
    }

    /// A 503: something that the gateway needs is missing.
    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(503, ErrorKind::Unavailable, code, message)
    }

    /// The same error with the path of the invalid field.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same error, with a `retry-after` in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (wait_ms, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (u64::MAX, u32::MAX)] {
            assert_eq!(retry_after_s(wait_ms), seconds);
        }
    }

    #[test]
    fn a_very_long_model_name_is_cut_in_the_message() {
        let error = ApiError::model_not_found(&"é".repeat(5000));
        assert!(error.message.len() < 400);
    }
}
