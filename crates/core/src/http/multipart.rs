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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
