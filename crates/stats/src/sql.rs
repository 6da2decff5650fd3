//! The statements that read the sums of a query from the database, for SQLite.
//!
//! Tables: `stat_rows (grain, start, series, part, <counters>, durations, first_bytes, extra)` and `stat_series (id, <dimensions>)`.
//! Every value that a caller gives is a parameter.

use std::fmt::Write as _;

use crate::counters::Counters;
use crate::grain::Grain;
use crate::query::Query;
use crate::series::{Class, Dimension};
use crate::totals::{self, Span};
use crate::window::{Progress, cover, stretches};

/// A statement with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// The parameters: those of a caller are texts.
    pub parameters: Vec<Parameter>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A text.
    Text(String),
    /// A number below 2^53.
    Number(u64),
}

/// Adds the series of a batch that are not known. Parameter: [`crate::batch::Batch::series`].
pub const INSERT_SERIES: &str = "INSERT OR IGNORE INTO stat_series \
    (id, provider, model, logical_model, key, owner, app, dialect, stream, status, error) \
    SELECT value ->> 'id', value ->> 'provider', value ->> 'model', value ->> 'logical_model', value ->> 'key', \
    value ->> 'owner', value ->> 'app', value ->> 'dialect', value ->> 'stream', value ->> 'status', value ->> 'error' \
    FROM json_each(?1)";

/// Adds rows of a grain. Parameters: the rows as a JSON list, and the name of the part. With `only_late`, only rows of spans that
/// are added up already: the others will be, from finer rows.
#[must_use]
pub fn insert_rows(grain: Grain, only_late: bool) -> String {
    let letter = grain.letter();
    let condition = if only_late {
        format!(" WHERE value ->> 'start' < (SELECT until FROM stat_progress WHERE grain = '{letter}')")
    } else {
        String::new()
    };
    insert(letter, &condition)
}

/// The letter under which rows of minutes are stored that metrics have not added up, although their minute is.
pub const LATE: &str = "l";

/// Adds rows of minutes that come after metrics have added their minute up. Parameters: the rows as a JSON list, and the name of
/// the part.
#[must_use]
pub fn insert_late() -> String {
    insert(LATE, " WHERE value ->> 'start' < (SELECT until FROM metric_progress)")
}

/// Adds rows of totals of a grain; `None` if it has none. Parameters as those of [`insert_rows`]. With `only_late`, only rows of spans
/// of which there are totals already. Must run before the rows of series of the same part are added.
#[must_use]
pub fn insert_totals(grain: Grain, only_late: bool) -> Option<String> {
    let condition = if only_late {
        format!(
            " WHERE EXISTS (SELECT 1 FROM stat_progress WHERE grain = '{}' AND totals_since <= value ->> 'start' \
             AND totals_until > value ->> 'start')",
            grain.letter()
        )
    } else {
        String::new()
    };
    totals::letter(grain).map(|letter| insert(letter, &condition))
}

fn insert(letter: &str, condition: &str) -> String {
    let columns = Counters::NAMES.join(", ");
    let values: String = Counters::NAMES.iter().fold(String::new(), |mut values, name| {
        let _ = write!(values, "value ->> '{name}', ");
        values
    });
    format!(
        "INSERT INTO stat_rows (grain, start, series, part, {columns}, durations, first_bytes, extra) \
         SELECT '{letter}', value ->> 'start', value ->> 'series', ?2, {values}NULLIF(value ->> 'durations', ''), \
         NULLIF(value ->> 'first_bytes', ''), NULLIF(value ->> 'extra', '') FROM json_each(?1){condition}"
    )
}

/// The rows of a span in a stable order, after a row of it; if asked for, with the classes of their series. Parameters: grain, start,
/// end, start, series and part of the row after which they follow, number of rows.
#[must_use]
pub fn rows_of_span(with_class: bool) -> String {
    let columns = Counters::NAMES.join(", ");
    let class = if with_class { ", (SELECT status FROM stat_series WHERE id = series) AS class" } else { "" };
    format!(
        "SELECT start, series, part, {columns}, durations, first_bytes{class} FROM stat_rows \
         WHERE grain = ?1 AND start >= ?2 AND start < ?3 AND (start, series, part) > (?4, ?5, ?6) \
         ORDER BY start, series, part LIMIT ?7"
    )
}

/// Fails, so that the transaction that contains it changes nothing, unless a span still has so many rows and nothing else has
/// added it up. Parameters: grain of the rows, start, end, number of rows, the grain to which they are added up.
pub const UNCHANGED: &str = "SELECT json(CASE WHEN \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = ?1 AND start >= ?2 AND start < ?3) = ?4 AND \
    (SELECT until FROM stat_progress WHERE grain = ?5) <= ?2 THEN '1' ELSE 'the rows have changed' END)";

