//! The error for a field of a frame or a body that is held as a tree.

use serde_json::Value;

use crate::error::ApiError;
use crate::json::error::{self, shown};
use crate::json::object::Kind;

/// The error for a field of the wrong type: `invalid_type`. `expected` has its article.
pub(super) fn wrong_type(name: &str, expected: &str, found: &Value) -> ApiError {
    error::wrong_type(shown(name), expected, Kind::of_tree(found))
}
