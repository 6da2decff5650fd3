//! Finds personal data in text and puts a placeholder that says its kind in its place: `[email]`, `[phone]`, `[card]`,
//! `[iban]`, `[national_id]`, `[ip]`, and the names of an operator's own patterns.
//!
//! What has a check digit is checked: cards (Luhn), IBANs (ISO 7064 and the length of the country), Brazilian CPF, Chinese
//! resident identity cards, Spanish DNI and NIE, French NIR. US social security numbers have none; they are found as they are
//! written, with hyphens, without the numbers that are never given. Names and addresses of people are not found.
//!
//! A text is read once from left to right, and from no place more than a bounded number of bytes are looked at: the time is
//! linear in its length, whatever it contains.

mod custom;
mod found;
mod numbers;
mod open;
mod reach;
#[cfg(test)]
mod tests;
mod words;

use serde_json::Value;

pub use self::custom::Pattern;
pub use self::open::{LOOK_BACK, MAX_OPEN, Search, may_precede_at_sign};
pub use self::reach::{KeyRedaction, Place, Reach};

/// The kinds of what is found without patterns of an operator.
pub const KINDS: [&str; 6] = ["email", "phone", "card", "iban", "national_id", "ip"];

/// What is searched for: personal data, and an operator's own patterns.
#[derive(Debug, Clone, Default)]
pub struct Pii {
    patterns: Vec<Pattern>,
}

impl Pii {
    /// With these patterns besides.
    #[must_use]
    pub fn new(patterns: Vec<Pattern>) -> Self {
        Self { patterns }
    }

    /// The text with placeholders; `None` if nothing was found.
    #[must_use]
    pub fn clean(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut cleaned: Option<String> = None;
        let (mut copied, mut at) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let found = self.at(bytes, at, *byte, copied);
            let Some((start, end, kind)) = found else {
                at += 1;
                continue;
            };
            let target = cleaned.get_or_insert_with(|| String::with_capacity(text.len()));
            target.push_str(text.get(copied..start).unwrap_or_default());
            target.push('[');
            target.push_str(kind);
            target.push(']');
            (copied, at) = (end, end);
        }
        if let Some(target) = &mut cleaned {
            target.push_str(text.get(copied..).unwrap_or_default());
        }
        cleaned
    }

    /// The JSON document with placeholders in its texts; what is no JSON is searched as a text. `None` if nothing was found.
    #[must_use]
    pub fn clean_document(&self, document: &[u8]) -> Option<Vec<u8>> {
        let Ok(mut value) = serde_json::from_slice::<Value>(document) else {
            return self.clean(std::str::from_utf8(document).ok()?).map(String::into_bytes);
        };
        if self.clean_value(&mut value) { serde_json::to_vec(&value).ok() } else { None }
    }

    /// Whether something was found in a value and replaced. Its depth is bounded by the reader of JSON.
    fn clean_value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.clean(text) {
                Some(cleaned) => {
                    *text = cleaned;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.clean_value(item) | found),
            Value::Object(fields) => {
                fields.values_mut().fold(false, |found, field| self.clean_value(field) | found)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// What the search finds at the place where `rest` begins. `earlier`: the text before it, since the last thing that was found;
    /// the last [`LOOK_BACK`] bytes of it suffice. `is_last`: nothing follows `rest`.
    ///
    /// A text that is searched in pieces, waiting wherever a place is open, has the same things found as at once.
    #[must_use]
    pub fn search(&self, earlier: &[u8], rest: &[u8], is_last: bool) -> Search<'_> {
        let Some(byte) = rest.first() else { return Search::Nothing };
        let is_inside = earlier.last().is_some_and(u8::is_ascii_alphanumeric);
        let is_open = || {
            self.patterns.iter().any(|pattern| pattern.is_open(rest, is_inside))
                || open::is_open(earlier, rest)
        };
        if !is_last && is_open() {
            return Search::Open;
        }
        match self.found(earlier, rest, *byte) {
            Some((before, length, kind)) => Search::Found { before, length, kind },
            None => Search::Nothing,
        }
    }

    /// What begins at `at`, or an address with its `@` there: its beginning, its end and its kind.
    fn at(&self, bytes: &[u8], at: usize, byte: u8, copied: usize) -> Option<(usize, usize, &str)> {
        let (before, length, kind) = self.found(bytes.get(copied..at)?, bytes.get(at..)?, byte)?;
        Some((at - before, at + length, kind))
    }

    /// What is found at the place between two texts: how much before and behind it, and its kind.
    fn found(&self, earlier: &[u8], rest: &[u8], byte: u8) -> Option<(usize, usize, &str)> {
        let is_inside = earlier.last().is_some_and(u8::is_ascii_alphanumeric);
        if let Some((length, name)) = self.patterns.iter().find_map(|pattern| pattern.at(rest, is_inside)) {
            return Some((0, length, name));
        }
        let found = match byte {
            b'@' => words::email(earlier, rest),
            _ if is_inside => None,
            b'0'..=b'9' | b'+' | b'(' => numbers::at(earlier, rest),
            b'A'..=b'Z' | b'a'..=b'z' => words::iban(rest).or_else(|| words::spanish_id(rest)),
            _ => None,
        };
        let found = found.or_else(|| {
            let may_begin = !is_inside && (byte.is_ascii_hexdigit() || byte == b':');
            if may_begin { words::ipv6(earlier, rest) } else { None }
        })?;
        Some((found.before, found.length, found.kind))
    }
}
