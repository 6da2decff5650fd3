//! Totals: the sums of all series together, so that a question about the whole gateway reads a row or two for each span where there
//! are thousands of series.
//!
//! They are made of the rows of series of a complete span, one row for each class, and stored beside these under grains of their own.
//! From the rows of series they can be made anew at any time. Guarantee: of the spans that [`Totalled`] names, rows of totals added up
//! by class equal the rows of series added up by class, sketches included, because events that come late are added to both in one
//! transaction.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::grain::Grain;
use crate::rollup::{Row, Sums};
use crate::series::{Class, Dimension, Series};
use crate::window::{Progress, Stretch, Totalled};

/// The grain under which totals of a grain are stored; none of minutes, which are added up soon.
#[must_use]
pub const fn letter(grain: Grain) -> Option<&'static str> {
    match grain {
        Grain::Minute => None,
        Grain::Quarter => Some("Q"),
        Grain::Hour => Some("H"),
        Grain::Day => Some("D"),
    }
}

/// The series of the totals of a class, with its id: one that no hash is.
#[must_use]
pub fn series_of(class: Class) -> (u64, Series) {
    let place = Class::ALL.into_iter().take_while(|other| *other != class).count() as u64;
    (place + 1, Series { class, ..Series::default() })
}

/// Totals while rows of series are added to them.
#[derive(Debug, Default)]
pub struct Adding {
    sums: BTreeMap<(u64, Class), Sums>,
}

impl Adding {
    /// Adds a row of a series of this class.
    pub fn add(&mut self, class: Class, row: &Row) {
        self.sums.entry((row.start, class)).or_default().merge(&row.sums);
    }

    /// The classes that occurred.
    pub fn classes(&self) -> impl Iterator<Item = Class> + '_ {
        Class::ALL.into_iter().filter(|class| self.sums.keys().any(|(_, other)| other == class))
    }

    /// The rows to be stored.
    #[must_use]
    pub fn rows(self) -> Vec<Row> {
        let row = |((start, class), sums)| Row { start, series: series_of(class).0, sums };
        self.sums.into_iter().map(row).collect()
    }
}

/// Rows of a grain as it is stored, from a time on, until another one. In JSON a list of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span(pub &'static str, pub u64, pub u64);

/// The rows that answer a question which asks for these dimensions: totals where there are some and they say enough.
#[must_use]
pub fn spans(
    dimensions: impl IntoIterator<Item = Dimension>,
    stretches: &[Stretch],
    progress: Progress,
) -> Vec<Span> {
    let is_answered = dimensions.into_iter().all(|dimension| dimension == Dimension::Status);
    let totalled = if is_answered { progress.totals } else { Totalled::default() };
    let mut spans = Vec::with_capacity(stretches.len() + 2);
    for Stretch { grain, from_ms, to_ms } in stretches.iter().copied() {
        let (since, until) = totalled.of(grain);
        let begin = since.clamp(from_ms, to_ms);
        let end = until.clamp(begin, to_ms);
        let parts = [
            (Some(grain.letter()), from_ms, begin),
            (letter(grain), begin, end),
            (Some(grain.letter()), end, to_ms),
        ];
        for (letter, from, to) in parts {
            spans.extend(letter.filter(|_| from < to).map(|letter| Span(letter, from, to)));
        }
    }
    spans
}

/// How far the totals of a grain are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The grain.
    pub grain: Grain,
    /// Until when its rows of series are complete.
    pub until: u64,
    /// Of which spans there are totals; none if both are the same.
    pub totals: (u64, u64),
    /// The beginning of its first rows of series that are complete and after those.
    pub next: Option<u64>,
    /// The beginning of its last rows of series that are complete and before those.
    pub before: Option<u64>,
}

/// Totals to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Of this grain.
    pub grain: Grain,
    /// From this time on.
    pub from_ms: u64,
    /// Until this time.
    pub to_ms: u64,
    /// Of which spans there were totals before.
    pub before: (u64, u64),
    /// Of which spans there are totals after that.
    pub after: (u64, u64),
}

/// The totals that are made next, if some can be: of spans that were added up since, then, one after the other, of older spans that
/// have none because their rows are from before there were totals, or because something has written rows without them. Spans without
/// rows are passed over, and so are grains that are `left_out`, because a step of them has failed: the others do not wait for them.
#[must_use]
pub fn next_step(states: &[State], left_out: &[Grain]) -> Option<Step> {
    let states = || states.iter().filter(|of| !left_out.contains(&of.grain));
    let forwards = states().find_map(|of| {
        let (since, until) = of.totals;
        let to_ms = of.next?.saturating_add(of.grain.length_ms());
        let is_next = since < until && to_ms <= of.until;
        is_next.then_some(Step {
            grain: of.grain,
            from_ms: until,
            to_ms,
            before: of.totals,
            after: (since, to_ms),
        })
    });
    let backwards = || {
        states().find_map(|of| {
            let from_ms = of.before?;
            let (since, until) = of.totals;
            let (to_ms, end) = if since < until { (since, until) } else { (of.until, of.until) };
            let after = (from_ms, end);
            (from_ms < to_ms).then_some(Step { grain: of.grain, from_ms, to_ms, before: of.totals, after })
        })
    };
    forwards.or_else(backwards)
}

/// How far totals are: `grain`, `until`, `totals_since`, `totals_until`, `next` and `before` of each [`State`], the coarsest grain first.
pub const STATES: &str = "SELECT grain, until, totals_since, totals_until, \
    (SELECT MIN(start) FROM stat_rows AS r WHERE r.grain = p.grain AND r.start >= p.totals_until AND r.start < p.until) AS next, \
    (SELECT MAX(start) FROM stat_rows AS r WHERE r.grain = p.grain AND r.start < COALESCE(p.totals_since, p.until)) AS before \
    FROM stat_progress AS p ORDER BY grain";

