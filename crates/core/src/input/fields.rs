//! Strict parsing of the JSON body of an admin request: unknown fields are refused, and every error names its field.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::json::error::{self, invalid_value, not_an_object, wrong_kind, wrong_type};
use crate::json::object::{JsonObject, Kind, as_str};

/// A longer list is a mistake; it would also be read on every request.
const MAX_ITEMS: usize = 1000;

/// The change of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field is absent: it is not changed.
    Keep,
    /// The field is `null`: it is cleared.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// The new value, if there is one.
    pub fn into_set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The new value, if there is one, by reference.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Converts the new value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }

    /// Applies the change to an optional field.
    pub fn apply_to(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Applies the change to a field with a default value.
    pub fn apply_or(self, field: &mut T, default: T) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = default,
            Self::Set(value) => *field = value,
        }
    }

    /// Validates or converts the new value.
    pub fn try_map<U>(self, convert: impl FnOnce(T) -> Result<U, ApiError>) -> Result<Patch<U>, ApiError> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)?),
        })
    }

    /// The value of a field that is required in a new record.
    pub fn required(self, name: &str) -> Result<T, ApiError> {
        self.into_set().ok_or_else(|| error::missing(name))
    }

    /// Refuses `null` for a field that cannot be cleared.
    pub fn not_null(self, name: &str) -> Result<Self, ApiError> {
        match self {
            Self::Clear => {
                Err(ApiError::invalid("invalid_type", name, format!("`{name}` must not be null.")))
            }
            other => Ok(other),
        }
    }
}

/// The fields of a request body, all of them known.
#[derive(Debug)]
pub struct Fields<'a> {
    object: JsonObject<'a>,
}

impl<'a> Fields<'a> {
    /// Parses a body that must be a JSON object with only these fields.
    pub fn parse(body: &'a [u8], known: &[&str]) -> Result<Self, ApiError> {
        let object: JsonObject<'a> =
            serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
        if let Some((name, _)) = object.iter().find(|(name, _)| !known.contains(name)) {
            return Err(error::unknown_field("", name, known));
        }
        Ok(Self { object })
    }

