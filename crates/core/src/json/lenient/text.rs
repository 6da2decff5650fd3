//! Strings of providers' JSON, with halves of UTF-16 pairs.
//!
//! A JSON string may have an escape for half of a pair (`\ud83d` without `\ude00`), which no Unicode text can hold.
//! JavaScript and Python write such strings when they cut a text in the middle of a character. Here a lone half becomes
//! U+FFFD, except at the edge of a piece of a stream: there the other half may be in the next piece. [`piece`] keeps
//! such a half as a mark, and [`Joint`] joins two marks to the character, or replaces each by U+FFFD.
//!
//! A mark is U+10FFFF, which is no character and does not occur in texts, followed by a character of a private plane
//! that encodes the half. Text that has this sequence already is read as if it had a lone half there.

use std::borrow::Cow;

use memchr::memchr;
use serde_json::value::RawValue;

use crate::json::object::Kind;

/// The name by which a [`RawValue`] asks for its text.
pub(super) const RAW: &str = "$serde_json::private::RawValue";

/// What stands for half a character.
const LOST: char = '\u{FFFD}';

/// The first character of a mark.
const MARK: char = '\u{10FFFF}';

/// Bytes of a mark.
const MARK_BYTES: usize = 8;

/// Added to a half to make the second character of its mark.
const PLANE: u32 = 0xF_0000;

/// The text of a string; `None` for other values. A lone half becomes U+FFFD.
#[must_use]
pub fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    inner(value).map(|inner| unescape(inner, false))
}

/// The same for a piece of a streamed text, which has marks for halves at its edges.
#[must_use]
pub fn piece(value: &RawValue) -> Option<Cow<'_, str>> {
    inner(value).map(|inner| unescape(inner, true))
}

/// The text of a string, a number or a boolean; `None` for `null`, arrays and objects.
#[must_use]
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    match Kind::of(value) {
        Kind::String => string(value),
        Kind::Number | Kind::Boolean => Some(Cow::Borrowed(value.get())),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// What is between the quotation marks.
fn inner(value: &RawValue) -> Option<&str> {
    value.get().strip_prefix('"')?.strip_suffix('"')
}

/// The text of a string in its JSON form; empty for other JSON.
pub(super) fn unquoted(json: &str) -> Cow<'_, str> {
    let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
    unescape(inner.unwrap_or_default(), false)
}

/// The text of a string without its quotation marks.
fn unescape(inner: &str, keeps_edges: bool) -> Cow<'_, str> {
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        text.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        let mut letters = rest.chars();
        let letter = letters.next();
        rest = letters.as_str();
        let character = match letter {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => {
                let (read, after) = escaped(rest);
                rest = after;
                match read {
                    Escaped::Character(character) => character,
                    Escaped::Half(half) => {
                        let is_high = half < 0xDC00;
                        let at_edge = if is_high { rest.is_empty() } else { text.is_empty() };
                        if keeps_edges && at_edge {
                            text.push(MARK);
                            char::from_u32(PLANE + half).unwrap_or(LOST)
                        } else {
                            LOST
                        }
                    }
                }
            }
            Some(other) => other,
            None => break,
        };
        text.push(character);
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// What `\u` with its digits means.
pub(super) enum Escaped {
    Character(char),
    Half(u32),
}

/// Reads the digits after `\u`, and the second half of a pair. Returns what is after them.
pub(super) fn escaped(text: &str) -> (Escaped, &str) {
    let Some((unit, rest)) = unit(text) else { return (Escaped::Character(LOST), text) };
    if let Some(character) = char::from_u32(unit) {
        return (Escaped::Character(character), rest);
    }
    let pair = rest.strip_prefix("\\u").filter(|_| unit < 0xDC00).and_then(self::unit);
    match pair {
        Some((low @ 0xDC00..=0xDFFF, after)) => (Escaped::Character(joined(unit, low)), after),
        _ => (Escaped::Half(unit), rest),
    }
}

/// Four hexadecimal digits.
fn unit(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(digits, 16).ok()?, text.get(4..)?))
}

fn joined(high: u32, low: u32) -> char {
    char::from_u32(0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF)).unwrap_or(LOST)
}

/// The half that a text ends with, with the text before it.
fn high_at_end(text: &str) -> Option<(&str, u32)> {
    let half = half(text.chars().next_back()?)?;
    let before = text.get(..text.len().checked_sub(MARK_BYTES)?)?;
    (half < 0xDC00 && text.get(before.len()..)?.starts_with(MARK)).then_some((before, half))
}

/// The half that a text begins with, with the text after it.
fn low_at_start(text: &str) -> Option<(u32, &str)> {
    let half = half(text.strip_prefix(MARK)?.chars().next()?)?;
    (half >= 0xDC00).then_some((half, text.get(MARK_BYTES..)?))
}

fn half(character: char) -> Option<u32> {
    let half = u32::from(character).checked_sub(PLANE)?;
    (0xD800..=0xDFFF).contains(&half).then_some(half)
}

/// A piece that is a whole text: marks at its edges become U+FFFD.
#[must_use]
pub fn settled(piece: String) -> String {
    let mut joint = Joint::default();
    let mut text = joint.add(piece);
    text.extend(joint.end());
    text
}

