//! Errors of JSON-RPC, and the codes that the protocol gives a meaning.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The codes.
pub mod code {
    /// The text is not JSON.
    pub const PARSE: i64 = -32700;
    /// JSON, but no request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// Parameters are missing or wrong.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The fault of the server.
    pub const INTERNAL: i64 = -32603;
    /// Headers and body of a request over HTTP disagree (modern).
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The client does not have a capability that the request needs (modern).
    pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The version of the request is not supported; `data.supported` says which are (modern).
    pub const UNSUPPORTED_VERSION: i64 = -32022;
    /// No such resource (2025-11-25 and earlier; read, never written to a modern client).
    pub const RESOURCE_NOT_FOUND: i64 = -32002;
}

/// An error.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// One of [`code`], or any other integer.
    pub code: i64,
    /// For people. Empty where the sender left it out.
    #[serde(default)]
    pub message: String,
    /// What else there is to say, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

impl RpcError {
    /// An error without data.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The error with data.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        self.data = Some(crate::json::to_raw(data));
        self
    }

    /// Parameters are missing or wrong.
    #[must_use]
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// No such method.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(code::METHOD_NOT_FOUND, format!("Method not found: {method}"))
    }

    /// Whether only a modern server answers with this error: it must not be taken for a legacy one.
    #[must_use]
    pub fn is_modern(&self) -> bool {
        matches!(
            self.code,
            code::HEADER_MISMATCH | code::MISSING_CLIENT_CAPABILITY | code::UNSUPPORTED_VERSION
        )
    }
}

impl PartialEq for RpcError {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.message == other.message
            && self.data.as_deref().map(RawValue::get) == other.data.as_deref().map(RawValue::get)
    }
}