    /// A text of so many characters, without spaces around it.
    pub fn text(&self, name: &str, length: RangeInclusive<usize>) -> Result<Patch<String>, ApiError> {
        self.read(name, Kind::String)?.try_map(|value| {
            let text = as_str(value).unwrap_or_default().trim().to_owned();
            if !length.contains(&text.chars().count()) {
                let fault = format_args!("must have {} to {} characters", length.start(), length.end());
                return Err(invalid_value(name, fault));
            }
            if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
                return Err(invalid_value(name, "must not contain control characters"));
            }
            Ok(text)
        })
    }

    /// A credential: a text of so many visible ASCII characters.
    pub fn credential(&self, name: &str, length: RangeInclusive<usize>) -> Result<Patch<String>, ApiError> {
        self.text(name, length)?.try_map(|text| {
            if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Ok(text);
            }
            Err(invalid_value(name, "must consist of visible ASCII characters without spaces"))
        })
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Result<Patch<bool>, ApiError> {
        self.read(name, Kind::Boolean)?.try_map(|value| Ok(value.get() == "true"))
    }

    /// A whole number in the range.
    pub fn integer(&self, name: &str, range: RangeInclusive<u64>) -> Result<Patch<u64>, ApiError> {
        self.read(name, Kind::Number)?.try_map(|value| {
            value.get().parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
                let fault = format_args!("must be a whole number from {} to {}", range.start(), range.end());
                invalid_value(name, fault)
            })
        })
    }

    /// A whole number in the range, which fits 32 bits.
    pub fn integer_u32(&self, name: &str, range: RangeInclusive<u64>) -> Result<Patch<u32>, ApiError> {
        self.integer(name, range)?
            .try_map(|number| u32::try_from(number).map_err(|_| invalid_value(name, "is too large")))
    }

    /// A list of texts, each of so many characters.
    pub fn text_list(
        &self,
        name: &str,
        length: &RangeInclusive<usize>,
    ) -> Result<Patch<Vec<String>>, ApiError> {
        self.list(name, Kind::String, "strings", MAX_ITEMS, |item| {
            as_str(item)
                .map(|text| text.trim().to_owned())
                .filter(|text| length.contains(&text.chars().count()))
                .ok_or(None)
        })
    }

    /// A list of ids.
    pub fn id_list(&self, name: &str) -> Result<Patch<Vec<i64>>, ApiError> {
        self.list(name, Kind::Number, "provider ids", MAX_ITEMS, |item| {
            item.get().parse().ok().filter(|id| *id > 0).ok_or(None)
        })
    }

    /// A list of whole numbers in the range.
    pub fn number_list(&self, name: &str, range: &RangeInclusive<u64>) -> Result<Patch<Vec<u64>>, ApiError> {
        let what = format!("whole numbers from {} to {}", range.start(), range.end());
        self.list(name, Kind::Number, &what, MAX_ITEMS, |item| {
            item.get().parse().ok().filter(|number| range.contains(number)).ok_or(None)
        })
    }

    /// A list of at most `max_items` objects with only these fields. An error in one of them has its path, as in
    /// `name[1].field`.
    pub fn object_list<T>(
        &self,
        name: &str,
        known: &[&str],
        max_items: usize,
        read_object: impl Fn(&Fields<'a>) -> Result<T, ApiError>,
    ) -> Result<Patch<Vec<T>>, ApiError> {
        self.list(name, Kind::Object, "objects", max_items, |item| {
            if Kind::of(item) != Kind::Object {
                return Err(None);
            }
            Fields::parse(item.get().as_bytes(), known).and_then(|fields| read_object(&fields)).map_err(Some)
        })
    }

    /// An object that `read` parses; the paths in its errors are relative to this body.
    pub fn nested<T>(
        &self,
        name: &str,
        read: impl Fn(&[u8]) -> Result<T, ApiError>,
    ) -> Result<Patch<T>, ApiError> {
        self.read(name, Kind::Object)?.try_map(|value| {
            read(value.get().as_bytes()).map_err(|error| {
                let param = match &error.param {
                    Some(inner) => format!("{name}.{inner}"),
                    None => name.to_owned(),
                };
                error.with_param(param)
            })
        })
    }

    /// A number that is not negative and has at most 6 decimals, in millionths.
    pub fn millionths(&self, name: &str) -> Result<Patch<u64>, ApiError> {
        self.read(name, Kind::Number)?.try_map(|value| {
            parse_micros(value.get()).ok_or_else(|| {
                invalid_value(name, "must be a number from 0 to 1000000000 with at most 6 decimals")
            })
        })
    }

    /// An object whose values are texts.
    pub fn text_map(&self, name: &str) -> Result<Patch<BTreeMap<String, String>>, ApiError> {
        self.read(name, Kind::Object)?.try_map(|value| {
            let object: JsonObject<'_> = serde_json::from_str(value.get())
                .map_err(|error| ApiError::invalid("invalid_value", name, error.to_string()))?;
            object
                .iter()
                .map(|(key, value)| {
                    let text = as_str(value).ok_or_else(|| {
                        wrong_type(format_args!("{name}.{key}"), "a string", Kind::of(value))
                    })?;
                    Ok((key.to_owned(), text.into_owned()))
                })
                .collect()
        })
    }

    /// Parses a list. `read` returns the error of an item, if it has a specific one.
    fn list<T>(
        &self,
        name: &str,
        item_kind: Kind,
        of_what: &str,
        max_items: usize,
        read_item: impl Fn(&'a RawValue) -> Result<T, Option<ApiError>>,
    ) -> Result<Patch<Vec<T>>, ApiError> {
        self.read(name, Kind::Array)?.try_map(|value| {
            let items: Vec<&'a RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
            if items.len() > max_items {
                return Err(invalid_value(name, format_args!("must have at most {max_items} items")));
            }
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| {
                    let place = format!("{name}[{index}]");
                    read_item(item).map_err(|error| {
                        let Some(error) = error else {
                            let is_kind = Kind::of(item) == item_kind;
                            let code = if is_kind { "invalid_value" } else { "invalid_type" };
                            let message = format!("`{name}` must be a list of {of_what}.");
                            return ApiError::invalid(code, place, message);
                        };
                        let place = match &error.param {
                            Some(field) => format!("{place}.{field}"),
                            None => place,
                        };
                        error.with_param(place)
                    })
                })
                .collect()
        })
    }

    fn read(&self, name: &str, expected: Kind) -> Result<Patch<&'a RawValue>, ApiError> {
        let Some(value) = self.object.get(name) else { return Ok(Patch::Keep) };
        match Kind::of(value) {
            Kind::Null => Ok(Patch::Clear),
            found if found == expected => Ok(Patch::Set(value)),
            found => Err(wrong_kind(name, &[expected], found)),
        }
    }
}

