//! Which spans are added up to a coarser grain next, and which rows are deleted.

use crate::batch::SETTLED_AFTER_MS;
use crate::grain::{Grain, Retention};
use crate::window::Progress;

/// A span of a coarser grain, to be made from the rows of the finer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The grain of the rows to be made.
    pub grain: Grain,
    /// That of the rows from which they are made.
    pub from: Grain,
    /// The beginning, in milliseconds since the epoch.
    pub start_ms: u64,
    /// The end.
    pub end_ms: u64,
}

/// The next span that can be added up, if there is one. `first` is the beginning of the oldest row of a grain, or of the
/// oldest one from a time on: spans without any rows are passed over.
#[must_use]
pub fn next_step(progress: Progress, first: impl Fn(Grain) -> Option<u64>, now_ms: u64) -> Option<Step> {
    [Grain::Quarter, Grain::Hour, Grain::Day].into_iter().find_map(|grain| {
        let from = grain.finer()?;
        // Up to when the finer rows are complete.
        let complete = match from {
            Grain::Minute => now_ms.saturating_sub(SETTLED_AFTER_MS),
            _ => progress.of(from),
        };
        let start_ms = grain.start_of(first(from)?).max(progress.of(grain));
        let end_ms = start_ms.saturating_add(grain.length_ms());
        (end_ms <= complete).then_some(Step { grain, from, start_ms, end_ms })
    })
}

/// Before which time rows of a grain are deleted: their retention has ended, and they were added up to the coarser grain.
#[must_use]
pub fn delete_before(grain: Grain, progress: Progress, retention: Retention, now_ms: u64) -> u64 {
    let ended = now_ms.saturating_sub(retention.of(grain));
    let coarser = Grain::ALL.into_iter().find(|other| *other > grain);
    coarser.map_or(ended, |coarser| ended.min(progress.of(coarser)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    /// The database: rows by grain and start, each with a count of requests.
    #[derive(Default)]
    struct Store {
        rows: BTreeMap<(Grain, u64), u64>,
        progress: Progress,
    }

    impl Store {
        fn first(&self, grain: Grain, from: u64) -> Option<u64> {
            self.rows.range((grain, from)..=(grain, u64::MAX)).next().map(|((_, start), _)| *start)
        }

        /// As the cron does it once a minute.
        fn run(&mut self, now: u64, retention: Retention) {
            for _ in 0..8 {
                let coarser = |grain: Grain| Grain::ALL.into_iter().find(|other| *other > grain).unwrap();
                let first = |grain: Grain| self.first(grain, self.progress.of(coarser(grain)));
                let Some(step) = next_step(self.progress, first, now) else { break };
                let sum: u64 = self
                    .rows
                    .range((step.from, step.start_ms)..(step.from, step.end_ms))
                    .map(|(_, n)| *n)
                    .sum();
                *self.rows.entry((step.grain, step.start_ms)).or_default() += sum;
                match step.grain {
                    Grain::Minute => {}
                    Grain::Quarter => self.progress.quarter = step.end_ms,
                    Grain::Hour => self.progress.hour = step.end_ms,
                    Grain::Day => self.progress.day = step.end_ms,
                }
            }
            for grain in Grain::ALL {
                let before = delete_before(grain, self.progress, retention, now);
                while let Some(start) = self.first(grain, 0).filter(|start| *start < before) {
                    self.rows.remove(&(grain, start));
                }
            }
        }
    }

    #[test]
    fn over_a_simulated_year_nothing_is_lost_or_counted_twice_and_the_tables_stay_small() {
        let mut store = Store::default();
        let retention = Retention::default();
        let begin = 1_795_132_800_000 + 7 * HOUR;
        let (mut now, mut written) = (begin, 0);
        let mut most = 0;
        while now < begin + 400 * DAY {
            // Busy days, and weeks without a request. The cron runs every ten minutes here.
            let day = (now - begin) / DAY;
            if day % 30 < 20 {
                for minute in 0..10 {
                    *store
                        .rows
                        .entry((Grain::Minute, Grain::Minute.start_of(now) + minute * 60_000))
                        .or_default() += 3;
                    written += 3;
                }
            }
            now += 600_000;
            store.run(now, retention);
            most = most.max(store.rows.len());
        }
        // 2 days of minutes, 15 of quarters, 90 of hours, 365 of days.
        assert!(most <= 2 * 1_440 + 15 * 96 + 90 * 24 + 366 + 100, "{most} rows");
        let kept: u64 =
            crate::window::cover(Grain::Minute, Grain::Day.start_of(begin), now + HOUR, store.progress)
                .iter()
                .map(|of| {
                    store
                        .rows
                        .range((of.grain, of.from_ms)..(of.grain, of.to_ms))
                        .map(|(_, n)| n)
                        .sum::<u64>()
                })
                .sum();
        let expired = written - kept;
        // What lies before the retention of days is gone, and no more.
        assert!(kept > 0 && expired <= (400 - 365 + 1) * 1_440 * 3, "{expired} of {written}");
        let last_month: u64 = crate::window::cover(
            Grain::Hour,
            Grain::Hour.start_of(now - 30 * DAY),
            now + HOUR,
            store.progress,
        )
        .iter()
        .map(|of| store.rows.range((of.grain, of.from_ms)..(of.grain, of.to_ms)).map(|(_, n)| n).sum::<u64>())
        .sum();
        assert_eq!(last_month % 30, 0);
        assert!((19 * 1_440 * 3..=21 * 1_440 * 3).contains(&last_month), "{last_month}");
    }

    #[test]
    fn a_span_is_added_up_only_when_its_finer_rows_are_complete() {
        let progress = Progress { quarter: 10 * HOUR, hour: 9 * HOUR, day: 0, ..Progress::default() };
        let step = |now: u64| next_step(progress, |_| Some(9 * HOUR), now);
        let quarter = 10 * HOUR + 900_000;
        assert_eq!(
            step(quarter + SETTLED_AFTER_MS).map(|step| (step.grain, step.start_ms)),
            Some((Grain::Quarter, 10 * HOUR))
        );
        assert_eq!(
            step(quarter + SETTLED_AFTER_MS - 1).map(|step| (step.grain, step.start_ms)),
            Some((Grain::Hour, 9 * HOUR))
        );
        assert_eq!(next_step(Progress::default(), |_| None, DAY), None);
        // Not before they were added up.
        assert_eq!(delete_before(Grain::Minute, progress, Retention::default(), 400 * DAY), 10 * HOUR);
    }
}
