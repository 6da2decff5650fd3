//! The sums of all requests that were ever recorded, without what callers choose freely.
//!
//! They are kept as one row a [`Key`], to which minutes are added once they are complete; what is shown is these rows and the
//! minutes after them. Guarantees: what is shown never falls, because a request counts under the same keys in its minute and in
//! the rows (a name counts from a fixed time on, see [`Names`]), and every request counts once in each family of keys.

use std::collections::{BTreeMap, HashMap};

use nexus_edge_stats::counters::{Counters, StoredRow};
use nexus_edge_stats::extra::{Extra, attempt_of};
use nexus_edge_stats::operation::operation_of;
use nexus_edge_stats::series::Class;
use nexus_edge_stats::sketch::Sketch;
use serde::{Deserialize, Serialize};

use crate::budget::Budget;

/// What names that have no series of their own are together.
pub const OTHER: &str = "other";

/// By what sums are kept apart. Each request is in one key of every kind that concerns it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// All requests: what has no labels.
    All,
    /// Operation, provider and model that were asked.
    Model(String, String, String),
    /// Dialect, stream, class.
    Request(String, bool, Class),
    /// Class and error code, `""` if the upstream's error was passed on.
    Error(Class, String),
    /// Provider and outcome of an attempt.
    Attempt(String, String),
}

/// What is added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sum {
    /// Counters. The duration is that of complete answers.
    #[serde(flatten)]
    pub counters: Counters,
    /// Durations of complete answers.
    pub durations: Sketch,
    /// What else is measured.
    pub extra: Extra,
}

impl Sum {
    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.counters.merge(&other.counters);
        self.durations.merge(&other.durations);
        self.extra.merge(&other.extra);
    }
}

/// The sums by key.
pub type Totals = BTreeMap<Key, Sum>;

/// A name as it is stored: the provider alone, or a model of it with an operation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StoredName {
    /// The provider.
    pub provider: String,
    /// Its model; `""` for the provider itself.
    pub model: String,
    /// The operation.
    pub operation: String,
    /// From which minute on it counts as itself, in milliseconds since the epoch.
    pub since: u64,
}

/// The names that have series of their own.
#[derive(Debug, Default)]
pub struct Names {
    providers: HashMap<String, u64>,
    models: HashMap<(String, String, String), u64>,
}

impl Names {
    /// The first names that fit the budget; `stored` is in the order in which they came.
    #[must_use]
    pub fn new(stored: Vec<StoredName>, budget: Budget) -> Self {
        let mut names = Self::default();
        for StoredName { provider, model, operation, since } in stored {
            if model.is_empty() {
                if names.providers.len() < budget.providers {
                    names.providers.insert(provider, since);
                }
            } else if names.models.len() < budget.models {
                names.models.insert((operation, provider, model), since);
            }
        }
        names
    }

    /// Whether a provider has time series of its own.
    #[must_use]
    pub fn has_provider(&self, name: &str) -> bool {
        self.providers.contains_key(name)
    }

    fn provider(&self, name: &str, start: u64) -> String {
        let is_own = self.providers.get(name).is_some_and(|since| start >= *since);
        (if is_own { name } else { OTHER }).to_owned()
    }

    fn model(&self, operation: &str, provider: &str, model: &str, start: u64) -> Key {
        let key = (operation.to_owned(), provider.to_owned(), model.to_owned());
        if self.models.get(&key).is_some_and(|since| start >= *since) {
            return Key::Model(key.0, key.1, key.2);
        }
        Key::Model(OTHER.to_owned(), OTHER.to_owned(), OTHER.to_owned())
    }
}

/// Rows of minutes of equal labels, added up by the database: see [`crate::sql`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct MinuteRow {
    /// The provider that answered or failed last.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The dialect or operation.
    pub dialect: String,
    /// Whether a stream was asked for: 0 or 1.
    pub stream: f64,
    /// How it ended.
    pub status: Class,
    /// The code of the error.
    pub error: String,
    /// What else is measured, one JSON a line.
    pub extras: Option<String>,
    /// Start, counters and sketches, of which there are several, separated by spaces.
    #[serde(flatten)]
    pub sums: StoredRow,
}

