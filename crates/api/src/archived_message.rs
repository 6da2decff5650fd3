//! A message of the archive, as conversations and the request log show it.

use serde::Serialize;

/// A message of the archive.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ArchivedMessage {
    /// Its id, which sorts by time.
    pub id: String,
    /// When it was first seen, in RFC 3339.
    pub timestamp: String,
    /// Whose it is.
    pub role: String,
    /// What was said; `null` where only metadata are kept.
    pub content: Option<String>,
    /// Its tokens.
    pub tokens_count: u64,
    /// The model of the conversation then.
    pub model: String,
    /// Why it ended.
    pub finish_reason: Option<String>,
}
