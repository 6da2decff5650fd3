//! Reads a stored row whatever stands in its columns.
//!
//! `SQLite` stores any value in any column, rows were written by other versions, and one row that cannot be read must not
//! make a whole list unreadable. So a value is brought into the type that the record wants:
//!
//! | wanted | stored | read |
//! |---|---|---|
//! | a whole number | a fraction, a number out of range, text with a number | the nearest number that the type has, at most 2^53 − 1 |
//! | a whole number | other text, `NULL`, a list | 0 |
//! | text | a number, `NULL` | its digits, nothing |
//! | a boolean | a number, text | whether it is not 0; whether it is `true` or such a number |
//!
//! What has no nearest value (an unknown word of an enumeration, a missing column) makes the row unreadable; readers of
//! lists leave it out. `NULL` where a record allows nothing is nothing.

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// Greatest number that every reader of our JSON can represent.
const MAX_WHOLE: i128 = (1 << 53) - 1;

/// Reads a row.
///
/// # Errors
/// A column that the record needs is missing, or its value has no nearest one.
pub fn read<T: DeserializeOwned>(row: Value) -> Result<T, Error> {
    T::deserialize(Stored(row))
}

/// Reads the rows that can be read; the second value is how many cannot, with the first reason.
#[must_use]
pub fn read_all<T: DeserializeOwned>(rows: Vec<Value>) -> (Vec<T>, Option<(usize, Error)>) {
    let mut readable = Vec::with_capacity(rows.len());
    let mut unreadable: Option<(usize, Error)> = None;
    for row in rows {
        match read(row) {
            Ok(record) => readable.push(record),
            Err(error) => {
                let (count, first) = unreadable.take().map_or((0, error), |(count, first)| (count, first));
                unreadable = Some((count + 1, first));
            }
        }
    }
    (readable, unreadable)
}

/// A stored value.
struct Stored(Value);

impl IntoDeserializer<'_, Error> for Stored {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Stored {
    /// The nearest whole number.
    fn whole(&self) -> i128 {
        match &self.0 {
            Value::Bool(value) => i128::from(*value),
            Value::Number(number) => number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from))
                .unwrap_or_else(|| of_float(number.as_f64().unwrap_or_default())),
            Value::String(text) => {
                let text = text.trim();
                text.parse().unwrap_or_else(|_| of_float(text.parse().unwrap_or_default()))
            }
            Value::Null | Value::Array(_) | Value::Object(_) => 0,
        }
    }

    fn float(&self) -> f64 {
        let value = match &self.0 {
            Value::Number(number) => number.as_f64().unwrap_or_default(),
            Value::String(text) => text.trim().parse().unwrap_or_default(),
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Null | Value::Array(_) | Value::Object(_) => 0.0,
        };
        if value.is_finite() { value } else { 0.0 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and not a number becomes 0")]
fn of_float(value: f64) -> i128 {
    value as i128
}

macro_rules! whole {
    ($($deserialize:ident $visit:ident $type:ty,)+) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let most = i128::from(<$type>::MAX).min(MAX_WHOLE);
            let least = i128::from(<$type>::MIN).max(-MAX_WHOLE);
            visitor.$visit(<$type>::try_from(self.whole().clamp(least, most)).unwrap_or_default())
        })+
    };
}

impl<'de> Deserializer<'de> for Stored {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_any(visitor)
    }

    whole! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let is_true = matches!(&self.0, Value::String(text) if text == "true");
        visitor.visit_bool(is_true || self.whole() != 0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(match self.0 {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => visitor
                .visit_map(MapDeserializer::new(fields.into_iter().map(|(name, value)| (name, Self(value))))),
            other => other.deserialize_map(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Known,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Record {
        id: String,
        at: u64,
        delta: i64,
        status: u16,
        share: f64,
        note: Option<String>,
        until: Option<u64>,
        #[serde(deserialize_with = "crate::row::flag")]
        enabled: bool,
        #[serde(default, deserialize_with = "crate::row::json_list")]
        list: Vec<u32>,
    }

    fn plain() -> Value {
        json!({"id": "a", "at": 5, "delta": -5, "status": 200, "share": 0.5, "note": null, "until": null, "enabled": 1, "list": "[1]"})
    }

    #[test]
    fn a_value_becomes_the_nearest_that_the_record_can_have() {
        let mut row = plain();
        for (column, value) in [
            ("id", json!(7)),
            ("at", json!(1e300)),
            ("delta", json!("-99999999999999999999")),
            ("status", json!(-3)),
            ("share", json!("x")),
            ("note", json!(12.5)),
            ("until", json!("soon")),
            ("enabled", json!(7)),
            ("list", json!("{broken")),
        ] {
            row[column] = value;
        }
        let read: Record = read(row).unwrap();
        let most = (1_u64 << 53) - 1;
        assert_eq!((read.id.as_str(), read.at, read.delta, read.status), ("7", most, -most.cast_signed(), 0));
        assert_eq!((read.share, read.note.as_deref(), read.until), (0.0, Some("12.5"), Some(0)));
        assert!(read.enabled && read.list.is_empty());
    }

    #[test]
    fn a_row_that_cannot_be_read_is_left_out() {
        #[derive(Debug, Deserialize)]
        struct Kinds {
            kind: Kind,
        }
        let rows = vec![json!({"kind": "known"}), json!({"kind": "newer"}), json!({}), json!({"kind": null})];
        let (kinds, unreadable) = read_all::<Kinds>(rows);
        assert!(kinds.len() == 1 && kinds[0].kind == Kind::Known);
        assert_eq!(unreadable.unwrap().0, 3);
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(json!([1, "x"])),
            Just(json!("{\"a\":")),
            Just(json!("[1e400]")),
        ]
    }

    proptest! {
        #[test]
        fn any_values_are_read(values in prop::collection::vec(value(), 9)) {
            let mut row = plain();
            for (column, value) in ["id", "at", "delta", "status", "share", "note", "until", "enabled", "list"].into_iter().zip(values) {
                row[column] = value;
            }
            let record: Record = read(row.clone()).map_err(|error| TestCaseError::fail(format!("{row}: {error}")))?;
            prop_assert!(record.at < 1 << 53 && record.share.is_finite());
        }

        #[test]
        fn what_was_stored_by_us_is_read_as_it_is(at in 0_u64..1 << 53, delta in -1_i64 << 52..1 << 52, id in "\\PC{0,9}") {
            let mut row = plain();
            (row["at"], row["delta"], row["id"]) = (json!(at), json!(delta), json!(id.clone()));
            let record: Record = read(row).unwrap();
            prop_assert_eq!((record.at, record.delta, record.id), (at, delta, id));
        }
    }
}