/// Adds a row of minutes.
pub fn add(totals: &mut Totals, row: &MinuteRow, names: &Names) {
    let class = row.status;
    let start = whole(row.sums.start);
    let counters = row.sums.counters();
    let mut extra = Extra::default();
    for line in row.extras.iter().flat_map(|lines| lines.lines()) {
        extra.merge(&Extra::decode(line));
    }
    let mut sum = |key: Key, sum: Sum| totals.entry(key).or_default().merge(&sum);

    let requests = Counters { requests: counters.requests, ..Counters::default() };
    let counted = || Sum { counters: requests, ..Sum::default() };
    sum(Key::Request(row.dialect.clone(), row.stream != 0.0, class), counted());
    if class.is_error() {
        sum(Key::Error(class, row.error.clone()), counted());
    }
    for (key, count) in &extra.other_attempts {
        let (provider, outcome) = attempt_of(key);
        let counters = Counters { requests: *count, ..Counters::default() };
        let key = Key::Attempt(names.provider(provider, start), outcome.to_owned());
        sum(key, Sum { counters, ..Sum::default() });
    }
    extra.other_attempts.clear();
    if !row.provider.is_empty() {
        let outcome = outcome_of(class).to_owned();
        sum(Key::Attempt(names.provider(&row.provider, start), outcome), counted());
        let mut durations = Sketch::default();
        for sketch in row.sums.durations.iter().flat_map(|list| list.split(' ')).filter_map(Sketch::decode) {
            durations.merge(&sketch);
        }
        // Only complete answers say how long they took, and the sum must be that of the same requests.
        let duration_ms = if class == Class::Ok { counters.duration_ms } else { 0 };
        let of_model = Sum {
            counters: Counters { duration_ms, ..counters },
            durations,
            extra: Extra {
                first_tokens: extra.first_tokens.clone(),
                per_token: extra.per_token.clone(),
                duration_exemplars: std::mem::take(&mut extra.duration_exemplars),
                first_token_exemplars: std::mem::take(&mut extra.first_token_exemplars),
                ..Extra::default()
            },
        };
        sum(names.model(operation_of(&row.dialect), &row.provider, &row.model, start), of_model);
    }
    (extra.first_tokens, extra.per_token) = Default::default();
    (extra.duration_exemplars, extra.first_token_exemplars) = Default::default();
    sum(Key::All, Sum { counters, extra, ..Sum::default() });
}

/// The outcome of the last attempt of a request that ended so, in the words of the other attempts.
const fn outcome_of(class: Class) -> &'static str {
    match class {
        Class::Ok => "ok",
        Class::Client => "client_error",
        Class::Limited => "rate_limited",
        Class::Timeout => "timeout",
        Class::Server => "upstream_error",
        Class::Cancelled => "cancelled",
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
const fn whole(value: f64) -> u64 {
    value as u64
}

/// A row of the table of totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTotal {
    /// The key, as JSON.
    pub key: String,
    /// The sum, as JSON.
    pub sums: String,
}

/// The totals of the table. A row that cannot be read is left out.
#[must_use]
pub fn read(rows: &[StoredTotal]) -> Totals {
    let read = |row: &StoredTotal| {
        Some((serde_json::from_str(&row.key).ok()?, serde_json::from_str(&row.sums).ok()?))
    };
    rows.iter().filter_map(read).collect()
}

