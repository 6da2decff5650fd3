//! Reading the fields of an object, with errors that name the field at fault.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::error::ApiError;
use crate::json::object::{JsonObject, Kind, as_str};

/// Parameters that have no place in the canonical request, by their path.
pub(super) type Extra = BTreeMap<String, Json>;

/// The fields of one object and where it stands in the body. `null` counts as absent throughout.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    object: JsonObject<'a>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The object at the top of the body.
    pub(super) fn top(object: JsonObject<'a>) -> Self {
        Self { object, path: String::new() }
    }

    /// The object that stands at `path`.
    pub(super) fn of(value: &'a RawValue, path: impl Into<String>) -> Result<Self, ApiError> {
        let path = path.into();
        if Kind::of(value) != Kind::Object {
            return Err(wrong_type(&path, "an object", Kind::of(value)));
        }
        match serde_json::from_str(value.get()) {
            Ok(object) => Ok(Self { object, path }),
            Err(error) => {
                let reason = error.to_string();
                Err(ApiError::invalid("invalid_json", path, format!("{}.", reason.trim_end_matches('.'))))
            }
        }
    }

    /// The path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The path of the object itself.
    pub(super) fn own_path(&self) -> &str {
        &self.path
    }

    /// A field that is present and not `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.object.get_set(name)
    }

    /// A field as it came.
    pub(super) fn json(&self, name: &str) -> Option<Json> {
        self.get(name).map(|value| Json::of(&value))
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.get(name)
            .map(|value| {
                as_str(value)
                    .map(std::borrow::Cow::into_owned)
                    .ok_or_else(|| wrong_type(&self.path(name), "a string", Kind::of(value)))
            })
            .transpose()
    }

    /// A string that must be there.
    pub(super) fn required_text(&self, name: &str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| missing(&self.path(name)))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name).map(|value| (value.get(), Kind::of(value))) {
            None => Ok(None),
            Some((text, Kind::Boolean)) => Ok(Some(text == "true")),
            Some((_, found)) => Err(wrong_type(&self.path(name), "a boolean", found)),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn unsigned(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match (value.get().parse(), Kind::of(value)) {
            (Ok(number), _) => Ok(Some(number)),
            (Err(_), Kind::Number) => Err(ApiError::invalid(
                "invalid_value",
                self.path(name),
                format!("`{}` must be a whole number that is not negative.", self.path(name)),
            )),
            (Err(_), found) => Err(wrong_type(&self.path(name), "a number", found)),
        }
    }

    /// Any number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match (value.get().parse::<f64>(), Kind::of(value)) {
            (Ok(number), Kind::Number) if number.is_finite() => Ok(Some(number)),
            (_, Kind::Number) => Err(ApiError::invalid(
                "invalid_value",
                self.path(name),
                format!("`{}` is out of range.", self.path(name)),
            )),
            (_, found) => Err(wrong_type(&self.path(name), "a number", found)),
        }
    }

    /// The elements of an array.
    pub(super) fn array(&self, name: &str) -> Result<Option<Vec<&'a RawValue>>, ApiError> {
        self.get(name)
            .map(|value| {
                serde_json::from_str(value.get())
                    .map_err(|_| wrong_type(&self.path(name), "an array", Kind::of(value)))
            })
            .transpose()
    }

    /// The fields of an object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ApiError> {
        self.get(name).map(|value| Fields::of(value, self.path(name))).transpose()
    }

    /// Remembers a field that has no place in the canonical request.
    pub(super) fn carry(&self, name: &str, extra: &mut Extra) {
        if let Some(value) = self.json(name) {
            extra.insert(self.path(name), value);
        }
    }

    /// Remembers all fields but the known ones.
    pub(super) fn carry_unknown(&self, known: &[&str], extra: &mut Extra) {
        for (name, _) in self.object.iter().filter(|(name, _)| !known.contains(name)) {
            self.carry(name, extra);
        }
    }
}

/// The error of a field that must be there and is not.
pub(super) fn missing(path: &str) -> ApiError {
    ApiError::invalid("missing_required_parameter", path, format!("`{path}` is required."))
}

/// The error of a field of the wrong JSON type.
pub(super) fn wrong_type(path: &str, expected: &str, found: Kind) -> ApiError {
    let message = format!("`{path}` must be {expected}, not {}.", found.described());
    ApiError::invalid("invalid_type", path, message)
}

/// The error of a word that is none of those that are known.
pub(super) fn unknown_value(path: &str, found: &str, known: &[&str]) -> ApiError {
    let shown: String = found.chars().take(100).collect();
    let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let message = format!("`{path}` must be one of {}, not `{shown}`.", known.join(", "));
    ApiError::invalid("invalid_value", path, message)
}

/// The error of a parameter that the gateway cannot honour and must not ignore.
pub(super) fn unsupported(path: &str, message: &str) -> ApiError {
    ApiError::invalid("unsupported_parameter", path, message)
}