/// Fails, so that the transaction that contains it changes nothing, unless there are still so many rows of series, and totals of these
/// spans. Parameters: grain, from, to, number of rows, since and until when there were totals.
pub const UNCHANGED: &str = "SELECT json(CASE WHEN \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = ?1 AND start >= ?2 AND start < ?3) = ?4 AND \
    EXISTS (SELECT 1 FROM stat_progress WHERE grain = ?1 AND until >= ?3 AND COALESCE(totals_since, 0) = ?5 \
        AND COALESCE(totals_until, 0) = ?6) THEN '1' ELSE 'the rows have changed' END)";

/// Deletes totals that are made anew. Parameters: the grain under which they are stored, from, to.
pub const DELETE: &str = "DELETE FROM stat_rows WHERE grain = ?1 AND start >= ?2 AND start < ?3";

/// Says of which spans there are totals. Parameters: grain, since, until.
pub const SET_TOTALLED: &str =
    "UPDATE stat_progress SET totals_since = ?2, totals_until = ?3 WHERE grain = ?1";

/// Says that there are none: rows of series may have come without them.
pub const FORGET: &str = "UPDATE stat_progress SET totals_since = NULL, totals_until = NULL";

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn progress(since: u64, until: u64) -> Progress {
        let totals = Totalled { hour: (since * HOUR, until * HOUR), ..Totalled::default() };
        Progress { quarter: 40 * HOUR, hour: 30 * HOUR, day: 0, totals }
    }

    fn told(dimensions: &[Dimension], progress: Progress) -> Vec<(&'static str, u64, u64)> {
        let stretches = crate::window::stretches(Grain::Hour, 10 * HOUR, 41 * HOUR, progress);
        let spans = spans(dimensions.iter().copied(), &stretches, progress);
        spans.iter().map(|Span(letter, from, to)| (*letter, from / HOUR, to / HOUR)).collect()
    }

    #[test]
    fn totals_answer_what_asks_for_classes_at_most_as_far_as_there_are_some() {
        let finer = [("q", 30, 40), ("m", 40, 41)];
        let with_finer = |coarse: &[(&'static str, u64, u64)]| [coarse, &finer].concat();
        let status = [Dimension::Status];
        assert_eq!(told(&[], progress(0, 30)), with_finer(&[("H", 10, 30)]));
        assert_eq!(
            told(&status, progress(12, 29)),
            with_finer(&[("h", 10, 12), ("H", 12, 29), ("h", 29, 30)])
        );
        assert_eq!(told(&status, progress(2, 8)), with_finer(&[("h", 10, 30)]));
        assert_eq!(told(&[], progress(0, 0)), with_finer(&[("h", 10, 30)]));
        let by_key = [Dimension::Status, Dimension::Key];
        assert_eq!(told(&by_key, progress(0, 30)), with_finer(&[("h", 10, 30)]));
    }

    #[test]
    fn totals_are_made_forwards_first_and_then_backwards() {
        let step = |totals: (u64, u64), next: Option<u64>, before: Option<u64>| {
            let hours = |hours: u64| hours * HOUR;
            let state = State {
                grain: Grain::Hour,
                until: 30 * HOUR,
                totals: (hours(totals.0), hours(totals.1)),
                next: next.map(hours),
                before: before.map(hours),
            };
            let day = State { grain: Grain::Day, until: 0, totals: (0, 0), next: None, before: None };
            next_step(&[day, state], &[]).map(|step| {
                assert_eq!((step.grain, step.before), (Grain::Hour, state.totals));
                (step.from_ms / HOUR, step.to_ms / HOUR, (step.after.0 / HOUR, step.after.1 / HOUR))
            })
        };
        // The first ones are those of the last rows; what is after these has no rows.
        assert_eq!(step((0, 0), None, Some(27)), Some((27, 30, (27, 30))));
        assert_eq!(step((20, 25), Some(27), Some(18)), Some((25, 28, (20, 28))));
        assert_eq!(step((20, 30), None, Some(17)), Some((17, 20, (17, 30))));
        assert_eq!(step((20, 30), None, None), None);
        assert_eq!(step((0, 0), None, None), None);
    }

    #[test]
    fn a_grain_that_fails_does_not_stop_the_others() {
        let state = |grain: Grain| State {
            grain,
            until: 48 * HOUR,
            totals: (0, 24 * HOUR),
            next: Some(24 * HOUR),
            before: None,
        };
        let states = [Grain::Day, Grain::Hour, Grain::Quarter].map(state);
        let next = |left_out: &[Grain]| next_step(&states, left_out).map(|step| step.grain);
        assert_eq!(next(&[]), Some(Grain::Day));
        assert_eq!(next(&[Grain::Day]), Some(Grain::Hour));
        assert_eq!(next(&[Grain::Day, Grain::Hour]), Some(Grain::Quarter));
        assert_eq!(next(&[Grain::Quarter, Grain::Day, Grain::Hour]), None);
    }

    #[test]
    fn the_series_of_totals_are_those_that_the_trigger_of_the_database_looks_for() {
        let migration = include_str!("../../../d1-migrations/0045_totals.sql");
        let ids: Vec<String> = Class::ALL.iter().map(|class| series_of(*class).0.to_string()).collect();
        assert!(migration.contains(&format!("series IN ({})", ids.join(", "))), "{ids:?}");
        for grain in Grain::ALL.into_iter().filter(|grain| *grain > Grain::Minute) {
            assert_eq!(letter(grain).unwrap(), grain.letter().to_uppercase());
            assert!(migration.contains(&format!("'{}'", grain.letter())));
        }
        assert_eq!(letter(Grain::Minute), None);
    }
}
