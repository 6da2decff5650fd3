//! Single values.

use serde_json::value::RawValue;

/// A text as a value, if it is JSON.
#[must_use]
pub fn raw(text: String) -> Option<Box<RawValue>> {
    RawValue::from_string(text).ok()
}

/// A string as a JSON value.
#[must_use]
pub fn string(text: &str) -> Box<RawValue> {
    to_raw(&text)
}

/// Anything that serde writes without failing, as a JSON value; `null` where it fails after all.
#[must_use]
pub fn to_raw<T: serde::Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The text of a value that is a string.
#[must_use]
pub fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}
