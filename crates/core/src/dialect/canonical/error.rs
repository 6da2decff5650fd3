//! An error of an upstream or of the gateway, for a caller of any dialect.

use crate::error::{ApiError, ErrorKind};

/// Why a stream is not a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFault {
    /// It ended before it was over.
    Truncated,
    /// It cannot be read.
    Malformed,
    /// The upstream sent nothing for too long.
    Idle,
    /// It carried an error of the upstream's own.
    UpstreamError,
    /// A content rule does not let it pass.
    Blocked,
}

impl StreamFault {
    /// The stable code for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Truncated => "upstream_stream_truncated",
            Self::Malformed => "upstream_invalid_response",
            Self::Idle => "upstream_stream_idle",
            Self::UpstreamError => "upstream_error",
            Self::Blocked => "content_blocked",
        }
    }
}

/// An error with everything that some dialect can express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorInfo {
    /// HTTP status of the answer.
    pub status: u16,
    /// Its kind.
    pub kind: ErrorKind,
    /// A message for people.
    pub message: String,
    /// A stable code, the upstream's or the gateway's.
    pub code: Option<String>,
    /// The path of the invalid field.
    pub param: Option<String>,
    /// The fault that the gateway found in the stream; `None` for errors that the upstream reported.
    pub fault: Option<StreamFault>,
}

impl ErrorInfo {
    /// An error with only status and message.
    pub fn of_status(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: ErrorKind::of_status(status),
            message: message.into(),
            code: None,
            param: None,
            fault: None,
        }
    }

    /// The error of a truncated stream.
    #[must_use]
    pub fn truncated() -> Self {
        Self::of_fault(StreamFault::Truncated, "The provider broke off its answer.")
    }

    /// The error of a stream that cannot be parsed.
    #[must_use]
    pub fn malformed() -> Self {
        Self::of_fault(StreamFault::Malformed, "The provider sent something that cannot be read.")
    }

    /// The error of an answer that cannot be parsed, with a description for the log.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::of_fault(StreamFault::Malformed, message)
    }

    /// The error of a stream that was silent for so many milliseconds.
    #[must_use]
    pub fn idle(idle_ms: u64) -> Self {
        Self::of_fault(StreamFault::Idle, format!("The provider sent nothing for {idle_ms} ms."))
    }

    fn of_fault(fault: StreamFault, message: impl Into<String>) -> Self {
        Self { fault: Some(fault), ..Self::in_stream(fault.code(), message) }
    }

    /// An error in a stream whose status line has been sent.
    pub fn in_stream(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: 502,
            kind: ErrorKind::Server,
            message: message.into(),
            code: Some(code.to_owned()),
            param: None,
            fault: None,
        }
    }
}

impl From<&ApiError> for ErrorInfo {
    fn from(error: &ApiError) -> Self {
        Self {
            status: error.status,
            kind: error.kind,
            message: error.message.clone(),
            code: Some(error.code.to_owned()),
            param: error.param.clone(),
            fault: None,
        }
    }
}
