//! Tables of D1 whose rows are one kind of record, each declared once.
//!
//! `table!` lists the columns of a table beside the record. The statements that insert and update a row,
//! the order of their parameters and the values that are bound come from that list; a row is read by its column names
//! with `serde`. A test compares every list with the migrations, so a column cannot be forgotten.
//!
//! Every record has a version that is raised with each change. An update names the version that it is based on and
//! changes nothing if the row has another one: concurrent changes by two administrators are never lost.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that is bound to a statement. D1 has no booleans (they are 0 and 1) and no lists (they are JSON text).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlValue<'a> {
    /// No value.
    Null,
    /// A whole number below 2^53, as D1 takes numbers as floating point.
    Integer(i64),
    /// Text.
    Text(Cow<'a, str>),
}

/// A column with the value that a record has there.
pub struct Column<R> {
    /// Its name.
    pub name: &'static str,
    /// The value to store.
    pub value: fn(&R) -> SqlValue<'_>,
}

/// A record that is a row of a table.
pub trait Table: Clone + DeserializeOwned + 'static {
    /// The table's name.
    const TABLE: &'static str;
    /// The column that identifies a row.
    const ID: Column<Self>;
    /// Whether the database gives the id (`INTEGER PRIMARY KEY AUTOINCREMENT`), so that an insert leaves it out.
    const HAS_GENERATED_ID: bool;
    /// Columns that an insert writes and an update leaves alone.
    const FIXED: &'static [Column<Self>];
    /// Columns that every update writes.
    const CHANGING: &'static [Column<Self>];
    /// Columns that other statements write.
    const WRITTEN_ELSEWHERE: &'static [&'static str];
    /// The field that must be unique, for the error of an insert or update that repeats one.
    const UNIQUE: &'static str;

    /// The version: milliseconds since the epoch, larger after each change. Stored in the column `updated_at`.
    fn version(&self) -> u64;

    /// Sets the version.
    fn set_version(&mut self, version: u64);
}

/// A statement with its parameters, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The text, with `?1`, `?2`, ….
    pub sql: String,
    /// The parameters.
    pub parameters: Vec<SqlValue<'a>>,
}

/// The statement that adds a record. `besides` are columns that the record itself does not carry.
pub fn insert<'a, R: Table>(record: &'a R, besides: &[(&str, &'a str)]) -> Statement<'a> {
    inserting(record, besides, |_, places| format!("VALUES ({places})"))
}

/// The statement that adds a record only while fewer than `most` rows have its value in `column`, of those for which the SQL
/// condition `counted` holds. Concurrent inserts do not pass the limit together.
pub fn insert_below<'a, R: Table>(record: &'a R, column: &str, counted: &str, most: u32) -> Statement<'a> {
    inserting(record, &[], |names, places| {
        let place = names.iter().position(|name| *name == column).map_or(0, |at| at + 1);
        format!(
            "SELECT {places} WHERE (SELECT COUNT(*) FROM {} WHERE {column} = ?{place} AND {counted}) < {most}",
            R::TABLE
        )
    })
}

fn inserting<'a, R: Table>(
    record: &'a R,
    besides: &[(&str, &'a str)],
    source: impl FnOnce(&[&str], &str) -> String,
) -> Statement<'a> {
    let id = (!R::HAS_GENERATED_ID).then_some(&R::ID);
    let columns = id.into_iter().chain(R::FIXED).chain(R::CHANGING);
    let (mut names, mut parameters): (Vec<&str>, Vec<SqlValue<'a>>) =
        columns.map(|column| (column.name, (column.value)(record))).unzip();
    for (name, value) in besides {
        names.push(name);
        parameters.push(SqlValue::Text(Cow::Borrowed(value)));
    }
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    let sql =
        format!("INSERT INTO {} ({}) {}", R::TABLE, names.join(", "), source(&names, &places.join(", ")));
    Statement { sql, parameters }
}

/// The statement that writes a changed record if its row still has the version `read_at`.
pub fn update<R: Table>(record: &R, read_at: u64) -> Statement<'_> {
    let mut sql = format!("UPDATE {} SET ", R::TABLE);
    let mut parameters = Vec::with_capacity(R::CHANGING.len() + 2);
    for column in R::CHANGING {
        parameters.push((column.value)(record));
        let comma = if parameters.len() == 1 { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(sql, "{comma}{} = ?{}", column.name, parameters.len());
    }
    parameters.extend([(R::ID.value)(record), SqlValue::Integer(read_at.cast_signed())]);
    let place = parameters.len();
    let _ = write!(sql, " WHERE {} = ?{} AND updated_at = ?{place}", R::ID.name, place - 1);
    Statement { sql, parameters }
}

/// How a field is stored.
pub trait ToSql {
    /// The value to bind.
    fn to_sql(&self) -> SqlValue<'_>;
}

impl ToSql for String {
    fn to_sql(&self) -> SqlValue<'_> {
        SqlValue::Text(Cow::Borrowed(self))
    }
}

