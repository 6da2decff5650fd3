//! Limits without their authority: the few requests that an isolate admits while it cannot be reached, and the marker by
//! which a limit that stays exhausted refuses in every location without being asked.

use serde::{Deserialize, Serialize};

use super::rules::RuleKind;
use super::{Bucket, FailurePolicy, Refusal, Rules};
use crate::hash::sha256_hex;

/// Requests per minute that one isolate admits while the authority cannot be reached: the limit divided by this, but
/// at least one.
const OPEN_SHARE: u64 = 10;
/// The same for a subject without a limit per minute.
const OPEN_DEFAULT: u64 = 10;
/// Seconds for which a marker refuses: the least expiry that KV supports. The next request that the authority refuses after
/// that writes a new marker, so raising a limit or a late refund takes effect at most this late.
pub const MARKER_TTL_S: u64 = 60;

/// The requests of one subject that are admitted while the authority cannot be reached.
#[derive(Debug, Clone, Default)]
pub struct Alone {
    bucket: Option<Bucket>,
}

impl Alone {
    /// Whether one more request may pass. Without a policy of their own, limits with a budget refuse and others admit a few.
    pub fn admits(&mut self, rules: &Rules, on_failure: Option<FailurePolicy>, now_ms: u64) -> bool {
        let default = if rules.has_budget() { FailurePolicy::FailClosed } else { FailurePolicy::FailOpen };
        if on_failure.unwrap_or(default) == FailurePolicy::FailClosed {
            return false;
        }
        let per_minute = rules.counted.iter().find(|rule| rule.kind == RuleKind::RequestsPerMinute);
        let capacity = per_minute.map_or(OPEN_DEFAULT, |rule| (rule.limit / OPEN_SHARE).max(1));
        // A changed limit starts a new count.
        self.bucket = self.bucket.filter(|bucket| bucket.capacity() == capacity);
        self.bucket.get_or_insert_with(|| Bucket::new(capacity, 60_000, now_ms)).take(now_ms).is_ok()
    }
}

/// An exhausted limit, as KV stores it.
///
/// ```json
/// {"kind": "requests_per_day", "limit": 50000, "retry_at_ms": 1795200203000}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    kind: RuleKind,
    limit: u64,
    retry_at_ms: Option<u64>,
}

impl Marker {
    /// The marker for a refusal; `None` if the limit is free again before the marker would expire, or if a smaller request may have
    /// room: a marker refuses every request.
    #[must_use]
    pub fn of(refusal: &Refusal, now_ms: u64) -> Option<Self> {
        let kind = refusal.kind.filter(|kind| kind.is_long())?;
        if refusal.left.is_some_and(|left| left > 0) {
            return None;
        }
        let is_short = refusal.retry_after_ms.is_some_and(|wait| wait < MARKER_TTL_S * 1_000);
        let retry_at_ms = refusal.retry_after_ms.map(|wait| now_ms.saturating_add(wait));
        (!is_short).then_some(Self { kind, limit: refusal.limit, retry_at_ms })
    }

    /// The refusal that it stands for; `None` if the limit is free again.
    #[must_use]
    pub fn refusal(&self, now_ms: u64) -> Option<Refusal> {
        if self.retry_at_ms.is_some_and(|at| at <= now_ms) {
            return None;
        }
        Some(Refusal {
            kind: Some(self.kind),
            limit: self.limit,
            retry_after_ms: self.retry_at_ms.map(|at| at - now_ms),
            left: None,
        })
    }

    /// The name of a subject's marker in KV; `None` if none of its limits is long enough for one. It contains the limits: a
    /// marker of a lower limit does not refuse after the limit was raised.
    #[must_use]
    pub fn name(subject: &str, rules: &Rules) -> Option<String> {
        if !rules.counted.iter().any(|rule| rule.kind.is_long()) {
            return None;
        }
        let rules = sha256_hex(&serde_json::to_string(rules).unwrap_or_default());
        Some(format!("limit:{subject}:{}", rules.get(..16).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::calendar::Period;
    use crate::limits::{Budget, LimitPolicy};

    fn admitted(rules: &Rules, policy: Option<FailurePolicy>) -> usize {
        let mut alone = Alone::default();
        (0..1_000).filter(|_| alone.admits(rules, policy, 5)).count()
    }

    #[test]
    fn a_tenth_of_the_limit_passes_and_a_few_where_there_is_none() {
        assert_eq!(admitted(&Rules::requests_per_minute(600), None), 60);
        assert_eq!(admitted(&Rules::requests_per_minute(3), None), 1);
        assert_eq!(admitted(&Rules::default(), None), 10);
        assert_eq!(admitted(&Rules::requests_per_minute(600), Some(FailurePolicy::FailClosed)), 0);
    }

    #[test]
    fn money_is_refused_unless_the_policy_says_otherwise() {
        let policy = LimitPolicy {
            budget: Some(Budget { amount_micros: 5, period: Period::Day, alert_percent: Vec::new() }),
            ..LimitPolicy::default()
        };
        assert_eq!(admitted(&policy.rules(), None), 0);
        assert_eq!(admitted(&policy.rules(), Some(FailurePolicy::FailOpen)), 10);
    }

    #[test]
    fn a_changed_limit_starts_a_new_count() {
        let mut alone = Alone::default();
        let (low, high) = (Rules::requests_per_minute(10), Rules::requests_per_minute(100));
        assert!(alone.admits(&low, None, 0) && !alone.admits(&low, None, 0));
        assert!(alone.admits(&high, None, 0));
    }

    #[test]
    fn a_marker_refuses_until_the_limit_is_free_again() {
        let refusal = |retry_after_ms| Refusal {
            kind: Some(RuleKind::RequestsPerDay),
            limit: 9,
            retry_after_ms,
            left: None,
        };
        assert_eq!(Marker::of(&refusal(Some(59_999)), 0), None);
        assert_eq!(
            Marker::of(&Refusal { kind: Some(RuleKind::RequestsPerMinute), ..refusal(None) }, 0),
            None
        );
        let has = |left| Refusal { left: Some(left), ..refusal(None) };
        assert_eq!(Marker::of(&has(1), 0), None, "a smaller request has room");
        assert!(Marker::of(&has(0), 0).is_some());
        let marker = Marker::of(&refusal(Some(100_000)), 1_000).unwrap();
        assert_eq!(marker.refusal(41_000), Some(refusal(Some(60_000))));
        assert_eq!(marker.refusal(101_000), None);
        assert_eq!(Marker::of(&refusal(None), 1_000).unwrap().refusal(u64::MAX), Some(refusal(None)));
        let json = serde_json::to_string(&marker).unwrap();
        assert_eq!(json, r#"{"kind":"requests_per_day","limit":9,"retry_at_ms":101000}"#);
    }
}
