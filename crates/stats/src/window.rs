//! Windows of time and their division into buckets, as they are asked for and as they can be answered.
//!
//! Hours and days are those of a time zone, which is given as its offset at a point in time. A bucket is answered from
//! rows of a grain that divides it exactly; where such rows are not kept any more, the buckets become coarser.

use crate::grain::{Grain, Retention};

/// Most buckets in an answer.
pub const MAX_BUCKETS: usize = 1_500;

/// The offset of local time from UTC in milliseconds, at a point in time (milliseconds since the epoch).
pub type Offset<'a> = &'a dyn Fn(u64) -> i64;

/// A division into buckets that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// As fine as a chart can show.
    Auto,
    /// Buckets of this length, in local time.
    Of(Grain),
}

impl Division {
    /// The division with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "auto" => Self::Auto,
            "minute" => Self::Of(Grain::Minute),
            "quarter" => Self::Of(Grain::Quarter),
            "hour" => Self::Of(Grain::Hour),
            "day" => Self::Of(Grain::Day),
            _ => return None,
        })
    }
}

/// The name of a length of buckets.
#[must_use]
pub const fn name_of(length: Grain) -> &'static str {
    match length {
        Grain::Minute => "minute",
        Grain::Quarter => "quarter",
        Grain::Hour => "hour",
        Grain::Day => "day",
    }
}

/// A window of time. Its ends are bounds of buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The beginning of each bucket, and the end of the last one: at least two, in milliseconds since the epoch.
    edges: Vec<u64>,
    /// The length of a bucket.
    pub length: Grain,
    /// The grain of the rows from which it is answered.
    pub grain: Grain,
}

impl Window {
    /// The window from `from_ms` to `to_ms`, widened to whole buckets. `None` if it is empty.
    #[must_use]
    pub fn new(
        (from_ms, to_ms): (u64, u64),
        division: Division,
        offset: Offset<'_>,
        now_ms: u64,
        retention: Retention,
    ) -> Option<Self> {
        if from_ms >= to_ms {
            return None;
        }
        let wanted = match division {
            Division::Auto => automatic(to_ms - from_ms),
            Division::Of(length) => length,
        };
        let lengths = Grain::ALL.into_iter().filter(|length| *length >= wanted);
        let mut coarsest = None;
        for length in lengths {
            let Some(edges) = edges(from_ms, to_ms, length, offset) else { continue };
            let first = edges.first().copied().unwrap_or_default();
            // The coarsest rows are all that is left of earlier times, whatever their days are.
            let grain = dividing(&edges);
            let is_kept = |grain: Grain| now_ms.saturating_sub(retention.of(grain)) <= first;
            let finest_kept = Grain::ALL.into_iter().find(|grain| is_kept(*grain)).unwrap_or(Grain::Day);
            let window = Self { edges, length, grain: grain.max(finest_kept) };
            if grain >= finest_kept {
                return Some(window);
            }
            coarsest = Some(window);
        }
        coarsest
    }

    /// The beginning of each bucket.
    #[must_use]
    pub fn buckets(&self) -> &[u64] {
        self.edges.split_last().map_or(&[], |(_, starts)| starts)
    }

    /// The beginning, in milliseconds since the epoch.
    #[must_use]
    pub fn from_ms(&self) -> u64 {
        self.edges.first().copied().unwrap_or_default()
    }

    /// The end, which does not belong to it.
    #[must_use]
    pub fn to_ms(&self) -> u64 {
        self.edges.last().copied().unwrap_or_default()
    }

    /// The bucket that contains this time.
    #[must_use]
    pub fn bucket_of(&self, at_ms: u64) -> Option<usize> {
        let after = self.edges.partition_point(|edge| *edge <= at_ms);
        (after > 0 && after < self.edges.len()).then(|| after - 1)
    }
}

