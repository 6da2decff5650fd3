//! The one reader of what providers answer: whole answers, events of streams, error bodies, lists of models.
//!
//! Callers' requests are read strictly ([`crate::json::fields`], [`crate::json::object`]): what is ambiguous is refused,
//! because the gateway could check one meaning and the upstream use the other. Answers are read as JavaScript and Python
//! read them, because refusing one loses what was paid for:
//! - of a repeated field the last counts, at every depth;
//! - half of a UTF-16 pair becomes U+FFFD, in names and in values; halves at the edges of two pieces of a streamed text
//!   are joined ([`Piece`], [`Joint`]);
//! - a number or boolean is also read from text, a text from a number or boolean, an array of one from an object;
//! - a field with an unusable value is as if it were absent or empty, and does not make the rest unreadable;
//! - a byte order mark, bytes that are not UTF-8, control characters in strings, `NaN`, a comma too many and words after
//!   the end do not matter. A text that is cut off stays an error.
//!
//! How to use it:
//! - field by field: [`object`] (a body or event) or [`Object::of`] (a value), then [`Object::text`],
//!   [`Object::integer`], [`Object::items`] …; single values with [`string`], [`text()`], [`integer`], [`number`],
//!   [`boolean`], [`items`];
//! - typed: [`read`] and [`nested`] for a type that derives `Deserialize`. Text that comes in pieces has the type
//!   [`Piece`] there;
//! - a value that is passed on as JSON: [`clean`].
//!
//! Speed: what `serde_json` can read is read by it, in one pass. The second attempt is made only if the first failed.

mod object;
mod repair;
mod text;
mod value;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

pub use object::{Object, boolean, for_each_field, integer, items, number};
pub use repair::{clean, clean_text, repaired};
pub use text::{Joint, append, piece, settled, string, text};

use crate::json::object::Kind;

/// Holds the corrected text of a body, from which what was read may borrow.
#[derive(Debug, Default)]
pub struct Spare(OnceCell<String>);

impl Spare {
    fn corrected(&self, text: &[u8]) -> Option<&RawValue> {
        let corrected = repaired(text)?;
        serde_json::from_str(self.0.get_or_init(|| corrected)).ok()
    }
}

/// The object of a body or event. Errors: it is no object, or it is cut off.
pub fn object<'a>(text: &'a [u8], spare: &'a Spare) -> Result<Object<'a>, Error> {
    match serde_json::from_slice(text) {
        Ok(object) => Ok(object),
        Err(error) => again(text, spare).ok_or(error),
    }
}

/// The items of a body that is an array; none if it is something else.
pub fn array<'a>(text: &'a [u8], spare: &'a Spare) -> Vec<&'a RawValue> {
    if text.trim_ascii_start().first() != Some(&b'[') {
        return Vec::new();
    }
    serde_json::from_slice(text).ok().or_else(|| spare.corrected(text).map(items)).unwrap_or_default()
}

/// A typed object of a body or event. Errors: it is no object, it is cut off, or it lacks a required field.
pub fn read<'a, T: Deserialize<'a>>(text: &'a [u8], spare: &'a Spare) -> Result<T, Error> {
    if text.trim_ascii_start().first() == Some(&b'[') {
        // A derived type would take an array for an object with its fields in order.
        return Err(serde::de::Error::custom("an array is no object"));
    }
    match serde_json::from_slice(text) {
        Ok(read) => Ok(read),
        Err(error) => again(text, spare).ok_or(error),
    }
}

/// A body as a tree, for those that are few and small. Errors: it is no JSON.
pub fn tree(text: &[u8]) -> Result<serde_json::Value, Error> {
    serde_json::from_slice(text).or_else(|error| {
        repaired(text).and_then(|corrected| serde_json::from_str(&corrected).ok()).ok_or(error)
    })
}

/// A typed value within an answer; `None` if it lacks a required field. A value of another kind is as an empty one.
#[must_use]
pub fn nested<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).or_else(|_| T::deserialize(value::Value::new(value))).ok()
}

/// Whether data is complete: an object or array that can be read.
#[must_use]
pub fn is_whole(data: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok() || repaired(data).is_some()
}

#[cold]
fn again<'a, T: Deserialize<'a>>(text: &'a [u8], spare: &'a Spare) -> Option<T> {
    let raw: &RawValue = serde_json::from_slice(text).ok().or_else(|| spare.corrected(text))?;
    if Kind::of(raw) != Kind::Object {
        return None;
    }
    T::deserialize(value::Value::new(raw)).ok()
}

/// A piece of a streamed text, with marks for the halves of characters at its edges; see [`Joint`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece(pub String);

impl Deref for Piece {
    type Target = String;

    fn deref(&self) -> &String {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner;

        impl<'de> Visitor<'de> for Inner {
            type Value = Piece;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Piece, D::Error> {
                String::deserialize(deserializer).map(Piece)
            }
        }

        deserializer.deserialize_newtype_struct(value::PIECE, Inner)
    }
}

impl From<Piece> for String {
    fn from(piece: Piece) -> Self {
        piece.0
    }
}

/// The arguments of a call as a model gave them: as text, or a piece of it, or as JSON. Empty for `null`.
#[must_use]
pub fn arguments(value: &RawValue) -> Cow<'_, str> {
    match Kind::of(value) {
        Kind::String => piece(value).unwrap_or_default(),
        Kind::Null => Cow::Borrowed(""),
        _ => clean(value.get()),
    }
}

