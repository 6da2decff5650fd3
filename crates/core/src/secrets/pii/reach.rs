//! Where personal data is replaced by placeholders: what the deployment says, and what a key says of its own requests.
//!
//! What cannot be understood replaces more rather than less.

use serde::{Deserialize, Deserializer, Serialize};

/// A place where personal data may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In log lines.
    Logs,
    /// In what is archived of conversations.
    Archive,
    /// In exports of the request log and of conversations.
    Exports,
    /// In the messages of errors that callers get.
    Errors,
}

impl Place {
    /// All of them by name.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("logs", Self::Logs),
        ("archive", Self::Archive),
        ("exports", Self::Exports),
        ("errors", Self::Errors),
    ];
}

/// The places where a deployment has personal data replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    places: u8,
}

impl Reach {
    /// Nowhere.
    pub const OFF: Self = Self { places: 0 };
    /// Everywhere.
    pub const ALL: Self = Self { places: u8::MAX };

    /// The one that is written so: `off`, `all`, or names of places, separated by commas.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        match text.trim() {
            "off" => Some(Self::OFF),
            "all" => Some(Self::ALL),
            list => list.split(',').try_fold(Self::OFF, |reach, name| {
                let (_, place) = Place::NAMES.iter().find(|(known, _)| *known == name.trim())?;
                Some(Self { places: reach.places | bit(*place) })
            }),
        }
    }

    /// Whether personal data is replaced there.
    #[must_use]
    pub const fn has(self, place: Place) -> bool {
        self.places & bit(place) != 0
    }
}

const fn bit(place: Place) -> u8 {
    1 << place as u8
}

/// What a key says of personal data in its requests: in the archive, in exports and in errors. Log lines are those of the
/// deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyRedaction {
    /// It is replaced where the deployment says so.
    #[default]
    Inherit,
    /// It is replaced.
    On,
    /// It is not replaced.
    Off,
}

impl KeyRedaction {
    /// All of them by name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("inherit", Self::Inherit), ("on", Self::On), ("off", Self::Off)];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inherit => "inherit",
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// Whether the holder of a key may change it so: to no less than it is.
    #[must_use]
    pub const fn may_become(self, other: Self) -> bool {
        matches!((self, other), (_, Self::On) | (Self::Inherit, Self::Inherit) | (Self::Off, Self::Off))
    }

    /// Whether personal data of the key's requests is replaced at a place where the deployment's answer is `inherited`.
    #[must_use]
    pub const fn replaces(self, inherited: bool) -> bool {
        match self {
            Self::Inherit => inherited,
            Self::On => true,
            Self::Off => false,
        }
    }
}

impl<'de> Deserialize<'de> for KeyRedaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(Self::NAMES.iter().find(|(known, _)| *known == name).map_or(Self::On, |(_, redaction)| *redaction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_one_by_one_or_all_together() {
        let places = |text: &str| {
            Reach::named(text).map(|reach| {
                let has = |(name, place): &(&'static str, Place)| reach.has(*place).then_some(*name);
                Place::NAMES.iter().filter_map(has).collect::<Vec<_>>().join(" ")
            })
        };
        for (text, expected) in [
            ("off", Some("")),
            ("all", Some("logs archive exports errors")),
            ("logs", Some("logs")),
            (" exports, errors ", Some("exports errors")),
            ("logs,everything", None),
            ("logs,off", None),
            ("", None),
        ] {
            assert_eq!(places(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_key_replaces_more_or_less_than_the_deployment() {
        let replaces = |of: KeyRedaction| [of.replaces(false), of.replaces(true)];
        assert_eq!(replaces(KeyRedaction::Inherit), [false, true]);
        assert_eq!(replaces(KeyRedaction::On), [true, true]);
        assert_eq!(replaces(KeyRedaction::Off), [false, false]);
        let may = |of: KeyRedaction| {
            KeyRedaction::NAMES.iter().map(|(_, to)| of.may_become(*to)).collect::<Vec<_>>()
        };
        assert_eq!(may(KeyRedaction::Inherit), [true, true, false]);
        assert_eq!(may(KeyRedaction::On), [false, true, false]);
        assert_eq!(may(KeyRedaction::Off), [false, true, true]);
        let read = |text: &str| serde_json::from_str::<KeyRedaction>(text).unwrap();
        assert_eq!([read("\"off\""), read("\"of\"")], [KeyRedaction::Off, KeyRedaction::On]);
    }
}
