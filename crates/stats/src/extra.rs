//! What is known of requests beside the statistics: what metrics show, and no statistic asks for.
//!
//! It stands in one column of the rows of minutes, as JSON without what is empty, and ends there: coarser rows do not have it.
//! Metrics read it before the rows of minutes are deleted.

use std::collections::BTreeMap;

use nexus_edge_core::stats::{AttemptRecord, UsageEvent};
use serde::{Deserialize, Serialize};

use crate::exemplar::{Exemplar, Exemplars};
use crate::series::Class;
use crate::sketch::Sketch;

/// Times per output token are counted in parts of a millisecond, so that fast models are told apart: 64 of them, because then
/// 10 ms·2^k remain bounds of buckets.
pub const PARTS_OF_MS: u64 = 64;

/// The outcome of an attempt that began beside another one, which was faster.
pub const HEDGE_LOST: &str = "hedge_lost";

/// Values with their exact sum and a sketch of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured(
    /// The values.
    pub Sketch,
    /// Their sum.
    pub u64,
);

impl Measured {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.0.record(value);
        self.1 = self.1.saturating_add(value);
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
        self.1 = self.1.saturating_add(other.1);
    }

    fn is_empty(&self) -> bool {
        self.0 == Sketch::default()
    }
}

/// See the module documentation. Times are milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// From arrival to the first token of complete answers that were streamed.
    #[serde(rename = "t", skip_serializing_if = "Measured::is_empty")]
    pub first_tokens: Measured,
    /// From the first token to the end of complete answers that were streamed, for each token after the first, in parts of a
    /// millisecond ([`PARTS_OF_MS`]).
    #[serde(rename = "p", skip_serializing_if = "Measured::is_empty")]
    pub per_token: Measured,
    /// In the gateway, while no upstream was waited for.
    #[serde(rename = "o", skip_serializing_if = "Measured::is_empty")]
    pub overheads: Measured,
    /// From the end of a request to its record in the database.
    #[serde(rename = "l", skip_serializing_if = "Measured::is_empty")]
    pub lags: Measured,
    /// Transactions that record requests.
    #[serde(rename = "d", skip_serializing_if = "Measured::is_empty")]
    pub transactions: Measured,
    /// Attempts whose answer was not that of the request, by [`attempt_key`].
    #[serde(rename = "a", skip_serializing_if = "BTreeMap::is_empty")]
    pub other_attempts: BTreeMap<String, u64>,
    /// Requests that stand for durations of complete answers.
    #[serde(rename = "e", skip_serializing_if = "Exemplars::is_empty")]
    pub duration_exemplars: Exemplars,
    /// Requests that stand for times to the first token.
    #[serde(rename = "g", skip_serializing_if = "Exemplars::is_empty")]
    pub first_token_exemplars: Exemplars,
    /// Spans that were not exported because the collector did not take them.
    #[serde(rename = "x", skip_serializing_if = "is_default")]
    pub dropped_spans: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The key of attempts at a provider with an outcome: a class of failures, or [`HEDGE_LOST`].
#[must_use]
pub fn attempt_key(provider: &str, outcome: &str) -> String {
    format!("{provider}/{outcome}")
}

/// Provider and outcome of an [`attempt_key`].
#[must_use]
pub fn attempt_of(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or((key, ""))
}

