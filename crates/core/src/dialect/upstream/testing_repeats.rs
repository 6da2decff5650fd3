//! Streams in which events repeat each other nearly, to hold decoders that recognise such events against ones that parse all.

use proptest::prelude::*;
use proptest::sample::Index;

use super::testing::decode_pieces;
use crate::dialect::canonical::StreamDecoder;

/// What differs from event to event, as JSON.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Below 60; a dialect says which of its events that is. Most are pieces of text.
    pub kind: u8,
    pub text: String,
    pub count: String,
    pub padding: String,
    /// A place in the data and what is there instead: another byte, or nothing.
    damage: Option<(Index, Option<u8>)>,
}

impl Sample {
    /// Data of an event with the damage.
    pub fn damaged(&self, data: String) -> Vec<u8> {
        let mut data = data.into_bytes();
        if let Some((place, byte)) = self.damage {
            let place = place.index(data.len());
            match byte {
                Some(byte) => data[place] = byte,
                None => drop(data.remove(place)),
            }
        }
        data
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

const ODD_TEXTS: &[&str] = &[
    r#""""#,
    r#""\n\n""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""a\"},{\"b""#,
    r#""\u0061b""#,
    "null",
    "5",
    r#"["a"]"#,
    r#"[{"text":"a"}]"#,
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => "[a-zA-Zö€🌊 ]{1,6}".prop_map(|text| quoted(&text)),
        2 => prop::sample::select(ODD_TEXTS).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| quoted(&text)),
    ]
}

const ODD_COUNTS: &[&str] =
    &["0", "1.0", "-1", "\"7\"", "null", "99999999", "12345678901234567890", "1e3", "01", "[1]", "{}"];

fn count() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (0..3000_u64).prop_map(|count| count.to_string()),
        1 => prop::sample::select(ODD_COUNTS).prop_map(str::to_owned),
    ]
}

const ODD_PADDING: &[&str] = &[r#""ä""#, r#""a\nb""#, "null", "3"];

fn padding() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "[a-zA-Z0-9]{0,9}".prop_map(|text| quoted(&text)),
        1 => prop::sample::select(ODD_PADDING).prop_map(str::to_owned),
    ]
}

/// The events of a stream.
pub fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let byte = prop::option::of(prop::sample::select(&b"\"\\,:0{}[]a \n\xff"[..]));
    let damage = prop::option::weighted(0.02, (any::<Index>(), byte));
    let sample = (0..60_u8, text(), count(), padding(), damage)
        .prop_map(|(kind, text, count, padding, damage)| Sample { kind, text, count, padding, damage });
    prop::collection::vec(sample, 0..40)
}

/// An event of a stream of Server-Sent Events.
pub fn sse(name: &str, data: &[u8]) -> Vec<u8> {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat()
}

/// Panics unless a decoder reads these events as one does that parses all, also if they come in pieces of this size.
pub fn check(events: &[Vec<u8>], size: usize, decoder: impl Fn(bool) -> Box<dyn StreamDecoder>) {
    let parsed = decode_pieces(decoder(true), events.iter().map(Vec::as_slice));
    assert_eq!(decode_pieces(decoder(false), events.iter().map(Vec::as_slice)), parsed);
    assert_eq!(decode_pieces(decoder(false), events.concat().chunks(size)), parsed);
}
