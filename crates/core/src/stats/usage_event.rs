//! The one record that every authenticated request leaves.
//!
//! It travels through a queue that delivers at least once; its id is what makes the second delivery harmless.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attempt_record::AttemptRecord;
use crate::tokens::{TokenUsage, UsageSource};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The caller got a whole answer.
    Completed,
    /// The upstream failed, before or during the answer.
    Failed,
    /// The caller left before the answer was whole.
    Cancelled,
    /// The gateway refused the request without asking an upstream.
    Rejected,
}

/// One request. Times are milliseconds; `ts` is since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageEvent {
    /// ULID; the primary key of the request log.
    pub id: String,
    /// When the request arrived.
    pub ts: u64,
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// The key that was used.
    pub key_id: String,
    /// The provider that answered or failed last.
    pub provider_id: Option<i64>,
    /// Its name at that time.
    pub provider_name: Option<String>,
    /// The model that the caller named.
    pub model: String,
    /// The model that the upstream was asked for.
    pub upstream_model: Option<String>,
    /// Whether the caller wanted a stream.
    pub stream: bool,
    /// HTTP status of the answer.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// The gateway's error code, if it made the error.
    pub error_code: Option<String>,
    /// Why the answer ended, in the upstream's word.
    pub finish_reason: Option<String>,
    /// Token counts.
    #[serde(flatten)]
    pub usage: TokenUsage,
    /// Who made those counts.
    pub usage_source: UsageSource,
    /// Until the upstream's headers came.
    pub first_byte_ms: Option<u64>,
    /// Until the answer was over.
    pub duration_ms: u64,
    /// The conversation that the request belongs to.
    pub conversation_id: String,
    /// Who was asked and who was passed over, in order, unless that is one upstream which answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
    /// What it cost, in millionths of a dollar; 0 if nobody knows the price.
    #[serde(default)]
    pub cost_micros: u64,
    /// The tags of the key.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_queue_and_is_flat_for_sql() {
        let event = UsageEvent {
            id: "01".into(),
            ts: 5,
            request_id: "req_1".into(),
            key_id: "k".into(),
            provider_id: Some(1),
            provider_name: None,
            model: "m".into(),
            upstream_model: None,
            stream: true,
            status: 200,
            outcome: Outcome::Completed,
            error_code: None,
            finish_reason: Some("stop".into()),
            usage: TokenUsage { prompt: 1, completion: 2, ..TokenUsage::default() },
            usage_source: UsageSource::Reported,
            first_byte_ms: Some(3),
            duration_ms: 9,
            conversation_id: "c".into(),
            attempts: Vec::new(),
            cost_micros: 12,
            tags: BTreeMap::from([("team".into(), "a".into())]),
        };
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.contains(r#""prompt":1"#) && json.contains(r#""outcome":"completed""#));
        assert_eq!(serde_json::from_str::<UsageEvent>(&json).unwrap(), event);
    }
}
