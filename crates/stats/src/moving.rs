//! Which rows of the request log leave the database, which packs are merged, and which are deleted.
//!
//! A row belongs to the hour in which its request began, which its id says, and a pack has rows of one hour. Whole hours leave
//! the database once all of the hour is older than the rows that are kept near; what comes later for such an hour leaves with the
//! next run. One step moves at most [`MOVED_AT_ONCE`] rows, so that none holds the database for long, and a run of the cron
//! takes at most [`STEPS`] steps, which are 96,000 rows a minute.

use nexus_edge_core::id::floor_time_of;
use nexus_edge_core::time::DAY_MS;

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 3_600_000;
/// Most rows of one step.
pub const MOVED_AT_ONCE: u64 = 8_000;
/// Most steps of one run, of each sort.
pub const STEPS: usize = 12;
/// Most packs that one step merges: each is a read of the object store.
pub const MERGED_AT_ONCE: usize = 64;
/// Packs of an hour are merged as they come once there are so many small ones; at its end, if there are two.
const WAITING: usize = 32;
/// Rows below which a pack is small.
pub const SMALL: u64 = MOVED_AT_ONCE / 2;
/// After the end of an hour its packs are merged for good after this many milliseconds: most late events have come.
const SETTLED_AFTER_MS: u64 = 300_000;
/// How far back packs are looked at for merging, in milliseconds.
pub const MERGED_WITHIN_MS: u64 = 2 * DAY_MS;

/// For how many days requests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// In the database.
    pub near_days: u32,
    /// At all: those that are older than the near ones are in packs. If there are no more days than of the near ones, there are no
    /// packs.
    pub kept_days: u32,
}

/// What becomes of the oldest rows of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Rows of this hour, in milliseconds since the epoch, become packs.
    Packed(u64),
    /// Rows from before this time are deleted.
    Deleted(u64),
}

impl Ages {
    /// The beginning of the hour from which on packs are kept; those of earlier hours are deleted.
    #[must_use]
    pub fn packs_from(self, now_ms: u64) -> u64 {
        hour_of(now_ms.saturating_sub(u64::from(self.kept_days) * DAY_MS))
    }

    /// From when on no row has left the database.
    #[must_use]
    pub fn near_from(self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(u64::from(self.near_days) * DAY_MS)
    }

    /// What becomes of the oldest row of the database, by its id.
    #[must_use]
    pub fn leaving(self, oldest: &str, now_ms: u64) -> Option<Leaving> {
        let near_from = self.near_from(now_ms);
        let packs_from = self.packs_from(now_ms);
        let hour = hour_of(floor_time_of(oldest));
        if self.kept_days <= self.near_days {
            return (floor_time_of(oldest) < near_from).then_some(Leaving::Deleted(near_from));
        }
        if hour < packs_from {
            return Some(Leaving::Deleted(packs_from));
        }
        (hour + HOUR_MS <= near_from).then_some(Leaving::Packed(hour))
    }
}

/// The beginning of the hour of a time.
#[must_use]
pub fn hour_of(at_ms: u64) -> u64 {
    at_ms / HOUR_MS * HOUR_MS
}

