//! Names of objects: `packs/<kind>/2026-11-29/17/<id>.ndjson.gz`, and `….manifest.json` beside it.
//!
//! Names sort by kind, then by time, then by id; the packs of an hour or of a day have a common prefix.

use nexus_edge_core::time::{CivilDate, DAY_MS, parse_rfc3339, rfc3339};

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 3_600_000;

const FOLDER: &str = "packs";
const PACK: &str = ".ndjson.gz";
const MANIFEST: &str = ".manifest.json";

/// The name of a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    kind: String,
    hour_ms: u64,
    id: String,
}

impl Name {
    /// The name of a pack of this kind whose rows begin at this time, in milliseconds since the epoch. Of the kind and the id,
    /// letters and digits of ASCII, `-` and `_` are kept.
    #[must_use]
    pub fn new(kind: &str, from_ms: u64, id: &str) -> Self {
        let kept = |text: &str| text.chars().filter(|letter| is_kept(*letter)).collect();
        Self { kind: kept(kind), hour_ms: from_ms / HOUR_MS * HOUR_MS, id: kept(id) }
    }

    /// The name that the name of a pack or of a manifest was made of; `None` if it is neither.
    #[must_use]
    pub fn parse(object: &str) -> Option<Self> {
        let name = object.strip_suffix(PACK).or_else(|| object.strip_suffix(MANIFEST))?;
        let mut parts = name.strip_prefix(FOLDER)?.strip_prefix('/')?.split('/');
        let (kind, day, hour, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let at = parse_rfc3339(&format!("{day}T{hour}:00:00Z"))? * 1_000;
        let name = Self::new(kind, at, id);
        (parts.next().is_none() && (name.pack() == object || name.manifest() == object)).then_some(name)
    }

    /// The pack itself.
    #[must_use]
    pub fn pack(&self) -> String {
        self.object(PACK)
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        self.object(MANIFEST)
    }

    /// What its rows are.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The beginning of its hour, in milliseconds since the epoch.
    #[must_use]
    pub fn hour_ms(&self) -> u64 {
        self.hour_ms
    }

    /// Its id within the hour.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn object(&self, suffix: &str) -> String {
        format!("{}{}{suffix}", prefix_of_hour(&self.kind, self.hour_ms), self.id)
    }
}

fn is_kept(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
}

/// The prefix of all packs of a kind.
#[must_use]
pub fn prefix_of_kind(kind: &str) -> String {
    format!("{FOLDER}/{kind}/")
}

/// The prefix of the packs of a kind in the day (UTC) of this time.
#[must_use]
pub fn prefix_of_day(kind: &str, at_ms: u64) -> String {
    let midnight = CivilDate::of_day(at_ms / DAY_MS).days() * DAY_MS / 1_000;
    let day = rfc3339(midnight);
    format!("{}{}/", prefix_of_kind(kind), day.split('T').next().unwrap_or_default())
}

/// The prefix of the packs of a kind in the hour of this time.
#[must_use]
pub fn prefix_of_hour(kind: &str, at_ms: u64) -> String {
    format!("{}{:02}/", prefix_of_day(kind, at_ms), at_ms % DAY_MS / HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-29T17:32:39Z.
    const AT: u64 = 1_795_973_559_000;

    #[test]
    fn a_name_says_kind_hour_and_id() {
        let name = Name::new("requests", AT, "01K");
        assert_eq!(name.pack(), "packs/requests/2026-11-29/17/01K.ndjson.gz");
        assert_eq!(name.manifest(), "packs/requests/2026-11-29/17/01K.manifest.json");
        assert_eq!((name.kind(), name.hour_ms(), name.id()), ("requests", AT / HOUR_MS * HOUR_MS, "01K"));
        assert_eq!(prefix_of_day("requests", AT), "packs/requests/2026-11-29/");
        assert_eq!(Name::new("../x", AT, "a/../b").pack(), "packs/x/2026-11-29/17/ab.ndjson.gz");
    }

    #[test]
    fn what_is_no_name_of_a_pack_is_not_read() {
        for other in [
            "packs/requests/2026-11-29/17/01K.json",
            "packs/requests/2026-11-29/17/a/01K.ndjson.gz",
            "packs/requests/2026-13-29/17/01K.ndjson.gz",
            "packs/requests/2026-11-29/7/01K.ndjson.gz",
            "backups/requests/2026-11-29/17/01K.ndjson.gz",
            "packs/requests/2026-11-29/17/a b.ndjson.gz",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back_and_sort_by_time(a in 0_u64..4_000_000_000_000, b in 0_u64..4_000_000_000_000) {
            let [a, b] = [a, b].map(|at| Name::new("requests", at, "x"));
            prop_assert_eq!(Name::parse(&a.pack()), Some(a.clone()));
            prop_assert_eq!(Name::parse(&a.manifest()), Some(a.clone()));
            prop_assert_eq!(a.pack().cmp(&b.pack()), a.hour_ms().cmp(&b.hour_ms()));
        }
    }
}
