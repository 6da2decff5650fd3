//! How long to wait before the next attempt, and whether there is time for one.

use super::num::{count, float};
use crate::error::retry_after_s;
use crate::time::parse_http_date;

/// The longest cool-down that an upstream may request; a longer one is capped, so that a mistaken header does not
/// exclude an upstream for a day.
pub const MAX_RETRY_AFTER_MS: u64 = 600_000;

/// The longest wait that is told to a caller. It may be longer than [`MAX_RETRY_AFTER_MS`]: a quota of a day is
/// exhausted until the day ends, whatever else the gateway tries until then.
const MAX_TOLD_MS: u64 = 86_400_000;

/// Milliseconds of cool-down that an upstream requests in its headers `retry-after-ms` (milliseconds) or
/// `retry-after` (seconds, also with a fraction, or a date). The first takes precedence, being more precise. At most
/// [`MAX_RETRY_AFTER_MS`]; a date in the past is 0; an invalid value counts as absent.
#[must_use]
pub fn retry_after_ms(retry_after_ms: Option<&str>, retry_after: Option<&str>, now_ms: u64) -> Option<u64> {
    asked_ms(retry_after_ms, retry_after, now_ms).map(|asked| asked.min(MAX_RETRY_AFTER_MS))
}

/// The same as whole seconds for a caller: at least 1, at most a day, whatever the upstream wrote.
#[must_use]
pub fn told_retry_after_s(
    retry_after_ms: Option<&str>,
    retry_after: Option<&str>,
    now_ms: u64,
) -> Option<u32> {
    asked_ms(retry_after_ms, retry_after, now_ms).map(|asked| retry_after_s(asked.min(MAX_TOLD_MS)))
}

fn asked_ms(retry_after_ms: Option<&str>, retry_after: Option<&str>, now_ms: u64) -> Option<u64> {
    retry_after_ms.and_then(number).map(|ms| count(ms.ceil())).or_else(|| {
        let value = retry_after?;
        number(value)
            .map(|seconds| count((seconds * 1_000.0).ceil()))
            .or_else(|| parse_http_date(value).map(|at| at.saturating_sub(now_ms)))
    })
}

/// A number in decimal digits, with a fraction or without: no sign, no exponent.
fn number(value: &str) -> Option<f64> {
    let value = value.trim();
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    value.parse::<f64>().ok().filter(|number| is_plain && number.is_finite())
}

/// Exponential back-off with full jitter: a delay is drawn uniformly from zero to a bound that doubles. Of the usual
/// variants this one spreads retries most, so that callers who failed together do not retry together ("Exponential
/// Backoff And Jitter", AWS Architecture Blog).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Bound of the first delay, in milliseconds.
    pub base_ms: u64,
    /// Largest bound, in milliseconds.
    pub max_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base_ms: 100, max_ms: 5_000 }
    }
}

impl Backoff {
    /// The bound of the delay after `attempt` failures before this one (0 for the first).
    #[must_use]
    pub fn bound_ms(&self, attempt: u32) -> u64 {
        let factor = 1_u64.checked_shl(attempt).unwrap_or(u64::MAX);
        self.base_ms.saturating_mul(factor).min(self.max_ms)
    }

    /// The delay in milliseconds: from 0 to [`Backoff::bound_ms`], both included.
    pub fn delay_ms(&self, attempt: u32, rng: &mut dyn FnMut() -> f64) -> u64 {
        let bound = self.bound_ms(attempt);
        count(rng() * (float(bound) + 1.0)).min(bound)
    }
}

/// The deadline of a request with all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at_ms: u64,
}

impl Deadline {
    /// `limit_ms` milliseconds from `now_ms`.
    #[must_use]
    pub fn after(now_ms: u64, limit_ms: u64) -> Self {
        Self { at_ms: now_ms.saturating_add(limit_ms) }
    }

    /// The point in time, in milliseconds since the epoch.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// Milliseconds that are left.
    #[must_use]
    pub fn remaining_ms(&self, now_ms: u64) -> u64 {
        self.at_ms.saturating_sub(now_ms)
    }

