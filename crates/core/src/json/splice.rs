//! Changing a few bytes of a JSON text without rebuilding it.

use serde_json::value::RawValue;

pub use super::quote::quote;

/// A replacement of a byte range.
#[derive(Debug)]
pub struct Edit {
    /// Where it begins.
    pub at: usize,
    /// Number of bytes to remove.
    pub removed: usize,
    /// The replacement.
    pub inserted: String,
}

impl Edit {
    /// Replaces a value that was borrowed from `body`.
    #[must_use]
    pub fn replace(body: &[u8], value: &RawValue, inserted: String) -> Self {
        Self { at: offset_in(body, value), removed: value.get().len(), inserted }
    }
}

impl Edit {
    /// Removes a member from the object that is all of `body`, with one of the commas beside it, however its name is written.
    /// `value` is its value, borrowed from `body`.
    #[must_use]
    pub fn remove_member(body: &[u8], value: &RawValue) -> Option<Self> {
        let value_at = offset_in(body, value);
        let before = body.get(..value_at)?.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
        let mut start = string_start(before)?;
        let mut end = value_at + value.get().len();
        let after = body.get(end..)?;
        let blank = after.len() - after.trim_ascii_start().len();
        if after.get(blank) == Some(&b',') {
            end += blank + 1;
        } else if let Some(rest) = body.get(..start)?.trim_ascii_end().strip_suffix(b",") {
            start = rest.len();
        }
        Some(Self { at: start, removed: end - start, inserted: String::new() })
    }
}

/// Where the JSON string begins with which `text` ends: at the last quotation mark before its own that is not escaped.
fn string_start(text: &[u8]) -> Option<usize> {
    let mut rest = text.strip_suffix(b"\"")?;
    loop {
        let at = rest.iter().rposition(|byte| *byte == b'"')?;
        rest = rest.get(..at)?;
        let escapes = rest.iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 0 {
            return Some(at);
        }
    }
}

/// The offset in `body` of a value that was borrowed from it.
#[must_use]
pub fn offset_in(body: &[u8], value: &RawValue) -> usize {
    (value.get().as_ptr() as usize).wrapping_sub(body.as_ptr() as usize)
}

/// `body` with the edits applied. They must not overlap.
#[must_use]
pub fn apply(body: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.at);
    let grown: usize = edits.iter().map(|edit| edit.inserted.len()).sum();
    let mut edited = Vec::with_capacity(body.len() + grown);
    let mut copied = 0;
    for edit in edits {
        edited.extend_from_slice(body.get(copied..edit.at).unwrap_or_default());
        edited.extend_from_slice(edit.inserted.as_bytes());
        copied = edit.at + edit.removed;
    }
    edited.extend_from_slice(body.get(copied..).unwrap_or_default());
    edited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::object::JsonObject;

    #[test]
    fn a_member_goes_with_one_comma() {
        for (body, without) in [
            (r#"{"x":[1],"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":2 , "x" : [1] }"#, r#"{"a":2  }"#),
            (r#"{"a":1,"x":{"x":0},"b":2}"#, r#"{"a":1,"b":2}"#),
            (r#"{"x":null}"#, "{}"),
            (r#"{"a":1,"\u0078":0}"#, r#"{"a":1}"#),
            (r#"{"a\"":"\\","\u0078" : 0,"b\\":2}"#, r#"{"a\"":"\\","b\\":2}"#),
        ] {
            let fields: JsonObject<'_> = serde_json::from_str(body).unwrap();
            let edit = Edit::remove_member(body.as_bytes(), fields.get("x").unwrap()).unwrap();
            let edited = apply(body.as_bytes(), vec![edit]);
            assert_eq!(String::from_utf8(edited).unwrap(), without, "{body}");
        }
    }
}
