//! Finds one field in a `multipart/form-data` body (RFC 7578) while it arrives, without reading what follows it.

use std::ops::Range;

use memchr::memmem;

/// The state of the scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// The value of the field is at this range.
    Found(Range<usize>),
    /// More bytes are needed.
    NeedMore,
    /// The body has ended, or is malformed, without the field.
    Absent,
}

/// Looks for one field. It is called repeatedly with the same growing buffer; bytes that were searched are not
/// searched again.
#[derive(Debug)]
pub struct FieldScanner {
    /// `--boundary`
    delimiter: Vec<u8>,
    /// `name="field"`
    name: String,
    /// Where the delimiter of the current part begins.
    part: usize,
    /// The next delimiter does not begin before this.
    searched: usize,
}

/// The boundary that a `content-type` header names.
#[must_use]
pub fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';');
    parts.next().filter(|media_type| media_type.trim().eq_ignore_ascii_case("multipart/form-data"))?;
    let value = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.trim().trim_matches('"');
    (1..=70).contains(&value.len()).then_some(value)
}

impl FieldScanner {
    /// A scanner for the field `name`.
    #[must_use]
    pub fn new(boundary: &str, name: &str) -> Self {
        Self {
            delimiter: format!("--{boundary}").into_bytes(),
            name: format!("name=\"{name}\""),
            part: 0,
            searched: 0,
        }
    }

    /// Scans everything that has arrived so far.
    pub fn scan(&mut self, body: &[u8]) -> Scan {
        loop {
            let part = body.get(self.part..).unwrap_or_default();
            if part.len() < self.delimiter.len() + 2 {
                return Scan::NeedMore;
            }
            let Some(after) = part.strip_prefix(self.delimiter.as_slice()) else { return Scan::Absent };
            if after.starts_with(b"--") {
                return Scan::Absent;
            }
            let Some(head_length) = memmem::find(after, b"\r\n\r\n") else { return Scan::NeedMore };
            let value_start = self.part + self.delimiter.len() + head_length + 4;
            let from = self.searched.max(value_start.saturating_sub(2));
            let rest = body.get(from..).unwrap_or_default();
            let Some(found) = memmem::find(rest, &self.line_delimiter()) else {
                self.searched = body.len().saturating_sub(self.delimiter.len() + 2).max(from);
                return Scan::NeedMore;
            };
            let value_end = from + found;
            let head = after.get(..head_length).unwrap_or_default();
            if self.names_field(head) {
                return Scan::Found(value_start.min(value_end)..value_end);
            }
            self.part = value_end + 2;
            self.searched = self.part;
        }
    }

    fn line_delimiter(&self) -> Vec<u8> {
        [b"\r\n".as_slice(), &self.delimiter].concat()
    }

    fn names_field(&self, head: &[u8]) -> bool {
        let head = String::from_utf8_lossy(head);
        head.split("\r\n").any(|line| {
            let is_disposition =
                line.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("content-disposition:"));
            is_disposition && line.split(';').any(|parameter| parameter.trim() == self.name)
        })
    }
}

/// Longest head of a part, in bytes; those of real clients have a few hundred.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Watches what follows a field for a second one of that name, while it arrives: services disagree on which of the two counts, so
/// the gateway could check one and the upstream use the other.
#[derive(Debug)]
pub struct RepeatGuard {
    /// `\r\n--boundary`
    delimiter: Vec<u8>,
    field: String,
    /// What was not searched to its end.
    held: Vec<u8>,
    is_in_head: bool,
}

impl RepeatGuard {
    /// A guard that is given everything behind the value of `field`.
    #[must_use]
    pub fn new(boundary: &str, field: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self { delimiter, field: field.to_ascii_lowercase(), held: Vec::new(), is_in_head: false }
    }

