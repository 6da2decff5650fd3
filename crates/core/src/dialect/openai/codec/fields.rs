//! Reading JSON objects field by field.
//!
//! [`Fields`] is for what callers send: every mistake is an error that names the path of the field. The free functions
//! are for what upstreams send: what is not of the expected type counts as absent.

use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::error::ApiError;
use crate::json::object::{JsonObject, Kind, as_str};

/// An object of a request, and where it stands in it.
pub(in crate::dialect::openai) struct Fields<'a> {
    object: JsonObject<'a>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The whole body.
    pub fn of_body(body: &'a [u8]) -> Result<Self, ApiError> {
        let object =
            serde_json::from_slice(body).map_err(|error| crate::json::error::not_an_object(body, &error))?;
        Ok(Self { object, path: String::new() })
    }

    /// An object that has been read already.
    pub fn of_object(object: &JsonObject<'a>, path: String) -> Self {
        Self { object: object.clone(), path }
    }

    /// The object that a value is.
    pub fn of(value: &'a RawValue, path: String) -> Result<Self, ApiError> {
        expect(value, Kind::Object, &path)?;
        match serde_json::from_str(value.get()) {
            Ok(object) => Ok(Self { object, path }),
            Err(error) => Err(ApiError::invalid("invalid_json", path, error.to_string())),
        }
    }

    /// The path of a field.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field that is not `null`.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.object.get_set(name)
    }

    /// All fields that are not `null`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.object.iter().filter(|(_, value)| Kind::of(value) != Kind::Null)
    }

    /// A string.
    pub fn string(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.get(name).map(|value| string(value, &self.path(name))).transpose()
    }

    /// A string that must be there.
    pub fn required_string(&self, name: &str) -> Result<String, ApiError> {
        self.string(name)?.ok_or_else(|| self.missing(name))
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        expect(value, Kind::Boolean, &self.path(name))?;
        Ok(Some(value.get() == "true"))
    }

    /// A finite number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        expect(value, Kind::Number, &self.path(name))?;
        match value.get().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.invalid(name, "is out of range")),
        }
    }

    /// A whole number that is not negative.
    pub fn integer(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        expect(value, Kind::Number, &self.path(name))?;
        match whole(value.get()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.invalid(name, "must be a whole number that is not negative")),
        }
    }

    /// A whole number.
    pub fn signed(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        expect(value, Kind::Number, &self.path(name))?;
        match value.get().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.invalid(name, "must be a whole number")),
        }
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        self.get(name).map(|value| Self::of(value, self.path(name))).transpose()
    }

    /// An object that must be there.
    pub fn required_object(&self, name: &str) -> Result<Self, ApiError> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// The items of a list, each with its path; nothing if the field is absent.
    pub fn list(&self, name: &str) -> Result<Vec<(String, &'a RawValue)>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let path = self.path(name);
        expect(value, Kind::Array, &path)?;
        Ok(items(value)
            .into_iter()
            .enumerate()
            .map(|(index, item)| (format!("{path}[{index}]"), item))
            .collect())
    }

    /// The error of a field that is not there.
    pub fn missing(&self, name: &str) -> ApiError {
        let path = self.path(name);
        let message = format!("`{path}` is required.");
        ApiError::invalid("missing_required_parameter", path, message)
    }

    /// The error of a field whose value is wrong; `fault` continues the sentence that begins with the path.
    pub fn invalid(&self, name: &str, fault: &str) -> ApiError {
        invalid_value(self.path(name), fault)
    }
}

/// The error of a value that is wrong.
pub(in crate::dialect::openai) fn invalid_value(path: String, fault: &str) -> ApiError {
    let message = format!("`{path}` {fault}.");
    ApiError::invalid("invalid_value", path, message)
}

/// The text of a value that must be a string.
pub(in crate::dialect::openai) fn string(value: &RawValue, path: &str) -> Result<String, ApiError> {
    expect(value, Kind::String, path)?;
    as_str(value)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| invalid_value(path.to_owned(), "is not valid Unicode"))
}

/// Refuses a value of another kind.
pub(in crate::dialect::openai) fn expect(
    value: &RawValue,
    expected: Kind,
    path: &str,
) -> Result<(), ApiError> {
    let found = Kind::of(value);
    if found == expected {
        return Ok(());
    }
    let message = format!("`{path}` must be {}, not {}.", expected.described(), found.described());
    Err(ApiError::invalid("invalid_type", path, message))
}

/// The items of an array; nothing if it is none.
pub(in crate::dialect::openai) fn items(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}

/// The fields of an object; `None` if it is none.
pub(in crate::dialect::openai) fn object(value: &RawValue) -> Option<JsonObject<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// A string field that is neither absent nor empty.
pub(in crate::dialect::openai) fn text(object: &JsonObject<'_>, name: &str) -> Option<String> {
    let text = as_str(object.get_set(name)?)?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// A field that is a whole number.
pub(in crate::dialect::openai) fn integer(object: &JsonObject<'_>, name: &str) -> Option<u64> {
    whole(object.get_set(name)?.get())
}

/// A field that is an object.
pub(in crate::dialect::openai) fn object_at<'a>(from: &JsonObject<'a>, name: &str) -> Option<JsonObject<'a>> {
    from.get_set(name).and_then(object)
}

/// The items of a field that is an array.
pub(in crate::dialect::openai) fn items_at<'a>(from: &JsonObject<'a>, name: &str) -> Vec<&'a RawValue> {
    from.get_set(name).map(items).unwrap_or_default()
}

/// A value to be carried along.
pub(in crate::dialect::openai) fn carried(value: &RawValue) -> Json {
    Json::of(&value)
}

/// Reads a whole number, also where it is written with a decimal point or an exponent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only whole numbers between 0 and 2^53 come this far"
)]
fn whole(text: &str) -> Option<u64> {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        ((0.0..=MAX_EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
    })
}
