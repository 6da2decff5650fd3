//! Reading a caller's JSON field by field, with the path of each field in errors.

use std::fmt;

use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::json::error::missing;
use crate::json::fields::Policy;
use crate::json::object::JsonObject;

/// A path in the request; formatted only for an error.
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

/// A function that reads the value at a path.
pub type Read<'a, T> = fn(&'a RawValue, Path<'_>) -> Result<T, ApiError>;

pub fn string(value: &RawValue, path: Path<'_>) -> Result<String, ApiError> {
    Policy::PLAIN.string(value, path)
}

pub fn boolean(value: &RawValue, path: Path<'_>) -> Result<bool, ApiError> {
    Policy::PLAIN.boolean(value, path)
}

pub fn number(value: &RawValue, path: Path<'_>) -> Result<f64, ApiError> {
    Policy::PLAIN.number(value, path)
}

pub fn integer(value: &RawValue, path: Path<'_>) -> Result<u64, ApiError> {
    Policy::PLAIN.unsigned(value, path)
}

pub fn object<'a>(value: &'a RawValue, path: Path<'_>) -> Result<JsonObject<'a>, ApiError> {
    Policy::PLAIN.object(value, path)
}

pub fn array<'a>(value: &'a RawValue, path: Path<'_>) -> Result<Vec<&'a RawValue>, ApiError> {
    Policy::PLAIN.array(value, path)
}

/// The value of an optional field; `null` counts as absent.
pub fn optional<'a, T>(
    object: &JsonObject<'a>,
    name: &str,
    path: Path<'_>,
    read: Read<'a, T>,
) -> Result<Option<T>, ApiError> {
    object.get_set(name).map(|value| read(value, path.field(name))).transpose()
}

/// The value of a required field.
pub fn required<'a, T>(
    object: &JsonObject<'a>,
    name: &str,
    path: Path<'_>,
    read: Read<'a, T>,
) -> Result<T, ApiError> {
    let value = object.get_set(name).ok_or_else(|| missing(path.field(name)))?;
    read(value, path.field(name))
}
