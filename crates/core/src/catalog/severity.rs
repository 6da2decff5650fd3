//! How urgent an alert is.

use serde::{Deserialize, Serialize};

/// How urgent an alert is, from least to most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known.
    Info,
    /// To be looked at.
    #[default]
    Warning,
    /// To be acted on.
    Critical,
}

impl Severity {
    /// All of them by name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("info", Self::Info), ("warning", Self::Warning), ("critical", Self::Critical)];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
