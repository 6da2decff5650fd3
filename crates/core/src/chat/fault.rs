//! Fields of a frame or a body that is held as a tree, and their errors.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::json::error::{self, missing, shown};
use crate::json::object::Kind;

/// The error for a field of the wrong type: `invalid_type`. `expected` has its article.
pub(super) fn wrong_type(name: &str, expected: &str, found: &Value) -> ApiError {
    error::wrong_type(shown(name), expected, Kind::of_tree(found))
}

/// A required text.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, ApiError> {
    match fields.get(name) {
        None | Some(Value::Null) => Err(missing(name)),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong_type(name, "a string", other)),
    }
}
