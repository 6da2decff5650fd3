//! The dialects of callers, determined by the path of the request.

use crate::dialect::provider_kind::ProviderKind;

/// The dialect of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// `/v1/chat/completions`, and all paths without a dialect of their own.
    OpenaiChat,
    /// `/v1/completions`
    OpenaiCompletions,
    /// `/v1/responses`
    OpenaiResponses,
    /// `/v1/messages`
    Anthropic,
    /// `/v1beta/models/…`
    Gemini,
}

impl Face {
    /// Every caller dialect with its name in the admin API.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("openai_chat", Self::OpenaiChat),
        ("openai_completions", Self::OpenaiCompletions),
        ("openai_responses", Self::OpenaiResponses),
        ("anthropic", Self::Anthropic),
        ("gemini", Self::Gemini),
    ];

    /// Its name in the admin API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, face)| *face == self).map_or("", |(name, _)| name)
    }

    /// Whether upstreams of this kind have the same dialect, so that no translation is needed.
    #[must_use]
    pub fn is_native_to(self, kind: ProviderKind) -> bool {
        match self {
            Self::OpenaiChat => {
                matches!(kind, ProviderKind::Openai | ProviderKind::AzureOpenai | ProviderKind::Demo)
            }
            Self::Anthropic => kind == ProviderKind::Anthropic,
            Self::Gemini => matches!(kind, ProviderKind::Gemini | ProviderKind::Vertex),
            Self::OpenaiCompletions | Self::OpenaiResponses => false,
        }
    }
}
