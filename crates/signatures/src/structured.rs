//! Structured field values (RFC 8941): dictionaries of items and inner lists, as far as signatures and digests need them.
//!
//! Reading is strict: one spelling too many is an error that says where it is. Not read are decimals, and a name that occurs
//! twice, where RFC 8941 would let the last one win: of two signatures with one name it must be plain which is meant.
//! What was read is written in the one canonical form.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest field that is read, in bytes.
pub const MAX_FIELD_BYTES: usize = 16 * 1024;
/// The largest integer, of 15 digits.
const MAX_INTEGER: i64 = 999_999_999_999_999;

/// A value without parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BareItem {
    /// A whole number of at most 15 digits.
    Integer(i64),
    /// Printable ASCII in quotes.
    Text(String),
    /// A word without quotes.
    Token(String),
    /// Bytes in Base64 between colons.
    Bytes(Vec<u8>),
    /// `?0` or `?1`.
    Boolean(bool),
}

/// Parameters in their order.
pub type Parameters = Vec<(String, BareItem)>;

/// A value with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub value: BareItem,
    /// What is said about it.
    pub parameters: Parameters,
}

/// A list in parentheses with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerList {
    /// The items.
    pub items: Vec<Item>,
    /// What is said about all of them.
    pub parameters: Parameters,
}

/// A value of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// One item.
    Item(Item),
    /// A list.
    List(InnerList),
}

/// Why a field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct FieldError {
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Reads a dictionary: names with values, in their order.
///
/// # Errors
/// Where the field is no dictionary, and why.
pub fn dictionary(field: &str) -> Result<Vec<(String, Member)>, FieldError> {
    let mut reader = Reader { bytes: field.as_bytes(), at: 0 };
    if field.len() > MAX_FIELD_BYTES {
        return Err(FieldError { at: MAX_FIELD_BYTES, problem: "the field is too long" });
    }
    let mut members: Vec<(String, Member)> = Vec::new();
    reader.skip(b" ");
    while reader.peek().is_some() {
        let name = reader.name()?;
        if members.iter().any(|(known, _)| *known == name) {
            return reader.fail("a name that occurs twice");
        }
        let member = if reader.take(b'=') {
            if reader.peek() == Some(b'(') {
                Member::List(reader.inner_list()?)
            } else {
                Member::Item(reader.item()?)
            }
        } else {
            // A name alone stands for true.
            let parameters = reader.parameters()?;
            Member::Item(Item { value: BareItem::Boolean(true), parameters })
        };
        members.push((name, member));
        reader.skip(b" \t");
        if reader.peek().is_none() {
            return Ok(members);
        }
        if !reader.take(b',') {
            return reader.fail("a comma or the end was expected");
        }
        reader.skip(b" \t");
        if reader.peek().is_none() {
            return reader.fail("a comma with nothing after it");
        }
    }
    Ok(members)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip(&mut self, any: &[u8]) {
        while self.peek().is_some_and(|byte| any.contains(&byte)) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, problem: &'static str) -> Result<T, FieldError> {
        Err(FieldError { at: self.at, problem })
    }

    /// The bytes as long as they belong; they are ASCII.
    fn while_any(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let mut text = String::new();
        while let Some(byte) = self.peek().filter(|byte| byte.is_ascii() && belongs(*byte)) {
            text.push(char::from(byte));
            self.at += 1;
        }
        text
    }

    fn name(&mut self) -> Result<String, FieldError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'*') {
            return self.fail("a name in lower case was expected");
        }
        Ok(self
            .while_any(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)))
    }

    fn inner_list(&mut self) -> Result<InnerList, FieldError> {
        let mut items = Vec::new();
        if !self.take(b'(') {
            return self.fail("`(` was expected");
        }
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Ok(InnerList { items, parameters: self.parameters()? });
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return self.fail("a space or `)` was expected");
            }
        }
    }

    fn item(&mut self) -> Result<Item, FieldError> {
        Ok(Item { value: self.bare_item()?, parameters: self.parameters()? })
    }

    fn parameters(&mut self) -> Result<Parameters, FieldError> {
        let mut parameters = Parameters::new();
        while self.take(b';') {
            self.skip(b" ");
            let name = self.name()?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return self.fail("a parameter that occurs twice");
            }
            let value = if self.take(b'=') { self.bare_item()? } else { BareItem::Boolean(true) };
            parameters.push((name, value));
        }
        Ok(parameters)
    }

    fn bare_item(&mut self) -> Result<BareItem, FieldError> {
        match self.peek() {
            Some(b'"') => self.text(),
            Some(b':') => self.byte_sequence(),
            Some(b'?') => self.boolean(),
            Some(byte) if byte == b'-' || byte.is_ascii_digit() => self.integer(),
            Some(byte) if byte == b'*' || byte.is_ascii_alphabetic() => Ok(BareItem::Token(
                self.while_any(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)),
            )),
            _ => self.fail("a value was expected"),
        }
    }

    fn text(&mut self) -> Result<BareItem, FieldError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return self.fail("a text without its closing quote"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(BareItem::Text(text));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let Some(escaped @ (b'"' | b'\\')) = self.peek() else {
                        return self.fail("only quotes and backslashes may be escaped");
                    };
                    text.push(char::from(escaped));
                }
                Some(byte @ 0x20..=0x7e) => text.push(char::from(byte)),
                Some(_) => return self.fail("a text of printable ASCII was expected"),
            }
            self.at += 1;
        }
    }

    fn byte_sequence(&mut self) -> Result<BareItem, FieldError> {
        let began = self.at;
        self.at += 1;
        let encoded = self.while_any(|byte| byte != b':');
        if !self.take(b':') {
            return self.fail("a byte sequence without its closing colon");
        }
        match STANDARD.decode(encoded) {
            Ok(bytes) => Ok(BareItem::Bytes(bytes)),
            Err(_) => {
                Err(FieldError { at: began, problem: "a byte sequence that is not Base64 with padding" })
            }
        }
    }

    fn boolean(&mut self) -> Result<BareItem, FieldError> {
        self.at += 1;
        if self.take(b'1') {
            return Ok(BareItem::Boolean(true));
        }
        if self.take(b'0') {
            return Ok(BareItem::Boolean(false));
        }
        self.fail("`?0` or `?1` was expected")
    }

    fn integer(&mut self) -> Result<BareItem, FieldError> {
        let is_negative = self.take(b'-');
        let digits = self.while_any(|byte| byte.is_ascii_digit());
        if self.peek() == Some(b'.') {
            return self.fail("a whole number was expected");
        }
        match digits.parse::<i64>() {
            Ok(number) if number <= MAX_INTEGER => {
                Ok(BareItem::Integer(if is_negative { -number } else { number }))
            }
            _ => self.fail("a whole number of 1 to 15 digits was expected"),
        }
    }
}

