//! Spans for what a request does between its attempts: it is prepared, pauses before a candidate that has failed, and waits to be
//! admitted.
//!
//! They are children of the request and do not overlap with the attempt that they precede. A step below a millisecond has none.

use nexus_edge_core::stats::AttemptRecord;
use serde_json::{Value, json};

use super::{nanos, text};
use crate::trace::Trace;
use crate::traceparent::{SpanId, hex};

/// A span within the gateway.
const INTERNAL: u8 = 1;

/// The steps before attempts, which begin `started_ms` after `began_ms`. Attempts that were skipped have none.
pub(super) fn before(
    trace: &Trace,
    began_ms: u64,
    attempts: &[&AttemptRecord],
    mut random: impl FnMut() -> SpanId,
) -> Vec<Value> {
    let mut spans = Vec::new();
    let mut step = |name: &str, from_ms: u64, to_ms: u64, attempt: &AttemptRecord| {
        if to_ms > from_ms {
            spans.push(json!({
                "traceId": hex(trace.id()),
                "spanId": hex(&random()),
                "parentSpanId": hex(trace.span()),
                "name": name,
                "kind": INTERNAL,
                "startTimeUnixNano": nanos(began_ms.saturating_add(from_ms)),
                "endTimeUnixNano": nanos(began_ms.saturating_add(to_ms)),
                "attributes": [text("provider", &attempt.provider), text("model", &attempt.model)],
            }));
        }
    };
    for (position, attempt) in attempts.iter().enumerate() {
        let sent_ms = attempt.started_ms.unwrap_or_default();
        let asked_ms = sent_ms.saturating_sub(attempt.queued_ms.unwrap_or_default());
        let chosen_ms = asked_ms.saturating_sub(attempt.backoff_ms.unwrap_or_default());
        if position == 0 {
            step("nexus.prepare", 0, chosen_ms, attempt);
        }
        step("nexus.backoff", chosen_ms, asked_ms, attempt);
        step("nexus.queue", asked_ms, sent_ms, attempt);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::RANDOM_BYTES;

    #[test]
    fn steps_fill_the_time_before_their_attempt() {
        let trace = Trace::begin(None, 1.0, [5; RANDOM_BYTES]).unwrap();
        let attempt = |started, queued_ms, backoff_ms| AttemptRecord {
            started_ms: Some(started),
            queued_ms,
            backoff_ms,
            ..AttemptRecord::default()
        };
        let (first, second) = (attempt(20, Some(15), None), attempt(300, Some(40), Some(100)));
        let spans = before(&trace, 1_000, &[&first, &second, &attempt(400, None, None)], || [7; 8]);
        let found: Vec<(&str, &str, &str)> = spans
            .iter()
            .map(|span| {
                let at = |name: &str| span[name].as_str().unwrap().strip_suffix("000000").unwrap();
                (span["name"].as_str().unwrap(), at("startTimeUnixNano"), at("endTimeUnixNano"))
            })
            .collect();
        let expected = [
            ("nexus.prepare", "1000", "1005"),
            ("nexus.queue", "1005", "1020"),
            ("nexus.backoff", "1160", "1260"),
            ("nexus.queue", "1260", "1300"),
        ];
        assert_eq!(found, expected);
        assert!(spans.iter().all(|span| span["parentSpanId"] == hex(trace.span())));
    }
}
