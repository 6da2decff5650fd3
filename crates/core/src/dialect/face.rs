//! The dialects that callers speak to the gateway, known from the path of the request.

use crate::dialect::provider_kind::ProviderKind;

/// What a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// `/v1/chat/completions`, and everything that has no dialect of its own.
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
    /// Every face with the name by which the admin API knows it.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("openai_chat", Self::OpenaiChat),
        ("openai_completions", Self::OpenaiCompletions),
        ("openai_responses", Self::OpenaiResponses),
        ("anthropic", Self::Anthropic),
        ("gemini", Self::Gemini),
    ];

    /// The name by which the admin API knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, face)| *face == self).map_or("", |(name, _)| name)
    }

    /// Whether an upstream of this kind speaks the caller's dialect itself, so that nothing needs translation.
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
