//! The dialects of callers, determined by the path of the request.

/// The dialect of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerDialect {
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

impl CallerDialect {
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
        Self::NAMES.iter().find(|(_, caller_dialect)| *caller_dialect == self).map_or("", |(name, _)| name)
    }

    /// Whether upstreams have this dialect, so that a pass-through answer is in it.
    #[must_use]
    pub fn has_upstreams(self) -> bool {
        matches!(self, Self::OpenaiChat | Self::Anthropic | Self::Gemini)
    }
}