impl Extra {
    /// That of one request, which is recorded at `now_ms`.
    #[must_use]
    pub fn of(event: &UsageEvent, now_ms: u64) -> Self {
        let mut extra = Self { dropped_spans: event.dropped_spans, ..Self::default() };
        extra.lags.record(now_ms.saturating_sub(event.ts.saturating_add(event.duration_ms)));
        if let Some(overhead_ms) = event.overhead_ms {
            extra.overheads.record(overhead_ms);
        }
        let is_complete = Class::of(event) == Class::Ok;
        let exemplar = |value_ms: u64| {
            let trace = event.trace.clone().filter(|_| is_complete)?;
            Some(Exemplar { at_ms: event.ts.saturating_add(value_ms), trace, value_ms })
        };
        if let Some(exemplar) = exemplar(event.duration_ms) {
            extra.duration_exemplars.add(exemplar);
        }
        if is_complete
            && event.stream
            && let Some(first_token_ms) = event.first_token_ms
        {
            extra.first_tokens.record(first_token_ms);
            if let Some(exemplar) = exemplar(first_token_ms) {
                extra.first_token_exemplars.add(exemplar);
            }
            let later_tokens = event.usage.completion.saturating_sub(1);
            let writing_ms = event.duration_ms.saturating_sub(first_token_ms);
            if let Some(parts) = writing_ms.saturating_mul(PARTS_OF_MS).checked_div(later_tokens) {
                extra.per_token.record(parts);
            }
        }
        let asked = |attempt: &&AttemptRecord| attempt.skipped.is_none();
        let last = event.attempts.iter().rposition(|attempt| asked(&attempt));
        for (position, attempt) in event.attempts.iter().enumerate() {
            let outcome = match (attempt.skipped.as_deref(), attempt.error_class.as_deref()) {
                (Some(HEDGE_LOST), _) => HEDGE_LOST,
                // The last one is the answer of the request, whose end is in its series.
                (None, Some(class)) if Some(position) != last => class,
                _ => continue,
            };
            *extra.other_attempts.entry(attempt_key(&attempt.provider, outcome)).or_default() += 1;
        }
        extra
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        self.first_tokens.merge(&other.first_tokens);
        self.per_token.merge(&other.per_token);
        self.overheads.merge(&other.overheads);
        self.lags.merge(&other.lags);
        self.transactions.merge(&other.transactions);
        self.duration_exemplars.merge(&other.duration_exemplars);
        self.first_token_exemplars.merge(&other.first_token_exemplars);
        for (key, count) in &other.other_attempts {
            let sum = self.other_attempts.entry(key.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.dropped_spans = self.dropped_spans.saturating_add(other.dropped_spans);
    }

    /// As text for a database column; empty if nothing is known.
    #[must_use]
    pub fn encode(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Extra::encode`] wrote; what cannot be read is nothing.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::stats::Outcome;
    use nexus_edge_core::tokens::TokenUsage;

    fn attempt(provider: &str, error_class: Option<&str>, skipped: Option<&str>) -> AttemptRecord {
        AttemptRecord {
            provider: provider.into(),
            error_class: error_class.map(str::to_owned),
            skipped: skipped.map(str::to_owned),
            ..AttemptRecord::default()
        }
    }

    fn streamed(completion: u64) -> UsageEvent {
        UsageEvent {
            ts: 1_000,
            stream: true,
            status: 200,
            outcome: Outcome::Completed,
            first_token_ms: Some(300),
            duration_ms: 1_300,
            usage: TokenUsage { completion, ..TokenUsage::default() },
            ..UsageEvent::default()
        }
    }

    #[test]
    fn time_per_token_is_that_of_the_tokens_after_the_first() {
        let extra = Extra::of(&streamed(101), 2_500);
        assert_eq!((extra.first_tokens.1, extra.per_token.1, extra.lags.1), (300, 10 * PARTS_OF_MS, 200));
        // 10 ms are a bound of the histogram that metrics show, and count as at most 10 ms.
        assert_eq!(extra.per_token.0.at_most(6), 1);
        assert_eq!(Extra::of(&streamed(1), 2_500).per_token, Measured::default());
        assert_eq!(Extra::of(&streamed(0), 2_500).per_token, Measured::default());
        let failed = UsageEvent { outcome: Outcome::Failed, ..streamed(101) };
        assert_eq!(Extra::of(&failed, 2_500).first_tokens, Measured::default());
    }

    #[test]
    fn a_request_with_a_trace_stands_for_its_times() {
        let traced = UsageEvent { trace: Some("0af7".into()), ..streamed(101) };
        let extra = Extra::of(&traced, 2_500);
        let of = |exemplars: &Exemplars, bucket| exemplars.of(bucket).map(|one| (one.value_ms, one.at_ms));
        assert_eq!(of(&extra.duration_exemplars, 8), Some((1_300, 2_300)));
        assert_eq!(of(&extra.first_token_exemplars, 5), Some((300, 1_300)));
        assert_eq!(Extra::decode(&extra.encode()), extra);
        let failed = UsageEvent { outcome: Outcome::Failed, ..traced };
        assert!(Extra::of(&failed, 2_500).duration_exemplars.is_empty());
    }

    #[test]
    fn attempts_besides_the_one_that_answered_are_counted() {
        let attempts = vec![
            attempt("a/b", Some("timeout"), None),
            attempt("c", None, Some("circuit_open")),
            attempt("c", None, Some(HEDGE_LOST)),
            attempt("a/b", Some("timeout"), None),
            attempt("d", Some("rate_limited"), None),
        ];
        let extra = Extra::of(&UsageEvent { attempts, ..UsageEvent::default() }, 0);
        let counted: Vec<(&str, &str, u64)> = extra
            .other_attempts
            .iter()
            .map(|(key, count)| (attempt_of(key).0, attempt_of(key).1, *count))
            .collect();
        assert_eq!(counted, [("a/b", "timeout", 2), ("c", HEDGE_LOST, 1)]);
    }

    #[test]
    fn it_is_small_and_read_again() {
        assert_eq!(Extra::default().encode(), "");
        let extra = Extra::of(&streamed(101), 2_500);
        assert!(extra.encode().len() <= 60, "{}", extra.encode());
        assert_eq!(Extra::decode(&extra.encode()), extra);
        assert_eq!(Extra::decode("nonsense"), Extra::default());
        let mut twice = extra.clone();
        twice.merge(&extra);
        assert_eq!((twice.lags.1, twice.lags.0.count()), (400, 2));
    }
}
