//! The form of a question: a flat object whose fields are texts, numbers, yes or no, or a choice, and the check of what a person filled in.
//!
//! Guarantee: content that passes has every required field, no other fields than those of the form, and values of the types, lengths,
//! ranges, choices and formats that the schema of each field says. A keyword that the protocol does not have for forms is not checked.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// So many choices are named in an error.
const SHOWN_CHOICES: usize = 20;

/// What is wrong with content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: String,
    /// How it is wrong.
    pub wrong: Wrong,
}

/// How a field is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is required, and absent.
    Missing,
    /// The form has no such field.
    Unknown,
    /// It has another type than this one, which has its article.
    Type(&'static str),
    /// Its value is not allowed: the end of a sentence about it.
    Value(String),
}

/// A form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    schema: Map<String, Value>,
}

impl Form {
    /// The form of a schema; `None` if it is no object.
    #[must_use]
    pub fn read(schema: &RawValue) -> Option<Self> {
        Some(Self { schema: serde_json::from_str(schema.get()).ok()? })
    }

    /// The schema.
    #[must_use]
    pub const fn schema(&self) -> &Map<String, Value> {
        &self.schema
    }

    /// Checks content.
    ///
    /// # Errors
    /// The first fault: of required fields first, then in the order of the content.
    pub fn check(&self, content: &Map<String, Value>) -> Result<(), Fault> {
        let fault = |field: &str, wrong| Fault { field: field.to_owned(), wrong };
        let required = self.schema.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        if let Some(name) = names.into_iter().find(|name| !content.contains_key(*name)) {
            return Err(fault(name, Wrong::Missing));
        }
        let fields = self.schema.get("properties").and_then(Value::as_object);
        for (name, value) in content {
            let field = fields.and_then(|fields| fields.get(name));
            let field = field.ok_or_else(|| fault(name, Wrong::Unknown))?;
            check(field, value).map_err(|wrong| fault(name, wrong))?;
        }
        Ok(())
    }
}

fn check(field: &Value, value: &Value) -> Result<(), Wrong> {
    match field.get("type").and_then(Value::as_str) {
        Some("string") => {
            let text = value.as_str().ok_or(Wrong::Type("a string"))?;
            in_range(field, text.chars().count(), "minLength", "maxLength", "characters")?;
            Choices::of(field).check(text)?;
            has_format(field, text)
        }
        Some("integer") if !is_whole(value) => Err(Wrong::Type("a whole number")),
        Some("integer" | "number") => is_within(field, value.as_f64().ok_or(Wrong::Type("a number"))?),
        Some("boolean") if !value.is_boolean() => Err(Wrong::Type("a boolean")),
        Some("array") => {
            let items = value.as_array().ok_or(Wrong::Type("an array"))?;
            in_range(field, items.len(), "minItems", "maxItems", "items")?;
            let choices = Choices::of(field.get("items").unwrap_or(&Value::Null));
            items
                .iter()
                .try_for_each(|item| choices.check(item.as_str().ok_or(Wrong::Type("an array of strings"))?))
        }
        _ => Ok(()),
    }
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn in_range(field: &Value, count: usize, least: &str, most: &str, of: &str) -> Result<(), Wrong> {
    let limit = |name: &str| field.get(name).and_then(Value::as_u64);
    let count = count as u64;
    if let Some(least) = limit(least).filter(|least| count < *least) {
        return Err(Wrong::Value(format!("must have at least {least} {of}")));
    }
    match limit(most).filter(|most| count > *most) {
        Some(most) => Err(Wrong::Value(format!("must have at most {most} {of}"))),
        None => Ok(()),
    }
}

fn is_within(field: &Value, number: f64) -> Result<(), Wrong> {
    let limit = |name: &str| field.get(name).and_then(Value::as_f64);
    if let Some(least) = limit("minimum").filter(|least| number < *least) {
        return Err(Wrong::Value(format!("must be at least {least}")));
    }
    match limit("maximum").filter(|most| number > *most) {
        Some(most) => Err(Wrong::Value(format!("must be at most {most}"))),
        None => Ok(()),
    }
}

/// The texts of which a field has to be one: `enum`, or `const` of the members of `oneOf` or `anyOf`. Any, where there are none.
struct Choices<'a> {
    all: HashSet<&'a str>,
    /// The first of them, as they are named in an error.
    shown: Vec<&'a str>,
}

impl<'a> Choices<'a> {
    fn of(field: &'a Value) -> Self {
        let list = |name: &str| field.get(name).and_then(Value::as_array).into_iter().flatten();
        let titled = list("oneOf").chain(list("anyOf")).filter_map(|choice| choice.get("const"));
        let choices = || list("enum").chain(titled.clone()).filter_map(Value::as_str);
        Self { all: choices().collect(), shown: choices().take(SHOWN_CHOICES).collect() }
    }

    fn check(&self, text: &str) -> Result<(), Wrong> {
        if self.all.is_empty() || self.all.contains(text) {
            return Ok(());
        }
        let shown: Vec<String> = self.shown.iter().map(|choice| format!("`{choice}`")).collect();
        Err(Wrong::Value(format!("must be one of {}", shown.join(", "))))
    }
}

fn has_format(field: &Value, text: &str) -> Result<(), Wrong> {
    let (has, what) = match field.get("format").and_then(Value::as_str) {
        Some("email") => (is_email(text), "an e-mail address"),
        Some("uri") => (is_uri(text), "a URI"),
        Some("date") => (is_date(text), "a date such as `2026-07-28`"),
        Some("date-time") => (is_date_time(text), "a time such as `2026-07-28T12:00:00Z`"),
        _ => return Ok(()),
    };
    if has { Ok(()) } else { Err(Wrong::Value(format!("must be {what}"))) }
}

