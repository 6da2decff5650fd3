//! Counts text for one model.

use std::fmt;

#[cfg(not(feature = "exact-tokens"))]
use nexus_edge_core::tokens::estimate_tokens;
#[cfg(feature = "exact-tokens")]
use nexus_edge_tokens::DecodeError;
use nexus_edge_tokens::chat::{self, Message, Tool};
use nexus_edge_tokens::{Encoding, ModelTokens};

use crate::Counted;

/// Whether the vocabularies are in this build.
const HAS_VOCABULARIES: bool = cfg!(feature = "exact-tokens");

#[cfg(feature = "exact-tokens")]
fn tokens_of(encoding: Encoding, text: &str) -> usize {
    encoding.count(text)
}

#[cfg(not(feature = "exact-tokens"))]
fn tokens_of(_encoding: Encoding, text: &str) -> usize {
    usize::try_from(estimate_tokens(text)).unwrap_or(usize::MAX)
}

/// How the text of a model is counted.
#[derive(Debug, Clone, Copy)]
pub struct Tokenizer {
    model: ModelTokens,
}

/// Why a text has no list of tokens, or a list of tokens no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VocabularyError {
    /// The model's vocabulary is not in the build.
    Unknown,
    /// It would exceed this number of tokens.
    TooMany(usize),
    /// There is no token with this number, which is at this index of the list.
    NoSuchToken {
        /// The index, from 0.
        index: usize,
        /// The number.
        token: u32,
    },
    /// The bytes of the tokens are not UTF-8.
    NotUtf8,
}

impl fmt::Display for VocabularyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.write_str(
                "The vocabulary of this model is not known here, only about how long its tokens are.",
            ),
            Self::TooMany(limit) => write!(formatter, "At most {limit} tokens are listed at once."),
            Self::NoSuchToken { index, token } => {
                write!(formatter, "The model has no token {token} (`tokens[{index}]`).")
            }
            Self::NotUtf8 => formatter.write_str("The bytes of these tokens are not UTF-8."),
        }
    }
}

impl Tokenizer {
    /// The tokenizer of the model that its provider knows by this name.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        Self { model: ModelTokens::for_model(name) }
    }

    /// Whether it equals the count of the model itself.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.model.exact && HAS_VOCABULARIES
    }

    /// The name of the encoding, or `estimate`.
    #[must_use]
    pub fn name(self) -> &'static str {
        if HAS_VOCABULARIES { self.model.encoding.name() } else { "estimate" }
    }

    /// Number of tokens of `text`.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        self.model.scale(tokens_of(self.model.encoding, text)) as u64
    }

    /// Number of tokens of a chat request, whose model must be that of the tokenizer.
    pub(crate) fn count_chat(self, model: &str, messages: &[Message<'_>], tools: &[Tool<'_>]) -> chat::Count {
        let count = chat::count_with(model, messages, tools, &|text| tokens_of(self.model.encoding, text));
        chat::Count { exact: count.exact && HAS_VOCABULARIES, ..count }
    }

    /// Number of tokens of these parts. About `limit` bytes are counted, the same share of each part, and
    /// extrapolated.
    #[must_use]
    pub fn count_parts(self, parts: &[&str], limit: usize) -> Counted {
        let share = Share::of(parts.iter().map(|part| part.len()).sum(), limit);
        let looked_at: Vec<&str> = parts.iter().map(|part| share.beginning_of(part)).collect();
        let counted: usize = looked_at.iter().map(|part| tokens_of(self.model.encoding, part)).sum();
        let bytes = looked_at.iter().map(|part| part.len()).sum();
        Counted {
            tokens: share.scale(self.model.scale(counted), bytes),
            exact: self.is_exact() && share.is_all(),
            whole: share.is_all() && HAS_VOCABULARIES,
        }
    }
}

#[cfg(feature = "exact-tokens")]
impl Tokenizer {
    /// The tokens of `text`, if they are at most `limit`.
    pub fn encode(self, text: &str, limit: usize) -> Result<Vec<u32>, VocabularyError> {
        let encoding = self.vocabulary()?;
        encoding.count_until(text, limit).map_err(|_| VocabularyError::TooMany(limit))?;
        Ok(encoding.encode(text))
    }

