//! Counts the rows of lines: while a backup is made for its manifest, and while it is read for the comparison with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::line::{Line, Owner};
use crate::manifest::{Manifest, Objects};

/// Rows so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Objects and rows of each class.
    pub objects: BTreeMap<String, Objects>,
    /// The object that was counted last: its lines follow each other.
    last: Option<(String, String)>,
}

impl Tally {
    /// Counts rows of a table of D1, or of an object.
    pub fn add(&mut self, owner: Option<Owner<'_>>, table: &str, rows: u64) {
        let Some(Owner { class, name }) = owner else {
            *self.tables.entry(table.to_owned()).or_default() += rows;
            return;
        };
        let of_class = self.objects.entry(class.to_owned()).or_default();
        of_class.rows += rows;
        if self.last.as_ref().is_none_or(|(of, last)| of != class || last != name) {
            of_class.objects += 1;
            self.last = Some((class.to_owned(), name.to_owned()));
        }
    }

    /// Counts the rows of a line that was read.
    ///
    /// # Errors
    /// If its rows are none.
    pub fn add_line(&mut self, line: &Line<'_>) -> Result<(), String> {
        let rows = line.each_row()?.len() as u64;
        self.add(line.owner(), &line.table, rows);
        Ok(())
    }

    /// What differs from a manifest.
    #[must_use]
    pub fn difference(&self, manifest: &Manifest) -> Option<String> {
        for (table, expected) in &manifest.tables {
            let found = self.tables.get(table).copied().unwrap_or_default();
            if found != *expected {
                return Some(format!("the table {table} has {found} rows instead of {expected}"));
            }
        }
        if let Some(table) = self.tables.keys().find(|table| !manifest.tables.contains_key(*table)) {
            return Some(format!("the table {table} is not in the manifest"));
        }
        (self.objects != manifest.objects)
            .then(|| "objects or their rows are other than in the manifest".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::lines;
    use crate::manifest::VERSION;

    #[test]
    fn what_is_read_is_compared_with_what_was_written() {
        let owner = |name| Some(Owner { class: "QUOTA", name });
        let rows = |count: usize| vec!["[1]".to_owned(); count];
        let mut written = Tally::default();
        let mut all = Vec::new();
        for (owner, table, count) in
            [(None, "t", 3), (owner("a"), "x", 2), (owner("a"), "y", 1), (owner("b"), "x", 1), (None, "t", 1)]
        {
            written.add(owner, table, count as u64);
            all.extend(lines(owner, false, table, "[\"c\"]", &rows(count)));
        }
        written.tables.insert("empty".to_owned(), 0);
        let manifest = Manifest {
            version: VERSION,
            id: "b".to_owned(),
            began_at: 1,
            snapshot_at: 2,
            finished_at: 3,
            schema: "0001".to_owned(),
            tables: written.tables.clone(),
            objects: written.objects.clone(),
            moved: Vec::new(),
            parts: Vec::new(),
            elsewhere: Vec::new(),
            sequences: BTreeMap::new(),
        };
        assert_eq!((manifest.rows(), manifest.objects["QUOTA"]), (8, Objects { objects: 2, rows: 4 }));
        assert_eq!(Manifest::read(manifest.to_json().as_bytes()).as_ref(), Ok(&manifest));
        assert!(
            Manifest::read(manifest.to_json().replace("\"version\":1", "\"version\":2").as_bytes()).is_err()
        );
        let count = |lines: &[String]| {
            let mut tally = Tally::default();
            for line in lines {
                tally.add_line(&Line::read(line).unwrap()).unwrap();
            }
            tally.difference(&manifest)
        };
        assert_eq!(count(&all), None);
        for missing in 0..all.len() {
            let mut fewer = all.clone();
            fewer.remove(missing);
            assert!(count(&fewer).is_some(), "{missing}");
        }
        all.extend(lines(None, false, "unheard_of", "[\"c\"]", &rows(1)));
        assert!(count(&all).is_some());
    }
}
