//! Writes rows one after the other in a format, and counts them.
//!
//! An NDJSON export ends with the line `{"export":{"rows":2,"sha256":"…","complete":true}}`, a JSON export is
//! `{"requests":[…],"export":{…}}`. The SHA-256 is that of the rows as lines of NDJSON, in both: of an NDJSON export, that of all
//! bytes before the last line.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checksum::Checksum;
use crate::csv;
use crate::format::Format;

/// What a spreadsheet needs to read UTF-8.
const BOM: &str = "\u{feff}";

/// What is written: the name of the list in JSON, and the columns of CSV.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    /// Such as `requests`.
    pub name: &'static str,
    /// Fields of the rows, in the order of the columns.
    pub columns: &'static [&'static str],
}

/// A writer.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    sheet: Sheet,
    rows: u64,
    bytes: u64,
    of_rows: Checksum,
    of_file: Checksum,
    out: String,
}

/// What a writer needs to go on where another one stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    rows: u64,
    bytes: u64,
    of_rows: String,
    of_file: String,
}

/// What is known of an export at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many rows.
    pub rows: u64,
    /// Their SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// Whether these are all rows.
    pub complete: bool,
    /// From where the rest can be exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The last bytes.
    pub last: Vec<u8>,
    /// How many rows are in it.
    pub rows: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 of all of them, in lower-case hexadecimal.
    pub sha256: String,
}

impl Writer {
    /// A writer at the beginning. With `bom`, CSV begins with a byte order mark.
    #[must_use]
    pub fn new(format: Format, sheet: Sheet, bom: bool) -> Self {
        let mut out = String::new();
        match format {
            Format::Csv => {
                out.push_str(if bom { BOM } else { "" });
                csv::push_header(&mut out, sheet.columns);
            }
            Format::Json => {
                out.push_str("{\"");
                out.push_str(sheet.name);
                out.push_str("\":[");
            }
            Format::Ndjson => {}
        }
        let (of_rows, of_file) = (Checksum::default(), Checksum::default());
        Self { format, sheet, rows: 0, bytes: 0, of_rows, of_file, out }
    }

    /// A writer that goes on where another one of the same format and sheet stopped; `None` if the text of a checksum is none.
    #[must_use]
    pub fn resumed(format: Format, sheet: Sheet, state: &Suspended) -> Option<Self> {
        let (of_rows, of_file) = (Checksum::resumed(&state.of_rows)?, Checksum::resumed(&state.of_file)?);
        Some(Self {
            format,
            sheet,
            rows: state.rows,
            bytes: state.bytes,
            of_rows,
            of_file,
            out: String::new(),
        })
    }

    /// The state after everything that was [taken](Self::take).
    #[must_use]
    pub fn suspended(&self) -> Suspended {
        Suspended {
            rows: self.rows,
            bytes: self.bytes,
            of_rows: self.of_rows.suspended(),
            of_file: self.of_file.suspended(),
        }
    }