/// Deletes some rows of a grain that are older than a time. Parameters: grain, time, number of rows.
pub const DELETE_ROWS: &str = "DELETE FROM stat_rows WHERE grain = ?1 AND start < ?2 AND (start, series, part) IN \
    (SELECT start, series, part FROM stat_rows WHERE grain = ?1 AND start < ?2 ORDER BY start LIMIT ?3)";

/// The name of the group of everything that is not among the largest ones.
pub const OTHERS: &str = "\u{1}others";

/// The sums of each group in a window of time: `name`, the counters, and requests by class (`ok`, `client`, …). The largest
/// group by requests comes first.
#[must_use]
pub fn sums_by_group(query: &Query, window: (u64, u64), progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = builder.sums(query, &in_all(query, window, progress));
    let group = group_of(query.group_by);
    builder.done(format!(
        "SELECT {group} AS name, {} {source} GROUP BY 1 ORDER BY requests DESC, name",
        added_up()
    ))
}

/// The sketches of each group in a window of time: `name`, `durations` and `first_bytes`, each a list separated by spaces. A
/// group has several rows, so that none becomes larger than the database allows.
#[must_use]
pub fn sketches_by_group(query: &Query, window: (u64, u64), progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = builder.sketches(query, &in_all(query, window, progress));
    let group = group_of(query.group_by);
    builder.done(format!("SELECT {group} AS name, {LISTED} {source} GROUP BY 1, r.start, r.series % 16"))
}

/// The sums of each group over time: `start` (of a row of the window's grain or a finer one), `name`, the counters and requests
/// by class. Groups that are not among `largest` are one, named [`OTHERS`].
#[must_use]
pub fn sums_over_time(query: &Query, largest: &[String], progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = builder.sums(query, &over_time(query, progress));
    let group = builder.group_among(query.group_by, largest);
    builder.done(format!("SELECT r.start AS start, {group} AS name, {} {source} GROUP BY 1, 2", added_up()))
}

/// The sums of every group over time, as [`sums_over_time`]. For dimensions of which there are few values.
#[must_use]
pub fn sums_of_all_over_time(query: &Query, progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = builder.sums(query, &over_time(query, progress));
    let group = group_of(query.group_by);
    builder.done(format!("SELECT r.start AS start, {group} AS name, {} {source} GROUP BY 1, 2", added_up()))
}

/// The sketches of each group over time, as [`sums_over_time`] and [`sketches_by_group`].
#[must_use]
pub fn sketches_over_time(query: &Query, largest: &[String], progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = builder.sketches(query, &over_time(query, progress));
    let group = builder.group_among(query.group_by, largest);
    builder.done(format!(
        "SELECT r.start AS start, {group} AS name, {LISTED} {source} GROUP BY 1, 2, r.series % 16"
    ))
}

/// The sketches of a group as lists.
pub(crate) const LISTED: &str =
    "group_concat(r.durations, ' ') AS durations, group_concat(r.first_bytes, ' ') AS first_bytes";

/// The rows of a window of which only the sum is asked for.
fn in_all(query: &Query, (from_ms, to_ms): (u64, u64), progress: Progress) -> Vec<Span> {
    totals::spans(query.dimensions(), &cover(query.window.grain, from_ms, to_ms, progress), progress)
}

fn over_time(query: &Query, progress: Progress) -> Vec<Span> {
    let window = &query.window;
    let stretches = stretches(window.grain, window.from_ms(), window.to_ms(), progress);
    totals::spans(query.dimensions(), &stretches, progress)
}

pub(crate) fn group_of(group_by: Option<Dimension>) -> String {
    match group_by {
        None => "''".to_owned(),
        Some(Dimension::Stream) => "CASE s.stream WHEN 1 THEN 'true' ELSE 'false' END".to_owned(),
        Some(dimension) => format!("s.{}", dimension.as_str()),
    }
}

/// The counters, and requests by class, added up.
pub(crate) fn added_up() -> String {
    let mut sums = String::with_capacity(900);
    for name in Counters::NAMES {
        // `total` adds floats, which do not overflow; the counters are far below 2^53.
        let _ = write!(sums, "total(r.{name}) AS {name}, ");
    }
    for class in Class::ALL {
        let name = class.as_str();
        let _ = write!(sums, "total(CASE s.status WHEN '{name}' THEN r.requests END) AS {name}, ");
    }
    sums.truncate(sums.len() - 2);
    sums
}

#[derive(Default)]
pub(crate) struct Builder {
    parameters: Vec<Parameter>,
}

