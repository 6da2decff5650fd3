//! The vendor that issued a signature or sealed block; only it can read it back.

use crate::dialect::provider_kind::ProviderKind;

/// A vendor that issues signatures and sealed blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Anthropic.
    Anthropic,
    /// Google, with the Gemini API or Vertex AI.
    Google,
}

impl Maker {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Anthropic, Self::Google];

    /// The vendor that signs the reasoning of a provider of this kind. `None` for services that are compatible with
    /// `OpenAI`: the vendor behind them is unknown.
    #[must_use]
    pub fn of(kind: ProviderKind) -> Option<Self> {
        match kind {
            ProviderKind::Anthropic => Some(Self::Anthropic),
            ProviderKind::Gemini | ProviderKind::Vertex => Some(Self::Google),
            _ => None,
        }
    }
}
