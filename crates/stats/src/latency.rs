//! Latency as a heat map: how many answers took how long, over time.
//!
//! A column for each bucket of time, a row for each half of a doubling of the duration, from the shortest to the longest that
//! occurred: at most [`MAX_ROWS`], whatever the durations. Counts are exact, percentiles as exact as those of
//! [`crate::sketch`].

use serde::Serialize;

use crate::counters::whole;
use crate::figures::{Figures, Percentiles, SketchedRow, WindowView};
use crate::query::Query;
use crate::sketch::{Sketch, half_bound_ms};
use nexus_edge_core::error::ApiError;

/// Most rows: from 1 ms and below to a day.
pub const MAX_ROWS: usize = 54;

/// What is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Measure {
    /// From the arrival of a request to the end of its answer.
    #[default]
    Duration,
    /// From sending it to the upstream to the headers of the answer.
    FirstByte,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Duration, Self::FirstByte];

    /// Its name in queries and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::FirstByte => "first_byte",
        }
    }

    /// The measure that the parameter `measure` names; without it, the duration.
    ///
    /// # Errors
    /// `invalid_value`, which names the parameter.
    pub fn read(name: Option<&str>) -> Result<Self, ApiError> {
        let Some(name) = name else { return Ok(Self::default()) };
        Self::ALL.into_iter().find(|measure| measure.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            ApiError::invalid("invalid_value", "measure", format!("`measure` must be one of {names}."))
        })
    }

    const fn of(self, figures: &Figures) -> &Sketch {
        match self {
            Self::Duration => figures.durations(),
            Self::FirstByte => figures.first_bytes(),
        }
    }
}

/// How long complete answers took, over time. Lists of a column have a value for each bucket of time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Latency {
    /// The window.
    pub window: WindowView,
    /// What is measured: `duration` or `first_byte`.
    pub measure: &'static str,
    /// The beginning of each bucket of time, in milliseconds since the epoch.
    pub buckets: Vec<u64>,
    /// The bounds of the rows in milliseconds, ascending: row `i` is above bound `i` up to and including bound `i + 1`. Two
    /// rows are a doubling. Empty if there are no values.
    pub bounds_ms: Vec<u64>,
    /// For each bucket of time a list of counts, one for each row.
    pub counts: Vec<Vec<u64>>,
    /// Values of each bucket of time.
    pub values: Vec<u64>,
    /// Half of them are at most this; `null` without values.
    pub p50_ms: Vec<Option<u64>>,
    /// 90 % of them.
    pub p90_ms: Vec<Option<u64>>,
    /// 95 % of them.
    pub p95_ms: Vec<Option<u64>>,
    /// 99 % of them.
    pub p99_ms: Vec<Option<u64>>,
    /// Values of the whole window.
    pub total_values: u64,
    /// Their percentiles.
    pub total_ms: Percentiles,
}

/// The heat map of these rows.
#[must_use]
pub fn latency(query: &Query, tz: String, measure: Measure, rows: &[SketchedRow]) -> Latency {
    let buckets = query.window.buckets().to_vec();
    let mut columns = vec![Figures::default(); buckets.len()];
    let mut total = Figures::default();
    for row in rows {
        let column = query.window.bucket_of(whole(row.start)).and_then(|bucket| columns.get_mut(bucket));
        if let Some(column) = column {
            column.add_sketches(row);
        }
    }
    for column in &columns {
        total.merge(column);
    }
    let total = measure.of(&total);
    let halves = || total.halves().map(|(half, _)| half);
    let (lowest, rows) = match (halves().min(), halves().max()) {
        (Some(lowest), Some(highest)) => (lowest, usize::try_from(highest - lowest).unwrap_or_default() + 1),
        _ => (0, 0),
    };
    let bounds = (lowest..).take(if rows == 0 { 0 } else { rows + 1 }).map(half_bound_ms);
    let mut found = Latency {
        window: WindowView::of(query, tz),
        measure: measure.as_str(),
        buckets,
        bounds_ms: bounds.collect(),
        counts: Vec::with_capacity(columns.len()),
        values: Vec::with_capacity(columns.len()),
        p50_ms: Vec::with_capacity(columns.len()),
        p90_ms: Vec::with_capacity(columns.len()),
        p95_ms: Vec::with_capacity(columns.len()),
        p99_ms: Vec::with_capacity(columns.len()),
        total_values: total.count(),
        total_ms: Percentiles::of(total),
    };
    for column in &columns {
        found.push(measure.of(column), lowest, rows);
    }
    found
}