    /// Takes the next bytes; true if the field is repeated, in whatever spelling, or if a part's head is too long to tell.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.held.extend_from_slice(bytes);
        loop {
            if self.is_in_head {
                let Some(end) = memmem::find(&self.held, b"\r\n\r\n") else {
                    return self.held.len() > MAX_HEAD_BYTES && !self.held.starts_with(b"--");
                };
                if self.names_field(self.held.get(..end).unwrap_or_default()) {
                    return true;
                }
                // The line break before the value may be that of the next delimiter.
                self.held.drain(..end + 2);
                self.is_in_head = false;
            } else if let Some(at) = memmem::find(&self.held, &self.delimiter) {
                self.held.drain(..at + self.delimiter.len());
                self.is_in_head = true;
            } else {
                let searched = self.held.len().saturating_sub(self.delimiter.len() - 1);
                self.held.drain(..searched);
                return false;
            }
        }
    }

    fn names_field(&self, head: &[u8]) -> bool {
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        head.split([';', '\r', '\n']).filter_map(|parameter| parameter.split_once('=')).any(
            |(name, value)| {
                let value: String =
                    value.chars().filter(|letter| !matches!(letter, '"' | '\\' | ' ' | '\t')).collect();
                // The extended form (RFC 5987): `name*=utf-8''model`.
                let value = value.rsplit('\'').next().unwrap_or_default();
                name.trim().trim_end_matches('*') == "name" && value == self.field
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_field_of_the_name_is_found_however_it_is_written_and_arrives() {
        let part = |head: &str| format!("\r\n--B\r\nContent-Disposition: form-data; {head}\r\n\r\nother");
        let file = part("name=\"file\"; filename=\"model\"") + "\r\n--not\r\nname=\"model\"\r\n\r\n";
        for (body, is_repeated) in [
            (file.clone(), false),
            (format!("{file}{}", part("name=\"language\"")), false),
            (format!("{file}{}", part("name=\"model\"")), true),
            (part("name=model"), true),
            (part("NAME = \"Model\""), true),
            (part("name=\"mo\\del\""), true),
            (part("name*=utf-8''model"), true),
            (part("name=\"x\"").replace("other", "") + &part("name=\"model\""), true),
            ("\r\n--B--\r\n".to_owned() + &"x".repeat(MAX_HEAD_BYTES * 2), false),
            (part(&"x".repeat(MAX_HEAD_BYTES * 2)).replace("\r\n\r\n", ""), true),
        ] {
            for size in [1, 3, 7, 1024, body.len()] {
                let mut guard = RepeatGuard::new("B", "model");
                let found = body.as_bytes().chunks(size).any(|chunk| guard.push(chunk));
                assert_eq!(found, is_repeated, "{body:.200} in pieces of {size}");
            }
        }
    }

    const BODY: &str = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"name=\"model\".wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--not\r\nmodel\r\n--B\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--B--\r\n";

    fn scan(body: &[u8], chunk: usize) -> Scan {
        let mut scanner = FieldScanner::new("B", "model");
        let mut end = 0;
        loop {
            end = (end + chunk).min(body.len());
            match scanner.scan(&body[..end]) {
                Scan::NeedMore if end < body.len() => {}
                other => return other,
            }
        }
    }

    #[test]
    fn the_field_is_found_however_the_body_arrives() {
        for chunk in 1..BODY.len() {
            let Scan::Found(range) = scan(BODY.as_bytes(), chunk) else {
                panic!("not found in pieces of {chunk}")
            };
            assert_eq!(&BODY[range], "whisper-1");
        }
    }

    #[test]
    fn absent_fields_and_broken_bodies() {
        assert_eq!(
            scan(b"--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--B--\r\n", 7),
            Scan::Absent
        );
        assert_eq!(scan(b"no multipart at all", 5), Scan::Absent);
        assert_eq!(scan(b"--B\r\nContent-Disp", 5), Scan::NeedMore);
    }

    #[test]
    fn boundaries_of_content_types() {
        assert_eq!(boundary("multipart/form-data; boundary=----x"), Some("----x"));
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), Some("a b"));
        for bad in ["application/json", "multipart/form-data", "multipart/form-data; boundary="] {
            assert_eq!(boundary(bad), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..200), chunk in 1_usize..9) {
            scan(&body, chunk);
        }
    }
}
