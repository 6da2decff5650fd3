//! Reading the objects of a request, with errors that name the field at fault.
//!
//! The service reads JSON as protocol buffers do: a field may be spelled `maxOutputTokens` or `max_output_tokens`, a
//! whole number may stand in quotes, and `null` means that the field is not set
//! (<https://protobuf.dev/programming-guides/json/>).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::error::ApiError;
use crate::json::object::{JsonObject, Kind, as_str};

/// An object and where it stands in the request.
pub(super) struct Fields<'a> {
    object: JsonObject<'a>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The object that a value is.
    pub(super) fn read(value: &'a RawValue, path: impl Into<String>) -> Result<Self, ApiError> {
        let path = path.into();
        let found = Kind::of(value);
        if found != Kind::Object {
            return Err(wrong_type(&path, "an object", found.described()));
        }
        match serde_json::from_str(value.get()) {
            Ok(object) => Ok(Self { object, path }),
            Err(error) => {
                Err(ApiError::invalid("invalid_json", path, error.to_string().trim_end_matches('.')))
            }
        }
    }

    /// The fields of a body that has been read already.
    pub(super) fn of(object: JsonObject<'a>) -> Self {
        Self { object, path: String::new() }
    }

    /// Where a field of the object stands.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Where the object stands.
    pub(super) fn own_path(&self) -> &str {
        &self.path
    }

    /// The value of a field, under either spelling.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.object.get_set(name).or_else(|| self.object.get_set(&snake_case(name)))
    }

    /// The fields with none of these names, under the spelling of the documentation.
    pub(super) fn others<'s>(
        &'s self,
        known: &'s [&'s str],
    ) -> impl Iterator<Item = (String, &'a RawValue)> + 's {
        self.object.iter().filter(|(_, value)| Kind::of(value) != Kind::Null).filter_map(|(name, value)| {
            let name = camel_case(name);
            (!known.contains(&name.as_str())).then_some((name, value))
        })
    }

    /// A string.
    pub(super) fn string(&self, name: &str) -> Result<Option<String>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match as_str(value) {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(self.wrong(name, "a string", value)),
        }
    }

    /// A string that must be there.
    pub(super) fn required_string(&self, name: &str) -> Result<String, ApiError> {
        self.string(name)?.ok_or_else(|| self.missing(name))
    }

    /// A boolean.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.get() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.wrong(name, "a boolean", value)),
        }
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = (Kind::of(value) == Kind::Number).then(|| value.get().parse().ok()).flatten();
        number
            .filter(|number: &f64| number.is_finite())
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a number", value))
    }

    /// A whole number, possibly negative.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = as_str(value).unwrap_or(Cow::Borrowed(value.get()));
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            // A number with a point is whole if nothing but zeros follow it (`40.0`).
            Err(_) => match text.split_once('.') {
                Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => {
                    whole.parse().map(Some).map_err(|_| self.wrong(name, "an integer", value))
                }
                _ => Err(self.wrong(name, "an integer", value)),
            },
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(number) = self.integer(name)? else { return Ok(None) };
        u64::try_from(number).map(Some).map_err(|_| {
            let path = self.path(name);
            let message = format!("`{path}` must not be negative.");
            ApiError::invalid("invalid_value", path, message)
        })
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ApiError> {
        self.get(name).map(|value| Fields::read(value, self.path(name))).transpose()
    }

    /// The elements of an array. A lone value counts as an array of one where the service reads it so.
    pub(super) fn array(&self, name: &str) -> Result<Vec<&'a RawValue>, ApiError> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(value) => match Kind::of(value) {
                Kind::Array => Ok(serde_json::from_str(value.get()).unwrap_or_default()),
                Kind::Object => Ok(vec![value]),
                _ => Err(self.wrong(name, "an array", value)),
            },
        }
    }

    /// The strings of an array.
    pub(super) fn strings(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        serde_json::from_str(value.get()).map_err(|_| {
            let path = self.path(name);
            let message = format!("`{path}` must be an array of strings.");
            ApiError::invalid("invalid_type", path, message)
        })
    }

    /// The error of a field that must be there and is not.
    pub(super) fn missing(&self, name: &str) -> ApiError {
        let path = self.path(name);
        let message = format!("`{path}` is required.");
        ApiError::invalid("missing_required_parameter", path, message)
    }

    fn wrong(&self, name: &str, expected: &str, value: &RawValue) -> ApiError {
        wrong_type(&self.path(name), expected, Kind::of(value).described())
    }
}

/// A value that is carried on.
pub(super) fn carried(value: &RawValue) -> Json {
    Json::of(&value)
}

fn wrong_type(path: &str, expected: &str, found: &str) -> ApiError {
    ApiError::invalid("invalid_type", path, format!("`{path}` must be {expected}, not {found}."))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(json: &str, test: impl FnOnce(&Fields<'_>) -> T) -> T {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        test(&Fields::read(&raw, "x").unwrap())
    }

    #[test]
    fn both_spellings_and_quoted_numbers_are_read() {
        with(r#"{"max_output_tokens":"12","topK":40.0,"topP":null,"stop_sequences":["a"]}"#, |fields| {
            assert_eq!(fields.count("maxOutputTokens").unwrap(), Some(12));
            assert_eq!(fields.count("topK").unwrap(), Some(40));
            assert_eq!(fields.number("topP").unwrap(), None);
            assert_eq!(fields.strings("stopSequences").unwrap(), ["a"]);
            let others: Vec<_> = fields.others(&["topK"]).map(|(name, _)| name).collect();
            assert_eq!(others, ["maxOutputTokens", "stopSequences"]);
        });
    }

    #[test]
    fn errors_name_the_place() {
        with(r#"{"a":"x","b":-1,"c":1.5,"d":3}"#, |fields| {
            assert_eq!(fields.number("a").unwrap_err().param.as_deref(), Some("x.a"));
            assert_eq!(fields.count("b").unwrap_err().code, "invalid_value");
            assert_eq!(fields.integer("c").unwrap_err().code, "invalid_type");
            assert_eq!(fields.string("d").unwrap_err().status, 400);
            assert_eq!(fields.required_string("e").unwrap_err().code, "missing_required_parameter");
            assert!(
                fields.array("d").is_err() && fields.boolean("d").is_err() && fields.object("d").is_err()
            );
        });
    }
}
