//! Decides what a backup reads next. The state can be stored between two steps, each of which may be in another process.
//!
//! First the tables that are too long for one statement, page by page; then all tables in one batch, which is one transaction; if
//! one of them turns out to be too long, it is read page by page, and the batch is repeated. Then the objects of each class.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::Moved;
use crate::tables::{CLASSES, Class, Table, dumped_tables, table};

/// Rows of a table that a statement of the batch reads. Tables that have fewer are of one instant.
pub const PAGE: u64 = 1_000;
/// Rows of a page of a longer table.
pub const LONG_PAGE: u64 = 2_000;
/// Names of objects that are read at once.
pub const NAMES: u64 = 200;

/// The state of a backup that is being made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dump {
    /// When it began, in milliseconds since the epoch.
    pub began_at: u64,
    /// The instant of the batch that read the tables; 0 before.
    pub snapshot_at: u64,
    /// Tables whose rows were changed while they were read.
    pub moved: Vec<Moved>,
    long: Vec<Long>,
    stage: Stage,
}

/// A table that is too long for one statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Long {
    table: String,
    /// The key of the last row that was read.
    after: Vec<Value>,
    rows: u64,
    is_read: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Tables,
    Objects { class: usize, after: String, inside: Option<Inside> },
    Finished,
}

/// A place in an object whose rows need several answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The name of the object.
    pub name: String,
    /// From where its next answer goes on.
    pub from: Place,
}

/// A place in the tables of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The table.
    pub table: String,
    /// The key of the last row that was read.
    pub after: Vec<Value>,
}

/// A statement, and what its rows are.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The table.
    pub table: &'static Table,
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<Value>,
    /// What its rows are.
    pub asks: Asks,
}

/// What a statement asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Rows in the order of the primary key.
    Rows,
    /// Rows that were changed since the backup began.
    Changed,
    /// The number of rows, as `n`.
    Count,
}

/// What came of a statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Came {
    /// Its rows.
    pub rows: u64,
    /// The key of the last of them.
    pub last: Vec<Value>,
    /// The number that it asked for.
    pub count: u64,
}

