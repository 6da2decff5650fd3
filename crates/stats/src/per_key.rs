//! What API keys were used for in the last days: a few figures and a bar for each day, for lists of keys.

use std::collections::HashMap;

use serde::Serialize;

use crate::counters::{SummedRow, whole};
use crate::query::Query;

/// What a key was used for. Amounts of money are millionths of a dollar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct KeyUsage {
    /// Requests.
    pub requests: u64,
    /// Requests that got no complete answer and whose caller did not leave.
    pub errors: u64,
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// The cost.
    pub cost_micros: u64,
    /// Each day, the oldest first; days are those of UTC.
    pub days: Vec<KeyDay>,
}

/// A day of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct KeyDay {
    /// Its beginning, in milliseconds since the epoch.
    pub start: u64,
    /// Requests.
    pub requests: u64,
    /// The cost.
    pub cost_micros: u64,
}

/// The usage of each key, by its id, from the rows of [`crate::sql::sums_of_all_over_time`] for a query that groups by key. All
/// have all days; a key without requests is not among them: see [`unused`].
#[must_use]
pub fn by_key(query: &Query, rows: &[SummedRow]) -> HashMap<String, KeyUsage> {
    let mut keys: HashMap<String, KeyUsage> = HashMap::new();
    for row in rows {
        let usage = keys.entry(row.name.clone()).or_insert_with(|| unused(query));
        usage.requests += whole(row.requests);
        usage.errors += whole(row.client + row.limited + row.timeout + row.server);
        usage.tokens += whole(row.prompt_tokens + row.completion_tokens);
        usage.cost_micros += whole(row.cost_micros);
        let day = query.window.bucket_of(whole(row.start)).and_then(|place| usage.days.get_mut(place));
        if let Some(day) = day {
            day.requests += whole(row.requests);
            day.cost_micros += whole(row.cost_micros);
        }
    }
    keys
}

/// The usage of a key that was not used.
#[must_use]
pub fn unused(query: &Query) -> KeyUsage {
    let days = query.window.buckets().iter().map(|start| KeyDay { start: *start, ..KeyDay::default() });
    KeyUsage { days: days.collect(), ..KeyUsage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grain::Retention;
    use crate::query::Asked;

    const NOW: u64 = 1_795_200_203_000;
    const DAY: u64 = 86_400_000;

    #[test]
    fn sums_are_those_of_all_days_and_every_day_is_there() {
        let asked = Asked {
            range: Some("7d".into()),
            bucket: Some("day".into()),
            group_by: Some("key".into()),
            ..Asked::default()
        };
        let query = Query::read(&asked, &|_| 0, NOW, Retention::default()).unwrap();
        let today = NOW - NOW % DAY;
        let row = |name: &str, start: u64| SummedRow {
            name: name.to_owned(),
            start: start as f64,
            requests: 3.0,
            server: 1.0,
            prompt_tokens: 10.0,
            completion_tokens: 5.0,
            cost_micros: 7.0,
            ..SummedRow::default()
        };
        let rows =
            [row("a", today), row("a", today - DAY), row("b", today), row("a", today - DAY + 3_600_000)];
        let keys = by_key(&query, &rows);
        let a = keys.get("a").unwrap();
        assert_eq!((a.requests, a.errors, a.tokens, a.cost_micros), (9, 3, 45, 21));
        assert_eq!(a.days.len(), query.window.buckets().len());
        assert!(a.days.len() >= 7);
        let last: Vec<(u64, u64)> =
            a.days.iter().rev().take(3).map(|day| (day.start, day.requests)).collect();
        assert_eq!(last, [(today, 3), (today - DAY, 6), (today - 2 * DAY, 0)]);
        assert_eq!(
            a.days.iter().map(|day| day.cost_micros).sum::<u64>(),
            a.cost_micros,
            "sum of days = the range"
        );
        assert_eq!((keys.len(), unused(&query).requests), (2, 0));
    }
}
