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
    /// DeepSeek V3 and later, and R1.
    #[cfg(feature = "deepseek")]
    DeepSeekV3,
    /// `kimi_k2`: Kimi K2.
    #[cfg(feature = "kimi")]
    KimiK2,
    /// GLM 4.5 to 4.7.
    #[cfg(feature = "glm")]
    Glm4,
    /// GLM 5. The vocabulary of [`Self::Glm4`] with more tokens.
    #[cfg(feature = "glm")]
    Glm5,
    /// Tekken, third version: Mistral Nemo and later.
    #[cfg(feature = "mistral")]
    Tekken,
    /// `MiniMax` M2.
    #[cfg(feature = "minimax")]
    MiniMaxM2,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: &[Self] = &[
        Self::O200kBase,
        Self::O200kHarmony,
        Self::Cl100kBase,
        #[cfg(feature = "qwen")]
        Self::Qwen2,
        #[cfg(feature = "deepseek")]
        Self::DeepSeekV3,
        #[cfg(feature = "kimi")]
        Self::KimiK2,
        #[cfg(feature = "glm")]
        Self::Glm4,
        #[cfg(feature = "glm")]
        Self::Glm5,
        #[cfg(feature = "mistral")]
        Self::Tekken,
        #[cfg(feature = "minimax")]
        Self::MiniMaxM2,
    ];

    /// The name that it is published under, or, where it has none, that of the model and its version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::O200kHarmony => "o200k_harmony",
            Self::Cl100kBase => "cl100k_base",
            #[cfg(feature = "qwen")]
            Self::Qwen2 => "qwen2",
            #[cfg(feature = "deepseek")]
            Self::DeepSeekV3 => "deepseek_v3",
            #[cfg(feature = "kimi")]
            Self::KimiK2 => "kimi_k2",
            #[cfg(feature = "glm")]
            Self::Glm4 => "glm4",
            #[cfg(feature = "glm")]
            Self::Glm5 => "glm5",
            #[cfg(feature = "mistral")]
            Self::Tekken => "tekken",
            #[cfg(feature = "minimax")]
            Self::MiniMaxM2 => "minimax_m2",
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