fn is_email(text: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    text.rsplit_once('@').is_some_and(|(name, host)| is_plain(name) && is_plain(host))
}

fn is_uri(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let parts = text.split_once(':');
    !text.contains(char::is_whitespace)
        && parts.is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| digits(part).map(|number| (part.len(), number)));
    let (Some(Some((4, year))), Some(Some((2, month))), Some(Some((2, day))), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let (clock, is_zoned) = match time.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, true),
        None => match time.rsplit_once(['+', '-']) {
            Some((clock, zone)) => (clock, is_clock(zone, 2)),
            None => return false,
        },
    };
    let (clock, is_fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, digits(fraction).is_some()),
        None => (clock, true),
    };
    is_date(date) && is_zoned && is_fraction && is_clock(clock, 3)
}

/// Whether a text is so many pairs of digits between colons, within a day; a second may be a leap second.
fn is_clock(text: &str, pairs: usize) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let fits =
        |(part, most): (&&str, u64)| part.len() == 2 && digits(part).is_some_and(|number| number <= most);
    parts.len() == pairs && parts.iter().zip([23, 59, 60]).all(fits)
}

fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(schema: &Value) -> Form {
        Form { schema: schema.as_object().unwrap().clone() }
    }

    fn wrong(field: &Value, value: &Value) -> Option<Wrong> {
        let form = form(&json!({ "type": "object", "properties": { "a": field } }));
        form.check(json!({ "a": value }).as_object().unwrap()).err().map(|fault| fault.wrong)
    }

    #[test]
    fn a_form_has_its_fields_and_no_others() {
        let form = form(&json!({ "properties": { "a": { "type": "string" }, "b": {} }, "required": ["a"] }));
        let of = |content: Value| form.check(content.as_object().unwrap());
        assert_eq!(of(json!({ "a": "x", "b": [1] })), Ok(()));
        assert_eq!(of(json!({ "b": 1 })), Err(Fault { field: "a".into(), wrong: Wrong::Missing }));
        assert_eq!(of(json!({ "a": "x", "c": 1 })), Err(Fault { field: "c".into(), wrong: Wrong::Unknown }));
        assert_eq!(
            of(json!({ "a": null })),
            Err(Fault { field: "a".into(), wrong: Wrong::Type("a string") })
        );
    }

    #[test]
    fn values_have_the_types_of_their_fields() {
        for (kind, good, bad, what) in [
            ("string", json!("x"), json!(1), "a string"),
            ("number", json!(1.5), json!("1"), "a number"),
            ("integer", json!(3), json!(3.5), "a whole number"),
            ("boolean", json!(true), json!("true"), "a boolean"),
            ("array", json!(["x"]), json!("x"), "an array"),
            ("array", json!([]), json!([1]), "an array of strings"),
        ] {
            let field = json!({ "type": kind });
            assert_eq!(wrong(&field, &good), None, "{kind}");
            assert_eq!(wrong(&field, &bad), Some(Wrong::Type(what)), "{kind}");
        }
        assert_eq!(wrong(&json!({ "type": "integer" }), &json!(3.0)), None);
    }

    #[test]
    fn values_are_within_limits_and_of_the_choice() {
        for (field, good, bad) in [
            (json!({ "type": "string", "minLength": 2, "maxLength": 3 }), json!("éé"), json!("é")),
            (json!({ "type": "string", "minLength": 2, "maxLength": 3 }), json!("ééé"), json!("éééé")),
            (json!({ "type": "number", "minimum": 0, "maximum": 1 }), json!(0), json!(-0.1)),
            (json!({ "type": "integer", "minimum": 0, "maximum": 1 }), json!(1), json!(2)),
            (json!({ "type": "string", "enum": ["a", "b"] }), json!("b"), json!("c")),
            (json!({ "type": "string", "oneOf": [{ "const": "a", "title": "A" }] }), json!("a"), json!("A")),
            (
                json!({ "type": "array", "maxItems": 1, "items": { "enum": ["a"] } }),
                json!(["a"]),
                json!(["a", "a"]),
            ),
            (
                json!({ "type": "array", "items": { "anyOf": [{ "const": "a" }] } }),
                json!(["a"]),
                json!(["b"]),
            ),
        ] {
            assert_eq!(wrong(&field, &good), None, "{field}");
            assert!(matches!(wrong(&field, &bad), Some(Wrong::Value(_))), "{field}");
        }
    }

    #[test]
    fn texts_have_their_formats() {
        for (format, good, bad) in [
            ("email", vec!["a@b.example"], vec!["a", "@b", "a@", "a b@c"]),
            ("uri", vec!["https://a.example/x", "urn:a:b"], vec!["a", "1a:b", "https:", "a b:c"]),
            (
                "date",
                vec!["2024-02-29", "2026-12-31"],
                vec!["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "x"],
            ),
            (
                "date-time",
                vec!["2026-07-28T12:00:00Z", "2026-07-28T23:59:60.123+05:30"],
                vec!["2026-07-28", "2026-07-28T12:00:00", "2026-07-28T25:00:00Z", "2026-07-28T12:00Z"],
            ),
            ("unheard-of", vec!["anything"], vec![]),
        ] {
            let field = json!({ "type": "string", "format": format });
            for text in good {
                assert_eq!(wrong(&field, &json!(text)), None, "{format} {text}");
            }
            for text in bad {
                assert!(matches!(wrong(&field, &json!(text)), Some(Wrong::Value(_))), "{format} {text}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,60}", format in "email|uri|date|date-time") {
            let _ = wrong(&json!({ "type": "string", "format": format }), &json!(text));
        }
    }
}