/// The rows of `added` after they were added to `known`.
///
/// # Errors
/// Those of the JSON writer, which do not occur for numbers and texts.
pub fn rows_after(known: &Totals, added: &Totals) -> serde_json::Result<Vec<StoredTotal>> {
    let of = |(key, sum): (&Key, &Sum)| {
        let mut total = known.get(key).cloned().unwrap_or_default();
        total.merge(sum);
        Ok(StoredTotal { key: serde_json::to_string(key)?, sums: serde_json::to_string(&total)? })
    };
    added.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUDGET: Budget = Budget { providers: 2, models: 2 };

    fn name(provider: &str, model: &str, since: u64) -> StoredName {
        let operation = if model.is_empty() { "" } else { "chat" };
        StoredName { provider: provider.into(), model: model.into(), operation: operation.into(), since }
    }

    fn row(start: f64, provider: &str, model: &str, status: Class, requests: f64) -> MinuteRow {
        MinuteRow {
            provider: provider.into(),
            model: model.into(),
            dialect: "openai_chat".into(),
            status,
            sums: StoredRow {
                start,
                requests,
                duration_ms: 40.0,
                prompt_tokens: 7.0,
                ..StoredRow::default()
            },
            ..MinuteRow::default()
        }
    }

    fn requests(totals: &Totals, of: impl Fn(&Key) -> bool) -> u64 {
        totals.iter().filter(|(key, _)| of(key)).map(|(_, sum)| sum.counters.requests).sum()
    }

    #[test]
    fn names_beyond_the_budget_and_before_their_time_are_others() {
        let stored = vec![
            name("a", "", 0),
            name("a", "m", 0),
            name("b", "", 0),
            name("a", "n", 100),
            name("c", "", 0),
            name("c", "o", 0),
        ];
        let names = Names::new(stored, BUDGET);
        assert_eq!(names.provider("b", 5), "b");
        assert_eq!(names.provider("c", 5), OTHER);
        let model = |model, start| names.model("chat", "a", model, start) != names.model("chat", "c", "o", 0);
        assert_eq!([model("m", 0), model("n", 99), model("n", 100)], [true, false, true]);
        assert!(
            matches!(names.model("embeddings", "a", "m", 5), Key::Model(operation, _, _) if operation == OTHER)
        );
    }

    #[test]
    fn durations_are_those_of_complete_answers() {
        let (mut totals, names) = (Totals::new(), Names::new(vec![name("a", "m", 0)], BUDGET));
        add(&mut totals, &row(0.0, "a", "m", Class::Ok, 2.0), &names);
        add(&mut totals, &row(0.0, "a", "m", Class::Server, 1.0), &names);
        let sum = &totals[&Key::Model("chat".into(), "a".into(), "m".into())];
        assert_eq!(
            (sum.counters.duration_ms, sum.counters.prompt_tokens, sum.counters.requests),
            (40, 14, 3)
        );
        assert_eq!(totals[&Key::Error(Class::Server, String::new())].counters.requests, 1);
        assert_eq!(totals[&Key::Attempt(OTHER.into(), "ok".into())].counters.requests, 2);
    }

    proptest! {
        /// Whatever names callers make up: each request counts once in each kind of keys, no more keys than the budget has, and it
        /// does not matter how the rows are divided among the table and the minutes after it.
        #[test]
        fn every_request_counts_once_under_few_keys(
            rows in prop::collection::vec((0_u8..9, 0_u8..30, 0_u8..6, 1_u8..9, 0_u8..3), 1..200),
            cut in 0_usize..200,
        ) {
            let stored = (0..9).map(|i| name(&format!("p{i}"), "", 0)).chain((0..30).map(|i| name("p1", &format!("m{i}"), 60)));
            let names = Names::new(stored.collect(), BUDGET);
            let rows: Vec<MinuteRow> = rows
                .iter()
                .map(|(provider, model, class, requests, start)| {
                    let provider = if *provider == 0 { String::new() } else { format!("p{provider}") };
                    let class = Class::ALL[usize::from(*class)];
                    row(f64::from(*start) * 60.0, &provider, &format!("m{model}"), class, f64::from(*requests))
                })
                .collect();
            let sum_of = |rows: &[MinuteRow]| {
                let mut totals = Totals::new();
                for row in rows {
                    add(&mut totals, row, &names);
                }
                totals
            };
            let whole = sum_of(&rows);
            let (table, minutes) = rows.split_at(cut.min(rows.len()));
            let stored = rows_after(&sum_of(table), &sum_of(minutes)).unwrap();
            for (key, sum) in read(&stored) {
                prop_assert_eq!(&whole[&key], &sum);
            }
            let all = requests(&whole, |key| matches!(key, Key::All));
            prop_assert_eq!(requests(&whole, |key| matches!(key, Key::Request(..))), all);
            let asked: f64 = rows.iter().filter(|row| !row.provider.is_empty()).map(|row| row.sums.requests).sum();
            prop_assert_eq!(requests(&whole, |key| matches!(key, Key::Model(..))), whole_of(asked));
            prop_assert_eq!(requests(&whole, |key| matches!(key, Key::Attempt(..))), whole_of(asked));
            let models = whole.keys().filter(|key| matches!(key, Key::Model(..))).count();
            prop_assert!(models <= BUDGET.models + 1, "{}", models);
        }
    }

    fn whole_of(value: f64) -> u64 {
        whole(value)
    }
}
