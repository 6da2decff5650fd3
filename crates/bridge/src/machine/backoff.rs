//! How long to wait before a server is started again, and how often it may be started at all.
//!
//! The wait grows from half a second to a minute and is drawn from the whole span (full jitter), so that servers that failed
//! together do not start together. It begins anew after a minute of health. A server that was started five times within a
//! minute is not started again until a person asks: a program that cannot run would otherwise be started for ever.

/// The shortest ceiling of a wait, in ms.
const FIRST_MS: u64 = 500;
/// The longest ceiling of a wait, in ms.
const LAST_MS: u64 = 60_000;
/// How long a server must run before its failures are forgotten, in ms.
pub const HEALTHY_MS: u64 = 60_000;
/// How many starts are allowed within [`WINDOW_MS`].
pub const STARTS: usize = 5;
/// The span of time in which starts are counted, in ms.
pub const WINDOW_MS: u64 = 60_000;

/// The failures since a server was last healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A failure after `ran_ms` of running. Answers how long to wait, in ms; `chance` is from 0 to 1.
    pub fn failed(&mut self, ran_ms: u64, chance: f64) -> u64 {
        if ran_ms >= HEALTHY_MS {
            self.failures = 0;
        }
        let ceiling = FIRST_MS.checked_shl(self.failures.min(16)).unwrap_or(LAST_MS).min(LAST_MS);
        self.failures = self.failures.saturating_add(1);
        share(ceiling, chance)
    }

    /// Forgets all failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A part of a span.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the span is at most a minute in ms and the chance is clamped"
)]
fn share(ceiling: u64, chance: f64) -> u64 {
    (ceiling as f64 * chance.clamp(0.0, 1.0)) as u64
}

/// The starts of the last minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartBudget {
    starts_ms: Vec<u64>,
}

impl StartBudget {
    /// Takes a start at this time. False if there were too many, and then nothing is taken.
    pub fn take(&mut self, now_ms: u64) -> bool {
        self.starts_ms.retain(|at| now_ms.saturating_sub(*at) < WINDOW_MS);
        if self.starts_ms.len() >= STARTS {
            return false;
        }
        self.starts_ms.push(now_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_begins_anew_after_health() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..10).map(|_| backoff.failed(0, 1.0)).collect();
        assert_eq!(waits[..8], [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
        assert_eq!(waits[9], 60_000);
        assert_eq!(backoff.failed(HEALTHY_MS, 1.0), 500);
    }

    #[test]
    fn the_wait_is_drawn_from_the_whole_span() {
        assert_eq!(Backoff::default().failed(0, 0.0), 0);
        assert_eq!(Backoff::default().failed(0, 0.5), 250);
    }

    proptest! {
        #[test]
        fn no_minute_has_more_starts_than_the_budget(gaps in prop::collection::vec(0_u64..40_000, 1..200)) {
            let mut budget = StartBudget::default();
            let mut now_ms = 0;
            let mut taken: Vec<u64> = Vec::new();
            for gap in gaps {
                now_ms += gap;
                if budget.take(now_ms) {
                    taken.push(now_ms);
                }
            }
            for (index, at) in taken.iter().enumerate() {
                let within = taken[index..].iter().filter(|other| **other - at < WINDOW_MS).count();
                prop_assert!(within <= STARTS);
            }
        }
    }
}
