//! Events of a stream that differ from the one before only in a text, and in members that may vary.
//!
//! Most events of an answer are such: the envelope of a chunk is the same bytes each time, and parsing it costs ten times as much
//! as comparing it. What an event means follows from its bytes, so one with the same bytes around another text means the same with
//! that text. Where services put something into each event that differs every time (a number of the event, counts so far, padding),
//! the decoder says so when it notes an event: a [`Member::Number`] is read in place, a [`Member::Padding`] is not read at all.
//!
//! Guarantees:
//! - a text is recognised only between exactly the bytes that surrounded the noted one, but for the members that may vary, and only
//!   if its string ends where the bytes after it begin and has no escape but those of one letter: `\u` may be half a character;
//! - a member varies only as what it was noted as: a number without sign, fraction and exponent, or a string of ASCII without an
//!   escape. An event in which one is written otherwise is not noted;
//! - a stream whose envelopes are never the same twice costs [`MOST_MISSES`] copies of an event, and nothing after that.

use std::borrow::Cow;

use memchr::memchr;
use serde_json::value::RawValue;

/// After as many notes in a row of which none was of use no more are taken.
const MOST_MISSES: u8 = 16;

/// Most digits of a number that may vary: every such number is exact in 64 bits and as a binary fraction.
const MOST_DIGITS: usize = 15;

/// A member of an event that may vary beside its text.
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    /// A whole number, as it is written.
    Number(&'a str),
    /// A string, as it is written, of which the decoder reads nothing.
    Padding(&'a str),
}

impl<'a> Member<'a> {
    /// The value of a member as a number that may vary.
    pub fn number(value: &'a RawValue) -> Self {
        Self::Number(value.get())
    }

    /// The value of a member as a string that may vary and is not read.
    pub fn padding(value: &'a RawValue) -> Self {
        Self::Padding(value.get())
    }
}

/// What may be at a place that varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// With its position among the numbers.
    Number(usize),
    Padding,
}

/// A place that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hole {
    kind: Kind,
    /// Where what varies begins and ends in the noted event.
    begin: usize,
    end: usize,
}

/// The bytes around the text of the last event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The noted event; empty if none is.
    noted: Vec<u8>,
    /// In the order of the event.
    holes: Vec<Hole>,
    /// The numbers of the last event, in the order in which they were noted.
    numbers: Vec<u64>,
    misses: u8,
    #[cfg(test)]
    recognised: usize,
}

impl Repeated {
    /// Notes an event, as its bytes are in the stream, and the string in it that is its text. A string that is elsewhere, as in a
    /// repaired copy, is not noted.
    pub fn note(&mut self, event: &[u8], text: &RawValue) {
        self.note_with(event, text, []);
    }

    /// The same for an event with members that may vary. The newest values of the numbers are in [`numbers`](Self::numbers).
    pub fn note_with<'a>(
        &mut self,
        event: &[u8],
        text: &RawValue,
        members: impl IntoIterator<Item = Member<'a>>,
    ) {
        self.forget();
        if self.misses >= MOST_MISSES {
            return;
        }
        self.misses += 1;
        let Some(text) = string_in(event, text.get(), Kind::Text) else { return };
        self.holes.push(text);
        for member in members {
            let hole = match member {
                Member::Number(written) => self.number_in(event, written),
                Member::Padding(written) => string_in(event, written, Kind::Padding).filter(|hole| {
                    event.get(hole.begin..).map(padding_length) == Some(hole.end - hole.begin)
                }),
            };
            let Some(hole) = hole else { return self.forget() };
            self.holes.push(hole);
        }
        self.holes.sort_unstable_by_key(|hole| hole.begin);
        self.noted.extend_from_slice(event);
    }

    /// The text of an event that differs from the noted one in nothing else but the members that may vary. `None` for any other, and
    /// for a text that is empty or has `\u`: such an event is parsed, and what was noted before it is forgotten.
    pub fn text_in<'a>(&mut self, event: &'a [u8]) -> Option<Cow<'a, str>> {
        let text = self.plain_text_in(event);
        if text.is_none() {
            self.forget();
            return None;
        }
        self.misses = 0;
        #[cfg(test)]
        {
            self.recognised += 1;
        }
        text
    }

    /// The numbers of the event that was noted or recognised last, in the order in which they were noted.
    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Forgets what was noted, because something happened that [`text_in`](Self::text_in) is not asked about.
    pub fn forget(&mut self) {
        self.noted.clear();
        self.holes.clear();
        self.numbers.clear();
    }

    fn plain_text_in<'a>(&mut self, event: &'a [u8]) -> Option<Cow<'a, str>> {
        if self.noted.is_empty() {
            return None;
        }
        let (mut rest, mut from, mut text) = (event, 0, None);
        for hole in &self.holes {
            rest = rest.strip_prefix(self.noted.get(from..hole.begin)?)?;
            from = hole.end;
            let length = match hole.kind {
                Kind::Text => {
                    let length = text_length(rest)?;
                    text = rest.get(..length);
                    length
                }
                Kind::Number(position) => {
                    let (number, length) = whole_number(rest)?;
                    *self.numbers.get_mut(position)? = number;
                    length
                }
                Kind::Padding => padding_length(rest),
            };
            rest = rest.get(length..)?;
        }
        let is_same = rest == self.noted.get(from..)?;
        text.filter(|_| is_same).and_then(unescaped)
    }

    /// A number that may vary, with its value now.
    fn number_in(&mut self, event: &[u8], written: &str) -> Option<Hole> {
        let (number, length) = whole_number(written.as_bytes())?;
        let begin = place_in(event, written).filter(|_| length == written.len())?;
        self.numbers.push(number);
        Some(Hole { kind: Kind::Number(self.numbers.len() - 1), begin, end: begin + length })
    }
}

