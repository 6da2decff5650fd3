//! The statements that write a backup.
//!
//! Columns that the schema does not have any more are left out, and those that the backup does not have take their defaults, so
//! that a backup of an older schema can be restored. Every statement can be repeated: a row that is there already is replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::Manifest;
use crate::tables::{CLASSES, Fate, Table, dumped_tables};

/// Where a restore is. Each stage can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The objects that the database knows are emptied.
    Objects {
        /// The place of the class in [`CLASSES`].
        class: usize,
        /// The name after which they follow.
        after: String,
    },
    /// The tables are emptied.
    Tables,
    /// This part is written.
    Parts(usize),
    /// The rows are counted.
    Count,
    /// It is complete.
    Finished,
}

impl Stage {
    /// The first one.
    #[must_use]
    pub const fn first() -> Self {
        Self::Objects { class: 0, after: String::new() }
    }

    /// The stage after all objects of a class are emptied.
    #[must_use]
    pub const fn after_class(class: usize) -> Self {
        if class + 1 < CLASSES.len() {
            Self::Objects { class: class + 1, after: String::new() }
        } else {
            Self::Tables
        }
    }

    /// The stage after so many of all parts are written.
    #[must_use]
    pub const fn after_parts(written: usize, all: usize) -> Self {
        if written < all { Self::Parts(written) } else { Self::Count }
    }
}

/// Asks which of the tables have rows that the migrations did not give them: 1 or 0 for each, by its name.
#[must_use]
pub fn are_there_rows() -> String {
    let there = |table: &Table| {
        let condition = match table.fate {
            Fate::Seeded(rows) => format!(" WHERE NOT ({rows})"),
            Fate::Dumped | Fate::History | Fate::Left(_) => String::new(),
        };
        format!("EXISTS (SELECT 1 FROM {0}{condition}) AS {0}", table.name)
    };
    let tables = dumped_tables().filter(|table| table.fate != Fate::History);
    let tables: Vec<String> = tables.map(there).collect();
    format!("SELECT {}", tables.join(", "))
}

/// Whether a restore replaces the rows of a table. `goes_on` is whether the deployment had rows of its own.
#[must_use]
pub fn is_replaced(table: &Table, manifest: &Manifest, goes_on: bool) -> bool {
    match table.fate {
        Fate::Dumped => true,
        Fate::Seeded(_) => manifest.tables.contains_key(table.name),
        Fate::History => !goes_on && manifest.tables.contains_key(table.name),
        Fate::Left(_) => false,
    }
}

/// The statements that delete the rows of all tables which the backup replaces, those that refer to others first.
#[must_use]
pub fn deletions(manifest: &Manifest, goes_on: bool) -> Vec<String> {
    let mut statements: Vec<String> = dumped_tables()
        .filter(|table| is_replaced(table, manifest, goes_on))
        .map(|table| format!("DELETE FROM {}", table.name))
        .collect();
    statements.reverse();
    statements
}

/// Bytes up to which the rows of a line are one parameter: D1 takes 2 MB.
pub const PARAMETER_BYTES: usize = 1_900_000;

/// The statements that write the rows of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    /// Writes all rows; its parameter is the line's `rows`.
    pub of_list: String,
    /// Writes one row; its parameters are the values of the row at [`Insert::places`].
    pub of_row: String,
    /// The places of the columns in a row.
    pub places: Vec<usize>,
    /// Columns that the schema does not have.
    pub left_out: Vec<String>,
}

/// The statements for a line of a table with these columns, where the schema has the columns `known`, and `key` is what rows are
/// identified by: the primary key. `None` if the schema has none of the columns.
#[must_use]
pub fn insert(table: &str, key: &[&str], columns: &[String], known: &BTreeSet<String>) -> Option<Insert> {
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if known.contains(column) {
            values.insert(column, place);
        } else {
            left_out.push(column.clone());
        }
    }
    if values.is_empty() {
        return None;
    }
    let names: Vec<&str> = values.keys().copied().collect();
    let places: Vec<usize> = values.values().copied().collect();
    let changes: Vec<String> = names
        .iter()
        .filter(|name| !key.contains(name))
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let change =
        if changes.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", changes.join(", ")) };
    let on_conflict = format!("ON CONFLICT ({}) DO {change}", key.join(", "));
    let names = names.join(", ");
    let read: Vec<String> = places.iter().map(|place| format!("value ->> {place}")).collect();
    let bound = vec!["?"; places.len()];
    Some(Insert {
        of_list: format!(
            "INSERT INTO {table} ({names}) SELECT {} FROM json_each(?) WHERE true {on_conflict}",
            read.join(", ")
        ),
        of_row: format!("INSERT INTO {table} ({names}) VALUES ({}) {on_conflict}", bound.join(", ")),
        places,
        left_out,
    })
}

