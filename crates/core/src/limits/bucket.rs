//! A token bucket in the memory of one isolate, for limits that need not be global and exact: the ceiling on requests
//! per second of an isolate, and the requests that it admits while an authority cannot be reached.

/// A bucket that refills at a constant rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    capacity: u64,
    per_ms: u64,
    /// Millionths of a permit.
    level: u64,
    at_ms: u64,
}

const MICRO: u64 = 1_000_000;

impl Bucket {
    /// A full bucket of `capacity` permits that refills from empty within `period_ms` milliseconds.
    #[must_use]
    pub fn new(capacity: u64, period_ms: u64, now_ms: u64) -> Self {
        let level = capacity.saturating_mul(MICRO);
        Self { capacity, per_ms: level / period_ms.max(1), level, at_ms: now_ms }
    }

    /// Its capacity in permits.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Takes one permit, or returns the milliseconds until there is one.
    pub fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        let gained = now_ms.saturating_sub(self.at_ms).saturating_mul(self.per_ms);
        self.level = self.level.saturating_add(gained).min(self.capacity.saturating_mul(MICRO));
        self.at_ms = self.at_ms.max(now_ms);
        if self.level >= MICRO {
            self.level -= MICRO;
            return Ok(());
        }
        Err((MICRO - self.level).div_ceil(self.per_ms.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut bucket = Bucket::new(10, 1_000, 0);
        assert_eq!((0..50).filter(|_| bucket.take(0).is_ok()).count(), 10);
        let wait = bucket.take(0).unwrap_err();
        assert_eq!(wait, 100);
        assert!(bucket.take(wait - 1).is_err() && bucket.take(wait).is_ok());
        assert_eq!((0..10_000).filter(|now| bucket.take(1_000 + now).is_ok()).count(), 9 + 99);
    }
}
