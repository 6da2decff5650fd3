//! A JSON value that is carried without being parsed.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json::lenient;
use crate::json::object::Kind;

/// JSON text as received: number formats and the order of fields are preserved. Two are equal if their values are.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The value of a JSON text; `None` if it is not valid JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Box<RawValue>>(text.trim()).ok().map(Self)
    }

    /// A value as received.
    #[must_use]
    pub fn carried(value: &RawValue) -> Self {
        Self(value.to_owned())
    }

    /// A value of a provider's answer, without repeated fields and halves of characters.
    #[must_use]
    pub fn answered(value: &RawValue) -> Self {
        match lenient::clean(value.get()) {
            Cow::Borrowed(_) => Self::carried(value),
            Cow::Owned(text) => RawValue::from_string(text).map_or_else(|_| Self::carried(value), Self),
        }
    }

    /// The same for a value that is held already.
    #[must_use]
    pub fn cleaned(self) -> Self {
        match lenient::clean(self.text()) {
            Cow::Borrowed(_) => self,
            Cow::Owned(text) => RawValue::from_string(text).map_or(self, Self),
        }
    }

    /// Any serialisable value.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        serde_json::value::to_raw_value(value).map_or_else(|_| Self::null(), Self)
    }

    /// `null`
    #[must_use]
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The empty object.
    #[must_use]
    pub fn empty_object() -> Self {
        Self::of(&serde_json::Map::new())
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The raw value, to be borrowed from.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// The value as a tree. Half of a UTF-16 pair is U+FFFD there.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        lenient::nested(&self.0).unwrap_or_default()
    }

    /// The text of the arguments of a tool call for a service that parses it: as it is, if it is an object; else that of
    /// [`Self::arguments_object`].
    #[must_use]
    pub fn arguments_text(text: &str) -> Cow<'_, str> {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(value) if Kind::of(value) == Kind::Object => Cow::Borrowed(text),
            _ => Cow::Owned(Self::arguments_object(text).text().to_owned()),
        }
    }

    /// The arguments of a tool call as an object. Models write them as text, and not always correctly: an empty text
    /// or `null` is an empty object, and what is not an object is put under `arguments`.
    #[must_use]
    pub fn arguments_object(text: &str) -> Self {
        if matches!(text.trim(), "" | "null") {
            return Self::empty_object();
        }
        match Self::parse(text) {
            Some(json) if json.text().starts_with('{') => json.cleaned(),
            _ => Self::of(&serde_json::json!({ "arguments": text })),
        }
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() || self.to_value() == other.to_value()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_always_an_object() {
        for (text, object) in [
            ("", "{}"),
            ("  ", "{}"),
            ("null", "{}"),
            ("{\"a\":1}", "{\"a\":1}"),
            ("[1]", r#"{"arguments":"[1]"}"#),
            ("{\"a\":", r#"{"arguments":"{\"a\":"}"#),
        ] {
            assert_eq!(Json::arguments_object(text), Json::parse(object).unwrap(), "{text}");
        }
    }

    #[test]
    fn equality_is_by_meaning_and_text_survives() {
        assert_eq!(Json::parse(r#"{"a":1,"b":2}"#), Json::parse(r#"{ "b": 2, "a": 1 }"#));
        assert_eq!(Json::parse("1.50").unwrap().text(), "1.50");
        assert!(Json::parse("{").is_none());
    }
}