/// A length that divides a window into some thirty to three hundred and forty buckets. What a window costs is the number of rows behind
/// it: a month of days is a twenty-fourth of a month of hours.
const fn automatic(window_ms: u64) -> Grain {
    const HOUR: u64 = Grain::Hour.length_ms();
    match window_ms {
        0..=10_800_000 => Grain::Minute,
        _ if window_ms <= 48 * HOUR => Grain::Quarter,
        _ if window_ms <= 14 * 24 * HOUR => Grain::Hour,
        _ => Grain::Day,
    }
}

/// The bounds of buckets of local time around a window; `None` if there are too many.
fn edges(from_ms: u64, to_ms: u64, length: Grain, offset: Offset<'_>) -> Option<Vec<u64>> {
    let buckets = usize::try_from((to_ms - from_ms) / length.length_ms()).ok()?;
    if buckets > MAX_BUCKETS {
        return None;
    }
    let mut edge = local_start(from_ms, length, offset);
    let mut edges = Vec::with_capacity(buckets + 3);
    while edge < to_ms {
        edges.push(edge);
        edge = next(edge, length, offset);
    }
    edges.push(edge);
    Some(edges)
}

/// The beginning of the bucket of local time that contains `at_ms`.
fn local_start(at_ms: u64, length: Grain, offset: Offset<'_>) -> u64 {
    let local = at_ms.saturating_add_signed(offset(at_ms));
    let start = utc_of(length.start_of(local), at_ms, offset);
    // The offset was another one at the beginning, and the beginning found with it is a later one.
    if start > at_ms { at_ms - at_ms % Grain::Quarter.length_ms() } else { start }
}

/// The beginning of the bucket after the one that begins at `edge`. Where clocks are put forward or back, a day is an hour
/// shorter or longer.
fn next(edge: u64, length: Grain, offset: Offset<'_>) -> u64 {
    if length < Grain::Day {
        return edge.saturating_add(length.length_ms());
    }
    let local = edge.saturating_add_signed(offset(edge));
    // Some hours into the next day, whatever the clocks do in between.
    let within = length.start_of(local).saturating_add(length.length_ms() + length.length_ms() / 2);
    let found = utc_of(length.start_of(within), edge.saturating_add(length.length_ms()), offset);
    found.max(edge.saturating_add(Grain::Quarter.length_ms()))
}

/// The point in time at which local clocks show `local`, near `guess`.
fn utc_of(local: u64, guess: u64, offset: Offset<'_>) -> u64 {
    let first = local.saturating_add_signed(-offset(guess));
    local.saturating_add_signed(-offset(first))
}

/// The coarsest grain whose spans end at all of these bounds.
fn dividing(edges: &[u64]) -> Grain {
    let divides = |grain: &Grain| edges.iter().all(|edge| edge % grain.length_ms() == 0);
    Grain::ALL.into_iter().rev().find(divides).unwrap_or(Grain::Minute)
}

/// Until when the rows of each grain are made from finer ones, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Of quarters.
    pub quarter: u64,
    /// Of hours.
    pub hour: u64,
    /// Of days.
    pub day: u64,
    /// Of which spans there are totals.
    pub totals: Totalled,
}

/// Of which spans of each grain there are totals ([`crate::totals`]): from the first time on, until the second one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totalled {
    /// Of quarters.
    pub quarter: (u64, u64),
    /// Of hours.
    pub hour: (u64, u64),
    /// Of days.
    pub day: (u64, u64),
}

impl Totalled {
    /// Those of that grain; none of minutes.
    #[must_use]
    pub const fn of(self, grain: Grain) -> (u64, u64) {
        match grain {
            Grain::Minute => (0, 0),
            Grain::Quarter => self.quarter,
            Grain::Hour => self.hour,
            Grain::Day => self.day,
        }
    }
}

impl Progress {
    /// Until when rows of that grain are complete.
    #[must_use]
    pub const fn of(self, grain: Grain) -> u64 {
        match grain {
            Grain::Minute => u64::MAX,
            Grain::Quarter => self.quarter,
            Grain::Hour => self.hour,
            Grain::Day => self.day,
        }
    }
}

/// Rows of one grain in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Their grain.
    pub grain: Grain,
    /// From this time on.
    pub from_ms: u64,
    /// Until this time, which does not belong to it.
    pub to_ms: u64,
}

