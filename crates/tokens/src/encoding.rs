//! The encodings by their names.

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
}
