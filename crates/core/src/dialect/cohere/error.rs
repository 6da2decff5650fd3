//! Errors (<https://docs.cohere.com/v2/reference/errors>): `{"id": "…", "message": "…"}`, distinguished by their
//! status.

use serde::Deserialize;

use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::unreadable_error;
use crate::json::lenient::{self, Spare};

#[derive(Deserialize)]
struct Body {
    message: Option<String>,
}

/// Decodes the body of an error response.
pub fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    let message = lenient::read::<Body>(body, &Spare::default()).ok().and_then(|body| body.message);
    let message = message.filter(|message| !message.trim().is_empty());
    let mut error = ErrorInfo::of_status(status, message.unwrap_or_else(|| unreadable_error(status, body)));
    match status {
        // An invalid token.
        498 => error.kind = ErrorKind::Authentication,
        499 => error.kind = ErrorKind::Timeout,
        400 | 422 if error.message.contains("too many tokens") => {
            error.code = Some("context_length_exceeded".to_owned());
        }
        _ => {}
    }
    error
}

/// The error at the end of a stream; `reason` is its `finish_reason`.
pub fn of_end(reason: &str, message: Option<String>) -> ErrorInfo {
    let message = message.filter(|message| !message.trim().is_empty());
    let message = message.unwrap_or_else(|| format!("The provider ended the answer with {reason}."));
    let mut error = ErrorInfo::in_stream("upstream_error", message);
    if reason == "TIMEOUT" {
        error.kind = ErrorKind::Timeout;
        error.status = 504;
    }
    error
}
