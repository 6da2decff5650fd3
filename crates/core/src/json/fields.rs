//! Reads a request field by field, with errors that name the invalid field.
//!
//! [`Policy`] describes how a dialect writes JSON; its methods read one value each. [`Fields`] is an object of the
//! request with its path. Guarantees: `null` counts as an absent field throughout, a value is never converted beyond
//! what the policy allows, and the same mistake has the same code and wording in every dialect (those of
//! [`super::error`]).

use std::fmt::Display;

use serde_json::value::RawValue;

use super::error::{invalid_value, missing, not_an_object, reason, wrong_type};
use super::object::{JsonObject, Kind, as_str};
use crate::error::ApiError;

/// How a dialect writes JSON. [`Policy::PLAIN`] is plain JSON; each flag allows one deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each allows one spelling, independently of the others")]
pub struct Policy {
    /// A field that is documented as `maxOutputTokens` may be spelled `max_output_tokens`.
    pub either_case: bool,
    /// An integer may be quoted: `"12"`.
    pub quoted_numbers: bool,
    /// An integer may have a decimal point or an exponent: `40.0`, `1e3`.
    pub decimal_integers: bool,
    /// A single object counts as an array of one.
    pub lone_items: bool,
}

impl Policy {
    /// Plain JSON.
    pub const PLAIN: Self =
        Self { either_case: false, quoted_numbers: false, decimal_integers: false, lone_items: false };

    /// The object of a body. Errors: `invalid_json`.
    pub fn of_body(self, body: &[u8]) -> Result<Fields<'_>, ApiError> {
        let object = serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
        Ok(self.of(object, ""))
    }

    /// A parsed object with its `path` (empty for the body).
    pub fn of(self, object: JsonObject<'_>, path: impl Into<String>) -> Fields<'_> {
        Fields { object, path: path.into(), policy: self }
    }

    /// The object at `path`. Errors: `invalid_type`; `invalid_json` for a duplicate field.
    pub fn read(self, value: &RawValue, path: impl Into<String>) -> Result<Fields<'_>, ApiError> {
        let path = path.into();
        let object = self.object(value, &path)?;
        Ok(self.of(object, path))
    }

    /// An object without a path. Errors: as [`Policy::read`].
    pub fn object(self, value: &RawValue, path: impl Display) -> Result<JsonObject<'_>, ApiError> {
        expect(value, Kind::Object, &path)?;
        serde_json::from_str(value.get()).map_err(|error| {
            ApiError::invalid("invalid_json", path.to_string(), format!("{}.", reason(&error)))
        })
    }

    /// The elements of an array. Errors: `invalid_type`.
    pub fn array(self, value: &RawValue, path: impl Display) -> Result<Vec<&RawValue>, ApiError> {
        if self.lone_items && Kind::of(value) == Kind::Object {
            return Ok(vec![value]);
        }
        expect(value, Kind::Array, path)?;
        Ok(serde_json::from_str(value.get()).unwrap_or_default())
    }

    /// A string. Errors: `invalid_type`; `invalid_value` if it is not Unicode.
    pub fn string(self, value: &RawValue, path: impl Display) -> Result<String, ApiError> {
        expect(value, Kind::String, &path)?;
        let text = as_str(value).ok_or_else(|| invalid_value(path, "is not valid Unicode"))?;
        Ok(text.into_owned())
    }

    /// `true` or `false`. Errors: `invalid_type`.
    pub fn boolean(self, value: &RawValue, path: impl Display) -> Result<bool, ApiError> {
        expect(value, Kind::Boolean, path)?;
        Ok(value.get() == "true")
    }

    /// A finite number. Errors: `invalid_type`; `invalid_value` if no 64-bit float is as large.
    pub fn number(self, value: &RawValue, path: impl Display) -> Result<f64, ApiError> {
        expect(value, Kind::Number, &path)?;
        let number = value.get().parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| invalid_value(path, "is out of range"))
    }

    /// A whole number that is not negative. Errors: `invalid_type`, `invalid_value`.
    pub fn unsigned(self, value: &RawValue, path: impl Display) -> Result<u64, ApiError> {
        const FAULT: &str = "must be a whole number that is not negative";
        let number = self.whole(value, &path, FAULT)?;
        u64::try_from(number).map_err(|_| invalid_value(path, FAULT))
    }

    /// A whole number. Errors: `invalid_type`, `invalid_value`.
    pub fn signed(self, value: &RawValue, path: impl Display) -> Result<i64, ApiError> {
        const FAULT: &str = "must be a whole number";
        let number = self.whole(value, &path, FAULT)?;
        i64::try_from(number).map_err(|_| invalid_value(path, FAULT))
    }

    fn whole(self, value: &RawValue, path: impl Display, fault: &str) -> Result<i128, ApiError> {
        let quoted = if self.quoted_numbers { as_str(value) } else { None };
        if quoted.is_none() {
            expect(value, Kind::Number, &path)?;
        }
        let text = quoted.as_deref().unwrap_or(value.get());
        let number = if self.decimal_integers { whole(text) } else { text.parse().ok() };
        number.ok_or_else(|| invalid_value(path, fault))
    }
}