/// Appends a piece to a text that is made of pieces. Halves where they meet are joined; those at the edges stay marks.
pub fn append(text: &mut String, piece: &str) {
    if piece.is_empty() {
        return;
    }
    let high = high_at_end(text).map(|(before, high)| (before.len(), high));
    let low = low_at_start(piece);
    match (high, low) {
        (None, None) => text.push_str(piece),
        (None, Some(_)) if text.is_empty() => text.push_str(piece),
        (None, Some((_, rest))) => {
            text.push(LOST);
            text.push_str(rest);
        }
        (Some((length, high)), low) => {
            text.truncate(length);
            text.push(low.map_or(LOST, |(low, _)| joined(high, low)));
            text.push_str(low.map_or(piece, |(_, rest)| rest));
        }
    }
}

/// Joins the pieces of one text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Joint {
    held: Option<u32>,
}

impl Joint {
    /// Whether a piece has a mark at one of its edges.
    #[must_use]
    pub fn concerns(piece: &str) -> bool {
        piece.starts_with(MARK) || high_at_end(piece).is_some()
    }

    /// The text of the next piece, without the half at its end and with the one before it.
    #[must_use]
    pub fn add(&mut self, mut piece: String) -> String {
        if self.held.is_none() && !Self::concerns(&piece) {
            return piece;
        }
        if piece.is_empty() {
            return piece;
        }
        let low = low_at_start(&piece).map(|(low, rest)| (low, piece.len() - rest.len()));
        let start = match (self.held.take(), low) {
            (Some(high), Some((low, _))) => Some(joined(high, low)),
            (Some(_), None) | (None, Some(_)) => Some(LOST),
            (None, None) => None,
        };
        if let Some(character) = start {
            let marked = low.map_or(0, |(_, bytes)| bytes);
            piece.replace_range(..marked, character.encode_utf8(&mut [0; 4]));
        }
        if let Some((before, high)) = high_at_end(&piece) {
            self.held = Some(high);
            let length = before.len();
            piece.truncate(length);
        }
        piece
    }

    /// What is left at the end of the text.
    #[must_use]
    pub fn end(&mut self) -> Option<char> {
        self.held.take().map(|_| LOST)
    }

    /// Whether the last piece ended with half a character.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.held.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn a_lone_half_is_replaced() {
        for (json, expected) in [
            (r#""plain""#, "plain"),
            (r#""a\n\"\\\/\u00e9\t""#, "a\n\"\\/é\t"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""a\ud83d""#, "a\u{FFFD}"),
            (r#""\ude00b""#, "\u{FFFD}b"),
            (r#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (r#""\ud83dx\ude00""#, "\u{FFFD}x\u{FFFD}"),
        ] {
            assert_eq!(string(&raw(json)).unwrap(), expected, "{json}");
            assert_eq!(settled(piece(&raw(json)).unwrap().into_owned()), expected, "{json}");
        }
        assert!(matches!(string(&raw(r#""plain""#)), Some(Cow::Borrowed("plain"))));
        assert_eq!((string(&raw("5")), text(&raw("5")).as_deref()), (None, Some("5")));
        assert_eq!(text(&raw("null")), None);
    }

    #[test]
    fn halves_in_two_pieces_are_joined() {
        let join = |pieces: &[&str]| {
            let mut joint = Joint::default();
            let mut texts: Vec<String> =
                pieces.iter().map(|json| joint.add(piece(&raw(json)).unwrap().into_owned())).collect();
            texts.extend(joint.end().map(String::from));
            texts
        };
        assert_eq!(join(&[r#""Hello \ud83d""#, r#""\ude00 world""#]), ["Hello ", "😀 world"]);
        assert_eq!(join(&[r#""\ud83d""#, r#""""#, r#""\ude00""#]), ["", "", "😀"]);
        assert_eq!(join(&[r#""a\ud83d""#, r#""b""#]), ["a", "\u{FFFD}b"]);
        assert_eq!(join(&[r#""\ud83d""#, r#""\ud83d""#, r#""\ude00""#]), ["", "\u{FFFD}", "😀"]);
        assert_eq!(join(&[r#""\ude00a""#, r#""b\ud83d""#]), ["\u{FFFD}a", "b", "\u{FFFD}"]);
        let appended = |pieces: &[&str]| {
            let mut text = String::new();
            for json in pieces {
                append(&mut text, &piece(&raw(json)).unwrap());
            }
            settled(text)
        };
        assert_eq!(
            appended(&[r#""Hello \ud83d""#, r#""\ude00 world\ud83d""#, r#""!""#]),
            "Hello 😀 world\u{FFFD}!"
        );
        assert_eq!(appended(&[r#""\ude00a""#, r#""\ude00""#, r#""\ud83d""#]), "\u{FFFD}a\u{FFFD}\u{FFFD}");
    }

    proptest! {
        /// UTF-16 text, cut anywhere and escaped as Python escapes it, arrives as it was, but for lone halves.
        #[test]
        fn cut_texts_arrive_whole(
            units in proptest::collection::vec(prop_oneof![Just(0xD83D_u16), Just(0xDE00), Just(0x41), any::<u16>()], 0..12),
            cut in any::<proptest::sample::Index>(),
        ) {
            let json = |units: &[u16]| {
                let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
                format!("\"{}\"", escapes.concat())
            };
            let (head, tail) = units.split_at(cut.index(units.len() + 1));
            let mut joint = Joint::default();
            let mut text = joint.add(piece(&raw(&json(head))).unwrap().into_owned());
            text.push_str(&joint.add(piece(&raw(&json(tail))).unwrap().into_owned()));
            text.extend(joint.end());
            prop_assert_eq!(&text, &String::from_utf16_lossy(&units));
            let whole = json(&units);
            prop_assert_eq!(string(&raw(&whole)).unwrap().into_owned(), text);
        }
    }
}
