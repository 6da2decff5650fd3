//! How slowly a request body may arrive.
//!
//! A caller who sends one byte now and then would otherwise hold a connection, memory and a place in limits for as long
//! as they like. A body may pause for `pause_ms` at most; and all pauses together may last that long and one second more
//! for every `BYTES_PER_SECOND` that arrived, so a body that trickles ends as well as one that stops, while a large one
//! over a slow line does not. Only the time spent waiting for the caller counts.

/// Bytes that earn a body one more second.
const BYTES_PER_SECOND: u64 = 16 << 10;

/// Milliseconds for which an unstreamed answer may be waited for in total, as long as something arrives: services keep a
/// connection alive for half an hour at most.
const MAX_ANSWER_MS: u64 = 30 * 60 * 1_000;

/// The time that is left for one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pause_ms: u64,
    left_ms: u64,
    received: u64,
}

impl Pace {
    /// For a body that may pause for this many milliseconds.
    #[must_use]
    pub fn new(pause_ms: u64) -> Self {
        Self { pause_ms, left_ms: pause_ms, received: 0 }
    }

    /// For the answer of an upstream, which may say nothing but a blank now and then while it thinks: each pause is limited,
    /// and all of them together by `MAX_ANSWER_MS` or, if that is longer, by one of them.
    #[must_use]
    pub fn of_answer(pause_ms: u64) -> Self {
        Self { left_ms: pause_ms.max(MAX_ANSWER_MS), ..Self::new(pause_ms) }
    }

    /// Milliseconds to wait for the next piece of the body; 0 if there is no time left.
    #[must_use]
    pub fn next_wait_ms(&self) -> u64 {
        self.pause_ms.min(self.left_ms)
    }

    /// A piece of this many bytes arrived after a wait of `waited_ms`.
    pub fn arrived(&mut self, bytes: usize, waited_ms: u64) {
        let seconds = |bytes: u64| bytes / BYTES_PER_SECOND;
        let before = seconds(self.received);
        self.received = self.received.saturating_add(bytes as u64);
        let earned = seconds(self.received).saturating_sub(before).saturating_mul(1_000);
        self.left_ms = self.left_ms.saturating_sub(waited_ms).saturating_add(earned);
    }

    /// Milliseconds for a body of this length that is read in one piece.
    #[must_use]
    pub fn for_all_ms(&self, bytes: usize) -> u64 {
        self.left_ms.saturating_add((bytes as u64 / BYTES_PER_SECOND).saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds that a body lasts whose pieces of `bytes` arrive every `every_ms`, until it is refused or `pieces`
    /// have arrived.
    fn lasts(bytes: usize, every_ms: u64, pieces: u32) -> (u64, u32) {
        let mut pace = Pace::new(10_000);
        let mut waited = 0;
        for piece in 0..pieces {
            let wait_ms = pace.next_wait_ms();
            if wait_ms < every_ms || wait_ms == 0 {
                return (waited + wait_ms, piece);
            }
            pace.arrived(bytes, every_ms);
            waited += every_ms;
        }
        (waited, pieces)
    }

    #[test]
    fn a_body_that_stops_or_trickles_ends() {
        assert_eq!(lasts(1 << 20, 10_001, 10), (10_000, 0));
        assert_eq!(lasts(1, 1_000, 1_000), (10_000, 10));
        assert_eq!(lasts(1, 9_999, 1_000), (10_000, 1));
        // Half of the rate lasts twice as long.
        assert_eq!(lasts(8 << 10, 1_000, 1_000), (19_000, 19));
    }

    #[test]
    fn a_body_at_the_rate_or_above_arrives() {
        assert_eq!(lasts(16 << 10, 1_000, 1_000).1, 1_000);
        assert_eq!(lasts(64 << 10, 100, 1_000).1, 1_000);
        // Pieces without a wait cost nothing, whatever their size.
        assert_eq!(lasts(1, 0, 100_000).1, 100_000);
    }

    #[test]
    fn an_answer_may_trickle_for_half_an_hour() {
        let mut pace = Pace::of_answer(60_000);
        for _ in 0..30 {
            assert_eq!(pace.next_wait_ms(), 60_000);
            pace.arrived(1, 60_000);
        }
        assert_eq!(pace.next_wait_ms(), 0);
        assert_eq!(Pace::of_answer(3_600_000).next_wait_ms(), 3_600_000);
    }

    #[test]
    fn a_body_in_one_piece_has_the_time_of_its_length() {
        let pace = Pace::new(10_000);
        assert_eq!(pace.for_all_ms(100), 10_000);
        assert_eq!(pace.for_all_ms(160 << 10), 20_000);
        assert!(pace.for_all_ms(usize::MAX) > 10_000);
    }
}
