//! The errors about JSON fields, with one wording for each.
//!
//! A field is named by its path from the top of the body, such as `messages[0].role`, which is also the `param` of
//! the error. All of them have status 400.

use std::fmt::Display;

use super::object::Kind;
use crate::error::ApiError;

/// Most characters of a caller's name or value that are repeated in a message.
const SHOWN_CHARS: usize = 100;

/// The field is required and absent: `missing_required_parameter`.
pub fn missing(path: impl Display) -> ApiError {
    ApiError::invalid("missing_required_parameter", path.to_string(), format!("`{path}` is required."))
}

/// The value has another JSON type: `invalid_type`. `expected` has its article: "a string or an array".
pub fn wrong_type(path: impl Display, expected: impl Display, found: Kind) -> ApiError {
    let message = format!("`{path}` must be {expected}, not {}.", found.described());
    ApiError::invalid("invalid_type", path.to_string(), message)
}

/// The value is of none of these JSON types: `invalid_type`.
#[must_use]
pub fn wrong_kind(path: impl Display, expected: &[Kind], found: Kind) -> ApiError {
    let expected: Vec<&str> = expected.iter().map(|kind| kind.described()).collect();
    wrong_type(path, expected.join(" or "), found)
}

/// The value has the right type but is invalid: `invalid_value`. `fault` continues the sentence that begins with the
/// path: "must not be empty".
pub fn invalid_value(path: impl Display, fault: impl Display) -> ApiError {
    unusable("invalid_value", path, fault)
}

/// The same with a code of the dialect.
pub fn unusable(code: &'static str, path: impl Display, fault: impl Display) -> ApiError {
    ApiError::invalid(code, path.to_string(), format!("`{path}` {fault}."))
}

/// The value is a string, but none of these: `invalid_value`.
#[must_use]
pub fn unknown_value(path: impl Display, found: &str, known: &[&str]) -> ApiError {
    let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    invalid_value(path, format_args!("must be one of {}, not `{}`", known.join(", "), shown(found)))
}

/// The object has an unknown field: `unknown_parameter`. `prefix` is the path of the object with a trailing dot, or
/// empty.
#[must_use]
pub fn unknown_field(prefix: &str, name: &str, known: &[&str]) -> ApiError {
    let path = format!("{prefix}{}", shown(name));
    let message = format!("`{path}` is not a known field. Known fields: {}.", known.join(", "));
    ApiError::invalid("unknown_parameter", path, message)
}

/// A name or value as it is repeated in a message, shortened.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// The error for a body that is not a JSON object, with the position of the error: `invalid_json`.
#[must_use]
pub fn not_an_object(body: &[u8], error: &serde_json::Error) -> ApiError {
    if error.is_data() && !matches!(body.trim_ascii_start().first(), Some(b'{')) {
        return ApiError::invalid_json("The request body must be a JSON object.");
    }
    ApiError::invalid_json(format!("The request body is not valid JSON: {}.", reason(error)))
}

/// The parser's error, without a full stop.
#[must_use]
pub fn reason(error: &serde_json::Error) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_one_wording() {
        for (error, code, param, message) in [
            (missing("a.b"), "missing_required_parameter", "a.b", "`a.b` is required."),
            (
                wrong_type("a[0]", "a number", Kind::String),
                "invalid_type",
                "a[0]",
                "`a[0]` must be a number, not a string.",
            ),
            (
                wrong_kind("a", &[Kind::String, Kind::Array], Kind::Null),
                "invalid_type",
                "a",
                "`a` must be a string or an array, not null.",
            ),
            (invalid_value("a", "must not be empty"), "invalid_value", "a", "`a` must not be empty."),
            (
                unknown_value("a", &"x".repeat(500), &["b", "c"]),
                "invalid_value",
                "a",
                &format!("`a` must be one of `b`, `c`, not `{}`.", "x".repeat(100)),
            ),
            (
                unknown_field("o.", "x", &["y", "z"]),
                "unknown_parameter",
                "o.x",
                "`o.x` is not a known field. Known fields: y, z.",
            ),
        ] {
            assert_eq!((error.status, error.code, error.param.as_deref()), (400, code, Some(param)));
            assert_eq!(error.message, message);
        }
    }
}
