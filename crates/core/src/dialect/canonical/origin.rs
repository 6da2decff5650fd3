//! The vendor that issued a signature or sealed block; only it can read it back.

/// A vendor that issues signatures and sealed blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureOrigin {
    /// Anthropic.
    Anthropic,
    /// Google, with the Gemini API or Vertex AI.
    Google,
    /// A service with the Responses API. Which one is part of the signature.
    OpenAi,
}

impl SignatureOrigin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::Google, Self::OpenAi];
}
