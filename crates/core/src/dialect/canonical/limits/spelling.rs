//! How an upstream lets names of tools and ids of calls be spelled, and how others are made to fit.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::hash::sha256_hex;

/// Characters and lengths of a name or id. Letters and digits of ASCII are always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// Accepted characters besides letters and digits; `None`: every character of Unicode is accepted.
    pub marks: Option<&'static str>,
    /// Whether the first character must be a letter or `_`.
    pub begins_with_letter: bool,
}

/// Hexadecimal digits of the hash in a shortened text.
const HASH_DIGITS: usize = 12;

/// Replaces a text without any accepted character.
const NAMELESS: &str = "call";

impl Spelling {
    /// Any text.
    pub const ANY: Self = Self { min: 0, max: usize::MAX, marks: None, begins_with_letter: false };

    /// At most `max` characters of any kind.
    #[must_use]
    pub const fn no_longer_than(max: usize) -> Self {
        Self { min: 1, max, marks: None, begins_with_letter: false }
    }

    /// At most `max` letters, digits and these marks.
    #[must_use]
    pub const fn of(max: usize, marks: &'static str) -> Self {
        Self { min: 1, max, marks: Some(marks), begins_with_letter: false }
    }

    /// The same with a letter or `_` first.
    #[must_use]
    pub const fn letter_first(self) -> Self {
        Self { begins_with_letter: true, ..self }
    }

    /// The same with exactly `length` characters.
    #[must_use]
    pub const fn exactly(self, length: usize) -> Self {
        Self { min: length, max: length, ..self }
    }

    /// Whether the upstream accepts the text.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        let begins_well = !self.begins_with_letter || text.bytes().next().is_some_and(may_begin);
        (self.min..=self.max).contains(&text.len())
            && begins_well
            && self.marks.is_none_or(|_| text.bytes().all(|byte| self.takes(byte)))
    }

    /// A name close to this one that the upstream accepts: other characters are replaced by `_`, a long name is cut
    /// and ends in a hash of the whole. Different names may become the same; see [`super::Renaming`].
    #[must_use]
    pub fn similar<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.accepts(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(self.shortened(self.replaced(text), text))
    }

    /// An id that the upstream accepts, with other characters spelled out as `_x` and their hexadecimal bytes; a long
    /// id is cut and ends in a hash of the whole.
    #[must_use]
    pub fn spelled_out<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.accepts(text) {
            return Cow::Borrowed(text);
        }
        let mut written = String::with_capacity(text.len() + 8);
        for byte in text.bytes() {
            if self.takes(byte) {
                written.push(char::from(byte));
            } else if self.takes(b'_') {
                // Writing to a string cannot fail.
                let _ = write!(written, "_x{byte:02x}");
            }
        }
        if written.is_empty() {
            written.push_str(NAMELESS);
        }
        Cow::Owned(self.shortened(written, text))
    }

    /// A text that the upstream accepts and that depends on `attempt`: for those that would become the same.
    #[must_use]
    pub fn numbered(&self, text: &str, attempt: usize) -> String {
        self.ending_in_hash(&self.replaced(text), &format!("{text}\n{attempt}"))
    }

    fn takes(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || self.marks.is_none_or(|marks| marks.as_bytes().contains(&byte))
    }

    /// The text in accepted characters, of any length.
    fn replaced(&self, text: &str) -> String {
        let mut written = String::with_capacity(text.len() + 1);
        for letter in text.chars() {
            match u8::try_from(letter) {
                Ok(byte) if byte.is_ascii() && self.takes(byte) => written.push(letter),
                _ if self.takes(b'_') => written.push('_'),
                _ => {}
            }
        }
        if !written.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            written.insert_str(0, NAMELESS);
        }
        if self.begins_with_letter && !written.bytes().next().is_some_and(may_begin) {
            written.insert(0, '_');
        }
        written
    }

    /// The written form, cut to the accepted length if necessary.
    fn shortened(&self, written: String, whole: &str) -> String {
        if self.accepts(&written) { written } else { self.ending_in_hash(&self.replaced(&written), whole) }
    }

    /// The beginning of `written`, which has accepted characters only, and a hash of `whole`.
    fn ending_in_hash(&self, written: &str, whole: &str) -> String {
        let hash = sha256_hex(whole);
        let separator = if self.takes(b'_') { "_" } else { "" };
        let Some(room) = self.max.checked_sub(HASH_DIGITS + separator.len() + 1) else {
            return base36(&hash, self.max);
        };
        let begin = written.get(..written.len().min(room + 1)).unwrap_or_default();
        let end = hash.get(..HASH_DIGITS).unwrap_or_default();
        let joined = format!("{begin}{separator}{end}");
        // A text as short as this one is too short for the upstream.
        if joined.len() < self.min { hash.get(..self.min).unwrap_or(&hash).to_owned() } else { joined }
    }
}

/// So many letters and digits, made from hexadecimal digits.
fn base36(hash: &str, length: usize) -> String {
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).unwrap_or("0");
        let value = u32::from_str_radix(text, 16).unwrap_or(0) % 36;
        char::from_digit(value, 36).unwrap_or('0')
    };
    hash.as_bytes().chunks(2).map(pair).take(length).collect()
}

fn may_begin(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: Spelling = Spelling::of(64, "_-");
    const LETTER: Spelling = Spelling::of(64, "_-.:").letter_first();
    const NINE: Spelling = Spelling::of(9, "").exactly(9);

    #[test]
    fn what_is_accepted_stays() {
        for text in ["get_weather", "a-b", "x"] {
            assert_eq!(NAMES.similar(text), text);
            assert_eq!(NAMES.spelled_out(text), text);
        }
        assert_eq!(Spelling::ANY.similar("é . :"), "é . :");
    }

    #[test]
    fn what_is_not_accepted_becomes_similar() {
        assert_eq!(NAMES.similar("files.read"), "files_read");
        assert_eq!(NAMES.similar("größe"), "gr__e");
        assert_eq!(NAMES.similar("…"), "call_");
        assert_eq!(LETTER.similar("7zip"), "_7zip");
        assert_eq!(NAMES.spelled_out("functions.Bash:0"), "functions_x2eBash_x3a0");
        assert_eq!(NAMES.spelled_out(""), "call");
        let long =
            NAMES.similar("mcp__plugin_atlassian-mcp-remote_atlassian__getJiraProjectIssueTypesMetadata");
        assert_eq!(long.len(), 64);
        assert!(long.starts_with("mcp__plugin_atlassian-mcp-remote_atlassian__getJira"), "{long}");
        assert_eq!(NINE.spelled_out("call_1").len(), 9);
        assert_ne!(NINE.spelled_out("call_1"), NINE.spelled_out("call_2"));
    }

    proptest! {
        #[test]
        fn every_text_gets_an_accepted_form(text in ".{0,200}", attempt in 0usize..9) {
            for spelling in [NAMES, LETTER, NINE, Spelling::no_longer_than(40), Spelling::of(128, "_").letter_first()] {
                prop_assert!(spelling.accepts(&spelling.similar(&text)), "{:?}", spelling.similar(&text));
                prop_assert!(spelling.accepts(&spelling.spelled_out(&text)), "{:?}", spelling.spelled_out(&text));
                prop_assert!(spelling.accepts(&spelling.numbered(&text, attempt)));
            }
        }

        #[test]
        fn ids_that_are_spelled_out_stay_different(one in "[a-z.:_]{1,12}", other in "[a-z.:_]{1,12}") {
            prop_assume!(one != other);
            prop_assert_ne!(NAMES.spelled_out(&one), NAMES.spelled_out(&other));
        }
    }
}