impl fmt::Display for BareItem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Text(text) => {
                formatter.write_char('"')?;
                for character in text.chars() {
                    if matches!(character, '"' | '\\') {
                        formatter.write_char('\\')?;
                    }
                    formatter.write_char(character)?;
                }
                formatter.write_char('"')
            }
            Self::Token(token) => formatter.write_str(token),
            Self::Bytes(bytes) => write!(formatter, ":{}:", STANDARD.encode(bytes)),
            Self::Boolean(value) => formatter.write_str(if *value { "?1" } else { "?0" }),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.value)?;
        write_parameters(formatter, &self.parameters)
    }
}

impl fmt::Display for InnerList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('(')?;
        for (place, item) in self.items.iter().enumerate() {
            if place > 0 {
                formatter.write_char(' ')?;
            }
            write!(formatter, "{item}")?;
        }
        formatter.write_char(')')?;
        write_parameters(formatter, &self.parameters)
    }
}

fn write_parameters(formatter: &mut fmt::Formatter<'_>, parameters: &Parameters) -> fmt::Result {
    for (name, value) in parameters {
        match value {
            BareItem::Boolean(true) => write!(formatter, ";{name}")?,
            value => write!(formatter, ";{name}={value}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(members: &[(String, Member)]) -> String {
        let texts = members.iter().map(|(name, member)| match member {
            Member::Item(Item { value: BareItem::Boolean(true), parameters }) => {
                let item = Item { value: BareItem::Boolean(true), parameters: parameters.clone() };
                format!("{name}{}", item.to_string().strip_prefix("?1").unwrap())
            }
            Member::Item(item) => format!("{name}={item}"),
            Member::List(list) => format!("{name}={list}"),
        });
        texts.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_read_is_written_in_the_canonical_form() {
        for (field, canonical) in [
            (
                r#"sig1=( "@method"   "date";req );created=1618884473;keyid="a\"b""#,
                r#"sig1=("@method" "date";req);created=1618884473;keyid="a\"b""#,
            ),
            ("a=:aGVsbG8=:,\tb=?0, c;x=-12", "a=:aGVsbG8=:, b=?0, c;x=-12"),
            ("sha-256=:AA==:; q=tok/en", "sha-256=:AA==:;q=tok/en"),
            ("", ""),
            ("a=()", "a=()"),
        ] {
            assert_eq!(written(&dictionary(field).unwrap()), canonical);
        }
    }

    #[test]
    fn what_is_not_read_is_named_with_its_place() {
        for (field, at) in [
            ("Sig=1", 0),
            ("a=1,", 4),
            ("a=1 b=2", 4),
            ("a=1, a=2", 6),
            ("a=1;x;x", 7),
            ("a=1.5", 3),
            ("a=1234567890123456", 18),
            ("a=-", 3),
            ("a=\"x", 4),
            ("a=\"\\n\"", 4),
            ("a=\"\u{e9}\"", 3),
            ("a=:abc:", 2),
            ("a=:AA==", 7),
            ("a=(\"x\"\"y\")", 6),
            ("a=(\"x\"", 6),
            ("a=?2", 3),
            ("a=", 2),
        ] {
            assert_eq!(dictionary(field).unwrap_err().at, at, "{field}");
        }
        assert!(dictionary(&format!("a=\"{}\"", "x".repeat(MAX_FIELD_BYTES))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_canonical_forms_stay(field in "[ -~]{0,80}") {
            if let Ok(members) = dictionary(&field) {
                let canonical = written(&members);
                prop_assert_eq!(written(&dictionary(&canonical).unwrap()), canonical);
            }
        }
    }
}
