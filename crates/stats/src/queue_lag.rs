//! How long messages of the usage queue waited until they were recorded.
//!
//! The longest wait of this minute and of the one before it are columns of the row of totals, which every transaction that
//! records events writes anyway: no row more. The cron looks at them once a minute.

use serde::Deserialize;

use crate::grain::Grain;

/// The part of an `UPDATE` of `stats_totals` that notes a wait. `minute` and `waited_ms` are the numbers of the parameters with
/// [`minute_of`] the time, and the longest wait in milliseconds, 0 for what did not come through the queue.
#[must_use]
pub fn note(minute: usize, waited_ms: usize) -> String {
    format!(
        "lag_before_ms = CASE WHEN lag_minute >= ?{minute} THEN lag_before_ms WHEN lag_minute = ?{minute} - 1 THEN lag_ms \
         ELSE 0 END, lag_ms = CASE WHEN lag_minute >= ?{minute} THEN MAX(lag_ms, ?{waited_ms}) ELSE ?{waited_ms} END, \
         lag_minute = MAX(lag_minute, ?{minute})"
    )
}

/// Reads what is noted.
pub const NOTED: &str = "SELECT lag_minute, lag_ms, lag_before_ms FROM stats_totals WHERE id = 1";

/// The number of the minute of a time in milliseconds since the epoch.
#[must_use]
pub const fn minute_of(now_ms: u64) -> u64 {
    now_ms / Grain::Minute.length_ms()
}

/// What is noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Noted {
    /// The minute in which something was recorded last.
    pub lag_minute: u64,
    /// The longest wait in it, in milliseconds.
    pub lag_ms: u64,
    /// The longest wait in the minute before it.
    pub lag_before_ms: u64,
}

impl Noted {
    /// The longest wait of what was recorded in this minute and the one before it, in milliseconds; 0 if nothing was.
    #[must_use]
    pub fn longest(self, now_ms: u64) -> u64 {
        match minute_of(now_ms).saturating_sub(self.lag_minute) {
            0 => self.lag_ms.max(self.lag_before_ms),
            1 => self.lag_ms,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_for_this_minute_and_the_next() {
        let noted = Noted { lag_minute: 100, lag_ms: 5, lag_before_ms: 9 };
        let at = |minute: u64| noted.longest(minute * 60_000 + 59_999);
        assert_eq!([at(100), at(101), at(102), at(5_000)], [9, 5, 0, 0]);
        // The clock of the isolate that recorded it was ahead.
        assert_eq!(at(99), 9);
    }

    #[test]
    fn parameters_are_those_that_are_named() {
        let sql = note(6, 17);
        assert_eq!((sql.matches("?6").count(), sql.matches("?17").count()), (4, 2));
    }
}