/// An object of a request with its path.
#[derive(Debug)]
pub struct Fields<'a> {
    object: JsonObject<'a>,
    path: String,
    policy: Policy,
}

impl<'a> Fields<'a> {
    /// The path of a field.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The path of the object; empty for the body.
    #[must_use]
    pub fn own_path(&self) -> &str {
        &self.path
    }

    /// The value of a field that is present and not `null`. `name` is that of the documentation.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let value = self.object.get_set(name);
        if value.is_none() && self.policy.either_case {
            return self.object.get_set(&snake_case(name));
        }
        value
    }

    /// The fields that are set and have none of these names, under the names of the documentation.
    pub fn others<'s>(
        &'s self,
        known: &'s [&'s str],
    ) -> impl Iterator<Item = (String, &'a RawValue)> + use<'s, 'a> {
        let set = self.object.iter().filter(|(_, value)| Kind::of(value) != Kind::Null);
        set.filter_map(|(name, value)| {
            let name = if self.policy.either_case { camel_case(name) } else { name.to_owned() };
            (!known.contains(&name.as_str())).then_some((name, value))
        })
    }

    /// A string.
    pub fn string(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.optional(name, |policy, value, path| policy.string(value, path))
    }

    /// A required string. Errors also: `missing_required_parameter`.
    pub fn required_string(&self, name: &str) -> Result<String, ApiError> {
        self.string(name)?.ok_or_else(|| self.missing(name))
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.optional(name, |policy, value, path| policy.boolean(value, path))
    }

    /// A finite number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        self.optional(name, |policy, value, path| policy.number(value, path))
    }

    /// A whole number that is not negative.
    pub fn unsigned(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.optional(name, |policy, value, path| policy.unsigned(value, path))
    }

    /// A whole number.
    pub fn signed(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.optional(name, |policy, value, path| policy.signed(value, path))
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        self.get(name).map(|value| self.policy.read(value, self.path(name))).transpose()
    }

    /// A required object. Errors also: `missing_required_parameter`.
    pub fn required_object(&self, name: &str) -> Result<Self, ApiError> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// The elements of an array, each with its path; none if the field is absent.
    pub fn array(&self, name: &str) -> Result<Vec<(String, &'a RawValue)>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let path = self.path(name);
        let items = self.policy.array(value, &path)?.into_iter().enumerate();
        Ok(items.map(|(index, item)| (format!("{path}[{index}]"), item)).collect())
    }

    /// The strings of an array; none if the field is absent.
    pub fn strings(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.array(name)?.into_iter().map(|(path, item)| self.policy.string(item, path)).collect()
    }

    /// The objects of an array; none if the field is absent.
    pub fn objects(&self, name: &str) -> Result<Vec<Self>, ApiError> {
        self.array(name)?.into_iter().map(|(path, item)| self.policy.read(item, path)).collect()
    }

    /// The error for a missing required field.
    #[must_use]
    pub fn missing(&self, name: &str) -> ApiError {
        missing(self.path(name))
    }

    /// The error for an invalid value; `fault` continues the sentence that begins with the path.
    #[must_use]
    pub fn invalid(&self, name: &str, fault: &str) -> ApiError {
        invalid_value(self.path(name), fault)
    }

    fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(Policy, &'a RawValue, &dyn Display) -> Result<T, ApiError>,
    ) -> Result<Option<T>, ApiError> {
        self.get(name).map(|value| read(self.policy, value, &Place(&self.path, name))).transpose()
    }
}

/// The path of a field, written only if there is an error to report.
struct Place<'p>(&'p str, &'p str);

