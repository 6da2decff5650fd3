//! Lines: a page of one table as JSON. Rows are lists of values in the order of the columns.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes of rows after which a line ends. A row is never divided. D1 takes a parameter of 2 MB.
const LINE_BYTES: usize = 1 << 18;

/// An object whose table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The binding of its class.
    pub class: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A line that was read.
#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    /// The binding of the object's class; `None` for tables of D1.
    #[serde(default)]
    pub class: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it is the first line of its object.
    #[serde(default)]
    pub first: bool,
    /// The table.
    pub table: String,
    /// Its columns, as far as they were there then.
    pub columns: Vec<String>,
    /// Its rows: a list of lists.
    #[serde(borrow)]
    pub rows: &'a RawValue,
}

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// Why it is none, without its contents.
    pub fn read(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text)
            .map_err(|error| format!("column {}: {:?}", error.column(), error.classify()))
    }

    /// Each row as the text of its list.
    ///
    /// # Errors
    /// If `rows` is no list of lists with a value for each column.
    pub fn each_row(&self) -> Result<Vec<&'a RawValue>, String> {
        let rows: Vec<&RawValue> =
            serde_json::from_str(self.rows.get()).map_err(|_| "`rows` is no list".to_owned())?;
        for row in &rows {
            let values: Vec<&RawValue> =
                serde_json::from_str(row.get()).map_err(|_| "a row is no list".to_owned())?;
            if values.len() != self.columns.len() {
                return Err(format!("a row has {} values for {} columns", values.len(), self.columns.len()));
            }
        }
        Ok(rows)
    }

    /// The object whose table it is; `None` for tables of D1.
    #[must_use]
    pub fn owner(&self) -> Option<Owner<'_>> {
        Some(Owner { class: self.class.as_deref()?, name: self.name.as_deref()? })
    }
}

/// The lines of some rows of a table. `columns` and each of the rows are lists as JSON; with `is_first`, the first line is the first
/// of its object.
#[must_use]
pub fn lines(
    owner: Option<Owner<'_>>,
    is_first: bool,
    table: &str,
    columns: &str,
    rows: &[String],
) -> Vec<String> {
    let mut head = String::new();
    // Writing to a string cannot fail.
    if let Some(Owner { class, name }) = owner {
        let _ = write!(head, "\"class\":{},\"name\":{},", quoted(class), quoted(name));
    }
    let _ = write!(head, "\"table\":{},\"columns\":{columns},\"rows\":[", quoted(table));
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for row in rows {
        if line.is_empty() {
            line.push_str(if is_first && lines.is_empty() { "{\"first\":true," } else { "{" });
            line.push_str(&head);
        } else {
            line.push(',');
        }
        line.push_str(row);
        if line.len() >= LINE_BYTES {
            line.push_str("]}");
            lines.push(std::mem::take(&mut line));
        }
    }
    if !line.is_empty() {
        line.push_str("]}");
        lines.push(line);
    }
    lines
}

/// The values of the key of a row. Both texts are lists as JSON; `null` for a column that is not there.
#[must_use]
pub fn key_of(columns: &str, row: &str, key: &[&str]) -> Vec<Value> {
    let columns: Vec<String> = serde_json::from_str(columns).unwrap_or_default();
    let row: Vec<Value> = serde_json::from_str(row).unwrap_or_default();
    let value = |name: &&str| {
        let place = columns.iter().position(|column| column == name)?;
        row.get(place).cloned()
    };
    key.iter().map(|name| value(name).unwrap_or_default()).collect()
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back_in_their_order(
            name in any::<String>(), texts in prop::collection::vec("[a-z\"\\\\]{0,40}", 0..20), large in 0_usize..4,
        ) {
            let mut rows: Vec<String> = texts.iter().map(|text| json!([text, null, 1]).to_string()).collect();
            rows.extend((0..large).map(|number| json!(["x".repeat(LINE_BYTES), number, 2]).to_string()));
            let owner = Owner { class: "ACCOUNT", name: &name };
            let lines = lines(Some(owner), true, "t", "[\"a\",\"b\",\"c\"]", &rows);
            prop_assert!(lines.iter().all(|line| !line.contains('\n')));
            prop_assert!(lines.len() <= 1 + large);
            let mut read = Vec::new();
            for (place, line) in lines.iter().enumerate() {
                let line = Line::read(line).unwrap();
                prop_assert_eq!(line.first, place == 0);
                prop_assert_eq!(line.owner(), Some(owner));
                prop_assert_eq!(line.columns.len(), 3);
                read.extend(line.each_row().unwrap().into_iter().map(|row| row.get().to_owned()));
            }
            prop_assert_eq!(read, rows);
        }
    }

    #[test]
    fn what_is_no_line_is_refused_without_its_contents() {
        for bad in ["", "{}", "[]", "{\"table\":\"t\",\"columns\":[\"secret\"]}"] {
            assert!(!Line::read(bad).unwrap_err().contains("secret"), "{bad}");
        }
        for (columns, rows) in
            [(json!(["a"]), json!({})), (json!(["a"]), json!([1])), (json!(["a"]), json!([[1, 2]]))]
        {
            let text = json!({ "table": "t", "columns": columns, "rows": rows }).to_string();
            let line = Line::read(&text).unwrap();
            assert!(line.each_row().is_err() && line.owner().is_none(), "{text}");
        }
        assert!(lines(None, false, "t", "[]", &[]).is_empty());
        assert_eq!(
            key_of("[\"a\",\"b\"]", "[1,\"x\"]", &["b", "a", "c"]),
            [json!("x"), json!(1), Value::Null]
        );
    }
}
