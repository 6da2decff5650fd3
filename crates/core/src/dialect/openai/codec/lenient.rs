//! The fields of upstreams' answers as this codec needs them: owned, and without empty texts. See
//! [`crate::json::lenient`].

use serde_json::value::RawValue;

use crate::json::lenient::{self, Object};

pub(super) use crate::json::lenient::items;

/// The fields of an object; `None` for other values.
pub(super) fn object(value: &RawValue) -> Option<Object<'_>> {
    Object::of(value)
}

/// A field that is a text, number or boolean, and not empty.
pub(super) fn text(object: &Object<'_>, name: &str) -> Option<String> {
    object.text(name).map(Into::into)
}

/// The same for a piece of a streamed text; see [`lenient::piece`].
pub(super) fn piece(object: &Object<'_>, name: &str) -> Option<String> {
    object.piece(name).map(Into::into)
}

/// The text of a value; empty if it has none.
pub(super) fn piece_of(value: &RawValue) -> String {
    lenient::piece(value).or_else(|| lenient::text(value)).map(Into::into).unwrap_or_default()
}

/// A field that is a whole number.
pub(super) fn integer(object: &Object<'_>, name: &str) -> Option<u64> {
    object.integer(name)
}

/// A field that is an object.
pub(super) fn object_at<'a>(from: &Object<'a>, name: &str) -> Option<Object<'a>> {
    from.object(name)
}

/// The items of a field that is an array.
pub(super) fn items_at<'a>(from: &Object<'a>, name: &str) -> Vec<&'a RawValue> {
    from.items(name)
}
