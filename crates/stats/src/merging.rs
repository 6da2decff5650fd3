//! Merging rows of totals: each batch with events that come late adds rows of its own to the totals of their spans, and long streams or a
//! backlog of the queue make thousands of these.
//!
//! The cron looks at each span once an hour, at a sixtieth of them each minute, and makes one row a class of those that have more than
//! [`MOST_ROWS`]. They are made of rows of totals, not of those of series, so sums stay what they are. Guarantee: nothing that comes at the
//! same time is lost, because the transaction does nothing if there are more or fewer rows than were read, or no totals of the span any more.

use crate::grain::{Grain, Retention};
use crate::totals::letter;

/// Most rows of a span that stay as they are: those of six classes, and as many of events that came late.
pub const MOST_ROWS: u64 = 12;

const MINUTE: u64 = 60_000;
const MINUTES: u64 = 60;

/// The spans that are looked at in this minute: the grain, the letter of its totals, from, to. Those of all minutes of an hour are all that are
/// kept, each once.
pub fn looked_at(retention: Retention, now_ms: u64) -> impl Iterator<Item = (Grain, &'static str, u64, u64)> {
    let minute = now_ms / MINUTE % MINUTES;
    Grain::ALL.into_iter().filter_map(move |grain| {
        // A span leaves some time after its retention.
        let kept = retention.of(grain) + 2 * Grain::Day.length_ms();
        let length = kept.div_ceil(MINUTES).next_multiple_of(grain.length_ms());
        let end = Grain::Day.start_of(now_ms) + Grain::Day.length_ms();
        let to_ms = end.saturating_sub(minute * length);
        Some((grain, letter(grain)?, to_ms.saturating_sub(length), to_ms))
    })
}

/// `start` and the number of `rows` of spans of totals that have many, those with the most first. Parameters: the letter of the totals, from,
/// to, how many rows are not many, most spans.
pub const MANY: &str = "SELECT start, COUNT(*) AS rows FROM stat_rows WHERE grain = ?1 AND start >= ?2 AND start < ?3 \
    AND EXISTS (SELECT 1 FROM stat_progress AS p WHERE p.grain = lower(?1) AND totals_since <= start AND totals_until > start) \
    GROUP BY start HAVING COUNT(*) > ?4 ORDER BY 2 DESC LIMIT ?5";

/// Fails, so that the transaction that contains it changes nothing, unless there are still so many rows of totals of a span, and these are
/// all there is. Parameters: the letter of the totals, start, end, number of rows.
pub const UNCHANGED: &str = "SELECT json(CASE WHEN \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = ?1 AND start >= ?2 AND start < ?3) = ?4 AND \
    EXISTS (SELECT 1 FROM stat_progress WHERE grain = lower(?1) AND totals_since <= ?2 AND totals_until >= ?3) \
    THEN '1' ELSE 'the rows have changed' END)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_that_is_kept_is_looked_at_once_an_hour() {
        let retention = Retention { quarter_days: 15, hour_days: 90, day_days: 30 };
        let hour = 1_795_197_600_000;
        assert_eq!(hour % 3_600_000, 0);
        for grain in Grain::ALL.into_iter().filter(|grain| *grain > Grain::Minute) {
            let minutes = (0..MINUTES).map(|minute| hour + minute * MINUTE + 7);
            let all: Vec<(u64, u64)> = minutes
                .filter_map(|now| looked_at(retention, now).find(|(of, ..)| *of == grain))
                .map(|(_, _, from, to)| (from, to))
                .collect();
            assert_eq!(all.len(), 60);
            assert!(all.windows(2).all(|pair| pair[0].0 == pair[1].1), "one follows the other");
            assert!(all.iter().all(|(from, to)| from % grain.length_ms() == 0 && from < to));
            assert!(all[0].1 >= hour + 3_600_000 && all[59].0 <= hour - retention.of(grain));
        }
        assert_eq!(looked_at(retention, hour).count(), 3);
    }
}