/// The texts of a string, a list of strings, or a list of objects with a text in the field `name`, as one.
#[must_use]
pub fn prose(value: &RawValue, name: &str) -> String {
    if let Some(said) = piece(value).or_else(|| text(value)) {
        return said.into_owned();
    }
    let mut joined = String::new();
    for item in items(value) {
        let said =
            Object::of(item).map_or_else(|| piece(item).or_else(|| text(item)), |object| object.piece(name));
        append(&mut joined, &said.unwrap_or_default());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug, Default)]
    #[serde(default)]
    struct Wire<'a> {
        id: Option<String>,
        #[serde(borrow)]
        name: Option<Cow<'a, str>>,
        count: Option<u64>,
        share: Option<f64>,
        done: Option<bool>,
        #[serde(borrow)]
        raw: Option<&'a RawValue>,
        kept: Option<Box<RawValue>>,
        items: Option<Vec<Item>>,
        said: Option<Piece>,
        inner: Option<Item>,
    }

    #[derive(Deserialize, Debug, Default, PartialEq)]
    #[serde(default)]
    struct Item {
        x: u64,
    }

    const CLEAN: &str = r#"{"id":"5","name":"n","count":12,"share":0.5,"done":true,"raw":{"a":[1]},"kept":[1,2],
        "items":[{"x":1},{"x":2}],"said":"s","inner":{"x":3},"unknown":{"y":null}}"#;

    fn shown(json: &[u8]) -> String {
        let spare = Spare::default();
        format!("{:?}", read::<Wire<'_>>(json, &spare).unwrap())
    }

    #[test]
    fn faults_do_not_change_what_is_read() {
        let clean = shown(CLEAN.as_bytes());
        for (from, to) in [
            (r#""id":"5""#, r#""id":5"#),
            (r#""count":12"#, r#""count":"12""#),
            (r#""count":12"#, r#""count":12.0"#),
            (r#""count":12"#, r#""count":1,"count":1.2e1"#),
            (r#""share":0.5"#, r#""share":"0.5""#),
            (r#""done":true"#, r#""done":"true""#),
            (r#""items":[{"x":1}"#, r#""items":[{"x":9,"x":"1"}"#),
            (r#""inner":{"x":3}"#, r#""inner":{"x":3,"\ud83d":1}"#),
            (r#""inner":{"x":3}"#, r#""inner":[{"x":1}],"inner":{"x":3,"x":3}"#),
            (r#"{"y":null}"#, r#"{"y":NaN}"#),
            (r#"{"y":null}"#, "{\"y\":\"\t\"}"),
            (r#""id":"5""#, "\u{feff}\"id\":\"5\""),
        ] {
            let faulty = CLEAN.replacen(from, to, 1).replace("{\u{feff}", "\u{feff}{");
            assert_ne!(faulty, CLEAN);
            assert_eq!(shown(faulty.as_bytes()), clean, "{faulty}");
        }
        let bytes = CLEAN.replace("null", "\"\u{1}\"").into_bytes();
        let invalid: Vec<u8> = bytes.iter().map(|byte| if *byte == 1 { 0xFF } else { *byte }).collect();
        assert_eq!(shown(&invalid), clean);
    }

    #[test]
    fn unusable_values_are_empty_and_lose_nothing_else() {
        let spare = Spare::default();
        let odd = br#"{"id":[],"name":{"a":1},"count":"many","share":null,"items":7,"inner":"x","done":[],"said":"Hi \ud83d"}"#;
        let wire: Wire<'_> = read(odd, &spare).unwrap();
        assert_eq!((wire.id.as_deref(), wire.name.as_deref(), wire.count), (Some(""), Some(""), Some(0)));
        assert_eq!((wire.items, wire.inner), (Some(vec![]), Some(Item { x: 0 })));
        let said = wire.said.unwrap();
        assert_eq!(settled(said.0.clone()), "Hi \u{FFFD}");
        let mut joint = Joint::default();
        assert_eq!(joint.add(said.0) + &joint.add("!".to_owned()), "Hi \u{FFFD}!");
    }

    #[test]
    fn no_object_is_an_error() {
        let spare = Spare::default();
        for text in ["", "[]", "7", "<html>", "{\"id\":\"x", "[{\"id\":\"x\"}]x", "{\"id\":\"x\"}{}"] {
            assert!(read::<Item>(text.as_bytes(), &spare).is_err(), "{text}");
            assert!(object(text.as_bytes(), &spare).is_err(), "{text}");
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(read::<Item>(deep.as_bytes(), &Spare::default()).unwrap().x, 0);
        assert!(read::<serde_json::Map<String, serde_json::Value>>(deep.as_bytes(), &spare).is_err());
    }

    #[test]
    fn values_within_are_read_likewise() {
        let raw = RawValue::from_string(r#"{"x":1,"x":"2"}"#.to_owned()).unwrap();
        assert_eq!(nested::<Item>(&raw), Some(Item { x: 2 }));
        let raw = RawValue::from_string("\"\\ud83d\"".to_owned()).unwrap();
        assert_eq!(nested::<String>(&raw).as_deref(), Some("\u{FFFD}"));
        assert!(is_whole(b"{\"a\":1,}") && !is_whole(b"{\"a\":1"));
    }
}
