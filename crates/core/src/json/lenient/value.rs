//! A JSON value for serde that converts where [`serde_json`] refuses.
//!
//! It is used where a typed value could not be read at first. Of a repeated field the last counts; a number is also
//! read from text and text from a number; a value that cannot be converted becomes an empty one (`""`, `0`, `false`,
//! no items, no fields), so that one odd field does not lose the others.

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;
use std::borrow::Cow;

use super::object::{Object, boolean, integer, items, number};
use super::text::{RAW, piece, string, text};
use crate::json::object::Kind;

/// The name by which a [`super::Piece`] asks for marks at its edges.
pub(super) const PIECE: &str = "$nexus::Piece";

/// Deepest nesting that is read, as in `serde_json`.
const MAX_DEPTH: u8 = 127;

/// A value.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    raw: &'a RawValue,
    is_piece: bool,
    depth: u8,
}

impl<'a> Value<'a> {
    pub fn new(raw: &'a RawValue) -> Self {
        Self { raw, is_piece: false, depth: 0 }
    }

    fn inside(self, raw: &'a RawValue) -> Result<Self, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::custom("recursion limit exceeded"));
        }
        Ok(Self { raw, is_piece: false, depth: self.depth + 1 })
    }

    fn items<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Items { outer: self, items: items(self.raw).into_iter() })
    }

    fn fields<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.members())
    }

    fn members(self) -> Members<'a> {
        let fields = Object::of(self.raw).unwrap_or_default().into_unique();
        Members { outer: self, fields: fields.into_iter(), value: None }
    }
}

fn say<'a, V: Visitor<'a>>(said: Option<Cow<'a, str>>, visitor: V) -> Result<V::Value, Error> {
    match said.unwrap_or_default() {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! read_as {
    ($($method:ident => $visit:ident, $read:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit($read(self.raw).unwrap_or_default())
        })*
    };
}

macro_rules! read_by {
    ($($method:ident => $by:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.$by(visitor)
        })*
    };
}

/// A whole number that may be negative.
fn signed(value: &RawValue) -> Option<i64> {
    match integer(value) {
        Some(number) => i64::try_from(number).ok(),
        None => text(value)?.trim().parse().ok(),
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    read_as! {
        deserialize_bool => visit_bool, boolean;
        deserialize_u8 => visit_u64, integer;
        deserialize_u16 => visit_u64, integer;
        deserialize_u32 => visit_u64, integer;
        deserialize_u64 => visit_u64, integer;
        deserialize_u128 => visit_u64, integer;
        deserialize_i8 => visit_i64, signed;
        deserialize_i16 => visit_i64, signed;
        deserialize_i32 => visit_i64, signed;
        deserialize_i64 => visit_i64, signed;
        deserialize_i128 => visit_i64, signed;
        deserialize_f32 => visit_f64, number;
        deserialize_f64 => visit_f64, number;
    }

    read_by! {
        deserialize_char => deserialize_str;
        deserialize_string => deserialize_str;
        deserialize_bytes => deserialize_str;
        deserialize_byte_buf => deserialize_str;
        deserialize_identifier => deserialize_str;
        deserialize_seq => items;
        deserialize_map => fields;
        deserialize_unit => deserialize_ignored_any;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match Kind::of(self.raw) {
            Kind::Null => visitor.visit_unit(),
            Kind::Boolean => visitor.visit_bool(self.raw.get() == "true"),
            Kind::Number => {
                let written = self.raw.get();
                match (written.parse(), written.parse()) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ => visitor.visit_f64(number(self.raw).unwrap_or_default()),
                }
            }
            Kind::String => say(string(self.raw), visitor),
            Kind::Array => self.items(visitor),
            Kind::Object => self.fields(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let marked = if self.is_piece { piece(self.raw) } else { None };
        say(marked.or_else(|| text(self.raw)), visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if Kind::of(self.raw) == Kind::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            RAW => visitor.visit_map(RawText(Some(self.raw.get()))),
            PIECE => visitor.visit_newtype_struct(Self { is_piece: true, ..self }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.items(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.items(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if Kind::of(self.raw) == Kind::Object {
            return visitor.visit_enum(MapAccessDeserializer::new(self.members()));
        }
        let word = text(self.raw).unwrap_or_default();
        StrDeserializer::new(&word).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

struct Items<'a> {
    outer: Value<'a>,
    items: std::vec::IntoIter<&'a RawValue>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(raw) = self.items.next() else { return Ok(None) };
        seed.deserialize(self.outer.inside(raw)?).map(Some)
    }
}

struct Members<'a> {
    outer: Value<'a>,
    fields: std::vec::IntoIter<(Cow<'a, str>, &'a RawValue)>,
    value: Option<&'a RawValue>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some(value);
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Cow::Owned(name) => seed.deserialize(StringDeserializer::new(name)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let raw = self.value.take().unwrap_or(RawValue::NULL);
        seed.deserialize(self.outer.inside(raw)?)
    }
}

/// The text of a value in the form in which [`RawValue`] expects it.
struct RawText<'a>(Option<&'a str>);

impl<'de> MapAccess<'de> for RawText<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0.take().unwrap_or("null")))
    }
}
