//! The operations of upstreams.

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    Chat { stream: bool, multimodal: bool },
    Responses { stream: bool },
    CompactResponse,
    CountTokens,
    Embeddings,
    ImageGenerations,
    ImageEdits,
    Transcriptions,
    AudioTranslations,
    Speech,
    Rerank,
    Moderations,
}

impl Operation {
    /// Whether a streamed answer is asked for.
    #[must_use]
    pub fn is_streamed(self) -> bool {
        matches!(self, Self::Chat { stream: true, .. } | Self::Responses { stream: true })
    }

    /// Whether it is part of the Responses API.
    #[must_use]
    pub fn is_of_responses(self) -> bool {
        matches!(self, Self::Responses { .. } | Self::CompactResponse)
    }

    /// Path of the operation below the version, in `OpenAI`'s API.
    #[must_use]
    pub fn openai_path(self) -> Option<&'static str> {
        Some(match self {
            Self::Chat { .. } => "chat/completions",
            Self::Responses { .. } => "responses",
            Self::CompactResponse => "responses/compact",
            Self::CountTokens => return None,
            Self::Embeddings => "embeddings",
            Self::ImageGenerations => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::Transcriptions => "audio/transcriptions",
            Self::AudioTranslations => "audio/translations",
            Self::Speech => "audio/speech",
            Self::Rerank => "rerank",
            Self::Moderations => "moderations",
        })
    }
}