    /// The text of tokens.
    pub fn decode(self, tokens: &[u32]) -> Result<String, VocabularyError> {
        self.vocabulary()?.decode(tokens).map_err(|error| match error {
            DecodeError::UnknownToken(token) => {
                let index = tokens.iter().position(|&one| one == token).unwrap_or_default();
                VocabularyError::NoSuchToken { index, token }
            }
            DecodeError::NotUtf8 => VocabularyError::NotUtf8,
        })
    }

    fn vocabulary(self) -> Result<Encoding, VocabularyError> {
        if self.model.exact { Ok(self.model.encoding) } else { Err(VocabularyError::Unknown) }
    }
}

#[cfg(not(feature = "exact-tokens"))]
impl Tokenizer {
    /// There is no vocabulary in this build.
    pub fn encode(self, _text: &str, _limit: usize) -> Result<Vec<u32>, VocabularyError> {
        Err(VocabularyError::Unknown)
    }

    /// There is no vocabulary in this build.
    pub fn decode(self, _tokens: &[u32]) -> Result<String, VocabularyError> {
        Err(VocabularyError::Unknown)
    }
}

/// The share of a text that is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    total: usize,
    limit: usize,
}

impl Share {
    /// `limit` of `total` bytes, or all of them.
    pub fn of(total: usize, limit: usize) -> Self {
        Self { total, limit }
    }

    /// Whether that is all of it.
    pub fn is_all(self) -> bool {
        self.total <= self.limit
    }

    /// The beginning of a part that is its share, rounded up to a character.
    pub fn beginning_of(self, part: &str) -> &str {
        if self.is_all() {
            return part;
        }
        let length = part.len() as u128 * self.limit as u128;
        let length = usize::try_from(length.div_ceil(self.total.max(1) as u128)).unwrap_or(usize::MAX);
        part.get(..part.ceil_char_boundary(length)).unwrap_or_default()
    }

    /// The tokens of all, extrapolated from those of the counted bytes.
    pub fn scale(self, tokens: usize, looked_at: usize) -> u64 {
        let tokens = tokens as u64;
        if self.is_all() {
            return tokens;
        }
        let scaled = u128::from(tokens) * self.total as u128 / looked_at.max(1) as u128;
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, feature = "exact-tokens"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_counted_in_part_and_scaled() {
        let tokenizer = Tokenizer::for_model("gpt-4o");
        let long = "The quick brown fox jumps over the lazy dog. ".repeat(1000);
        let parts = [long.as_str(), "short", long.as_str()];
        let whole = tokenizer.count_parts(&parts, usize::MAX);
        assert!(whole.exact && whole.whole);
        let scaled = tokenizer.count_parts(&parts, 9_000);
        assert!(!scaled.exact && !scaled.whole);
        assert!(scaled.tokens.abs_diff(whole.tokens) * 100 < whole.tokens, "{scaled:?} {whole:?}");
        assert_eq!(tokenizer.count_parts(&["日本語"], 1).tokens, 3);
        assert_eq!(tokenizer.count_parts(&["a"; 100], 10).tokens, 100);
        assert_eq!(tokenizer.count_parts(&[], 0).tokens, 0);
    }

    #[test]
    fn tokens_are_listed_within_a_bound_and_come_back() {
        let tokenizer = Tokenizer::for_model("gpt-4o");
        let tokens = tokenizer.encode("Hello, 世界!", 10).unwrap();
        assert_eq!(tokenizer.decode(&tokens).as_deref(), Ok("Hello, 世界!"));
        assert_eq!(tokenizer.encode("Hello, 世界!", 1), Err(VocabularyError::TooMany(1)));
        let unknown = VocabularyError::NoSuchToken { index: 1, token: 4_000_000_000 };
        assert_eq!(tokenizer.decode(&[0, 4_000_000_000]), Err(unknown));
        assert_eq!(Tokenizer::for_model("claude-opus-5").encode("a", 10), Err(VocabularyError::Unknown));
    }
}
