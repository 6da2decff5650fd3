//! CSV as in RFC 4180: cells with commas, quotes or line breaks are quoted, records end with CRLF.
//!
//! Spreadsheets evaluate a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break, also where a
//! caller wrote it (OWASP, *CSV Injection*). A text that begins so gets an apostrophe in front, which spreadsheets do not show; numbers stay numbers.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What a spreadsheet takes for the beginning of a formula; the wide forms are the same to some input methods.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Appends the header.
pub fn push_header(out: &mut String, columns: &[&str]) {
    for (place, column) in columns.iter().enumerate() {
        separate(out, place);
        push_text(out, column);
    }
    out.push_str("\r\n");
}

/// Appends a row: the fields of these names, an empty cell for one that is absent or `null`. `a.b` is the field `b` of the object
/// `a`.
pub fn push_row(out: &mut String, columns: &[&str], row: &Map<String, Value>) {
    let begin = out.len();
    for (place, column) in columns.iter().enumerate() {
        separate(out, place);
        push_value(out, field(row, column).unwrap_or(&Value::Null));
    }
    if out.len() == begin {
        // A record of one empty cell would be an empty line, which readers leave out.
        out.push_str("\"\"");
    }
    out.push_str("\r\n");
}

fn field<'a>(row: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        None => row.get(path),
        Some((name, rest)) => field(row.get(name)?.as_object()?, rest),
    }
}

fn separate(out: &mut String, place: usize) {
    if place > 0 {
        out.push(',');
    }
}

fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        // Writing to a string cannot fail.
        Value::Number(number) => _ = write!(out, "{number}"),
        Value::String(text) => push_text(out, text),
        Value::Array(_) | Value::Object(_) => push_text(out, &value.to_string()),
    }
}

fn push_text(out: &mut String, text: &str) {
    let is_formula = text.starts_with(FORMULA);
    if !is_formula && !text.contains([',', '"', '\r', '\n']) {
        return out.push_str(text);
    }
    out.push('"');
    if is_formula {
        out.push('\'');
    }
    for (place, part) in text.split('"').enumerate() {
        if place > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A reader of RFC 4180, written from its grammar.
    fn parse(text: &str) -> Vec<Vec<String>> {
        let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
        let mut letters = text.chars().peekable();
        let mut is_quoted = false;
        while let Some(letter) = letters.next() {
            match letter {
                '"' if is_quoted && letters.peek() == Some(&'"') => {
                    letters.next();
                    cell.push('"');
                }
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => record.push(std::mem::take(&mut cell)),
                '\r' if !is_quoted && letters.peek() == Some(&'\n') => {
                    letters.next();
                    record.push(std::mem::take(&mut cell));
                    records.push(std::mem::take(&mut record));
                }
                other => cell.push(other),
            }
        }
        assert!(!is_quoted && record.is_empty() && cell.is_empty(), "the last record is not ended: {text:?}");
        records
    }

    fn written(cells: &[Value]) -> String {
        let names: Vec<String> = (0..cells.len()).map(|place| format!("c{place:03}")).collect();
        let columns: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut out = String::new();
        push_row(&mut out, &columns, &names.iter().cloned().zip(cells.iter().cloned()).collect());
        out
    }

    #[test]
    fn cells_are_quoted_only_where_they_must_be() {
        let row = [json!("plain text"), json!("a,b"), json!("say \"no\""), json!("two\nlines"), json!(null)];
        assert_eq!(written(&row), "plain text,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",\r\n");
        let row = [json!(-1.5), json!(9_007_199_254_740_991_u64), json!(true), json!([1, "x"]), json!({})];
        assert_eq!(written(&row), "-1.5,9007199254740991,true,\"[1,\"\"x\"\"]\",{}\r\n");
        assert_eq!(written(&[json!(null)]), "\"\"\r\n");
        let (mut out, row) = (String::new(), json!({ "a": { "b": 1 }, "c": 2 }));
        push_row(&mut out, &["a.b", "c", "c.d", "a.x"], row.as_object().unwrap());
        assert_eq!(out, "1,2,,\r\n");
    }

    #[test]
    fn what_a_spreadsheet_would_evaluate_begins_with_an_apostrophe() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", "＝1"] {
            assert_eq!(parse(&written(&[json!(evil)])), [[format!("'{evil}")]], "{evil:?}");
        }
        for harmless in ["1-1", " =1", "'=1", "a=b", "{\"a\":-1}"] {
            assert_eq!(parse(&written(&[json!(harmless)])), [[harmless]]);
        }
    }

    /// Texts that are likely to break something.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[=+@,\"'\r\n\t a-]{0,8}"]
    }

    proptest! {
        #[test]
        fn a_reader_gets_back_what_was_written(rows in prop::collection::vec(prop::collection::vec(texts(), 3), 0..8)) {
            let (columns, mut out) = (["a", "b", "c"], String::new());
            push_header(&mut out, &columns);
            for row in &rows {
                let fields = columns.iter().zip(row);
                push_row(&mut out, &columns, &fields.map(|(name, text)| ((*name).to_owned(), json!(text))).collect());
            }
            let read = parse(&out);
            prop_assert_eq!(&read[0], &columns);
            prop_assert_eq!(read.len(), rows.len() + 1);
            for (read, written) in read.iter().skip(1).zip(&rows) {
                for (read, written) in read.iter().zip(written) {
                    let unguarded = read.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(read);
                    let expected = written.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(written);
                    prop_assert_eq!(unguarded, expected);
                    prop_assert!(!read.starts_with(FORMULA));
                }
            }
        }
    }
}