    /// A time-out for one attempt, limited to the remaining time; `None` if there is none.
    #[must_use]
    pub fn clamp_ms(&self, timeout_ms: u64, now_ms: u64) -> Option<u64> {
        Some(timeout_ms.min(self.remaining_ms(now_ms))).filter(|left| *left > 0)
    }

    /// Whether after a wait of `delay_ms` at least `useful_ms` are left, so that another attempt makes sense.
    #[must_use]
    pub fn allows(&self, delay_ms: u64, useful_ms: u64, now_ms: u64) -> bool {
        self.remaining_ms(now_ms) >= delay_ms.saturating_add(useful_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 784_111_777_000;

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        for (value, wait) in [
            ("0", Some(0)),
            ("7", Some(7_000)),
            (" 1.5 ", Some(1_500)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3_000)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("86400", Some(MAX_RETRY_AFTER_MS)),
            ("99999999999999999999", Some(MAX_RETRY_AFTER_MS)),
            ("1e3", None),
            ("+5", None),
            ("0x10", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(MAX_RETRY_AFTER_MS)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after_ms(None, Some(value), NOW), wait, "{value}");
        }
        assert_eq!(retry_after_ms(Some("1234"), Some("9"), NOW), Some(1_234));
        assert_eq!(retry_after_ms(Some("x"), Some("9"), NOW), Some(9_000));
        assert_eq!(retry_after_ms(None, None, NOW), None);
    }

    #[test]
    fn a_caller_is_told_whole_seconds_of_one_day_at_most() {
        for (value, told) in [
            ("0", Some(1)),
            ("1.2", Some(2)),
            ("3600", Some(3_600)),
            ("99999999999", Some(86_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(1)),
            ("-5", None),
            ("1e3", None),
            ("5, 7", None),
        ] {
            assert_eq!(told_retry_after_s(None, Some(value), NOW), told, "{value}");
        }
        assert_eq!(told_retry_after_s(Some("1500"), Some("-5"), NOW), Some(2));
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_bound(base in 0_u64..10_000, max in 0_u64..100_000, attempt in 0_u32..200, random in 0.0_f64..1.0) {
            let backoff = Backoff { base_ms: base, max_ms: max };
            let delay = backoff.delay_ms(attempt, &mut || random);
            prop_assert!(delay <= backoff.bound_ms(attempt) && backoff.bound_ms(attempt) <= max);
            prop_assert!(backoff.bound_ms(attempt) <= backoff.bound_ms(attempt + 1));
        }

        #[test]
        fn no_header_panics_or_exceeds_the_cap(text in ".{0,40}", now in any::<u64>()) {
            prop_assert!(retry_after_ms(Some(&text), Some(&text), now).is_none_or(|wait| wait <= MAX_RETRY_AFTER_MS));
        }
    }

    #[test]
    fn the_jitter_is_full() {
        let backoff = Backoff { base_ms: 100, max_ms: 1_000 };
        assert_eq!(
            (0..6).map(|attempt| backoff.bound_ms(attempt)).collect::<Vec<_>>(),
            [100, 200, 400, 800, 1_000, 1_000]
        );
        assert_eq!(backoff.delay_ms(2, &mut || 0.0), 0);
        assert_eq!(backoff.delay_ms(2, &mut || 0.999_999), 400);
    }

    #[test]
    fn a_deadline_cuts_time_outs_and_forbids_vain_attempts() {
        let deadline = Deadline::after(1_000, 500);
        assert_eq!(deadline.remaining_ms(1_200), 300);
        assert_eq!(deadline.clamp_ms(100, 1_200), Some(100));
        assert_eq!(deadline.clamp_ms(1_000, 1_200), Some(300));
        assert_eq!(deadline.clamp_ms(1_000, 1_500), None);
        assert!(deadline.allows(200, 100, 1_200));
        assert!(!deadline.allows(201, 100, 1_200));
        assert_eq!(Deadline::after(u64::MAX, 1).remaining_ms(0), u64::MAX);
    }
}