    /// Adds a row, which is an object.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn row(&mut self, row: &impl Serialize) -> serde_json::Result<()> {
        if self.format == Format::Csv {
            if let Value::Object(fields) = serde_json::to_value(row)? {
                csv::push_row(&mut self.out, self.sheet.columns, &fields);
            }
        } else {
            let line = serde_json::to_string(row)?;
            self.of_rows.add(line.as_bytes());
            self.of_rows.add(b"\n");
            if self.format == Format::Json {
                self.out.push_str(if self.rows > 0 { ",\n" } else { "\n" });
            }
            self.out.push_str(&line);
            if self.format == Format::Ndjson {
                self.out.push('\n');
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Rows so far, those of writers before included.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that were written and not taken yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// What was written and not taken yet.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        let taken = std::mem::take(&mut self.out).into_bytes();
        self.of_file.add(&taken);
        self.bytes += taken.len() as u64;
        taken
    }

    /// The end. `next_cursor` says from where the rest can be exported, if these are not all rows.
    #[must_use]
    pub fn finish(mut self, next_cursor: Option<String>) -> File {
        let sha256 = self.of_rows.hex();
        let end = End { rows: self.rows, sha256, complete: next_cursor.is_none(), next_cursor };
        // Numbers and texts can always be written.
        let end = serde_json::to_string(&end).unwrap_or_default();
        match self.format {
            Format::Csv => {}
            // Writing to a string cannot fail.
            Format::Json => _ = write!(self.out, "\n],\"export\":{end}}}\n"),
            Format::Ndjson => _ = writeln!(self.out, "{{\"export\":{end}}}"),
        }
        let last = self.take();
        File { last, rows: self.rows, bytes: self.bytes, sha256: self.of_file.hex() }
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_core::hash::sha256_hex;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SHEET: Sheet = Sheet { name: "things", columns: &["id", "text"] };

    fn export(format: Format, bom: bool, rows: &[(u64, String)], next: Option<String>) -> String {
        let mut writer = Writer::new(format, SHEET, bom);
        let mut out = Vec::new();
        for (id, text) in rows {
            writer.row(&json!({ "id": id, "text": text })).unwrap();
            out.extend(writer.take());
        }
        assert_eq!(writer.rows(), rows.len() as u64);
        let file = writer.finish(next);
        out.extend(file.last);
        assert_eq!(
            (file.rows, file.bytes, file.sha256),
            (rows.len() as u64, out.len() as u64, sha256_hex(&String::from_utf8_lossy(&out)))
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_export_without_rows_is_whole_in_every_format() {
        assert_eq!(export(Format::Csv, false, &[], None), "id,text\r\n");
        assert_eq!(export(Format::Csv, true, &[], None), "\u{feff}id,text\r\n");
        let end: Value = serde_json::from_str(&export(Format::Json, false, &[], None)).unwrap();
        assert_eq!((&end["things"], &end["export"]["rows"]), (&json!([]), &json!(0)));
        assert_eq!(end["export"]["sha256"], json!(sha256_hex("")));
    }

    #[test]
    fn an_incomplete_export_says_where_it_goes_on() {
        let text = export(Format::Ndjson, false, &[(1, "a".into())], Some("here".into()));
        let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&end["export"]["complete"], &end["export"]["next_cursor"]),
            (&json!(false), &json!("here"))
        );
    }

    #[test]
    fn several_writers_write_one_export() {
        let rows: Vec<(u64, String)> = (0..5).map(|id| (id, format!("t{id}"))).collect();
        for (_, format) in Format::NAMES {
            let mut out = Vec::new();
            let mut writer = Writer::new(format, SHEET, false);
            for (id, text) in &rows {
                writer.row(&json!({ "id": id, "text": text })).unwrap();
                out.extend(writer.take());
                let state = serde_json::to_string(&writer.suspended()).unwrap();
                writer = Writer::resumed(format, SHEET, &serde_json::from_str(&state).unwrap()).unwrap();
            }
            let file = writer.finish(None);
            out.extend(&file.last);
            assert_eq!(String::from_utf8(out.clone()).unwrap(), export(format, false, &rows, None));
            assert_eq!(
                (file.bytes, file.sha256),
                (out.len() as u64, sha256_hex(&String::from_utf8(out).unwrap()))
            );
        }
    }

    proptest! {
        #[test]
        fn json_and_ndjson_hold_the_rows_and_their_checksum(texts in prop::collection::vec(any::<String>(), 0..6)) {
            let rows: Vec<(u64, String)> = (0..).zip(texts).collect();
            let ndjson = export(Format::Ndjson, false, &rows, None);
            let (lines, end) = ndjson.trim_end().rsplit_once('\n').map_or(("", ndjson.trim_end()), |(lines, end)| (lines, end));
            let lines = if rows.is_empty() { String::new() } else { format!("{lines}\n") };
            let end: Value = serde_json::from_str(end).unwrap();
            prop_assert_eq!(&end["export"]["sha256"], &json!(sha256_hex(&lines)));
            let read: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let written: Vec<Value> = rows.iter().map(|(id, text)| json!({ "id": id, "text": text })).collect();
            prop_assert_eq!(&read, &written);
            let json: Value = serde_json::from_str(&export(Format::Json, false, &rows, None)).unwrap();
            prop_assert_eq!(&json["things"], &json!(written));
            prop_assert_eq!(&json["export"], &end["export"]);
        }
    }
}
