//! The statements behind the totals, for SQLite.
//!
//! Tables: `metric_names (n, provider, model, operation, since)`, `metric_totals (key, sums)`, `metric_progress (since, until)` with
//! one row, and the rows of minutes in `stat_rows`.

use std::fmt::Write as _;

use nexus_edge_stats::counters::Counters;
use nexus_edge_stats::sql::LATE;

/// After all minutes, in milliseconds since the epoch.
pub const END_OF_TIME_MS: u64 = 1 << 53;

/// The names in the order in which they came.
pub const NAMES: &str = "SELECT provider, model, operation, since FROM metric_names ORDER BY n LIMIT 5000";

/// The totals.
pub const TOTALS: &str = "SELECT key, sums FROM metric_totals";

/// Since when is counted, and up to when minutes are in the totals.
pub const PROGRESS: &str = "SELECT since, until FROM metric_progress";

/// Gives the providers and models of a batch their places, if they have none. Must run before the series of the batch are added.
/// A model of the catalogue that was asked for before it was in it counts as itself from a later time on, because what was
/// counted before is with the others. Parameters: [`nexus_edge_stats::batch::Batch::names`], and a time after that of all rows.
pub const ADMIT: &str = "INSERT OR IGNORE INTO metric_names (provider, model, operation, since) \
    SELECT n.provider, n.model, n.operation, CASE WHEN n.model <> '' AND EXISTS (SELECT 1 FROM stat_series AS s \
        WHERE s.provider = n.provider AND s.model = n.model) THEN ?2 ELSE 0 END \
    FROM (SELECT value ->> 'provider' AS provider, value ->> 'model' AS model, value ->> 'operation' AS operation \
        FROM json_each(?1)) AS n \
    WHERE NOT EXISTS (SELECT 1 FROM metric_names AS k \
        WHERE k.provider = n.provider AND k.model = n.model AND k.operation = n.operation) \
    AND (SELECT COALESCE(MAX(n), 0) FROM metric_names) < 5000 \
    AND (n.model = '' OR EXISTS (SELECT 1 FROM providers AS p JOIN provider_models AS m ON m.provider_id = p.id \
        WHERE p.name = n.provider AND n.model IN (m.model_name, m.upstream_model)))";

/// How many rows of minutes are complete and not in the totals, counted up to 1,000, when the first of them begins, and how many
/// came late. Parameter: up to when minutes are complete.
pub const WAITING: &str = "SELECT COUNT(*) AS rows, MIN(start) AS first, \
    (SELECT COUNT(*) FROM (SELECT 1 FROM stat_rows WHERE grain = 'l' LIMIT 1)) AS late \
    FROM (SELECT start FROM stat_rows WHERE grain = 'm' AND start >= (SELECT until FROM metric_progress) AND start < ?1 LIMIT 1000)";

/// Rows of minutes that are not in the totals, added up by what totals are kept apart by. Parameter: up to when. Sketches are
/// lists; a group has several rows, so that none becomes larger than the database allows.
#[must_use]
pub fn minutes() -> String {
    let mut sums = String::with_capacity(500);
    for name in Counters::NAMES {
        let _ = write!(sums, "total(r.{name}) AS {name}, ");
    }
    let columns = format!("start, series, {}, durations, extra", Counters::NAMES.join(", "));
    format!(
        "SELECT s.provider, s.model, s.dialect, s.stream, s.status, s.error, r.start AS start, {sums}\
         group_concat(r.durations, ' ') AS durations, group_concat(r.extra, char(10)) AS extras \
         FROM (SELECT {columns} FROM stat_rows WHERE grain = 'm' AND start >= (SELECT until FROM metric_progress) \
         AND start < ?1 UNION ALL SELECT {columns} FROM stat_rows WHERE grain = '{LATE}') AS r \
         JOIN stat_series AS s ON s.id = r.series GROUP BY 1, 2, 3, 4, 5, 6, 7, r.series % 16"
    )
}

/// What must not change between reading minutes and writing totals: until when, rows of minutes, late rows. Parameter: up to when.
pub const STATE: &str = "SELECT (SELECT until FROM metric_progress) AS until, \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = 'm' AND start >= (SELECT until FROM metric_progress) AND start < ?1) AS rows, \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = 'l') AS late";

/// Fails, so that the transaction that contains it changes nothing, unless the state is the same. Parameters: up to when, and the
/// three of [`STATE`].
pub const UNCHANGED: &str = "SELECT json(CASE WHEN (SELECT until FROM metric_progress) = ?2 AND \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = 'm' AND start >= ?2 AND start < ?1) = ?3 AND \
    (SELECT COUNT(*) FROM stat_rows WHERE grain = 'l') = ?4 THEN '1' ELSE 'the rows have changed' END)";

/// Writes totals. Parameter: a JSON list of [`crate::totals::StoredTotal`].
pub const WRITE_TOTALS: &str = "INSERT INTO metric_totals (key, sums) \
    SELECT value ->> 'key', value ->> 'sums' FROM json_each(?1) WHERE true \
    ON CONFLICT (key) DO UPDATE SET sums = excluded.sums";

/// Deletes the late rows, which are in the totals now.
pub const DELETE_LATE: &str = "DELETE FROM stat_rows WHERE grain = 'l'";

/// Says up to when minutes are in the totals. Parameter: up to when.
pub const SET_UNTIL: &str = "UPDATE metric_progress SET until = ?1";
