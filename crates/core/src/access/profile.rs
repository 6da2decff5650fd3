//! What users set for themselves: how pages are shown to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most preferences of a user.
pub const MAX_PREFERENCES: usize = 50;

/// How pages look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// Light.
    Light,
    /// Dark.
    Dark,
    /// As the user's system does. Also what a stored theme of another version counts as.
    #[default]
    #[serde(other)]
    System,
}

impl Theme {
    /// Every theme by its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("system", Self::System), ("light", Self::Light), ("dark", Self::Dark)];
}

/// What a user has set. As JSON it is an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Profile {
    /// The language of pages, as a tag of RFC 5646; `null`: that of the browser.
    pub language: Option<String>,
    /// How pages look.
    pub theme: Theme,
    /// The time zone of pages, as the IANA database names it; `null`: that of the browser.
    pub time_zone: Option<String>,
    /// What pages remember for the user.
    pub preferences: BTreeMap<String, String>,
}

/// Whether a text is a language tag (RFC 5646) as far as its form goes: `en`, `zh-Hans`, `pt-BR`.
#[must_use]
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_first =
        |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    tag.len() <= 35 && parts.next().is_some_and(is_first) && parts.all(is_part)
}

/// Whether a text is the name of a preference: `table.density`, `pinned_models`.
#[must_use]
pub fn is_preference(name: &str) -> bool {
    (1..=50).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_a_default() {
        let profile: Profile = serde_json::from_str(r#"{"theme":"dark"}"#).unwrap();
        assert_eq!(profile, Profile { theme: Theme::Dark, ..Profile::default() });
    }

    #[test]
    fn names_have_a_form() {
        for tag in ["en", "zh-Hans", "pt-BR", "sr-Latn-RS", "de-1996"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["", "e", "english", "en_US", "en-", "-en", "en--US", "12", "en-<b>"] {
            assert!(!is_language(tag), "{tag}");
        }
        assert!(is_preference("table.density") && !is_preference("") && !is_preference("A b"));
        assert_eq!(serde_json::from_str::<Theme>("\"sepia\"").unwrap(), Theme::System);
    }
}
