//! What is archived of a key's prompts and answers.

use serde::{Deserialize, Serialize};

/// How much of a conversation is archived. Usage is recorded in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorePolicy {
    /// Nothing.
    None,
    /// Role, time, model and token counts, but no content.
    Metadata,
    /// Everything.
    #[default]
    Full,
}

impl StorePolicy {
    /// The policy with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "metadata" => Some(Self::Metadata),
            "full" => Some(Self::Full),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Metadata => "metadata",
            Self::Full => "full",
        }
    }
}
