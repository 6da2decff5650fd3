//! Byte-pair encoding with the vocabularies as static tables.
//!
//! A text is split into pieces ([`scan`]); a piece that is a token is looked up ([`vocabulary`], [`lexicon`]), any
//! other is merged from its bytes ([`short`], [`long`], [`large`]).

mod boundary;
mod bytes;
mod counter;
mod engine;
mod finder;
mod group;
mod hash;
mod large;
mod lexicon;
mod long;
mod memo;
mod merge;
#[cfg(feature = "qwen")]
mod normal;
mod scan;
mod short;
mod special;
mod tables;
mod text;
mod vocabulary;

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

pub use counter::Counter;
use engine::Engine;

use crate::encoding::Encoding;

/// A text has more tokens than the limit of the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    /// The limit.
    pub limit: usize,
}

impl fmt::Display for OverLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the text is more than {} tokens", self.limit)
    }
}

impl core::error::Error for OverLimit {}

/// Why tokens cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The encoding has no token with this number.
    UnknownToken(u32),
    /// The bytes of the tokens are not UTF-8.
    NotUtf8,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownToken(token) => write!(formatter, "there is no token {token}"),
            Self::NotUtf8 => write!(formatter, "the bytes of the tokens are not UTF-8"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl Encoding {
    /// Number of tokens of `text`. Special tokens in it are plain text, as for input of users.
    ///
    /// Equal to the length of [`Self::encode`]. Allocates nothing for a text of less than a kilobyte, and some 220 KB at
    /// most for a longer one.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        let Engine { vocabulary, count, .. } = self.engine();
        count(vocabulary, self.normal(text).as_bytes(), usize::MAX).unwrap_or_default()
    }

    /// Number of tokens of `text`, if that is at most `limit`; stops as soon as the limit is exceeded.
    pub fn count_until(self, text: &str, limit: usize) -> Result<usize, OverLimit> {
        let Engine { vocabulary, count, .. } = self.engine();
        let text = self.normal(text);
        // A lower bound: no token is longer than the longest.
        if text.len() / vocabulary.longest > limit {
            return Err(OverLimit { limit });
        }
        count(vocabulary, text.as_bytes(), limit).ok_or(OverLimit { limit })
    }

    /// The tokens of `text`. Special tokens in it are plain text, as for input of users.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4);
        self.encode_into(text, &mut tokens);
        tokens
    }

    /// The tokens of `text`, with special tokens in it encoded as such. Never for input of users.
    #[must_use]
    pub fn encode_with_special_tokens(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4);
        let mut from = 0;
        while let Some(special) = self.engine().specials.find(text, from) {
            self.encode_into(text.get(from..special.start).unwrap_or_default(), &mut tokens);
            tokens.push(special.token);
            from = special.end;
        }
        self.encode_into(text.get(from..).unwrap_or_default(), &mut tokens);
        tokens
    }

    /// The bytes of tokens, which may end within a character. Special tokens give their names.
    ///
    /// Every call reads the whole vocabulary: one call for many tokens is better than one for each.
    pub fn decode_bytes(self, tokens: &[u32]) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = Vec::with_capacity(tokens.len() * 4);
        let ordinary = self.engine().vocabulary.bytes_of(tokens);
        for &token in tokens {
            if let Some(token) = ordinary.get(token) {
                token.write(&mut bytes);
            } else if !self.engine().specials.write(token, &mut bytes) {
                return Err(DecodeError::UnknownToken(token));
            }
        }
        Ok(bytes)
    }

    /// The text of tokens.
    pub fn decode(self, tokens: &[u32]) -> Result<String, DecodeError> {
        String::from_utf8(self.decode_bytes(tokens)?).map_err(|_| DecodeError::NotUtf8)
    }

    /// Bytes of the tables that this encoding reads, among them those that all encodings share.
    #[must_use]
    pub fn table_bytes(self) -> usize {
        self.engine().vocabulary.table_bytes()
    }

    fn encode_into(self, text: &str, tokens: &mut Vec<u32>) {
        let Engine { vocabulary, encode, .. } = self.engine();
        encode(vocabulary, self.normal(text).as_bytes(), tokens);
    }

    /// The last position at which a text may be split, whatever follows; see [`scan::last_cut`].
    fn last_cut(self, text: &str) -> Option<usize> {
        (self.engine().last_cut)(text.as_bytes(), 0)
    }

    /// The normalised form of the text that is tokenised.
    #[cfg_attr(
        not(feature = "qwen"),
        expect(clippy::unused_self, reason = "every encoding takes it as it is")
    )]
    fn normal(self, text: &str) -> Cow<'_, str> {
        #[cfg(feature = "qwen")]
        if self == Self::Qwen2 {
            return normal::form(text);
        }
        Cow::Borrowed(text)
    }
}