impl ToSql for bool {
    fn to_sql(&self) -> SqlValue<'_> {
        SqlValue::Integer(i64::from(*self))
    }
}

impl ToSql for i64 {
    fn to_sql(&self) -> SqlValue<'_> {
        SqlValue::Integer(*self)
    }
}

impl ToSql for u32 {
    fn to_sql(&self) -> SqlValue<'_> {
        SqlValue::Integer(i64::from(*self))
    }
}

impl ToSql for u64 {
    fn to_sql(&self) -> SqlValue<'_> {
        SqlValue::Integer(self.cast_signed())
    }
}

impl<T: ToSql> ToSql for Option<T> {
    fn to_sql(&self) -> SqlValue<'_> {
        self.as_ref().map_or(SqlValue::Null, ToSql::to_sql)
    }
}

/// A list or an object as JSON text.
pub fn json(value: &impl Serialize) -> SqlValue<'static> {
    // None of our records can fail to serialise: their keys are strings.
    serde_json::to_string(value).map_or(SqlValue::Null, |text| SqlValue::Text(Cow::Owned(text)))
}

/// An optional list or object as JSON text.
pub fn optional_json(value: Option<&impl Serialize>) -> SqlValue<'static> {
    value.map_or(SqlValue::Null, json)
}

/// A fixed name.
#[must_use]
pub fn name(name: &'static str) -> SqlValue<'static> {
    SqlValue::Text(Cow::Borrowed(name))
}

/// Declares the table of a record; see [`table`](self).
///
/// A column whose value is not the field of the same name by [`ToSql`] says what it stores: `tags = json(tags)`, where
/// `json` is a function of this module that takes a reference to the field.
macro_rules! table {
    (
        $record:ident in $table:literal unique $unique:literal {
            $generated:ident $id:ident;
            fixed { $( $fixed:ident $(= $fixed_value:expr)? ),* $(,)? }
            changing { $( $changing:ident $(= $changing_value:expr)? ),* $(,)? }
            elsewhere { $( $elsewhere:ident ),* $(,)? }
        }
    ) => {
        impl $crate::row::table::Table for $record {
            const TABLE: &'static str = $table;
            const ID: $crate::row::table::Column<Self> = $crate::row::table::table!(@column $record, $id);
            const HAS_GENERATED_ID: bool = $crate::row::table::table!(@generated $generated);
            const FIXED: &'static [$crate::row::table::Column<Self>] =
                &[$( $crate::row::table::table!(@column $record, $fixed $(= $fixed_value)?) ),*];
            const CHANGING: &'static [$crate::row::table::Column<Self>] =
                &[$( $crate::row::table::table!(@column $record, $changing $(= $changing_value)?), )*
                    $crate::row::table::table!(@column $record, updated_at)];
            const WRITTEN_ELSEWHERE: &'static [&'static str] = &[$( stringify!($elsewhere) ),*];
            const UNIQUE: &'static str = $unique;

            fn version(&self) -> u64 {
                self.updated_at
            }

            fn set_version(&mut self, version: u64) {
                self.updated_at = version;
            }
        }
    };
    (@generated generated) => { true };
    (@generated given) => { false };
    (@column $record:ty, $name:ident) => {
        $crate::row::table::Column::<$record> {
            name: stringify!($name),
            value: |record| $crate::row::table::ToSql::to_sql(&record.$name),
        }
    };
    (@column $record:ty, $name:ident = $value:expr) => {
        $crate::row::table::Column::<$record> {
            name: stringify!($name),
            value: $value,
        }
    };
}
pub(crate) use table;
