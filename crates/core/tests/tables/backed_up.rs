//! Every table that the migrations make is declared in `crates/backups/src/tables.rs`: as dumped, with its primary key, or with the
//! reason why it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::backups::{Fate, TABLES};

/// A table as the migrations make it.
#[derive(Default)]
struct Made {
    columns: BTreeSet<String>,
    key: Vec<String>,
}

/// The tables after all migrations.
fn migrated() -> BTreeMap<String, Made> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../d1-migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut tables: BTreeMap<String, Made> = BTreeMap::new();
    for file in files {
        let mut within: Option<String> = None;
        for line in fs::read_to_string(file).unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (within.clone(), words.as_slice()) {
                (None, ["CREATE", "TABLE", name, ..]) => {
                    tables.insert((*name).to_owned(), Made::default());
                    within = Some((*name).to_owned());
                }
                (None, ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..]) => {
                    tables.get_mut(*name).unwrap().columns.insert((*column).to_owned());
                }
                (None, ["ALTER", "TABLE", name, "RENAME", "TO", new]) => {
                    let made = tables.remove(*name).unwrap();
                    tables.insert(new.trim_end_matches(';').to_owned(), made);
                }
                (None, ["DROP", "TABLE", name]) => {
                    tables.remove(name.trim_end_matches(';'));
                }
                (Some(_), [first, ..]) if first.starts_with(')') => within = None,
                (Some(table), ["PRIMARY", "KEY", ..]) => {
                    let inner = line.split_once('(').unwrap().1.split_once(')').unwrap().0;
                    tables.get_mut(&table).unwrap().key =
                        inner.split(',').map(|name| name.trim().to_owned()).collect();
                }
                (Some(table), [column, ..]) if column.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    let made = tables.get_mut(&table).unwrap();
                    made.columns.insert((*column).to_owned());
                    if line.contains("PRIMARY KEY") {
                        made.key = vec![(*column).to_owned()];
                    }
                }
                _ => {}
            }
        }
    }
    tables
}

#[test]
fn every_table_is_declared_as_dumped_or_left() {
    let migrated = migrated();
    let made: BTreeSet<&str> = migrated.keys().map(String::as_str).collect();
    let declared: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
    assert_eq!(declared.len(), TABLES.len(), "a table is declared twice");
    let undeclared: Vec<_> = made.difference(&declared).collect();
    assert!(
        undeclared.is_empty(),
        "say in crates/backups/src/tables.rs whether a backup contains these tables: {undeclared:?}"
    );
    let gone: Vec<_> = declared.difference(&made).collect();
    assert!(gone.is_empty(), "there are no such tables any more: {gone:?}");
}

#[test]
fn declared_keys_are_those_of_the_migrations() {
    let migrated = migrated();
    for table in TABLES.iter().filter(|table| !matches!(table.fate, Fate::Left(_))) {
        let made = &migrated[table.name];
        assert_eq!(table.key, made.key.iter().map(String::as_str).collect::<Vec<_>>(), "{}", table.name);
        if let Some(changed) = table.changed {
            assert!(made.columns.contains(changed), "{} has no column {changed}", table.name);
        }
    }
}

#[test]
fn tables_stand_behind_those_that_they_refer_to() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../d1-migrations");
    let place = |name: &str| TABLES.iter().position(|table| table.name == name).unwrap();
    let mut references = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut within = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                within = rest.split_whitespace().next().unwrap();
            }
            if let Some((_, rest)) = line.split_once(" REFERENCES ") {
                let to = rest.split_whitespace().next().unwrap();
                assert!(place(to) < place(within), "{within} refers to {to}");
                references += 1;
            }
        }
    }
    assert!(references > 0);
}