impl Builder {
    fn parameter(&mut self, parameter: Parameter) -> String {
        self.parameters.push(parameter);
        format!("?{}", self.parameters.len())
    }

    /// The rows of the spans as `r`, and their series as `s`. The spans are a table, because D1 allows few terms in a compound `SELECT`,
    /// and `CROSS` so that it is the first.
    pub(crate) fn rows(&mut self, spans: &[Span]) -> String {
        let spans = serde_json::to_string(spans).unwrap_or_default();
        let spans = self.parameter(Parameter::Text(spans));
        format!(
            "FROM json_each({spans}) AS t CROSS JOIN stat_rows AS r ON r.grain = t.value ->> 0 AND r.start >= t.value ->> 1 \
             AND r.start < t.value ->> 2 CROSS JOIN stat_series AS s ON s.id = r.series"
        )
    }

    /// The rows of these spans that fit the query, with their series.
    fn sums(&mut self, query: &Query, spans: &[Span]) -> String {
        self.source(query, spans, Vec::new())
    }

    /// Those that have sketches.
    fn sketches(&mut self, query: &Query, spans: &[Span]) -> String {
        self.source(query, spans, vec!["s.status = 'ok'".to_owned()])
    }

    fn source(&mut self, query: &Query, spans: &[Span], mut conditions: Vec<String>) -> String {
        let mut source = self.rows(spans);
        for (dimension, values) in &query.filters {
            conditions.push(self.is_among(&group_of(Some(*dimension)), values));
        }
        if !conditions.is_empty() {
            let _ = write!(source, " WHERE {}", conditions.join(" AND "));
        }
        source
    }

    /// The condition that a term is one of these values: one parameter, because a database takes no more than a hundred.
    fn is_among(&mut self, term: &str, values: &[String]) -> String {
        let values = serde_json::to_string(values).unwrap_or_default();
        let values = self.parameter(Parameter::Text(values));
        format!("{term} IN (SELECT value FROM json_each({values}))")
    }

    fn group_among(&mut self, group_by: Option<Dimension>, largest: &[String]) -> String {
        if group_by.is_none() {
            return "''".to_owned();
        }
        let group = group_of(group_by);
        let is_largest = self.is_among(&group, largest);
        let others = self.parameter(Parameter::Text(OTHERS.to_owned()));
        format!("CASE WHEN {is_largest} THEN {group} ELSE {others} END")
    }

    pub(crate) fn done(self, sql: String) -> Statement {
        Statement { sql, parameters: self.parameters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grain::Retention;
    use crate::query::Asked;

    fn query(to: u64) -> Query {
        let asked = Asked { to: Some(to), group_by: Some("key".into()), ..Asked::default() };
        Query::read(&asked, &|_| 0, 1_795_200_203_000, Retention::default()).unwrap()
    }

    #[test]
    fn a_window_at_the_beginning_of_time_has_nothing_before_it() {
        let query = query(1_000);
        assert_eq!(query.before(), (0, 0));
        for statement in [
            sums_by_group(&query, query.before(), Progress::default()),
            sketches_by_group(&query, query.before(), Progress::default()),
        ] {
            assert_eq!(statement.parameters, [Parameter::Text("[]".into())]);
        }
    }

    #[test]
    fn as_many_filters_as_there_are_need_fewer_parameters_than_a_database_takes() {
        let mut query = query(1_795_200_000_000);
        query.filters = Dimension::ALL.map(|dimension| (dimension, vec!["x".to_owned(); 50])).to_vec();
        let statement = sketches_over_time(&query, &vec!["x".to_owned(); 200], Progress::default());
        assert!(statement.parameters.len() <= 100, "{}", statement.parameters.len());
    }

    #[test]
    fn what_a_caller_gives_is_a_parameter() {
        let evil = "x') OR 1=1 --".to_owned();
        let mut query = query(1_795_200_000_000);
        query.filters = vec![(Dimension::Model, vec![evil.clone()]), (Dimension::Stream, vec![evil.clone()])];
        let window = (query.window.from_ms(), query.window.to_ms());
        let largest = std::slice::from_ref(&evil);
        for statement in [
            sums_by_group(&query, window, Progress::default()),
            sketches_by_group(&query, window, Progress::default()),
            sums_over_time(&query, largest, Progress::default()),
            sums_of_all_over_time(&query, Progress::default()),
            sketches_over_time(&query, largest, Progress::default()),
        ] {
            assert!(!statement.sql.contains("OR 1=1"), "{}", statement.sql);
            for number in 1..=statement.parameters.len() {
                assert!(statement.sql.contains(&format!("?{number}")), "{number} in {}", statement.sql);
            }
        }
    }
}