/// Where a part of an event begins in it; `None` for what is elsewhere.
fn place_in(event: &[u8], part: &str) -> Option<usize> {
    let begin = part.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
    (event.get(begin..begin.checked_add(part.len())?) == Some(part.as_bytes())).then_some(begin)
}

/// A string without its quotes, which belong to what surrounds it.
fn string_in(event: &[u8], written: &str, kind: Kind) -> Option<Hole> {
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    let begin = place_in(event, written)? + 1;
    Some(Hole { kind, begin, end: begin + inner.len() })
}

/// The bytes of a string that begins here up to its end; `None` if it is empty or has a control character.
fn text_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return (at > 0).then_some(at),
            b'\\' => at += 2,
            ..0x20 => return None,
            _ => at += 1,
        }
    }
}

/// The text of a string without its quotes; `None` if it is no text, or has an escape of more than one letter.
fn unescaped(written: &[u8]) -> Option<Cow<'_, str>> {
    let mut rest = std::str::from_utf8(written).ok()?;
    let Some(mut at) = memchr(b'\\', written) else { return Some(Cow::Borrowed(rest)) };
    let mut text = String::with_capacity(rest.len());
    loop {
        text.push_str(rest.get(..at)?);
        text.push(match rest.as_bytes().get(at + 1)? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            letter @ (b'"' | b'\\' | b'/') => char::from(*letter),
            _ => return None,
        });
        rest = rest.get(at + 2..)?;
        let Some(next) = memchr(b'\\', rest.as_bytes()) else { break };
        at = next;
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The bytes of a string of plain ASCII that begins here.
fn padding_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, 0x20..0x7F) && !matches!(byte, b'"' | b'\\')).count()
}

/// A whole number that begins here and the bytes of it.
fn whole_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = bytes.get(..length)?;
    let is_plain = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && length <= MOST_DIGITS;
    let number = || digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    is_plain.then(|| (number(), length))
}

#[cfg(test)]
impl Repeated {
    /// One that recognises nothing, to be compared with.
    pub fn blind() -> Self {
        Self { misses: MOST_MISSES, ..Self::default() }
    }

