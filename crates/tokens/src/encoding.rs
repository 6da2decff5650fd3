//! The encodings, and what can be done with them.

use std::fmt;

#[cfg(feature = "qwen")]
use crate::scan::qwen::Qwen;
use crate::{
    scan::{cl100k::Cl100k, o200k::O200k},
    special::Specials,
    tables, text,
    vocabulary::Vocabulary,
};

/// A byte-pair encoding. Costs nothing to make or to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o and later.
    O200kBase,
    /// `o200k_harmony`: gpt-oss. The vocabulary of [`Self::O200kBase`] with other special tokens.
    O200kHarmony,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100kBase,
    /// `qwen2`: Qwen 2 to 3.
    #[cfg(feature = "qwen")]
    Qwen2,
}

/// A text is more tokens than the limit that it was counted against.
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

impl std::error::Error for OverLimit {}

/// Why tokens are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The encoding has no token of this number.
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

impl std::error::Error for DecodeError {}

impl Encoding {
    /// Every encoding.
    pub const ALL: &[Self] = &[
        Self::O200kBase,
        Self::O200kHarmony,
        Self::Cl100kBase,
        #[cfg(feature = "qwen")]
        Self::Qwen2,
    ];

    /// The name that it is published under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::O200kHarmony => "o200k_harmony",
            Self::Cl100kBase => "cl100k_base",
            #[cfg(feature = "qwen")]
            Self::Qwen2 => "qwen2",
        }
    }

    /// Whether it is one of `OpenAI`'s, whose rules for chats are known.
    pub(crate) const fn is_openai(self) -> bool {
        matches!(self, Self::O200kBase | Self::O200kHarmony | Self::Cl100kBase)
    }

    /// The encoding of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|encoding| encoding.name() == name)
    }

    /// How many tokens `text` is. Special tokens in it are plain text, as they are in what a user sends.
    ///
    /// Equal to the length of [`Self::encode`]. Allocates nothing for a text of less than a kilobyte, and some 130 KB at
    /// most for a longer one.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        self.count_bytes(text, usize::MAX).unwrap_or_default()
    }

    /// How many tokens `text` is, if that is at most `limit`; stops as soon as it is known to be more.
    pub fn count_until(self, text: &str, limit: usize) -> Result<usize, OverLimit> {
        // No token is longer than the longest.
        if text.len() / self.vocabulary().longest > limit {
            return Err(OverLimit { limit });
        }
        self.count_bytes(text, limit).ok_or(OverLimit { limit })
    }

    /// The tokens of `text`. Special tokens in it are plain text, as they are in what a user sends.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4);
        self.encode_into(text, &mut tokens);
        tokens
    }

    /// The tokens of `text`, in which special tokens stand for themselves. Never for what a user sends.
    #[must_use]
    pub fn encode_with_special_tokens(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4);
        let mut from = 0;
        while let Some(special) = self.specials().find(text, from) {
            self.encode_into(text.get(from..special.start).unwrap_or_default(), &mut tokens);
            tokens.push(special.token);
            from = special.end;
        }
        self.encode_into(text.get(from..).unwrap_or_default(), &mut tokens);
        tokens
    }

    /// The bytes of tokens, which need not be whole characters. Special tokens give their names.
    ///
    /// A call takes a fraction of a millisecond whatever the tokens: better one for many than many for one each.
    pub fn decode_bytes(self, tokens: &[u32]) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = Vec::with_capacity(tokens.len() * 4);
        let ordinary = self.vocabulary().bytes_of(tokens);
        for &token in tokens {
            if let Some(token) = ordinary.get(token) {
                bytes.extend_from_slice(token);
            } else if !self.specials().write(token, &mut bytes) {
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
        self.vocabulary().table_bytes()
    }

    fn count_bytes(self, text: &str, limit: usize) -> Option<usize> {
        match self {
            Self::O200kBase | Self::O200kHarmony => {
                text::count::<O200k>(&tables::O200K, text.as_bytes(), limit)
            }
            Self::Cl100kBase => text::count::<Cl100k>(&tables::CL100K, text.as_bytes(), limit),
            #[cfg(feature = "qwen")]
            Self::Qwen2 => text::count::<Qwen>(&tables::QWEN, text.as_bytes(), limit),
        }
    }

    fn encode_into(self, text: &str, tokens: &mut Vec<u32>) {
        let text = text.as_bytes();
        match self {
            Self::O200kBase | Self::O200kHarmony => text::encode::<O200k>(&tables::O200K, text, tokens),
            Self::Cl100kBase => text::encode::<Cl100k>(&tables::CL100K, text, tokens),
            #[cfg(feature = "qwen")]
            Self::Qwen2 => text::encode::<Qwen>(&tables::QWEN, text, tokens),
        }
    }

    fn vocabulary(self) -> &'static Vocabulary {
        match self {
            Self::O200kBase | Self::O200kHarmony => &tables::O200K,
            Self::Cl100kBase => &tables::CL100K,
            #[cfg(feature = "qwen")]
            Self::Qwen2 => &tables::QWEN,
        }
    }

    fn specials(self) -> &'static Specials {
        match self {
            Self::O200kBase => &tables::O200K_SPECIALS,
            Self::O200kHarmony => &tables::O200K_HARMONY_SPECIALS,
            Self::Cl100kBase => &tables::CL100K_SPECIALS,
            #[cfg(feature = "qwen")]
            Self::Qwen2 => &tables::QWEN_SPECIALS,
        }
    }
}
