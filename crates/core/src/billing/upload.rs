//! A table of prices that an operator uploads in place of the built-in one.
//!
//! What is compared are the prices for short prompts, model by model of each seller. A table that moves many of them far is
//! more likely a mistake (another unit, another column) than news, and is refused unless it is meant.

use std::collections::BTreeMap;

use nexus_edge_prices::{Row, Table};

use crate::error::ApiError;

/// The largest table in bytes.
pub const MAX_BYTES: usize = 512 * 1024;
/// A price that changes by more than this factor is suspicious.
const FAR: u64 = 2;
/// A table in which more of the shared rows change that far is refused, in percent.
const MOST_FAR_PERCENT: usize = 20;
/// Most changes that are listed.
const LISTED: usize = 200;

/// What a table changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Models in both tables.
    pub shared: usize,
    /// Models that are only in the new one.
    pub added: usize,
    /// Models that are only in the old one.
    pub removed: usize,
    /// Those in both that cost something else.
    pub changed: usize,
    /// Those of them whose price more than doubles or halves.
    pub far: usize,
    /// The first of what is changed, removed and added, in words.
    pub lines: Vec<String>,
}

impl Difference {
    /// Whether it is rather a mistake.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        self.far * 100 > self.shared * MOST_FAR_PERCENT
    }
}

/// Reads a table.
///
/// # Errors
/// `invalid_price_table`, which says what is wrong; a table without models is refused as well.
pub fn read(json: &[u8]) -> Result<Table, ApiError> {
    let table = nexus_edge_prices::parse(json).map_err(|error| {
        ApiError::invalid("invalid_price_table", "body", format!("The table cannot be used: {error}."))
    })?;
    if table.models() == 0 {
        let message = "The table cannot be used: it has no model with a price.";
        return Err(ApiError::invalid("invalid_price_table", "body", message));
    }
    Ok(table)
}

/// What `new` changes in `old`.
#[must_use]
pub fn difference(old: &Table, new: &Table) -> Difference {
    let mut before: BTreeMap<(&str, &str), Row<'_>> =
        old.rows().map(|row| ((row.seller, row.model), row)).collect();
    let mut found = Difference::default();
    let (mut far, mut near, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for row in new.rows() {
        let Some(was) = before.remove(&(row.seller, row.model)) else {
            found.added += 1;
            added.push(format!("+ {} {}", row.seller, prices(&row)));
            continue;
        };
        found.shared += 1;
        if was.price == row.price {
            continue;
        }
        found.changed += 1;
        let line = format!("~ {} {} (was {})", row.seller, prices(&row), short(&was));
        if is_far(&was, &row) {
            found.far += 1;
            far.push(line);
        } else {
            near.push(line);
        }
    }
    found.removed = before.len();
    let removed = before.values().map(|row| format!("- {} {}", row.seller, prices(row)));
    found.lines = far.into_iter().chain(near).chain(removed).chain(added).take(LISTED).collect();
    found
}

fn is_far(was: &Row<'_>, is: &Row<'_>) -> bool {
    let moved = |was: Option<u64>, is: Option<u64>| {
        let (was, is) = (was.unwrap_or(0), is.unwrap_or(0));
        was.max(is) > was.min(is).saturating_mul(FAR)
    };
    let (was, is) = (&was.price.base, &is.price.base);
    moved(was.input, is.input) || moved(was.output, is.output)
}

fn prices(row: &Row<'_>) -> String {
    format!("{} {}", row.model, short(row))
}

/// Input and output in dollars for a million tokens.
fn short(row: &Row<'_>) -> String {
    let dollars = |price: Option<u64>| {
        price.map_or_else(
            || "-".to_owned(),
            |micros| {
                let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            },
        )
    };
    format!("{}/{}", dollars(row.price.base.input), dollars(row.price.base.output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(models: &str) -> Table {
        let json = format!(
            r#"{{"schema":1,"as_of":"2027-01-01","providers":{{"s":{{"hosts":["h"],"models":[{models}]}}}}}}"#
        );
        read(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_difference_names_what_moves_most_first() {
        let old = table(
            r#"{"id":"a","input":1000000,"output":2},{"id":"b","input":1,"output":1},{"id":"c","input":1}"#,
        );
        let new = table(
            r#"{"id":"a","input":2500000,"output":2},{"id":"b","input":2,"output":1},{"id":"d","input":1}"#,
        );
        let found = difference(&old, &new);
        assert_eq!((found.shared, found.added, found.removed, found.changed, found.far), (2, 1, 1, 2, 1));
        assert_eq!(found.lines[0], "~ s a 2.5/0.000002 (was 1/0.000002)");
        assert_eq!(found.lines[2..], ["- s c 0.000001/-", "+ s d 0.000001/-"]);
        assert!(found.is_suspicious());
        assert_eq!(difference(&old, &old), Difference { shared: 3, ..Difference::default() });
    }

    #[test]
    fn what_is_no_table_is_refused_with_a_reason() {
        for (json, reason) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"schema":2}"#, "schema"),
            (r#"{"schema":1,"as_of":"2027","providers":{}}"#, "as_of"),
            (r#"{"schema":1,"as_of":"2027-01-01","providers":{}}"#, "no model"),
            (
                r#"{"schema":1,"as_of":"2027-01-01","providers":{"s":{"models":[{"id":"a","input":-1}]}}}"#,
                "s: a: `input`",
            ),
            (
                r#"{"schema":1,"as_of":"2027-01-01","providers":{"s":{"models":[{"id":"a","input":1000000001}]}}}"#,
                "input",
            ),
            (
                r#"{"schema":1,"as_of":"2027-01-01","providers":{"s":{"models":[{"id":"a","input":0.5}]}}}"#,
                "input",
            ),
        ] {
            let error = read(json.as_bytes()).unwrap_err();
            assert!(
                error.message.contains(reason) && error.code == "invalid_price_table",
                "{json}: {}",
                error.message
            );
        }
    }
}
