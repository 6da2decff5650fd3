//! Decaying counts of successes and failures: the error rate of about the last minute without a list of requests.

use crate::routing::num::float;

/// Two counts with exponential decay.
#[derive(Debug, Clone)]
pub struct ErrorRate {
    half_life_ms: f64,
    updated_ms: u64,
    successes: f64,
    failures: f64,
}

impl ErrorRate {
    /// Without any counts.
    #[must_use]
    pub fn new(half_life_ms: u64) -> Self {
        Self { half_life_ms: float(half_life_ms.max(1)), updated_ms: 0, successes: 0.0, failures: 0.0 }
    }

    /// Counts one request. If the clock steps back, it counts as standing still.
    pub fn record(&mut self, is_success: bool, now_ms: u64) {
        let factor = self.factor(now_ms);
        self.successes *= factor;
        self.failures *= factor;
        self.updated_ms = self.updated_ms.max(now_ms);
        if is_success {
            self.successes += 1.0;
        } else {
            self.failures += 1.0;
        }
    }

    /// Number of requests, decayed.
    #[must_use]
    pub fn requests(&self, now_ms: u64) -> f64 {
        (self.successes + self.failures) * self.factor(now_ms)
    }

    /// Share of failures, from 0 to 1; `None` without requests.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let requests = self.successes + self.failures;
        (requests > 0.0).then(|| self.failures / requests)
    }

    /// Resets the counts.
    pub fn clear(&mut self) {
        self.successes = 0.0;
        self.failures = 0.0;
    }

    fn factor(&self, now_ms: u64) -> f64 {
        (-float(now_ms.saturating_sub(self.updated_ms)) / self.half_life_ms).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fade_and_the_rate_follows() {
        let mut rate = ErrorRate::new(1_000);
        assert_eq!(rate.rate(), None);
        for _ in 0..8 {
            rate.record(false, 10_000);
        }
        assert_eq!(rate.rate(), Some(1.0));
        assert!((rate.requests(11_000) - 4.0).abs() < 1e-9);
        for _ in 0..4 {
            rate.record(true, 11_000);
        }
        assert!((rate.rate().unwrap() - 0.5).abs() < 1e-9);
        // The clock steps back: nothing decays, nothing grows.
        rate.record(true, 5_000);
        assert!((rate.requests(11_000) - 9.0).abs() < 1e-9);
        rate.clear();
        assert_eq!(rate.rate(), None);
    }
}