    /// How many events were recognised.
    pub fn recognised(&self) -> usize {
        self.recognised
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(borrow)]
        text: &'a RawValue,
    }

    fn noted(event: &str) -> Repeated {
        let mut repeated = Repeated::default();
        let said: Said<'_> = serde_json::from_str(event).unwrap();
        repeated.note(event.as_bytes(), said.text);
        repeated
    }

    #[test]
    fn only_another_text_between_the_same_bytes_is_recognised() {
        for (event, text) in [
            (r#"{"id":1,"text":"two","end":null}"#, Some("two")),
            (r#"{"id":1,"text":"three ö€","end":null}"#, Some("three ö€")),
            (r#"{"id":2,"text":"two","end":null}"#, None),
            (r#"{"id":1,"text":"two","end":true}"#, None),
            (r#"{"id":1,"text":"","end":null}"#, None),
            (r#"{"id":1,"text":"a\n\"b\"\\\t\/","end":null}"#, Some("a\n\"b\"\\\t/")),
            (r#"{"id":1,"text":"\\","end":null}"#, Some("\\")),
            (r#"{"id":1,"text":"\u0041","end":null}"#, None),
            (r#"{"id":1,"text":"\x","end":null}"#, None),
            (r#"{"id":1,"text":"a\","end":null}"#, None),
            // Another field in what would be the text.
            (r#"{"id":1,"text":"a","text":"b","end":null}"#, None),
            (r#"{"id":1,"text":null,"end":null}"#, None),
            (r#"{"id":1,"text":"#, None),
        ] {
            let mut repeated = noted(r#"{"id":1,"text":"one","end":null}"#);
            assert_eq!(repeated.text_in(event.as_bytes()).as_deref(), text, "{event}");
            // What was parsed in between counts, and not what was noted before it.
            let again = repeated.text_in(br#"{"id":1,"text":"two","end":null}"#);
            assert_eq!(again.is_some(), text.is_some(), "{event}");
        }
    }

    #[derive(Deserialize)]
    struct Numbered<'a> {
        #[serde(borrow)]
        text: &'a RawValue,
        #[serde(borrow)]
        number: &'a RawValue,
        #[serde(borrow)]
        more: &'a RawValue,
        #[serde(borrow)]
        padding: &'a RawValue,
    }

    fn noted_with_members(event: &str) -> Repeated {
        let mut repeated = Repeated::default();
        let said: Numbered<'_> = serde_json::from_str(event).unwrap();
        // Not in the order of the event.
        let members = [Member::number(said.more), Member::padding(said.padding), Member::number(said.number)];
        repeated.note_with(event.as_bytes(), said.text, members);
        repeated
    }

    #[test]
    fn members_that_may_vary_do_and_no_others() {
        const EVENT: &str = r#"{"number":9,"text":"one","padding":"ab","more":0,"end":3}"#;
        assert_eq!(noted_with_members(EVENT).numbers(), [0, 9]);
        for (event, numbers) in [
            (r#"{"number":9,"text":"two","padding":"ab","more":0,"end":3}"#, Some([0, 9])),
            (
                r#"{"number":10,"text":"two","padding":"","more":123456789012345,"end":3}"#,
                Some([123_456_789_012_345, 10]),
            ),
            (r#"{"number":0,"text":"two","padding":"a b{}~","more":7,"end":3}"#, Some([7, 0])),
            (r#"{"number":9,"text":"two","padding":"ab","more":0,"end":4}"#, None),
            (r#"{"number":09,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":-9,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":9.0,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":9e1,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":"9","text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":null,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":1234567890123456,"text":"two","padding":"ab","more":0,"end":3}"#, None),
            (r#"{"number":9,"text":"two","padding":"a\"b","more":0,"end":3}"#, None),
            (r#"{"number":9,"text":"two","padding":"a","text":"b","more":0,"end":3}"#, None),
            (r#"{"number":9,"text":"two","padding":"ä","more":0,"end":3}"#, None),
            (r#"{"number":9,"text":"two","padding":null,"more":0,"end":3}"#, None),
            (r#"{"number":9,"text":"","padding":"ab","more":0,"end":3}"#, None),
        ] {
            let mut repeated = noted_with_members(EVENT);
            assert_eq!(repeated.text_in(event.as_bytes()).as_deref(), numbers.map(|_| "two"), "{event}");
            assert_eq!(
                repeated.numbers(),
                numbers.as_ref().map_or(&[][..], |numbers| &numbers[..]),
                "{event}"
            );
        }
    }

    #[test]
    fn an_event_whose_members_are_written_otherwise_is_not_noted() {
        for event in [
            r#"{"number":1.0,"text":"one","padding":"ab","more":0}"#,
            r#"{"number":"1","text":"one","padding":"ab","more":0}"#,
            r#"{"number":1,"text":"one","padding":"\u0061","more":0}"#,
            r#"{"number":1,"text":"one","padding":null,"more":0}"#,
        ] {
            let mut repeated = noted_with_members(event);
            assert_eq!((repeated.text_in(event.as_bytes()), repeated.numbers().len()), (None, 0), "{event}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_not_recognised() {
        let text_in = |event: &[u8]| noted(r#"{"text":"a"}"#).text_in(event).map(Cow::into_owned);
        assert_eq!(text_in(b"{\"text\":\"\xff\"}"), None);
        assert_eq!(text_in(b"{\"text\":\"a\tb\"}"), None);
    }

    #[test]
    fn a_string_of_another_place_is_not_noted() {
        let copy = String::from(r#"{"text":"a"}"#);
        let said: Said<'_> = serde_json::from_str(&copy).unwrap();
        let mut repeated = Repeated::default();
        repeated.note(r#"{"text":"b"}"#.as_bytes(), said.text);
        assert_eq!(repeated.text_in(br#"{"text":"c"}"#), None);
    }

    #[test]
    fn what_is_never_repeated_is_noted_no_more() {
        let mut repeated = Repeated::default();
        for id in 0..=u32::from(MOST_MISSES) {
            let event = format!(r#"{{"id":{id},"text":"a"}}"#);
            let said: Said<'_> = serde_json::from_str(&event).unwrap();
            repeated.note(event.as_bytes(), said.text);
        }
        assert!(repeated.noted.is_empty());
    }
}