/// The rows of which a window consists: those of `grain` as far as they are made, and finer ones after that. Every row of a
/// request is in one of the stretches, once.
#[must_use]
pub fn stretches(grain: Grain, from_ms: u64, to_ms: u64, progress: Progress) -> Vec<Stretch> {
    let mut stretches = Vec::with_capacity(4);
    let (mut grain, mut from_ms) = (Some(grain), from_ms);
    while let Some(of) = grain {
        let end = progress.of(of).min(to_ms);
        if end > from_ms {
            stretches.push(Stretch { grain: of, from_ms, to_ms: end });
            from_ms = end;
        }
        grain = of.finer();
    }
    stretches
}

/// The fewest rows of which a window consists, where only their sum is asked for: whole days where there are some, and finer
/// rows at both ends. `from_ms` begins a span of `finest`, or finer rows are not kept any more.
#[must_use]
pub fn cover(finest: Grain, from_ms: u64, to_ms: u64, progress: Progress) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::with_capacity(7);
    let mut at = from_ms;
    while at < to_ms {
        let fits = |grain: &Grain| {
            let end = at.saturating_add(grain.length_ms());
            at.is_multiple_of(grain.length_ms()) && end <= to_ms && end <= progress.of(*grain)
        };
        let coarser = Grain::ALL.into_iter().rev().filter(|grain| *grain > finest).find(fits);
        let Some(grain) = coarser else {
            // Up to where the next coarser span begins, or to the end.
            let next = Grain::ALL.into_iter().filter(|grain| *grain > finest).map(|grain| {
                let start = grain.start_of(at).saturating_add(grain.length_ms());
                if start < progress.of(grain) { start } else { to_ms }
            });
            let end = next.min().unwrap_or(to_ms).min(to_ms);
            for stretch in self::stretches(finest, at, end, progress) {
                push(&mut stretches, stretch);
            }
            at = end;
            continue;
        };
        let whole = (to_ms.min(progress.of(grain)) - at) / grain.length_ms();
        // Further ones only as long as none coarser begins.
        let coarsest = Grain::ALL.into_iter().find(|next| *next > grain);
        let until_coarser = coarsest.map_or(whole, |next| {
            (next.start_of(at).saturating_add(next.length_ms()) - at) / grain.length_ms()
        });
        let end = at.saturating_add(whole.min(until_coarser).max(1).saturating_mul(grain.length_ms()));
        push(&mut stretches, Stretch { grain, from_ms: at, to_ms: end });
        at = end;
    }
    stretches
}

