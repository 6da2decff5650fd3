//! The operations of upstreams.

use crate::tokens::TokenUsage;

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

    /// The name under which it is recorded.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat { .. } => "chat",
            Self::Responses { .. } => "responses",
            Self::CompactResponse => "compact",
            Self::CountTokens => "count_tokens",
            Self::Embeddings => "embeddings",
            Self::ImageGenerations => "images",
            Self::ImageEdits => "image_edits",
            Self::Transcriptions => "transcriptions",
            Self::AudioTranslations => "audio_translations",
            Self::Speech => "speech",
            Self::Rerank => "rerank",
            Self::Moderations => "moderations",
        }
    }

    /// Whether it is part of the Responses API.
    #[must_use]
    pub fn is_of_responses(self) -> bool {
        matches!(self, Self::Responses { .. } | Self::CompactResponse)
    }

    /// The model of a request that names none, where `OpenAI`'s API has a default.
    #[must_use]
    pub fn default_model(self) -> Option<&'static str> {
        match self {
            Self::ImageGenerations | Self::ImageEdits => Some("dall-e-2"),
            Self::Moderations => Some("omni-moderation-latest"),
            _ => None,
        }
    }

    /// Says of what kind the tokens of an answer are, where its usage does not and the operation allows one kind only.
    pub fn attribute(self, usage: &mut TokenUsage) {
        let is_attributed = usage.image_completion > 0 || usage.audio_completion > 0;
        match self {
            Self::ImageGenerations | Self::ImageEdits if !is_attributed => {
                usage.image_completion = usage.completion;
            }
            Self::Speech if !is_attributed => {
                usage.audio_completion = usage.completion;
            }
            // They answer without tokens; some services tell a total only.
            Self::Embeddings | Self::Rerank | Self::Moderations => {
                usage.prompt = usage.prompt.saturating_add(std::mem::take(&mut usage.completion));
                usage.reasoning = 0;
            }
            _ => {}
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operation_answers_has_the_price_of_its_kind() {
        let usage = |completion, image_completion| TokenUsage {
            completion,
            image_completion,
            ..TokenUsage::default()
        };
        let after = |operation: Operation, mut usage: TokenUsage| {
            operation.attribute(&mut usage);
            (usage.image_completion, usage.audio_completion)
        };
        let mut embedded = usage(9, 0);
        Operation::Embeddings.attribute(&mut embedded);
        assert_eq!(embedded, TokenUsage { prompt: 9, ..TokenUsage::default() });
        assert_eq!(after(Operation::ImageEdits, usage(9, 0)), (9, 0));
        assert_eq!(after(Operation::ImageGenerations, usage(9, 5)), (5, 0));
        assert_eq!(after(Operation::Speech, usage(9, 0)), (0, 9));
        assert_eq!(after(Operation::Embeddings, usage(9, 0)), (0, 0));
    }
}
