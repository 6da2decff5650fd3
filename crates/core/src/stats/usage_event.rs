//! The record of a request: every authenticated request produces exactly one.
//!
//! It is sent through a queue that delivers at least once; its id makes repeated deliveries harmless.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attempt_record::AttemptRecord;
use super::price_source::PriceSource;
use crate::tokens::{TokenUsage, UsageSource};

/// How a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The caller got a complete answer.
    Completed,
    /// The upstream failed, before or during the answer.
    Failed,
    /// The caller disconnected before the answer was complete.
    #[default]
    Cancelled,
    /// The gateway refused the request without asking an upstream.
    Rejected,
}

impl Outcome {
    /// The word under which it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

/// One request. Times are milliseconds; `ts` is since the epoch.
///
/// ```json
/// {"id": "01M7…", "ts": 1795200203000, "request_id": "req_01M7…", "key_id": "k1", "provider_id": 2,
///  "provider_name": "openai", "model": "smart", "upstream_model": "gpt-5", "stream": true, "status": 200,
///  "outcome": "completed", "finish_reason": "stop", "usage_source": "reported", "cost_micros": 120}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The upstream's name of the model.
    pub upstream_model: Option<String>,
    /// The logical model that `model` names, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_model: Option<String>,
    /// The owner of the key at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The calling program, see [`super::app::app_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The caller dialect, or the operation of a request that is passed through.
    #[serde(default)]
    pub dialect: String,
    /// Its trace, 32 hexadecimal digits, if it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Whether the caller wanted a stream.
    pub stream: bool,
    /// HTTP status of the answer.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// The gateway's error code, if the gateway produced the error.
    pub error_code: Option<String>,
    /// The upstream's finish reason.
    pub finish_reason: Option<String>,
    /// Token counts.
    #[serde(flatten)]
    pub usage: TokenUsage,
    /// Where the counts come from.
    pub usage_source: UsageSource,
    /// Milliseconds until the upstream's headers.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds until the end of the answer.
    pub duration_ms: u64,
    /// Milliseconds until the answer began to leave during which no upstream was waited for; absent if the caller left before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead_ms: Option<u64>,
    /// The conversation that the request belongs to.
    pub conversation_id: String,
    /// All attempts and skipped candidates, in order; empty if there was one attempt that succeeded without waiting.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
    /// Cost in millionths of a dollar; 0, and no statement at all, if `price_source` is `unknown`.
    #[serde(default)]
    pub cost_micros: u64,
    /// Where the price comes from.
    #[serde(default)]
    pub price_source: PriceSource,
    /// Version of the table of prices that was used, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_table: Option<String>,
    /// The tags of the key.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Milliseconds until the first token of an answer that is streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// Which guards acted, as `x-nexus-guard` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guards: Option<String>,
    /// Bytes of the request's body as they were received.
    #[serde(default, skip_serializing_if = "is_default")]
    pub request_bytes: u64,
    /// Bytes of the answer's body that were sent to the caller; 0 for errors that the gateway itself made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answer_bytes: u64,
    /// Questions that were put to the model, where the gateway ran its tools; 0 otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rounds: u64,
    /// Calls of tools that the gateway ran.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tool_calls: u64,
    /// Spans that the isolate could not export since its last event.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dropped_spans: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
            logical_model: None,
            owner: None,
            app: None,
            dialect: "chat".into(),
            stream: true,
            status: 200,
            outcome: Outcome::Completed,
            error_code: None,
            finish_reason: Some("stop".into()),
            usage: TokenUsage { prompt: 1, completion: 2, ..TokenUsage::default() },
            usage_source: UsageSource::Reported,
            first_byte_ms: Some(3),
            duration_ms: 9,
            overhead_ms: Some(1),
            conversation_id: "c".into(),
            attempts: Vec::new(),
            cost_micros: 12,
            price_source: PriceSource::List,
            price_table: Some("2026-11-28-1".into()),
            tags: BTreeMap::from([("team".into(), "a".into())]),
            first_token_ms: Some(4),
            trace: Some("0af7".into()),
            guards: None,
            request_bytes: 90,
            answer_bytes: 300,
            rounds: 3,
            tool_calls: 2,
            dropped_spans: 0,
        };
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.contains(r#""prompt":1"#) && json.contains(r#""outcome":"completed""#));
        assert_eq!(serde_json::from_str::<UsageEvent>(&json).unwrap(), event);
    }

    #[test]
    fn bytes_take_no_room_where_there_are_none_and_events_without_them_are_read() {
        let json = serde_json::to_string(&UsageEvent::default()).unwrap();
        assert!(!json.contains("_bytes"), "{json}");
        let read: UsageEvent = serde_json::from_str(&json).unwrap();
        assert_eq!((read.request_bytes, read.answer_bytes), (0, 0));
    }
}
