//! What is kept of a key's prompts and answers.

use serde::{Deserialize, Deserializer, Serialize};

/// How much of a conversation is kept. Usage is recorded in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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

/// Reads a stored policy, for `#[serde(deserialize_with)]`. A name that is not known keeps nothing rather than everything.
pub fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StorePolicy, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(StorePolicy::parse(&name).unwrap_or(StorePolicy::None))
}

impl StorePolicy {
    /// Every policy with its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("metadata", Self::Metadata), ("full", Self::Full)];

    /// The policy of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    }

    /// Whether anything of the texts may be kept, wherever and for whatever purpose: the archive, stored responses, cached
    /// responses, sessions. Everything that stores a text asks this.
    #[must_use]
    pub fn keeps_texts(self) -> bool {
        self == Self::Full
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Row {
        #[serde(deserialize_with = "stored")]
        store: StorePolicy,
    }

    #[test]
    fn a_policy_has_one_name_everywhere_and_an_unknown_one_keeps_nothing() {
        let read =
            |name: &str| serde_json::from_value::<Row>(serde_json::json!({ "store": name })).unwrap().store;
        for (name, policy) in StorePolicy::NAMES {
            assert_eq!(
                (policy.as_str(), StorePolicy::parse(name), read(name)),
                (*name, Some(*policy), *policy)
            );
            assert_eq!(serde_json::to_value(policy).unwrap(), *name);
        }
        assert_eq!((StorePolicy::parse("all"), read("all")), (None, StorePolicy::None));
    }
}
