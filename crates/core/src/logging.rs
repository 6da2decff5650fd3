//! Log lines: one JSON object a line, with the same fields everywhere.
//!
//! ```json
//! {"ts":1795200203000,"level":"error","event":"upstream unreachable","request_id":"req_01M8…","detail":"provider openai: …"}
//! ```

use serde::Serialize;

/// How important a line is, from most to least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed that should not have.
    Error,
    /// Something failed that the gateway made up for, or that the settings of others let fail.
    Warn,
    /// Something that happens seldom and is worth knowing.
    #[default]
    Info,
    /// Something that happens with every request.
    Debug,
}

impl Level {
    /// All of them by name.
    pub const NAMES: [(&'static str, Self); 4] =
        [("error", Self::Error), ("warn", Self::Warn), ("info", Self::Info), ("debug", Self::Debug)];

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, level)| level)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// A line.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// Milliseconds since the epoch.
    pub ts: u64,
    /// The name of a [`Level`].
    pub level: &'static str,
    /// What happened, in fixed words: lines are found by it.
    pub event: &'a str,
    /// The request that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// What is particular about it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub detail: &'a str,
}

impl Line<'_> {
    /// As it is written, without a line break.
    #[must_use]
    pub fn to_json(&self) -> String {
        // None of its parts can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_it_says() {
        let line = Line { ts: 5, level: "warn", event: "e", request_id: Some("r"), detail: "a\n\"b\"" };
        assert_eq!(
            line.to_json(),
            r#"{"ts":5,"level":"warn","event":"e","request_id":"r","detail":"a\n\"b\""}"#
        );
        let bare = Line { request_id: None, detail: "", ..line };
        assert_eq!(bare.to_json(), r#"{"ts":5,"level":"warn","event":"e"}"#);
    }

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(Level::Error < Level::Warn && Level::Info < Level::Debug);
        assert!(Level::NAMES.into_iter().all(|(name, level)| level.as_str() == name));
        assert_eq!((Level::named("debug"), Level::named("loud")), (Some(Level::Debug), None));
    }
}
