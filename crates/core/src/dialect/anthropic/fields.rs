//! Reading a caller's JSON field by field, so that every error names the place it is about.

use std::fmt;

use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::json::object::{JsonObject, Kind, as_str};

/// A place in the request; it is put into words only if there is an error to report.
#[derive(Debug, Clone, Copy)]
pub enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub fn field(&'p self, name: &'p str) -> Path<'p> {
        Path::Field(self, name)
    }

    pub fn item(&'p self, index: usize) -> Path<'p> {
        Path::Item(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Item(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// The error of a value that has the right type and cannot be used.
pub fn invalid(path: Path<'_>, message: &str) -> ApiError {
    ApiError::invalid("invalid_value", path.to_string(), format!("`{path}` {message}"))
}

/// The error of a field that is needed and not there.
pub fn missing(path: Path<'_>) -> ApiError {
    ApiError::invalid("missing_required_parameter", path.to_string(), format!("`{path}` is required."))
}

/// The error of a value of the wrong JSON type.
pub fn wrong_type(path: Path<'_>, expected: &str, found: &RawValue) -> ApiError {
    let found = Kind::of(found).described();
    ApiError::invalid("invalid_type", path.to_string(), format!("`{path}` must be {expected}, not {found}."))
}

/// A way to read the value at a place.
pub type Read<'a, T> = fn(&'a RawValue, Path<'_>) -> Result<T, ApiError>;

pub fn string(value: &RawValue, path: Path<'_>) -> Result<String, ApiError> {
    as_str(value).map(Into::into).ok_or_else(|| wrong_type(path, "a string", value))
}

pub fn boolean(value: &RawValue, path: Path<'_>) -> Result<bool, ApiError> {
    match value.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong_type(path, "a boolean", value)),
    }
}

pub fn number(value: &RawValue, path: Path<'_>) -> Result<f64, ApiError> {
    let number = serde_json::from_str::<f64>(value.get());
    number.ok().filter(|number| number.is_finite()).ok_or_else(|| wrong_type(path, "a finite number", value))
}

pub fn integer(value: &RawValue, path: Path<'_>) -> Result<u64, ApiError> {
    value.get().parse().map_err(|_| wrong_type(path, "a whole number that is not negative", value))
}

pub fn object<'a>(value: &'a RawValue, path: Path<'_>) -> Result<JsonObject<'a>, ApiError> {
    if Kind::of(value) != Kind::Object {
        return Err(wrong_type(path, "an object", value));
    }
    serde_json::from_str(value.get()).map_err(|error| invalid(path, &format!("cannot be read: {error}")))
}

pub fn array<'a>(value: &'a RawValue, path: Path<'_>) -> Result<Vec<&'a RawValue>, ApiError> {
    serde_json::from_str(value.get()).map_err(|_| wrong_type(path, "an array", value))
}

/// The value of a field that may be missing; `null` is as good as missing.
pub fn optional<'a, T>(
    object: &JsonObject<'a>,
    name: &str,
    path: Path<'_>,
    read: Read<'a, T>,
) -> Result<Option<T>, ApiError> {
    object.get_set(name).map(|value| read(value, path.field(name))).transpose()
}

/// The value of a field that must be there.
pub fn required<'a, T>(
    object: &JsonObject<'a>,
    name: &str,
    path: Path<'_>,
    read: Read<'a, T>,
) -> Result<T, ApiError> {
    let value = object.get_set(name).ok_or_else(|| missing(path.field(name)))?;
    read(value, path.field(name))
}