impl Latency {
    fn push(&mut self, column: &Sketch, lowest: i32, rows: usize) {
        let mut counts = vec![0; rows];
        for (half, count) in column.halves() {
            let row = usize::try_from(half - lowest).ok().and_then(|row| counts.get_mut(row));
            if let Some(sum) = row {
                *sum += count;
            }
        }
        self.counts.push(counts);
        self.values.push(column.count());
        let Percentiles { p50, p90, p95, p99 } = Percentiles::of(column);
        self.p50_ms.push(p50);
        self.p90_ms.push(p90);
        self.p95_ms.push(p95);
        self.p99_ms.push(p99);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grain::Retention;
    use crate::query::Asked;
    use crate::sketch::MAX_MS;
    use proptest::prelude::*;

    const NOW: u64 = 1_795_200_203_000;

    fn query() -> Query {
        let asked = Asked { range: Some("1h".into()), ..Asked::default() };
        Query::read(&asked, &|_| 0, NOW, Retention::default()).unwrap()
    }

    fn row(start: u64, durations: &[u64], first_bytes: &[u64]) -> SketchedRow {
        let encoded = |values: &[u64]| {
            let mut sketch = Sketch::default();
            for value in values {
                sketch.record(*value);
            }
            sketch.encode()
        };
        let json = serde_json::json!({"start": start, "durations": encoded(durations), "first_bytes": encoded(first_bytes)});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn durations_are_counted_by_time_and_length() {
        let query = query();
        let at = query.window.from_ms();
        let rows = [row(at, &[30, 1_000], &[5]), row(at, &[30], &[]), row(at + 60_000, &[100, 8_000], &[])];
        let found = latency(&query, "UTC".into(), Measure::Duration, &rows);
        assert_eq!((found.buckets.len(), found.counts.len(), found.p95_ms.len()), (61, 61, 61));
        assert_eq!((found.bounds_ms[0], found.bounds_ms.last().copied()), (28, Some(10_240)));
        assert_eq!((found.counts[0][0], found.values[0], found.values[1], found.total_values), (2, 3, 2, 5));
        let row_of = |ms: u64| found.bounds_ms.iter().position(|bound| ms <= *bound).unwrap() - 1;
        assert_eq!((found.counts[0][row_of(1_000)], found.counts[1][row_of(8_000)]), (1, 1));
        assert_eq!((found.p50_ms[0], found.p99_ms[2]), (Some(30), None));
        let first = latency(&query, "UTC".into(), Measure::FirstByte, &rows);
        assert_eq!((first.measure, first.bounds_ms, first.total_ms.p50), ("first_byte", vec![3, 5], Some(5)));
        let none = latency(&query, "UTC".into(), Measure::Duration, &[]);
        assert_eq!((none.bounds_ms.len(), none.counts[0].len(), none.counts.len()), (0, 0, 61));
    }

    #[test]
    fn a_measure_has_a_name() {
        assert_eq!(Measure::read(None).unwrap(), Measure::Duration);
        assert_eq!(Measure::read(Some("first_byte")).unwrap(), Measure::FirstByte);
        assert_eq!(Measure::read(Some("speed")).unwrap_err().param.as_deref(), Some("measure"));
    }

    proptest! {
        #[test]
        fn every_value_is_counted_in_one_row_of_a_bounded_map(
            values in proptest::collection::vec((0_u64..2 * MAX_MS, 0_u64..60), 1..80),
        ) {
            let query = query();
            let at = query.window.from_ms();
            let rows: Vec<_> =
                values.iter().map(|(value, minute)| row(at + minute * 60_000, &[*value], &[])).collect();
            let found = latency(&query, String::new(), Measure::Duration, &rows);
            let rows = found.bounds_ms.len() - 1;
            prop_assert!(rows <= MAX_ROWS, "{rows}");
            prop_assert!(found.counts.iter().all(|counts| counts.len() == rows));
            prop_assert!(found.bounds_ms.windows(2).all(|pair| pair[0] <= pair[1]));
            let sum: u64 = found.counts.iter().flatten().sum();
            prop_assert_eq!((sum, found.total_values), (values.len() as u64, values.len() as u64));
        }
    }
}
