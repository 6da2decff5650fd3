//! Versions of the protocol and the two eras that they belong to.

/// How a version conveys version, identity and capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// By the handshake `initialize` (2025-11-25 and earlier).
    Legacy,
    /// In `_meta` of every request (2026-07-28 and later).
    Modern,
}

/// A version that is spoken here, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// 2024-11-05: the first; HTTP with two addresses.
    V2024_11_05,
    /// 2025-03-26: streamable HTTP, batches.
    V2025_03_26,
    /// 2025-06-18: no batches, elicitation, structured results.
    V2025_06_18,
    /// 2025-11-25: the last with a handshake.
    V2025_11_25,
    /// 2026-07-28: stateless.
    V2026_07_28,
}

impl Version {
    /// All, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];
    /// The newest.
    pub const NEWEST: Self = Self::V2026_07_28;
    /// The newest with a handshake.
    pub const NEWEST_LEGACY: Self = Self::V2025_11_25;
    /// What a request over HTTP without the header `MCP-Protocol-Version` is taken for.
    pub const WITHOUT_HEADER: Self = Self::V2025_03_26;

    /// The version that a text names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// How it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Its era.
    #[must_use]
    pub const fn era(self) -> Era {
        match self {
            Self::V2026_07_28 => Era::Modern,
            _ => Era::Legacy,
        }
    }

    /// Whether arrays of messages are read.
    #[must_use]
    pub const fn batches(self) -> crate::rpc::Batches {
        match self {
            Self::V2025_03_26 => crate::rpc::Batches::Read,
            _ => crate::rpc::Batches::Refuse,
        }
    }

    /// What is answered to an `initialize` that asks for `requested`: the same version where it is one with a handshake,
    /// else the newest such.
    #[must_use]
    pub fn negotiated(requested: &str) -> Self {
        match Self::parse(requested) {
            Some(version) if version.era() == Era::Legacy => version,
            _ => Self::NEWEST_LEGACY,
        }
    }

    /// The newest version of ours, of the given era, among those that a peer names.
    #[must_use]
    pub fn common(theirs: &[String], era: Era) -> Option<Self> {
        let known = theirs.iter().filter_map(|version| Self::parse(version));
        known.filter(|version| version.era() == era).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_never_ends_in_a_version_without_one() {
        assert_eq!(Version::negotiated("2024-11-05"), Version::V2024_11_05);
        assert_eq!(Version::negotiated("2026-07-28"), Version::NEWEST_LEGACY);
        assert_eq!(Version::negotiated("1999-01-01"), Version::NEWEST_LEGACY);
        for version in Version::ALL {
            assert_eq!(Version::parse(version.as_str()), Some(version));
        }
    }
}
