//! Names and patterns of logical models: `gpt-5` matches itself, `qwen-*` every name with this prefix, `*` every
//! name.
//!
//! The most specific pattern wins: the exact name, then the longest prefix. There are no other wildcards, so it is
//! obvious which pattern applies, and a few comparisons find it.

use std::collections::HashMap;
use std::fmt;

/// Longest name, in bytes.
pub const MAX_PATTERN_BYTES: usize = 200;

/// A name or a prefix of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// Exactly this name.
    Exact(String),
    /// All names with this prefix; the empty prefix matches all.
    Prefix(String),
}

/// Why a pattern is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// Longer than [`MAX_PATTERN_BYTES`].
    #[error("must not be longer than {MAX_PATTERN_BYTES} bytes")]
    TooLong,
    /// A `*` elsewhere than at the end.
    #[error("may have one `*`, at its end")]
    Wildcard,
    /// White space or a control character.
    #[error("must not contain white space or control characters")]
    Character,
}

impl Pattern {
    /// Parses a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        if text.chars().any(|char| char.is_whitespace() || char.is_control()) {
            return Err(PatternError::Character);
        }
        let (literal, is_prefix) = text.strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        if literal.contains('*') {
            return Err(PatternError::Wildcard);
        }
        let literal = literal.to_owned();
        Ok(if is_prefix { Self::Prefix(literal) } else { Self::Exact(literal) })
    }

    /// Whether it matches this name. Case matters, as in names of models.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }

    /// The more characters it fixes, the more specific it is; the largest value wins.
    #[must_use]
    pub fn specificity(&self) -> (bool, usize) {
        match self {
            Self::Exact(exact) => (true, exact.len()),
            Self::Prefix(prefix) => (false, prefix.len()),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => formatter.write_str(exact),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
        }
    }
}

/// Values by pattern.
#[derive(Debug, Clone)]
pub struct PatternTable<T> {
    exact: HashMap<String, T>,
    /// Longest first.
    prefixes: Vec<(String, T)>,
}

impl<T> Default for PatternTable<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), prefixes: Vec::new() }
    }
}

impl<T> PatternTable<T> {
    /// Adds a value; returns the previous value of the same pattern.
    pub fn insert(&mut self, pattern: Pattern, value: T) -> Option<T> {
        match pattern {
            Pattern::Exact(exact) => self.exact.insert(exact, value),
            Pattern::Prefix(prefix) => {
                if let Some((_, old)) = self.prefixes.iter_mut().find(|(known, _)| *known == prefix) {
                    return Some(std::mem::replace(old, value));
                }
                let place = self.prefixes.partition_point(|(known, _)| known.len() >= prefix.len());
                self.prefixes.insert(place, (prefix, value));
                None
            }
        }
    }

    /// The value of the most specific pattern that matches this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.exact.get(name).or_else(|| {
            self.prefixes.iter().find(|(prefix, _)| name.starts_with(prefix.as_str())).map(|(_, value)| value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_are_checked() {
        assert_eq!(Pattern::parse("gpt-5"), Ok(Pattern::Exact("gpt-5".into())));
        assert_eq!(Pattern::parse("qwen-*"), Ok(Pattern::Prefix("qwen-".into())));
        assert_eq!(Pattern::parse("*"), Ok(Pattern::Prefix(String::new())));
        for (text, error) in [
            ("", PatternError::Empty),
            ("a*b", PatternError::Wildcard),
            ("**", PatternError::Wildcard),
            ("*-turbo", PatternError::Wildcard),
            ("a b", PatternError::Character),
            ("a\n", PatternError::Character),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text}");
        }
        assert_eq!(Pattern::parse(&"x".repeat(201)), Err(PatternError::TooLong));
    }

    #[test]
    fn the_most_specific_wins() {
        let mut table = PatternTable::default();
        for text in ["*", "qwen-*", "qwen-max", "qwen-max-*"] {
            assert_eq!(table.insert(Pattern::parse(text).unwrap(), text), None);
        }
        for (name, found) in [
            ("qwen-max", "qwen-max"),
            ("qwen-max-2025", "qwen-max-*"),
            ("qwen-plus", "qwen-*"),
            ("qwen-", "qwen-*"),
            ("Qwen-max", "*"),
            ("gpt", "*"),
        ] {
            assert_eq!(table.get(name), Some(&found), "{name}");
        }
        assert_eq!(table.insert(Pattern::Prefix(String::new()), "new"), Some("*"));
        assert_eq!(table.get("gpt"), Some(&"new"));
        assert_eq!(PatternTable::<u8>::default().get("gpt"), None);
    }

    proptest! {
        #[test]
        fn a_table_finds_what_matches_best(texts in proptest::collection::vec("[ab]{0,3}[ab*]", 0..12), name in "[ab]{0,4}") {
            let patterns: Vec<Pattern> = texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
            let mut table = PatternTable::default();
            for (pattern, text) in patterns.iter().zip(&texts) {
                prop_assert_eq!(&pattern.to_string(), text);
                table.insert(pattern.clone(), pattern.clone());
            }
            let best = patterns.iter().filter(|pattern| pattern.matches(&name)).max_by_key(|pattern| pattern.specificity());
            prop_assert_eq!(table.get(&name), best);
        }
    }
}