/// How many of the packs of an hour are merged next, if any: the first ones of those that are small, whose rows are given in the
/// order of their keys.
#[must_use]
pub fn merged(hour_ms: u64, small: &[u64], now_ms: u64) -> Option<usize> {
    let is_over = hour_ms + HOUR_MS + SETTLED_AFTER_MS <= now_ms;
    if small.len() < if is_over { 2 } else { WAITING } {
        return None;
    }
    let mut rows = 0;
    let fitting = small.iter().take(MERGED_AT_ONCE).take_while(|of_pack| {
        rows += **of_pack;
        rows <= MOVED_AT_ONCE
    });
    Some(fitting.count().max(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::id::ulid;
    use std::collections::{BTreeMap, BTreeSet};

    const NOW: u64 = 1_795_973_559_000;
    const AGES: Ages = Ages { near_days: 30, kept_days: 183 };

    fn days_old(days: u64) -> String {
        ulid(NOW - days * DAY_MS, [0; 10])
    }

    #[test]
    fn whole_hours_leave_once_all_of_them_is_old() {
        let hour = hour_of(NOW - 30 * DAY_MS);
        assert_eq!(AGES.leaving(&days_old(30), NOW), None);
        assert_eq!(AGES.leaving(&ulid(hour - 1, [0; 10]), NOW), Some(Leaving::Packed(hour - HOUR_MS)));
        assert_eq!(AGES.leaving(&days_old(29), NOW), None);
        assert_eq!(AGES.leaving(&days_old(200), NOW), Some(Leaving::Deleted(AGES.packs_from(NOW))));
        let unpacked = Ages { near_days: 30, kept_days: 30 };
        assert_eq!(unpacked.leaving(&days_old(31), NOW), Some(Leaving::Deleted(NOW - 30 * DAY_MS)));
        assert_eq!(unpacked.leaving(&days_old(29), NOW), None);
    }

    #[test]
    fn small_packs_are_merged_while_they_come_and_at_the_end_of_their_hour() {
        let hour = hour_of(NOW);
        assert_eq!(merged(hour, &[1; 31], NOW), None);
        assert_eq!(merged(hour, &[1; 32], NOW), Some(32));
        assert_eq!(merged(hour, &[1; 100], NOW), Some(MERGED_AT_ONCE));
        assert_eq!(merged(hour - 3 * HOUR_MS, &[1], NOW), None);
        assert_eq!(merged(hour - 3 * HOUR_MS, &[3_999, 3_999, 3], NOW), Some(2));
        assert_eq!(merged(hour - 3 * HOUR_MS, &[3_999, 3, 3_000], NOW), Some(3));
    }

    /// The database, the object store and the index of packs, as maps; a step that is cut off at any of its points.
    #[derive(Default)]
    struct Stores {
        near: BTreeSet<String>,
        objects: BTreeMap<String, BTreeSet<String>>,
        index: BTreeMap<(u64, String), u64>,
    }

    impl Stores {
        /// Puts the object, and then in one transaction the index and the rows; less if it is cut off.
        fn pack(&mut self, hour: u64, is_cut_off: bool) {
            let (from, to) = (ulid(hour, [0; 10]), ulid(hour + HOUR_MS, [0; 10]));
            let most = usize::try_from(MOVED_AT_ONCE).unwrap();
            let rows: BTreeSet<String> = self.near.range(from..to).take(most).cloned().collect();
            let name = rows.first().cloned().unwrap();
            self.objects.insert(name.clone(), rows.clone());
            if is_cut_off {
                return;
            }
            self.index.insert((hour, name), rows.len() as u64);
            self.near.retain(|row| !rows.contains(row));
        }

        fn merge(&mut self, hour: u64, count: usize, is_cut_off: bool) {
            let small: Vec<(u64, String)> = self.small(hour).into_iter().take(count).collect();
            let rows: BTreeSet<String> =
                small.iter().flat_map(|(_, name)| self.objects[name].iter().cloned()).collect();
            let name = format!("{}-{}", rows.first().unwrap(), rows.len());
            self.objects.insert(name.clone(), rows.clone());
            if is_cut_off {
                return;
            }
            self.index.retain(|pack, _| !small.contains(pack));
            self.index.insert((hour, name), rows.len() as u64);
        }

        fn small(&self, hour: u64) -> Vec<(u64, String)> {
            let of_hour = self.index.range((hour, String::new())..(hour + 1, String::new()));
            of_hour.filter(|(_, rows)| **rows < SMALL).map(|(pack, _)| pack.clone()).collect()
        }

        /// All rows that a reader finds, with repetitions.
        fn read(&self) -> Vec<String> {
            let packed = self.index.keys().flat_map(|(_, name)| self.objects[name].iter());
            self.near.iter().chain(packed).cloned().collect()
        }
    }

    /// A year in which a request comes every 47 minutes, some of them days late, and in which every seventh step is cut off.
    #[test]
    fn over_a_year_no_row_is_lost_or_doubled() {
        let ages = Ages { near_days: 3, kept_days: 20 };
        let (mut stores, mut alive): (Stores, BTreeSet<String>) = Default::default();
        let mut steps = 0_u32;
        let mut cut_off = || {
            steps += 1;
            steps.is_multiple_of(7)
        };
        let start = hour_of(NOW);
        for tick in 0..(365 * DAY_MS / (47 * 60_000)) {
            let now = start + tick * 47 * 60_000;
            let late = if tick.is_multiple_of(50) { 5 * DAY_MS } else { 0 };
            let row = ulid(now - late, [u8::try_from(tick % 251).unwrap(); 10]);
            stores.near.insert(row.clone());
            alive.insert(row);
            for _ in 0..STEPS {
                let Some(oldest) = stores.near.first().cloned() else { break };
                match ages.leaving(&oldest, now) {
                    Some(Leaving::Packed(hour)) => stores.pack(hour, cut_off()),
                    Some(Leaving::Deleted(before)) => {
                        stores.near.retain(|row| *row >= ulid(before, [0; 10]));
                    }
                    None => break,
                }
            }
            if !tick.is_multiple_of(31) {
                continue;
            }
            let hours: BTreeSet<u64> = stores.index.keys().map(|(hour, _)| *hour).collect();
            for hour in hours {
                let rows: Vec<u64> = stores.small(hour).iter().map(|pack| stores.index[pack]).collect();
                if let Some(count) = merged(hour, &rows, now) {
                    stores.merge(hour, count, cut_off());
                }
            }
            let from = ages.packs_from(now);
            stores.index.retain(|(hour, _), _| *hour >= from);
            let first = ulid(from, [0; 10]);
            alive.retain(|row| *row >= first);
            let mut found = stores.read();
            found.retain(|row| *row >= first);
            found.sort();
            assert_eq!(found, alive.iter().cloned().collect::<Vec<_>>(), "after {tick} ticks");
            let near_from = hour_of(now - u64::from(ages.near_days) * DAY_MS) - 2 * HOUR_MS;
            assert!(stores.near.first().is_none_or(|row| floor_time_of(row) >= near_from), "rows stay near");
        }
        assert!(stores.index.len() <= 21 * 24, "{} packs", stores.index.len());
        assert!(alive.len() > 500);
    }
}
