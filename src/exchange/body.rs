//! The body of a request: whole or as a stream, never longer than the limit, never slower than the pace, never compressed.

use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::http::pace::Pace;
use worker::web_sys;

use super::{Exchange, RequestBody};
use crate::platform::bytes::{self, Body, ReadError};

/// A body of a stated length up to this, in bytes, is read in one piece. In a larger one each pause is limited, too.
const MAX_AT_ONCE_BYTES: usize = 1 << 20;

impl Exchange {
    /// Whether the request has a body.
    pub fn has_body(&self) -> bool {
        match &self.body {
            RequestBody::Caller(request) => {
                self.head.headers.get("content-length") != Some("0") && request.body().is_some()
            }
            RequestBody::Here(body) | RequestBody::Round(body, _) => !body.is_empty(),
        }
    }

    /// Reads the request's body before its handler does, for what must be known of it first.
    ///
    /// # Errors
    /// Those of [`Self::body`].
    pub async fn hold_body(&self) -> Result<&Body, ApiError> {
        let body = self.body().await?;
        Ok(self.held_body.get_or_init(|| body))
    }

    /// The request's body as a stream, refused if its stated length is over the limit; `None` if there is none.
    pub fn body_stream(&self) -> Result<Option<web_sys::ReadableStream>, ApiError> {
        self.declared_length(self.settings.max_body_bytes)?;
        if let Some(held) = self.held_body.get() {
            return Ok(Some(held.to_stream()));
        }
        Ok(match &self.body {
            RequestBody::Caller(request) => request.body(),
            RequestBody::Here(_) | RequestBody::Round(..) => None,
        })
    }

    /// The stated length of the request's body; an error if it is over the limit, or if the body is compressed: neither its
    /// size nor what it says would be known before it is decompressed.
    fn declared_length(&self, limit: usize) -> Result<Option<usize>, ApiError> {
        if let Some(coding) = self.header("content-encoding").filter(|coding| !is_identity(coding)) {
            let shown: String = coding.chars().take(50).collect();
            let message = format!("A request body must not be compressed, and this one is by `{shown}`.");
            return Err(ApiError::new(
                415,
                ErrorKind::InvalidRequest,
                "unsupported_content_encoding",
                message,
            ));
        }
        match self.header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) if length > limit => Err(ApiError::too_large(limit)),
            declared => Ok(declared),
        }
    }

    /// The request's body, refused as soon as it is known to be over the limit.
    pub async fn body(&self) -> Result<Body, ApiError> {
        self.body_up_to(self.settings.max_body_bytes).await
    }

    /// The request's body, for an operation with a lower limit.
    pub async fn body_up_to(&self, limit: usize) -> Result<Body, ApiError> {
        let limit = limit.min(self.settings.max_body_bytes);
        let declared = self.declared_length(limit)?;
        if let Some(held) = self.held_body.get() {
            return if held.bytes.len() > limit { Err(ApiError::too_large(limit)) } else { Ok(held.clone()) };
        }
        let request = match &self.body {
            RequestBody::Caller(request) => request,
            RequestBody::Here(body) | RequestBody::Round(body, _) => {
                return Ok(Body::from_bytes(body.clone()));
            }
        };
        let Some(stream) = request.body() else { return Ok(Body::from_bytes(Vec::new())) };
        let pace = self.body_pace();
        // Accessed only here, because it locks the stream.
        let at_once = declared.filter(|bytes| *bytes <= MAX_AT_ONCE_BYTES);
        let at_once = at_once.and_then(|bytes| Some((bytes, request.array_buffer().ok()?)));
        let read = match at_once {
            Some((bytes, array_buffer)) => {
                bytes::read_at_once(array_buffer, Some(pace.for_all_ms(bytes))).await
            }
            None => bytes::read_chunks(stream, limit, Some(pace)).await,
        };
        read.map_err(|error| match error {
            ReadError::TooLarge => ApiError::too_large(limit),
            unread => unread_body(unread),
        })
    }

    /// How slowly the request's body may arrive.
    pub fn body_pace(&self) -> Pace {
        Pace::new(self.settings.body_timeout_ms)
    }
}

/// The error for a body that did not arrive.
pub fn unread_body(error: ReadError) -> ApiError {
    match error {
        ReadError::Idle => ApiError::body_too_slow(),
        ReadError::Broken | ReadError::TooLarge => {
            ApiError::invalid_json("The request body could not be read to its end.")
        }
    }
}

/// Whether a content coding leaves the bytes as they are.
fn is_identity(coding: &str) -> bool {
    coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity")
}
