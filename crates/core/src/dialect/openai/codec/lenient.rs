//! Lenient parsing of upstreams' answers: a value of an unexpected type counts as absent.

use serde_json::value::RawValue;

use crate::json::fields::whole;
use crate::json::object::{JsonObject, as_str};

/// The items of an array; empty for other values.
pub(super) fn items(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}

/// The fields of an object; `None` for other values.
pub(super) fn object(value: &RawValue) -> Option<JsonObject<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// A string field that is neither absent nor empty.
pub(super) fn text(object: &JsonObject<'_>, name: &str) -> Option<String> {
    let text = as_str(object.get_set(name)?)?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// A field that is a whole number.
pub(super) fn integer(object: &JsonObject<'_>, name: &str) -> Option<u64> {
    whole(object.get_set(name)?.get()).and_then(|number| u64::try_from(number).ok())
}

/// A field that is an object.
pub(super) fn object_at<'a>(from: &JsonObject<'a>, name: &str) -> Option<JsonObject<'a>> {
    from.get_set(name).and_then(object)
}

/// The items of a field that is an array.
pub(super) fn items_at<'a>(from: &JsonObject<'a>, name: &str) -> Vec<&'a RawValue> {
    from.get_set(name).map(items).unwrap_or_default()
}
