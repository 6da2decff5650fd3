//! An object of a provider's answer, read field by field.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{RAW, piece, string, text, unquoted};
use crate::json::fields::whole;
use crate::json::object::{JsonObject, Kind};

/// Up to this many fields, names are compared one by one.
const FEW_FIELDS: usize = 32;

/// The fields of one object. Of a repeated field the last counts, as in JavaScript, Python and Go.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// The fields of a value; `None` if it is not an object.
    #[must_use]
    pub fn of(value: &'a RawValue) -> Option<Self> {
        (Kind::of(value) == Kind::Object).then(|| serde_json::from_str(value.get()).ok()).flatten()
    }

    /// The value of a field; `null` counts as a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.iter().rfind(|(field, _)| field == name).map(|(_, value)| *value)
    }

    /// The value of a field that is present and not `null`.
    #[must_use]
    pub fn get_set(&self, name: &str) -> Option<&'a RawValue> {
        self.get(name).filter(|value| Kind::of(value) != Kind::Null)
    }

    /// All fields in the order of the input, repeated ones included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// Whether the object has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The text of a field: a string, or a number or boolean as it is written. `None` if it is absent, empty or of
    /// another type.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(text).filter(|text| !text.is_empty())
    }

    /// The same for a piece of a streamed text; see [`piece`].
    #[must_use]
    pub fn piece(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.get(name)?;
        let said = if Kind::of(value) == Kind::String { piece(value) } else { text(value) };
        said.filter(|said| !said.is_empty())
    }

    /// A whole number that is not negative; see [`integer`].
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(integer)
    }

    /// A number; see [`number`].
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(number)
    }

    /// A boolean; see [`boolean`].
    #[must_use]
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(boolean)
    }

    /// A field that is an object.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::of)
    }

    /// The items of a field that is an array; see [`items`].
    #[must_use]
    pub fn items(&self, name: &str) -> Vec<&'a RawValue> {
        self.get(name).map(items).unwrap_or_default()
    }

    /// The objects of a field that is an array.
    pub fn objects(&self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.items(name).into_iter().filter_map(Self::of)
    }

    /// The fields without those that a later one replaces.
    pub(super) fn into_unique(self) -> Vec<(Cow<'a, str>, &'a RawValue)> {
        let mut fields = self.fields;
        if fields.len() <= FEW_FIELDS {
            for index in (0..fields.len()).rev() {
                let (earlier, later) = fields.split_at(index + 1);
                let is_replaced =
                    earlier.last().is_some_and(|(name, _)| later.iter().any(|(other, _)| other == name));
                if is_replaced {
                    fields.remove(index);
                }
            }
            return fields;
        }
        let mut known = HashSet::with_capacity(fields.len());
        fields.reverse();
        fields.retain(|(name, _)| known.insert(name.clone()));
        fields.reverse();
        fields
    }
}

/// Visits the fields of an object of a provider's answer in their order; of a repeated one only the last. Visits nothing of
/// other values.
pub fn for_each_field<'a>(value: &'a RawValue, mut visit: impl FnMut(&str, &'a RawValue)) {
    for (name, value) in Object::of(value).unwrap_or_default().into_unique() {
        visit(&name, value);
    }
}

/// The items of an array. A single object counts as an array of one; other values have no items.
#[must_use]
pub fn items(value: &RawValue) -> Vec<&RawValue> {
    match Kind::of(value) {
        Kind::Array => serde_json::from_str(value.get()).unwrap_or_default(),
        Kind::Object => vec![value],
        _ => Vec::new(),
    }
}

/// A whole number that is not negative, also as text, with a decimal point or with an exponent; a fraction is cut off.
/// `None` for a negative one, and for one that 64 bits cannot hold.
#[must_use]
pub fn integer(value: &RawValue) -> Option<u64> {
    let written = written_number(value)?;
    let number = whole(&written).or_else(|| {
        let number = written.parse::<f64>().ok().filter(|number| number.is_finite())?;
        whole(&number.trunc().to_string())
    });
    number.and_then(|number| u64::try_from(number).ok())
}

/// A finite number, also as text.
#[must_use]
pub fn number(value: &RawValue) -> Option<f64> {
    written_number(value)?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A boolean, also as text or as a number.
#[must_use]
pub fn boolean(value: &RawValue) -> Option<bool> {
    match text(value)?.trim() {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" | "" => Some(false),
        _ => None,
    }
}

fn written_number(value: &RawValue) -> Option<Cow<'_, str>> {
    match Kind::of(value) {
        Kind::Number => Some(Cow::Borrowed(value.get())),
        Kind::String => Some(match string(value)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }),
        _ => None,
    }
}

/// An object that was read strictly.
impl<'a> From<&JsonObject<'a>> for Object<'a> {
    fn from(object: &JsonObject<'a>) -> Self {
        Self { fields: object.fields().to_vec() }
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(4);
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    fields.push((name, value));
                }
                Ok(Object { fields })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A name. It is read as a raw value: as a string, half a character in it would make the object invalid.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field name")
            }

            /// The form in which `serde_json` gives a raw value.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let raw = map.next_entry::<IgnoredAny, &'de str>()?.map_or("", |(_, raw)| raw);
                Ok(Name(unquoted(raw)))
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_string<E>(self, name: String) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_newtype_struct(RAW, NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_repeated_fields_counts() {
        let object: Object<'_> =
            serde_json::from_str(r#"{"a":1,"b":"x","\u0061":2,"\ud83d":3,"c":null}"#).unwrap();
        assert_eq!((object.integer("a"), object.integer("\u{FFFD}")), (Some(2), Some(3)));
        assert!(object.get("c").is_some() && object.get_set("c").is_none());
        let names: Vec<_> = object.into_unique().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "\u{FFFD}", "c"]);
        let many: Vec<String> =
            (0..100_000).map(|index| format!("\"x{}\":{index}", index % 50_000)).collect();
        let many = format!("{{{}}}", many.join(","));
        let fields = serde_json::from_str::<Object<'_>>(&many).unwrap().into_unique();
        assert_eq!((fields.len(), fields[0].1.get()), (50_000, "50000"));
    }

    #[test]
    fn values_are_read_in_every_spelling() {
        let json = r#"{"a":"12","b":12.0,"c":1.2e1,"d":" 12 ","e":12.7,"f":-1,"g":1e30,"h":"x","i":true,"j":"false","k":1,"l":{"m":1},"n":[5,{}],"o":"","p":null}"#;
        let object: Object<'_> = serde_json::from_str(json).unwrap();
        for name in ["a", "b", "c", "d", "e"] {
            assert_eq!(object.integer(name), Some(12), "{name}");
        }
        for name in ["f", "g", "h", "i", "l", "p"] {
            assert_eq!(object.integer(name), None, "{name}");
        }
        assert_eq!(
            (object.number("f"), object.number("a"), object.number("h")),
            (Some(-1.0), Some(12.0), None)
        );
        let booleans = ["i", "j", "k", "h"].map(|name| object.boolean(name));
        assert_eq!(booleans, [Some(true), Some(false), Some(true), None]);
        assert_eq!((object.items("l").len(), object.items("n").len(), object.items("a").len()), (1, 2, 0));
        assert_eq!((object.objects("n").count(), object.object("l").unwrap().integer("m")), (1, Some(1)));
        let texts = ["a", "b", "i", "o", "p", "l"].map(|name| object.text(name));
        let texts = texts.each_ref().map(Option::as_deref);
        assert_eq!(texts, [Some("12"), Some("12.0"), Some("true"), None, None, None]);
    }
}
