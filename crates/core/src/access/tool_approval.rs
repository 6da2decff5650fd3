//! Which calls of tools a person must agree to before the gateway runs them. Of several rules the strictest counts.

use serde::{Deserialize, Serialize};

/// The rule of a key or of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolApproval {
    /// None of them.
    #[default]
    Never,
    /// Those of tools that write or send something, as far as their names and annotations tell.
    Rules,
    /// All of them. Also what a stored value of another version counts as.
    #[serde(other)]
    Always,
}

impl ToolApproval {
    /// Every value by its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("never", Self::Never), ("rules", Self::Rules), ("always", Self::Always)];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Rules => "rules",
            Self::Always => "always",
        }
    }

    /// The stricter one.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_what_is_unknown_is_strict() {
        for (name, rule) in ToolApproval::NAMES {
            assert_eq!(rule.name(), *name);
            assert_eq!(serde_json::from_value::<ToolApproval>((*name).into()).unwrap(), *rule);
        }
        assert_eq!(serde_json::from_str::<ToolApproval>("\"of the future\"").unwrap(), ToolApproval::Always);
        assert_eq!(ToolApproval::Rules.strictest(ToolApproval::Never), ToolApproval::Rules);
        assert_eq!(ToolApproval::Rules.strictest(ToolApproval::Always), ToolApproval::Always);
    }
}
