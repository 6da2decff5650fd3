//! One attempt of a request, as it is logged.

use serde::{Deserialize, Serialize};

use crate::tokens::UsageSource;

/// One attempt, or a skipped candidate. Times are milliseconds. Absent fields are left out of the JSON.
///
/// Before it began there were a pause and a wait, in this order, which are not in its duration:
///
/// ```text
/// | backoff_ms | queued_ms | first_byte_ms …      |
///                          ^ started_ms           ^ started_ms + duration_ms
/// ```
///
/// ```json
/// {"provider": "openai", "model": "gpt-5", "key": "second", "status": 429, "error_class": "rate_limited",
///  "queued_ms": 2, "started_ms": 3, "first_byte_ms": 80, "duration_ms": 81}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AttemptRecord {
    /// Name of the provider.
    pub provider: String,
    /// The model that was requested from it.
    pub model: String,
    /// Label of the key, where the provider has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Status of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The class of its failure, see [`crate::routing::retry::ErrorClass`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// Milliseconds from the arrival of the request to the beginning of the attempt, or to when it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// Milliseconds of the pause before it, because the candidate had failed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_ms: Option<u64>,
    /// Milliseconds that it waited to be admitted: in the queue in front of the provider, and for limits of the model and the
    /// provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued_ms: Option<u64>,
    /// Whether it was begun beside another attempt that had not answered in time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hedge: bool,
    /// Milliseconds from sending it until the headers of its answer. The platform does not tell when a connection is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Milliseconds until its first token, the end of an answer that is not streamed, its failure, or until another attempt won.
    pub duration_ms: u64,
    /// Why it was skipped, or why its answer was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Prompt tokens that it probably charged in addition to the answer that was used (hedged requests).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Where that count comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_source: Option<UsageSource>,
}