/// What is read next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// A page of a table.
    Page(Question),
    /// All tables, in one batch.
    Snapshot(Vec<Question>),
    /// Objects of this class whose names follow this one.
    Objects(&'static Class, String),
    /// The rest of this object.
    Inside(&'static Class, Inside),
    /// Nothing.
    Nothing,
}

impl Dump {
    /// A backup that begins at this time, in milliseconds since the epoch.
    #[must_use]
    pub const fn new(began_at: u64) -> Self {
        Self { began_at, snapshot_at: 0, moved: Vec::new(), long: Vec::new(), stage: Stage::Tables }
    }

    /// What is read next.
    #[must_use]
    pub fn next(&self) -> Next {
        match &self.stage {
            Stage::Tables => {
                let unread = self.long.iter().find(|long| !long.is_read);
                let unread = unread.and_then(|long| Some((table(&long.table)?, long)));
                match unread {
                    Some((table, long)) => Next::Page(rows_after(table, &long.after, LONG_PAGE)),
                    None => Next::Snapshot(self.snapshot()),
                }
            }
            Stage::Objects { class, after, inside } => match (CLASSES.get(*class), inside) {
                (Some(class), Some(inside)) => Next::Inside(class, inside.clone()),
                (Some(class), None) => Next::Objects(class, after.clone()),
                (None, _) => Next::Nothing,
            },
            Stage::Finished => Next::Nothing,
        }
    }

    /// The statements of the batch.
    fn snapshot(&self) -> Vec<Question> {
        let mut questions = Vec::new();
        for table in dumped_tables() {
            let Some(long) = self.long.iter().find(|long| long.table == table.name) else {
                questions.push(rows_after(table, &[], PAGE));
                continue;
            };
            questions.push(rows_after(table, &long.after, PAGE));
            let count = format!("SELECT COUNT(*) AS n FROM {}", table.name);
            questions.push(Question { table, sql: count, parameters: Vec::new(), asks: Asks::Count });
            if let Some(changed) = table.changed {
                let sql = format!("SELECT * FROM {} WHERE {changed} >= ?1 LIMIT {LONG_PAGE}", table.name);
                let parameters = vec![self.began_at.into()];
                questions.push(Question { table, sql, parameters, asks: Asks::Changed });
            }
        }
        questions
    }

    /// Notes a page of a long table.
    pub fn page_read(&mut self, table: &Table, came: &Came) {
        if let Some(long) = self.long.iter_mut().find(|long| long.table == table.name) {
            long.rows += came.rows;
            long.is_read = came.rows < LONG_PAGE;
            if came.rows > 0 {
                long.after.clone_from(&came.last);
            }
        }
    }

    /// Notes what came of the batch, which was at this time. Of which statements the rows are to be kept, in their order: of all
    /// if the batch has read everything; otherwise of those that begin a long table, and of the others later.
    #[must_use]
    pub fn snapshot_read(&mut self, questions: &[Question], came: &[Came], at_ms: u64) -> Vec<bool> {
        let pairs = || questions.iter().zip(came);
        let is_full =
            |(question, came): &(&Question, &Came)| question.asks == Asks::Rows && came.rows >= PAGE;
        if !pairs().any(|pair| is_full(&pair)) {
            self.snapshot_at = at_ms;
            self.stage = Stage::Objects { class: 0, after: String::new(), inside: None };
            self.compare(questions, came);
            return questions.iter().map(|question| question.asks != Asks::Count).collect();
        }
        for (question, came) in pairs().filter(is_full) {
            let name = question.table.name;
            match self.long.iter_mut().find(|long| long.table == name) {
                Some(long) => {
                    long.rows += came.rows;
                    long.after.clone_from(&came.last);
                    long.is_read = false;
                }
                None => self.long.push(Long {
                    table: name.to_owned(),
                    after: came.last.clone(),
                    rows: came.rows,
                    is_read: false,
                }),
            }
        }
        pairs().map(|pair| is_full(&pair)).collect()
    }

    /// Finds the long tables whose rows were not only added to while they were read.
    fn compare(&mut self, questions: &[Question], came: &[Came]) {
        for long in &self.long {
            let of = |asks: Asks| {
                let found = questions
                    .iter()
                    .zip(came)
                    .find(|(question, _)| question.table.name == long.table && question.asks == asks);
                found.map(|(_, came)| came)
            };
            let read = long.rows + of(Asks::Rows).map_or(0, |came| came.rows);
            let then = of(Asks::Count).map_or(0, |came| came.count);
            if read != then || of(Asks::Changed).is_some_and(|came| came.rows >= LONG_PAGE) {
                self.moved.push(Moved { table: long.table.clone(), read, then });
            }
        }
    }

    /// Notes an answer of an object, and from where the next one goes on.
    pub fn object_read(&mut self, name: &str, next: Option<Place>) {
        if let Stage::Objects { after, inside, .. } = &mut self.stage {
            *inside = next.map(|from| Inside { name: name.to_owned(), from });
            if inside.is_none() {
                name.clone_into(after);
            }
        }
    }

    /// Notes that there are no more objects of the class.
    pub fn class_read(&mut self) {
        if let Stage::Objects { class, .. } = self.stage {
            self.stage = if class + 1 < CLASSES.len() {
                Stage::Objects { class: class + 1, after: String::new(), inside: None }
            } else {
                Stage::Finished
            };
        }
    }
}

/// The statement for rows of a table in the order of its primary key, after the row with this key, or from the first on.
fn rows_after(table: &'static Table, after: &[Value], limit: u64) -> Question {
    let (sql, parameters) = keyset(table.name, table.key, after, limit);
    Question { table, sql, parameters, asks: Asks::Rows }
}

/// The same for any table.
#[must_use]
pub fn keyset(table: &str, key: &[&str], after: &[Value], limit: u64) -> (String, Vec<Value>) {
    let order = key.join(", ");
    let condition = if after.len() == key.len() && !after.is_empty() {
        let places: Vec<String> = (1..=after.len()).map(|place| format!("?{place}")).collect();
        format!(" WHERE ({order}) > ({})", places.join(", "))
    } else {
        String::new()
    };
    let parameters = if condition.is_empty() { Vec::new() } else { after.to_vec() };
    (format!("SELECT * FROM {table}{condition} ORDER BY {order} LIMIT {limit}"), parameters)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A database of tables whose only column is a number.
    type World = BTreeMap<&'static str, BTreeSet<u64>>;

    fn answer(world: &World, question: &Question) -> (Vec<u64>, Came) {
        let empty = BTreeSet::new();
        let rows = world.get(question.table.name).unwrap_or(&empty);
        match question.asks {
            Asks::Count => (Vec::new(), Came { count: rows.len() as u64, ..Came::default() }),
            Asks::Changed => (Vec::new(), Came::default()),
            Asks::Rows => {
                let limit: usize = question.sql.rsplit(' ').next().unwrap().parse().unwrap();
                let after = question.parameters.first().and_then(Value::as_u64);
                let found: Vec<u64> = rows
                    .iter()
                    .copied()
                    .filter(|row| after.is_none_or(|after| *row > after))
                    .take(limit)
                    .collect();
                let last =
                    found.last().map(|row| vec![json!(row); question.table.key.len()]).unwrap_or_default();
                (found.clone(), Came { rows: found.len() as u64, last, count: 0 })
            }
        }
    }

    /// Reads all tables, while `change` changes them between two statements. What was read, and the state.
    fn read(
        world: &mut World,
        mut change: impl FnMut(&mut World),
    ) -> (BTreeMap<&'static str, Vec<u64>>, Dump) {
        let mut dump = Dump::new(7);
        let mut found: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
        loop {
            dump = serde_json::from_str(&serde_json::to_string(&dump).unwrap()).unwrap();
            match dump.next() {
                Next::Page(question) => {
                    let (rows, came) = answer(world, &question);
                    found.entry(question.table.name).or_default().extend(rows);
                    dump.page_read(question.table, &came);
                }
                Next::Snapshot(questions) => {
                    let answers: Vec<_> = questions.iter().map(|question| answer(world, question)).collect();
                    let came: Vec<Came> = answers.iter().map(|(_, came)| came.clone()).collect();
                    let kept = dump.snapshot_read(&questions, &came, 9);
                    for ((question, (rows, _)), is_kept) in questions.iter().zip(answers).zip(kept) {
                        if is_kept {
                            found.entry(question.table.name).or_default().extend(rows);
                        }
                    }
                }
                _ => return (found, dump),
            }
            change(world);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_row_is_read_once_whatever_the_lengths(lengths in prop::collection::vec(0_u64..4_500, 4)) {
            let names = ["providers", "request_log", "stat_rows", "sessions"];
            let mut world: World = names.into_iter().zip(lengths).map(|(name, length)| (name, (1..=length).collect())).collect();
            let (found, dump) = read(&mut world, |_| ());
            for (name, rows) in &world {
                let expected: Vec<u64> = rows.iter().copied().collect();
                prop_assert_eq!(found.get(name).cloned().unwrap_or_default(), expected);
            }
            prop_assert!(dump.moved.is_empty() && dump.snapshot_at == 9);
        }

        #[test]
        fn rows_that_are_added_at_the_end_meanwhile_are_part_of_it(length in 2_000_u64..6_000, each in 1_u64..900) {
            let mut world = World::from([("request_log", (1..=length).collect())]);
            let mut next = length;
            let (found, dump) = read(&mut world, |world| {
                world.get_mut("request_log").unwrap().extend(next + 1..=next + each);
                next += each;
            });
            let rows = &found["request_log"];
            prop_assert_eq!(rows, &(1..=rows.len() as u64).collect::<Vec<_>>());
            prop_assert!(rows.len() as u64 >= length && dump.moved.is_empty());
        }
    }

    #[test]
    fn a_table_that_shrank_meanwhile_is_named() {
        let mut world = World::from([("request_log", (1..=5_000).collect()), ("prices", (1..=3).collect())]);
        let (_, dump) = read(&mut world, |world| {
            world.get_mut("request_log").unwrap().remove(&1);
        });
        assert_eq!(dump.moved, [Moved { table: "request_log".to_owned(), read: 5_000, then: 4_999 }]);
    }

    #[test]
    fn objects_are_read_class_by_class_and_large_ones_in_several_answers() {
        let mut dump = Dump::new(0);
        let Next::Snapshot(questions) = dump.next() else { panic!("tables come first") };
        let _ = dump.snapshot_read(&questions, &vec![Came::default(); questions.len()], 1);
        let mut seen = Vec::new();
        loop {
            match dump.next() {
                Next::Objects(class, after) if after.is_empty() => {
                    let from = Place { table: "entries".to_owned(), after: vec![json!(1)] };
                    dump.object_read("a", Some(from));
                    seen.push(class.binding);
                }
                Next::Objects(..) => dump.class_read(),
                Next::Inside(_, inside) => dump.object_read(&inside.name, None),
                _ => break,
            }
        }
        assert_eq!(seen, CLASSES.iter().map(|class| class.binding).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_follows_the_last_key() {
        let (sql, parameters) = keyset("t", &["a", "b"], &[json!("x"), json!(2)], 5);
        assert_eq!(sql, "SELECT * FROM t WHERE (a, b) > (?1, ?2) ORDER BY a, b LIMIT 5");
        assert_eq!(parameters, [json!("x"), json!(2)]);
        assert_eq!(keyset("t", &["a"], &[], 5).0, "SELECT * FROM t ORDER BY a LIMIT 5");
    }
}
