//! Events of a stream that differ from the one before only in a text.
//!
//! Most events of an answer are such: the envelope of a chunk is the same bytes each time, and parsing it costs ten times as much
//! as comparing it. What an event means follows from its bytes, so one with the same bytes around another text means the same with
//! that text.
//!
//! Guarantees:
//! - a text is recognised only between exactly the bytes that surrounded the noted one, and only if it is written without an escape,
//!   so that its string ends where the noted one ended;
//! - a stream whose envelopes are never the same twice costs [`MOST_MISSES`] copies of an event, and nothing after that.

use serde_json::value::RawValue;

/// After as many notes in a row of which none was of use no more are taken.
const MOST_MISSES: u8 = 16;

/// The bytes around the text of the last event.
#[derive(Debug, Default)]
pub struct Repeated {
    /// Up to and with the quote that begins the text; empty if nothing is noted.
    before: Vec<u8>,
    /// From the quote that ends it.
    after: Vec<u8>,
    misses: u8,
    #[cfg(test)]
    recognised: usize,
}

impl Repeated {
    /// Notes an event, as its bytes are in the stream, and the string in it that is its text. A string that is elsewhere, as in a
    /// repaired copy, is not noted.
    pub fn note(&mut self, event: &[u8], text: &RawValue) {
        self.forget();
        if self.misses >= MOST_MISSES {
            return;
        }
        self.misses += 1;
        let written = text.get().as_bytes();
        let Some(begin) = text.get().as_ptr().addr().checked_sub(event.as_ptr().addr()) else { return };
        let end = begin + written.len();
        // The quotes belong to what surrounds the text.
        let around = event.get(..begin + 1).zip(event.get(end.saturating_sub(1)..));
        if let Some((before, after)) = around
            && written.len() >= 2
            && event.get(begin..end) == Some(written)
        {
            self.before.extend_from_slice(before);
            self.after.extend_from_slice(after);
        }
    }

    /// The text of an event that differs from the noted one in nothing else. `None` for any other, and for a text that is empty or
    /// written with escapes: such an event is parsed, and what was noted before it is forgotten.
    pub fn text_in<'a>(&mut self, event: &'a [u8]) -> Option<&'a str> {
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

    fn forget(&mut self) {
        self.before.clear();
        self.after.clear();
    }

    fn plain_text_in<'a>(&self, event: &'a [u8]) -> Option<&'a str> {
        if self.before.is_empty() {
            return None;
        }
        let text = event.strip_prefix(self.before.as_slice())?.strip_suffix(self.after.as_slice())?;
        let is_plain = !text.is_empty() && text.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..0x20));
        is_plain.then(|| std::str::from_utf8(text).ok()).flatten()
    }
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
            (r#"{"id":1,"text":"a\nb","end":null}"#, None),
            // Another field in what would be the text.
            (r#"{"id":1,"text":"a","text":"b","end":null}"#, None),
            (r#"{"id":1,"text":null,"end":null}"#, None),
            (r#"{"id":1,"text":"#, None),
        ] {
            let mut repeated = noted(r#"{"id":1,"text":"one","end":null}"#);
            assert_eq!(repeated.text_in(event.as_bytes()), text, "{event}");
            // What was parsed in between counts, and not what was noted before it.
            let again = repeated.text_in(br#"{"id":1,"text":"two","end":null}"#);
            assert_eq!(again.is_some(), text.is_some(), "{event}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_not_recognised() {
        let text_in = |event: &[u8]| noted(r#"{"text":"a"}"#).text_in(event).map(str::to_owned);
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
        assert!(repeated.before.is_empty());
    }
}