/// Sets the largest id that a table has given away. Parameters: the table's name, the id.
pub const SET_SEQUENCE: [&str; 2] = [
    "UPDATE sqlite_sequence SET seq = MAX(seq, ?2) WHERE name = ?1",
    "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
];

/// The rows of the table `compared` of an account, which says up to where its charges were compared with the request log, so that
/// those from this time on are compared again: a charge that came after the tables were read may lack its row there.
#[must_use]
pub fn compared_until(columns: &[String], rows: &str, at_ms: u64) -> Option<String> {
    let place = |name: &str| columns.iter().position(|column| column == name);
    let (at, id) = (place("at")?, place("id")?);
    let mut rows: Vec<Vec<Value>> = serde_json::from_str(rows).ok()?;
    for row in &mut rows {
        if row.get(at)?.as_u64()? > at_ms {
            *row.get_mut(at)? = at_ms.into();
            *row.get_mut(id)? = "".into();
        }
    }
    serde_json::to_string(&rows).ok()
}

/// Raises the versions of the configuration above all that were ever told to an isolate or written to a copy. Parameter: the
/// time in milliseconds since the epoch, which no count of changes reaches.
pub const RAISE_VERSIONS: &str = "UPDATE config_versions SET value = MAX(value + 1, ?1)";

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn columns_that_are_gone_are_left_out_and_new_ones_take_their_defaults() {
        let made =
            |names: &[&str], there: &[&str], key: &[&str]| insert("t", key, &columns(names), &known(there));
        let found = made(&["id", "gone", "b; DROP TABLE t", "a"], &["id", "a", "new"], &["id"]).unwrap();
        assert_eq!(found.left_out, ["gone", "b; DROP TABLE t"]);
        assert_eq!(
            found.of_list,
            "INSERT INTO t (a, id) SELECT value ->> 3, value ->> 0 FROM json_each(?) WHERE true \
             ON CONFLICT (id) DO UPDATE SET a = excluded.a"
        );
        assert_eq!(
            (found.of_row.as_str(), found.places),
            ("INSERT INTO t (a, id) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET a = excluded.a", vec![3, 0])
        );
        assert_eq!(made(&["gone"], &["id"], &["id"]), None);
        let only_key = made(&["a", "b"], &["a", "b"], &["a", "b"]).unwrap().of_list;
        assert!(only_key.ends_with("ON CONFLICT (a, b) DO NOTHING"), "{only_key}");
    }

    #[test]
    fn charges_since_the_tables_were_read_are_compared_again() {
        let columns = columns(&["one", "at", "id"]);
        let until = |rows: &str| compared_until(&columns, rows, 50);
        assert_eq!(until("[[1,90,\"x\"]]").as_deref(), Some("[[1,50,\"\"]]"));
        assert_eq!(until("[[1,40,\"x\"]]").as_deref(), Some("[[1,40,\"x\"]]"));
        assert_eq!(until("[[1,null,\"x\"]]"), None);
        assert_eq!(compared_until(&columns[..1], "[[1]]", 50), None);
    }

    #[test]
    fn tables_that_refer_to_others_are_emptied_before_them() {
        let mut manifest = Manifest {
            version: 1,
            id: String::new(),
            began_at: 0,
            snapshot_at: 0,
            finished_at: 0,
            schema: String::new(),
            tables: BTreeMap::new(),
            objects: BTreeMap::new(),
            moved: Vec::new(),
            parts: Vec::new(),
            elsewhere: Vec::new(),
            sequences: BTreeMap::new(),
        };
        manifest.tables.extend([("providers".to_owned(), 1), ("provider_models".to_owned(), 1)]);
        let statements = deletions(&manifest, true);
        let place = |table: &str| statements.iter().position(|sql| *sql == format!("DELETE FROM {table}"));
        assert!(place("provider_models") < place("providers") && place("providers").is_some());
        assert_eq!(place("stats_totals"), None, "a backup without it would leave the table without its row");
        manifest.tables.extend([("stats_totals".to_owned(), 1), ("audit_log".to_owned(), 5)]);
        let empties =
            |goes_on, table: &str| deletions(&manifest, goes_on).contains(&format!("DELETE FROM {table}"));
        assert!(empties(true, "stats_totals") && empties(false, "audit_log") && !empties(true, "audit_log"));
    }

    #[test]
    fn every_stage_leads_to_the_end() {
        let mut stage = Stage::first();
        for _ in 0..20 {
            stage = match stage {
                Stage::Objects { class, .. } => Stage::after_class(class),
                Stage::Tables => Stage::after_parts(0, 2),
                Stage::Parts(part) => Stage::after_parts(part + 1, 2),
                Stage::Count | Stage::Finished => Stage::Finished,
            };
        }
        assert_eq!(stage, Stage::Finished);
        assert_eq!(Stage::after_parts(0, 0), Stage::Count);
    }
}
