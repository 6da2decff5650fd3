//! Hours in which a price is multiplied.

use crate::table::Peak;

const MINUTE_MS: u64 = 60_000;
const MINUTES_OF_DAY: u64 = 1_440;
/// The epoch was a Thursday.
const EPOCH_WEEKDAY: u64 = 3;

impl Peak {
    /// Whether a time, in milliseconds since the epoch, is in them.
    #[must_use]
    pub fn is_at(&self, now_ms: u64) -> bool {
        let minutes = now_ms / MINUTE_MS;
        let (day, minute) = (minutes / MINUTES_OF_DAY, minutes % MINUTES_OF_DAY);
        let weekday = (day + EPOCH_WEEKDAY) % 7;
        let is_holiday = self.holidays.iter().any(|holiday| u64::from(*holiday) == day);
        now_ms >= self.from_ms
            && !is_holiday
            && self.weekdays >> weekday & 1 == 1
            && self.minutes.iter().any(|(from, to)| (u64::from(*from)..u64::from(*to)).contains(&minute))
    }
}
