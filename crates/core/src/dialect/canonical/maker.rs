//! Who makes what means something to its maker only.

use crate::dialect::provider_kind::ProviderKind;

/// The maker of signatures and of blocks that nobody else can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Anthropic.
    Anthropic,
    /// Google, in either of its services.
    Google,
}

impl Maker {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Anthropic, Self::Google];

    /// Who signs the thoughts of a provider of this kind. Nobody knows who answers behind a service that is merely
    /// compatible with `OpenAI`.
    #[must_use]
    pub fn of(kind: ProviderKind) -> Option<Self> {
        match kind {
            ProviderKind::Anthropic => Some(Self::Anthropic),
            ProviderKind::Gemini | ProviderKind::Vertex => Some(Self::Google),
            _ => None,
        }
    }
}
