//! Reading the top level of a JSON object without building a tree.
//!
//! Field values stay slices of the input ([`RawValue`]), so that a body can be checked and spliced while all other
//! bytes stay as they are.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Up to this many fields, names are compared one by one.
const FEW_FIELDS: usize = 32;

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// Any number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The kind of a value, from its first byte.
    #[must_use]
    pub fn of(value: &RawValue) -> Self {
        match value.get().as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }

    /// The kind of a parsed value.
    #[must_use]
    pub fn of_tree(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// The name with its article, for error messages.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// The fields of one JSON object, in their order. An object with a duplicate field is refused: parsers disagree on
/// which of the two counts, so the gateway could check one and the upstream use the other.
#[derive(Debug, Clone)]
pub struct JsonObject<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> JsonObject<'a> {
    /// The value of a field; `null` counts as a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| *value)
    }

    /// The value of a field that is present and not `null`.
    #[must_use]
    pub fn get_set(&self, name: &str) -> Option<&'a RawValue> {
        self.get(name).filter(|value| Kind::of(value) != Kind::Null)
    }

    /// All fields in the order of the input.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// Whether the object has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub(super) fn fields(&self) -> &[(Cow<'a, str>, &'a RawValue)] {
        &self.fields
    }
}

/// The text of a JSON string, borrowed unless it contains escapes; `None` for other values.
#[must_use]
pub fn as_str(value: &RawValue) -> Option<Cow<'_, str>> {
    struct Text<'a>(Cow<'a, str>);
    struct TextVisitor;

    impl<'de> Visitor<'de> for TextVisitor {
        type Value = Text<'de>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Text(Cow::Borrowed(text)))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Text(Cow::Owned(text.to_owned())))
        }
    }

    impl<'de> Deserialize<'de> for Text<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_str(TextVisitor)
        }
    }

    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

impl<'de> Deserialize<'de> for JsonObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = JsonObject<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(4);
                // Comparing each name with all before it is fastest for the few fields of a normal request, but would
                // take minutes for the many fields of a malicious one.
                let mut known: HashSet<Cow<'de, str>> = HashSet::new();
                while let Some((FieldName(name), value)) =
                    map.next_entry::<FieldName<'de>, &'de RawValue>()?
                {
                    let is_repeated = if fields.len() < FEW_FIELDS {
                        fields.iter().any(|(known, _)| *known == name)
                    } else {
                        if known.is_empty() {
                            known.extend(fields.iter().map(|(name, _)| name.clone()));
                        }
                        !known.insert(name.clone())
                    };
                    if is_repeated {
                        return Err(de::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    fields.push((name, value));
                }
                Ok(JsonObject { fields })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A field name, borrowed where it has no escapes.
struct FieldName<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for FieldName<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = FieldName<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(FieldName(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(FieldName(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_bytes() {
        let object: JsonObject<'_> =
            serde_json::from_str(r#"{"b": 1e400, "a\u0062": [1 , 2], "n": null}"#).unwrap();
        let fields: Vec<_> = object.iter().map(|(name, value)| (name.to_owned(), value.get())).collect();
        assert_eq!(fields, [("b".into(), "1e400"), ("ab".into(), "[1 , 2]"), ("n".into(), "null")]);
        assert!(object.get("n").is_some() && object.get_set("n").is_none());
    }

    #[test]
    fn a_repeated_field_is_refused_however_it_is_spelled() {
        let error = serde_json::from_str::<JsonObject<'_>>(r#"{"a":1,"\u0061":2}"#).unwrap_err();
        assert!(error.to_string().contains("duplicate field `a`"));
    }

    #[test]
    fn repeated_fields_are_found_among_many_in_little_time() {
        let many: Vec<String> = (0..200_000).map(|index| format!("\"x{index}\":1")).collect();
        let many = many.join(",");
        assert_eq!(
            serde_json::from_str::<JsonObject<'_>>(&format!("{{{many}}}")).unwrap().iter().count(),
            200_000
        );
        assert!(serde_json::from_str::<JsonObject<'_>>(&format!("{{{many},\"x7\":1}}")).is_err());
    }

    #[test]
    fn strings_are_borrowed_or_unescaped() {
        let object: JsonObject<'_> = serde_json::from_str(r#"{"x":"plain","y":"a\nb","z":3}"#).unwrap();
        assert!(matches!(as_str(object.get("x").unwrap()), Some(Cow::Borrowed("plain"))));
        assert_eq!(as_str(object.get("y").unwrap()).unwrap(), "a\nb");
        assert_eq!(as_str(object.get("z").unwrap()), None);
    }
}