impl Display for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(parent, name) = self;
        if parent.is_empty() { formatter.write_str(name) } else { write!(formatter, "{parent}.{name}") }
    }
}

/// Refuses a value of another kind.
fn expect(value: &RawValue, expected: Kind, path: impl Display) -> Result<(), ApiError> {
    let found = Kind::of(value);
    if found == expected { Ok(()) } else { Err(wrong_type(path, expected.described(), found)) }
}

/// A whole number, also one with a decimal point or an exponent if it is at most 2^53.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers up to 2^53 come this far")]
pub fn whole(text: &str) -> Option<i128> {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.abs() <= MAX_EXACT && number.fract() == 0.0).then_some(number as i128)
    })
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

    const ALL: Policy =
        Policy { either_case: true, quoted_numbers: true, decimal_integers: true, lone_items: true };

    fn with<T>(policy: Policy, json: &str, test: impl FnOnce(&Fields<'_>) -> T) -> T {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        test(&policy.read(&raw, "x").unwrap())
    }

    #[test]
    fn a_policy_allows_what_it_says_and_no_more() {
        let json = r#"{"max_tokens":"12","topK":40.0,"topP":null,"stop":{"a":1}}"#;
        with(ALL, json, |fields| {
            assert_eq!(fields.unsigned("maxTokens").unwrap(), Some(12));
            assert_eq!(fields.signed("topK").unwrap(), Some(40));
            assert_eq!(fields.number("topP").unwrap(), None);
            assert_eq!(fields.array("stop").unwrap()[0].0, "x.stop[0]");
            let others: Vec<_> = fields.others(&["topK", "stop"]).map(|(name, _)| name).collect();
            assert_eq!(others, ["maxTokens"]);
        });
        with(Policy::PLAIN, json, |fields| {
            assert_eq!(fields.unsigned("maxTokens").unwrap(), None);
            let code = |result: Result<Option<u64>, ApiError>| result.unwrap_err().code;
            assert_eq!(code(fields.unsigned("max_tokens")), "invalid_type");
            assert_eq!(code(fields.unsigned("topK")), "invalid_value");
            assert_eq!(fields.array("stop").unwrap_err().code, "invalid_type");
        });
    }

    #[test]
    fn errors_name_the_place_and_say_what_is_expected() {
        let json = r#"{"a":"x","b":-1,"c":1.5,"d":3,"e":[1],"f":1e999,"g":"\ud800","h":{"i":1,"i":2}}"#;
        with(ALL, json, |fields| {
            let b = fields.unsigned("b").unwrap_err();
            assert_eq!(b.message, "`x.b` must be a whole number that is not negative.");
            assert_eq!(fields.number("a").unwrap_err().message, "`x.a` must be a number, not a string.");
            for (error, code, param) in [
                (b, "invalid_value", "x.b"),
                (fields.signed("a").unwrap_err(), "invalid_value", "x.a"),
                (fields.signed("c").unwrap_err(), "invalid_value", "x.c"),
                (fields.string("d").unwrap_err(), "invalid_type", "x.d"),
                (fields.boolean("d").unwrap_err(), "invalid_type", "x.d"),
                (fields.object("d").unwrap_err(), "invalid_type", "x.d"),
                (fields.array("d").unwrap_err(), "invalid_type", "x.d"),
                (fields.strings("e").unwrap_err(), "invalid_type", "x.e[0]"),
                (fields.number("f").unwrap_err(), "invalid_value", "x.f"),
                (fields.string("g").unwrap_err(), "invalid_value", "x.g"),
                (fields.object("h").unwrap_err(), "invalid_json", "x.h"),
                (fields.required_string("none").unwrap_err(), "missing_required_parameter", "x.none"),
            ] {
                assert_eq!((error.status, error.code, error.param.as_deref()), (400, code, Some(param)));
            }
        });
    }

    #[test]
    fn whole_numbers_stay_exact() {
        with(ALL, r#"{"a":18446744073709551615,"b":-9223372036854775808,"c":1e3,"d":1e40}"#, |fields| {
            assert_eq!(fields.unsigned("a").unwrap(), Some(u64::MAX));
            assert_eq!(fields.signed("b").unwrap(), Some(i64::MIN));
            assert_eq!(fields.unsigned("c").unwrap(), Some(1000));
            assert!(fields.unsigned("d").is_err() && fields.signed("a").is_err());
        });
    }
}
