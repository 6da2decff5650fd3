//! Detects a dead connection: a `ping` that is not answered in time. The hub's platform answers it, without waking the hub.

/// Milliseconds between two pings.
pub const PING_MS: u64 = 25_000;
/// Milliseconds within which an answer must come.
pub const PONG_MS: u64 = 10_000;
/// Milliseconds by which the clocks, or the time between two looks, must be off for the machine to have slept.
pub const SLEEP_MS: u64 = 10_000;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing.
    Nothing,
    /// Send a ping.
    Ping,
    /// The connection is dead.
    Dead,
}

/// The heartbeat of one connection. `steady` is a monotonic clock, `wall` one that goes on while the machine sleeps, both
/// in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    pinged: u64,
    /// Since when an answer is missing.
    asked: Option<u64>,
    looked: u64,
    /// How far the wall clock is ahead of the steady one.
    ahead: i64,
}

impl Heartbeat {
    /// Begins with a connection.
    #[must_use]
    pub fn new(steady: u64, wall: u64) -> Self {
        Self { pinged: steady, asked: None, looked: steady, ahead: ahead(steady, wall) }
    }

    /// Something came from the hub.
    pub fn heard(&mut self) {
        self.asked = None;
    }

    /// Looks at the clocks; to be called at least every [`next`](Self::next).
    pub fn look(&mut self, steady: u64, wall: u64) -> Beat {
        let ahead = ahead(steady, wall);
        let is_late = steady.saturating_sub(self.looked) > PING_MS + SLEEP_MS;
        let has_slept = is_late || ahead - self.ahead > SLEEP_MS.cast_signed();
        (self.looked, self.ahead) = (steady, ahead);
        if has_slept {
            // What was asked before the sleep may have been answered in it: it is asked again.
            (self.pinged, self.asked) = (steady, Some(steady));
            return Beat::Ping;
        }
        if self.asked.is_some_and(|asked| steady >= asked + PONG_MS) {
            return Beat::Dead;
        }
        if self.asked.is_none() && steady >= self.pinged + PING_MS {
            (self.pinged, self.asked) = (steady, Some(steady));
            return Beat::Ping;
        }
        Beat::Nothing
    }

    /// When to look next, by the steady clock.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.asked.map_or(self.pinged + PING_MS, |asked| asked + PONG_MS)
    }
}

fn ahead(steady: u64, wall: u64) -> i64 {
    wall.cast_signed().wrapping_sub(steady.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_answers_is_dead_after_ten_seconds() {
        let mut beat = Heartbeat::new(1_000, 50_000);
        assert_eq!(beat.look(25_999, 74_999), Beat::Nothing);
        assert_eq!(beat.look(26_000, 75_000), Beat::Ping);
        assert_eq!(beat.next(), 36_000);
        assert_eq!(beat.look(35_999, 84_999), Beat::Nothing);
        assert_eq!(beat.look(36_000, 85_000), Beat::Dead);
    }

    #[test]
    fn an_answer_gives_it_another_period() {
        let mut beat = Heartbeat::new(0, 0);
        assert_eq!(beat.look(25_000, 25_000), Beat::Ping);
        beat.heard();
        assert_eq!(beat.look(36_000, 36_000), Beat::Nothing);
        assert_eq!(beat.look(50_000, 50_000), Beat::Ping);
    }

    #[test]
    fn after_a_sleep_the_connection_is_tried_at_once() {
        let mut suspended = Heartbeat::new(0, 0);
        assert_eq!(suspended.look(5_000, 125_000), Beat::Ping);
        assert_eq!(suspended.look(15_000, 135_000), Beat::Dead);
        let mut stopped = Heartbeat::new(0, 0);
        assert_eq!(stopped.look(120_000, 120_000), Beat::Ping);
        stopped.heard();
        assert_eq!(stopped.look(121_000, 121_000), Beat::Nothing);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let mut beat = Heartbeat::new(0, 10_000_000);
        assert_eq!(beat.look(1_000, 6_400_000), Beat::Nothing);
        assert_eq!(beat.look(2_000, 6_401_000), Beat::Nothing);
    }
}
