//! Which backups are kept: the newest of each of 24 hours, 7 days and 4 weeks that have one, in UTC; weeks begin on Monday.
//!
//! Hours, days and weeks without a backup do not count: where no backup is made any more, the last ones stay.

use std::collections::BTreeSet;

use nexus_edge_core::time::DAY_MS;

const HOUR_MS: u64 = 3_600_000;
const HOURS: usize = 24;
const DAYS: usize = 7;
const WEEKS: usize = 4;

/// The number of the period that a time in milliseconds since the epoch is in.
type PeriodOf = fn(u64) -> u64;

/// Which of the backups that were made at these times, in milliseconds since the epoch, are kept.
#[must_use]
pub fn kept(made_at: &[u64]) -> BTreeSet<u64> {
    let mut newest_first = made_at.to_vec();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    let mut kept = BTreeSet::new();
    let rules: [(PeriodOf, usize); 3] = [
        (|at| at / HOUR_MS, HOURS),
        (|at| at / DAY_MS, DAYS),
        // The first day of the epoch was a Thursday.
        (|at| (at / DAY_MS + 3) / 7, WEEKS),
    ];
    for (period_of, most) in rules {
        let mut periods = BTreeSet::new();
        for at in &newest_first {
            let is_new = !periods.contains(&period_of(*at));
            if is_new && periods.len() < most {
                periods.insert(period_of(*at));
                kept.insert(*at);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A backup each hour that `is_made`, for a year; what is there after each.
    fn year(begin: u64, is_made: impl Fn(u64) -> bool, check: impl Fn(u64, &BTreeSet<u64>)) {
        let mut there = BTreeSet::new();
        for hour in 0..365 * 24 {
            if !is_made(hour) {
                continue;
            }
            let now = begin + hour * HOUR_MS + hour * 7_919 % 600_000;
            there.insert(now);
            there = kept(&there.iter().copied().collect::<Vec<_>>());
            check(now, &there);
        }
    }

    #[test]
    fn over_a_year_the_last_hours_days_and_weeks_are_there() {
        let begin = 1_795_305_600_000;
        year(
            begin,
            |_| true,
            |now, there| {
                assert!(there.len() <= HOURS + DAYS + WEEKS && there.contains(&now));
                let has = |from: u64, to: u64| from < begin || there.range(from..to).next().is_some();
                for hours in 0..HOURS as u64 {
                    let hour = (now / HOUR_MS - hours) * HOUR_MS;
                    assert!(has(hour, hour + HOUR_MS), "{hours} hours before {now}");
                }
                for days in 0..DAYS as u64 {
                    let day = (now / DAY_MS - days) * DAY_MS;
                    assert!(has(day, day + DAY_MS), "{days} days before {now}");
                }
                for weeks in 0..WEEKS as u64 {
                    let week = ((now / DAY_MS + 3) / 7 - weeks) * 7 * DAY_MS - 3 * DAY_MS;
                    assert!(has(week, week + 7 * DAY_MS), "{weeks} weeks before {now}");
                }
                assert!(there.iter().all(|at| now - at < 28 * DAY_MS));
            },
        );
    }

    #[test]
    fn the_last_backups_stay_where_none_is_made_any_more() {
        let old: Vec<u64> = (0..1_000).map(|hour| hour * HOUR_MS).collect();
        let of_old = kept(&old);
        let mut later = old.clone();
        later.push(300 * DAY_MS);
        assert_eq!((of_old.len(), kept(&later).len()), (31, 29));
        assert_eq!(kept(&[]), BTreeSet::new());
        assert_eq!(kept(&[5, 4]), BTreeSet::from([5]), "of one hour the newest");
    }

    proptest! {
        #[test]
        fn what_is_deleted_would_not_be_kept_later(hours in prop::collection::btree_set(0_u64..5_000, 1..120)) {
            let times: Vec<u64> = hours.iter().map(|hour| hour * HOUR_MS).collect();
            let mut there: Vec<u64> = Vec::new();
            for at in &times {
                there.push(*at);
                there = kept(&there).into_iter().collect();
            }
            prop_assert_eq!(there.into_iter().collect::<BTreeSet<_>>(), kept(&times));
        }
    }
}
