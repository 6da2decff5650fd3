//! One line of the trail that a request leaves among upstreams.

use serde::{Deserialize, Serialize};

use crate::tokens::UsageSource;

/// One attempt, or a candidate that was passed over. Times are milliseconds. Absent fields are left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptRecord {
    /// Name of the provider.
    pub provider: String,
    /// The model that it was asked for.
    pub model: String,
    /// Label of the key, where the provider has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Status of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The word for its failure, see [`crate::routing::retry::ErrorClass`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// Until the headers of its answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Until it was clear that it answers, or does not.
    pub duration_ms: u64,
    /// Why it was not asked, or why its answer was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Tokens of the prompt that it has probably cost besides those of the answer that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Who made that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_source: Option<UsageSource>,
}
