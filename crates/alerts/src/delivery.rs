//! When a delivery is tried again, and when it is given up.
//!
//! | attempt | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | minutes after the one before | 0 | 1 | 2 | 4 | 8 | 16 | 32 | 64 | 128 | 256 |
//!
//! In all some eight and a half hours. A receiver that asks for a longer wait gets it, up to the longest one here.

/// Most attempts.
pub const MAX_ATTEMPTS: u32 = 10;
/// Milliseconds that a receiver has to answer.
pub const TIME_OUT_MS: u64 = 10_000;
/// Milliseconds after which a delivery whose sender never said how it went is tried again.
pub const LEASE_MS: u64 = 60_000;
const FIRST_WAIT_MS: u64 = 60_000;
const LONGEST_WAIT_MS: u64 = 256 * 60_000;

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The status of the answer; `None` without one.
    pub status: Option<u16>,
    /// The wait that the answer asked for, in milliseconds.
    pub asked_wait_ms: Option<u64>,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Delivered,
    /// It is tried again at this time, in milliseconds since the epoch.
    Again(u64),
    /// It is given up.
    Dead,
}

/// What becomes of a delivery after `attempts` attempts, of which this is the last one.
#[must_use]
pub fn verdict(attempt: &Attempt, attempts: u32, now_ms: u64) -> Verdict {
    match attempt.status {
        Some(200..=299) => Verdict::Delivered,
        // The receiver says that it is gone for good.
        Some(410) => Verdict::Dead,
        _ if attempts >= MAX_ATTEMPTS => Verdict::Dead,
        _ => {
            let doubled = FIRST_WAIT_MS.checked_shl(attempts.saturating_sub(1)).unwrap_or(LONGEST_WAIT_MS);
            let wait_ms = doubled.max(attempt.asked_wait_ms.unwrap_or_default()).min(LONGEST_WAIT_MS);
            Verdict::Again(now_ms.saturating_add(wait_ms))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(status: u16) -> Attempt {
        Attempt { status: Some(status), asked_wait_ms: None }
    }

    #[test]
    fn waits_double_until_it_is_given_up() {
        let mut now_ms = 0;
        let mut minutes = Vec::new();
        for attempts in 1.. {
            match verdict(&attempt(500), attempts, now_ms) {
                Verdict::Again(at_ms) => {
                    minutes.push((at_ms - now_ms) / 60_000);
                    now_ms = at_ms;
                }
                verdict => {
                    assert_eq!((verdict, attempts), (Verdict::Dead, MAX_ATTEMPTS));
                    break;
                }
            }
        }
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
    }

    #[test]
    fn only_success_is_success() {
        for status in [200, 204, 299] {
            assert_eq!(verdict(&attempt(status), 1, 0), Verdict::Delivered);
        }
        for status in [302, 400, 404, 429, 500] {
            assert_eq!(verdict(&attempt(status), 1, 0), Verdict::Again(60_000));
        }
        assert_eq!(verdict(&attempt(410), 1, 0), Verdict::Dead);
        assert_eq!(verdict(&Attempt { status: None, asked_wait_ms: None }, 2, 0), Verdict::Again(120_000));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_within_bounds() {
        let asking = |wait| Attempt { status: Some(503), asked_wait_ms: Some(wait) };
        assert_eq!(verdict(&asking(600_000), 1, 0), Verdict::Again(600_000));
        assert_eq!(verdict(&asking(1), 1, 0), Verdict::Again(60_000));
        assert_eq!(verdict(&asking(u64::MAX), 1, 0), Verdict::Again(LONGEST_WAIT_MS));
    }
}