/// Millionths of a decimal number that is written without an exponent.
fn parse_micros(text: &str) -> Option<u64> {
    const MAX_WHOLE: u64 = 1_000_000_000;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 6 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|whole| *whole <= MAX_WHOLE)?;
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    Some(whole * 1_000_000 + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (&'static str, Option<String>) {
        let error = result.unwrap_err();
        (error.code, error.param)
    }

    #[test]
    fn keep_clear_and_set_are_told_apart() {
        let fields = Fields::parse(br#"{"a":null,"b":" x "}"#, &["a", "b", "c"]).unwrap();
        assert_eq!(fields.text("a", 1..=9).unwrap(), Patch::Clear);
        assert_eq!(fields.text("b", 1..=9).unwrap(), Patch::Set("x".into()));
        assert_eq!(fields.text("c", 1..=9).unwrap(), Patch::Keep);
        let mut value = Some(1);
        Patch::Keep.apply_to(&mut value);
        assert_eq!(value, Some(1));
        Patch::Clear.apply_to(&mut value);
        assert_eq!(value, None);
    }

    #[test]
    fn dollars_are_exact() {
        for (text, micros) in
            [("0", 0), ("12.5", 12_500_000), ("0.000001", 1), ("1000000000", 1_000_000_000_000_000)]
        {
            assert_eq!(parse_micros(text), Some(micros), "{text}");
        }
        for bad in ["-1", "1e3", "0.0000001", "1000000001"] {
            assert_eq!(parse_micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_error_names_its_field() {
        assert_eq!(error_of(Fields::parse(br#"{"x":1}"#, &["a"])), ("unknown_parameter", Some("x".into())));
        assert_eq!(error_of(Fields::parse(b"[]", &["a"])), ("invalid_json", None));
        let body =
            br#"{"text":"","number":1.5,"flag":"yes","list":["a",1],"ids":[0],"map":{"k":1},"key":"a b"}"#;
        let fields = Fields::parse(body, &["text", "number", "flag", "list", "ids", "map", "key"]).unwrap();
        assert_eq!(error_of(fields.text("text", 1..=5)), ("invalid_value", Some("text".into())));
        assert_eq!(error_of(fields.text("flag", 4..=5)), ("invalid_value", Some("flag".into())));
        assert_eq!(error_of(fields.text("number", 1..=5)), ("invalid_type", Some("number".into())));
        assert_eq!(error_of(fields.integer("number", 0..=5)), ("invalid_value", Some("number".into())));
        assert_eq!(error_of(fields.boolean("flag")), ("invalid_type", Some("flag".into())));
        assert_eq!(error_of(fields.text_list("list", &(1..=5))), ("invalid_type", Some("list[1]".into())));
        assert_eq!(error_of(fields.id_list("ids")), ("invalid_value", Some("ids[0]".into())));
        assert_eq!(error_of(fields.number_list("ids", &(1..=9))), ("invalid_value", Some("ids[0]".into())));
        let of_objects = fields.object_list("ids", &["a"], 9, |_| Ok(()));
        assert_eq!(error_of(of_objects), ("invalid_type", Some("ids[0]".into())));
        assert_eq!(error_of(fields.text_map("map")), ("invalid_type", Some("map.k".into())));
        assert_eq!(error_of(fields.credential("key", 1..=9)), ("invalid_value", Some("key".into())));
    }
}
