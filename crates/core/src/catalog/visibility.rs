//! Whose requests a provider may serve.

use serde::{Deserialize, Serialize};

/// Most owners that one provider is shared with: all of them are part of the configuration that isolates hold.
pub const MAX_SHARED_WITH: usize = 100;

/// Whose requests a provider may serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// All. Also what a record from before there were private providers is.
    #[default]
    Public,
    /// Those of its owner and of the owners that it is shared with.
    Shared,
    /// Those of its owner. Also what a stored word of another version counts as.
    #[serde(other)]
    Private,
}

impl Visibility {
    /// Every visibility with its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("private", Self::Private), ("shared", Self::Shared), ("public", Self::Public)];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Public => "public",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_and_what_is_unknown_is_private() {
        for (name, visibility) in Visibility::NAMES {
            assert_eq!(visibility.name(), *name);
            assert_eq!(serde_json::from_str::<Visibility>(&format!("\"{name}\"")).unwrap(), *visibility);
        }
        assert_eq!(serde_json::from_str::<Visibility>("\"secret\"").unwrap(), Visibility::Private);
    }
}