fn push(stretches: &mut Vec<Stretch>, next: Stretch) {
    match stretches.last_mut() {
        Some(last) if last.grain == next.grain && last.to_ms == next.from_ms => last.to_ms = next.to_ms,
        _ => stretches.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;
    /// 2026-10-25T01:00:00Z, when clocks in Central Europe go back from +02:00 to +01:00.
    const BACK: u64 = 1_792_890_000_000;
    const NOW: u64 = BACK + 3 * DAY + 5 * 60_000;

    fn berlin(at: u64) -> i64 {
        if at < BACK { 7_200_000 } else { 3_600_000 }
    }
    fn kathmandu(_: u64) -> i64 {
        20_700_000
    }
    fn utc(_: u64) -> i64 {
        0
    }

    fn window(from: u64, to: u64, division: Division, offset: Offset<'_>) -> Window {
        Window::new((from, to), division, offset, NOW, Retention::default()).unwrap()
    }

    #[test]
    fn days_are_those_of_the_time_zone() {
        let days = window(NOW - 6 * DAY, NOW, Division::Of(Grain::Day), &berlin);
        let midnight = BACK - 3 * HOUR;
        assert!(days.buckets().contains(&midnight));
        let lengths: Vec<u64> = days.edges.windows(2).map(|pair| (pair[1] - pair[0]) / HOUR).collect();
        assert_eq!(lengths, [24, 24, 24, 25, 24, 24, 24]);
        assert_eq!((days.length, days.grain), (Grain::Day, Grain::Hour));
        // Clocks that are put forward by an hour at the same time, and by half an hour, as on Lord Howe Island.
        for (ahead, length) in [(3_600_000, 23 * HOUR), (1_800_000, 23 * HOUR + HOUR / 2)] {
            let forward = move |at: u64| if at < BACK { 3_600_000 } else { 3_600_000 + ahead };
            let days = window(NOW - 6 * DAY, NOW, Division::Of(Grain::Day), &forward);
            let lengths: Vec<u64> = days.edges.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert_eq!(lengths.iter().filter(|of| **of == length).count(), 1, "{lengths:?}");
            assert_eq!(lengths.iter().filter(|of| **of == DAY).count(), lengths.len() - 1, "{lengths:?}");
            assert!(days.edges.iter().all(|at| at.saturating_add_signed(forward(*at)).is_multiple_of(DAY)));
        }
        let days = window(NOW - 6 * DAY, NOW, Division::Of(Grain::Day), &kathmandu);
        assert_eq!((days.length, days.grain), (Grain::Day, Grain::Quarter));
        assert_eq!((days.from_ms() + 20_700_000) % DAY, 0);
        assert_eq!(window(NOW - 6 * DAY, NOW, Division::Of(Grain::Day), &utc).grain, Grain::Day);
    }

    #[test]
    fn buckets_are_as_fine_as_a_chart_shows_and_as_rows_are_kept() {
        let of = |ago: u64, length: u64, division| {
            let window = window(NOW - ago, NOW - ago + length, division, &utc);
            (window.length, window.grain)
        };
        assert_eq!(of(HOUR, HOUR, Division::Auto), (Grain::Minute, Grain::Minute));
        assert_eq!(of(DAY, DAY, Division::Auto), (Grain::Quarter, Grain::Quarter));
        assert_eq!(of(14 * DAY, 14 * DAY, Division::Auto), (Grain::Hour, Grain::Hour));
        assert_eq!(of(30 * DAY, 30 * DAY, Division::Auto), (Grain::Day, Grain::Day));
        assert_eq!(of(30 * DAY, 30 * DAY, Division::Of(Grain::Hour)), (Grain::Hour, Grain::Hour));
        assert_eq!(of(300 * DAY, 300 * DAY, Division::Auto), (Grain::Day, Grain::Day));
        // Minutes of last week are not kept, nor quarters of two months ago.
        assert_eq!(of(7 * DAY, HOUR, Division::Auto), (Grain::Quarter, Grain::Quarter));
        assert_eq!(of(60 * DAY, HOUR, Division::Of(Grain::Minute)), (Grain::Hour, Grain::Hour));
        // Too many buckets.
        assert_eq!(of(30 * DAY, 30 * DAY, Division::Of(Grain::Minute)), (Grain::Hour, Grain::Hour));
        // Of days of another zone a year ago only those of UTC are left.
        let old = window(NOW - 200 * DAY, NOW - 190 * DAY, Division::Of(Grain::Day), &berlin);
        assert_eq!((old.length, old.grain), (Grain::Day, Grain::Day));
        assert_eq!(Window::new((5, 5), Division::Auto, &utc, NOW, Retention::default()), None);
    }

    #[test]
    fn rows_come_from_the_coarsest_grain_that_is_complete() {
        let progress =
            Progress { quarter: 100 * HOUR, hour: 90 * HOUR, day: 72 * HOUR, ..Progress::default() };
        let found = stretches(Grain::Day, 24 * HOUR, 120 * HOUR, progress);
        let told: Vec<_> = found.iter().map(|of| (of.grain, of.from_ms / HOUR, of.to_ms / HOUR)).collect();
        let expected = [
            (Grain::Day, 24, 72),
            (Grain::Hour, 72, 90),
            (Grain::Quarter, 90, 100),
            (Grain::Minute, 100, 120),
        ];
        assert_eq!(told, expected);
        assert_eq!(stretches(Grain::Quarter, 24 * HOUR, 48 * HOUR, progress).len(), 1);
        assert_eq!(stretches(Grain::Hour, 110 * HOUR, 120 * HOUR, progress)[0].grain, Grain::Minute);
    }

    #[test]
    fn a_sum_takes_whole_days_and_finer_rows_at_both_ends() {
        let progress =
            Progress { quarter: 240 * HOUR, hour: 238 * HOUR, day: 216 * HOUR, ..Progress::default() };
        let found = cover(Grain::Quarter, 23 * HOUR - 900_000, 243 * HOUR, progress);
        let told: Vec<_> =
            found.iter().map(|of| (of.grain.letter(), of.from_ms / 900_000, of.to_ms / 900_000)).collect();
        let expected =
            [("q", 91, 92), ("h", 92, 96), ("d", 96, 864), ("h", 864, 952), ("q", 952, 960), ("m", 960, 972)];
        assert_eq!(told, expected);
    }

    proptest! {
        #[test]
        fn a_sum_reads_every_minute_once(
            finest in 0_usize..4, quarter in 0_u64..2000, hour in 0_u64..500, day in 0_u64..20, from in 0_u64..2000, length in 1_u64..2000,
        ) {
            let progress = Progress { quarter: quarter * 900_000, hour: hour * HOUR, day: day * DAY, ..Progress::default() };
            let (from, to) = (from * 900_000, (from + length) * 900_000);
            let found = cover(Grain::ALL[finest], from, to, progress);
            prop_assert_eq!(found.first().unwrap().from_ms, from);
            prop_assert_eq!(found.last().unwrap().to_ms, to);
            prop_assert!(found.windows(2).all(|pair| pair[0].to_ms == pair[1].from_ms && pair[0].grain != pair[1].grain));
            prop_assert!(found.iter().all(|of| of.to_ms <= progress.of(of.grain)));
            let is_whole = |of: &Stretch| of.grain <= Grain::ALL[finest]
                || (of.from_ms.is_multiple_of(of.grain.length_ms()) && of.to_ms.is_multiple_of(of.grain.length_ms()));
            prop_assert!(found.iter().all(is_whole), "{:?}", found);
            prop_assert!(found.len() <= 10, "{:?}", found);
        }

        #[test]
        fn a_window_contains_what_was_asked_for_without_gaps(
            ago in 1_u64..400 * DAY, length in 1_u64..400 * DAY, which in 0_usize..3, division in 0_usize..5,
        ) {
            let offset: Offset<'_> = [&berlin as Offset<'_>, &kathmandu, &utc][which];
            let divisions = ["auto", "minute", "quarter", "hour", "day"];
            let (from, to) = (NOW - ago, NOW - ago + length);
            let window = window(from, to, Division::named(divisions[division]).unwrap(), offset);
            prop_assert!(window.from_ms() <= from && to <= window.to_ms());
            prop_assert!(window.edges.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(window.edges.iter().all(|edge| edge % Grain::Minute.length_ms() == 0));
            prop_assert!(window.buckets().len() <= MAX_BUCKETS + 3);
            let bucket = window.bucket_of(from).unwrap();
            prop_assert!(window.buckets()[bucket] <= from && from < window.edges[bucket + 1]);
            prop_assert_eq!(window.bucket_of(window.to_ms()), None);
        }

        #[test]
        fn every_minute_is_read_once(
            grain in 0_usize..4, quarter in 0_u64..200, hour in 0_u64..200, day in 0_u64..9, from in 0_u64..100, length in 1_u64..100,
        ) {
            let progress = Progress { quarter: quarter * HOUR, hour: hour * HOUR, day: day * DAY, ..Progress::default() };
            let (from, to) = (from * HOUR, (from + length) * HOUR);
            let found = stretches(Grain::ALL[grain], from, to, progress);
            prop_assert_eq!(found.first().unwrap().from_ms, from);
            prop_assert_eq!(found.last().unwrap().to_ms, to);
            prop_assert!(found.windows(2).all(|pair| pair[0].to_ms == pair[1].from_ms && pair[0].grain > pair[1].grain));
        }
    }
}
