//! The characters of a filter, read from left to right.

use nexus_edge_core::error::ApiError;

use super::Literal;
use crate::problem::invalid_filter;

/// Longest filter, in bytes.
pub const MAX_BYTES: usize = 8_192;
/// Most filters within each other.
pub const MAX_DEPTH: usize = 32;

/// What is left of a filter.
pub(super) struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// # Errors
    /// `invalid_filter` for a text that is too long.
    pub(super) fn new(text: &'a str) -> Result<Self, ApiError> {
        if text.len() > MAX_BYTES {
            return Err(invalid_filter(format!("A filter has at most {MAX_BYTES} bytes.")));
        }
        Ok(Self { rest: text.trim(), depth: 0 })
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// # Errors
    /// `invalid_filter` where filters are too deep in each other.
    pub(super) fn deeper(&mut self) -> Result<(), ApiError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(invalid_filter(format!("A filter is nested at most {MAX_DEPTH} deep.")));
        }
        Ok(())
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes this character, if it is the next.
    pub(super) fn takes(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes this word, if it is the next, in any case; what follows must be no part of it.
    pub(super) fn takes_word(&mut self, wanted: &str) -> bool {
        let Some((word, rest)) = self.rest.split_at_checked(wanted.len()) else { return false };
        let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "_-$.:".contains(c));
        if word.eq_ignore_ascii_case(wanted) && ends {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Takes what can be a name: of an attribute with its schema and its part, or of an operator.
    pub(super) fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-$.:".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    /// Takes a value of JSON that is not a list or an object.
    ///
    /// # Errors
    /// `invalid_filter`.
    pub(super) fn literal(&mut self) -> Result<Literal, ApiError> {
        if self.rest.starts_with('"') {
            return self.text();
        }
        for (word, literal) in
            [("true", Literal::Boolean(true)), ("false", Literal::Boolean(false)), ("null", Literal::Null)]
        {
            if self.takes_word(word) {
                return Ok(literal);
            }
        }
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        // The grammar is that of JSON, whose parser rounds the last digit of some numbers.
        let is_json = serde_json::from_str::<serde_json::Number>(number).is_ok();
        let number = number.parse::<f64>().ok().filter(|number| is_json && number.is_finite());
        self.rest = rest;
        number.map(Literal::Number).ok_or_else(|| self.unexpected("a value, such as \"text\", true or 5"))
    }

    fn text(&mut self) -> Result<Literal, ApiError> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = values.next().and_then(Result::ok);
        let end = values.byte_offset();
        let text = text.ok_or_else(|| self.unexpected("text between quotation marks"))?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok(Literal::Text(text))
    }

    pub(super) fn unexpected(&self, wanted: &str) -> ApiError {
        let found: String = self.rest.chars().take(20).collect();
        let found = if found.is_empty() { "its end".to_owned() } else { format!("`{found}`") };
        invalid_filter(format!("The filter must have {wanted} where it has {found}."))
    }
}
