//! Changing a few bytes of a JSON text without rebuilding it.

use serde_json::value::RawValue;

/// A replacement in a text.
#[derive(Debug)]
pub struct Edit {
    /// Where it begins.
    pub at: usize,
    /// How many bytes go.
    pub removed: usize,
    /// What comes instead.
    pub inserted: String,
}

impl Edit {
    /// Replaces a value that was borrowed from `body`.
    #[must_use]
    pub fn replace(body: &[u8], value: &RawValue, inserted: String) -> Self {
        Self { at: offset_in(body, value), removed: value.get().len(), inserted }
    }
}

/// Where a value that was borrowed from `body` stands in it.
#[must_use]
pub fn offset_in(body: &[u8], value: &RawValue) -> usize {
    (value.get().as_ptr() as usize).wrapping_sub(body.as_ptr() as usize)
}

/// A text as a JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `body` with the edits made, which must not overlap.
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
