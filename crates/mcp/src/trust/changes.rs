//! What has changed between what was accepted and what a server offers now.

use serde::Serialize;
use serde_json::value::RawValue;

use super::pins::{Gate, Pins};
use crate::catalogue::Item;
use crate::json::{Members, canonical};

/// A member of a definition that is not what it was.
#[derive(Debug, Clone, Serialize)]
pub struct MemberChange {
    /// Its name.
    pub member: String,
    /// What it was; `None` where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
    /// What it is; `None` where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
}

/// A tool that is not as it was accepted.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It was not there.
    Added {
        /// Its name.
        tool: String,
    },
    /// It is gone.
    Removed {
        /// Its name.
        tool: String,
    },
    /// It is another one.
    Changed {
        /// Its name.
        tool: String,
        /// In what; empty where the accepted definition was not kept.
        members: Vec<MemberChange>,
    },
    /// It cannot be pinned.
    Unusable {
        /// Its name.
        tool: String,
    },
}

/// What has changed. `accepted` gives the definition of a name as it was accepted, where it was kept.
#[must_use]
pub fn changes<'a>(
    pins: &Pins,
    now: &[Item],
    accepted: impl Fn(&str) -> Option<&'a RawValue>,
) -> Vec<Change> {
    let mut out: Vec<Change> = now
        .iter()
        .filter_map(|item| {
            let tool = item.name.clone();
            match pins.gate(item) {
                Gate::Accepted => None,
                Gate::New => Some(Change::Added { tool }),
                Gate::Unusable => Some(Change::Unusable { tool }),
                Gate::Changed => {
                    let before =
                        accepted(&item.name).map(|raw| Members::parse(raw.get()).unwrap_or_default());
                    let members =
                        before.map(|before| differing(&before, &item.members())).unwrap_or_default();
                    Some(Change::Changed { tool, members })
                }
            }
        })
        .collect();
    let gone = pins.names().filter(|name| !now.iter().any(|item| item.name == *name));
    out.extend(gone.map(|name| Change::Removed { tool: name.to_owned() }));
    out
}

fn differing(before: &Members, after: &Members) -> Vec<MemberChange> {
    let names = before.iter().chain(after.iter().filter(|member| before.get(&member.name).is_none()));
    names
        .filter_map(|member| {
            let (old, new) = (before.get(&member.name), after.get(&member.name));
            let same = match (old, new) {
                (Some(old), Some(new)) => {
                    canonical(old.get()).is_ok_and(|old| canonical(new.get()) == Ok(old))
                }
                _ => false,
            };
            (!same).then(|| MemberChange {
                member: member.name.clone(),
                before: old.map(ToOwned::to_owned),
                after: new.map(ToOwned::to_owned),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Kind;

    fn read_items(kind: Kind, raws: &[&str]) -> Vec<Item> {
        raws.iter().map(|raw| Item::parse(kind, raw).unwrap()).collect()
    }

    #[test]
    fn a_change_says_what_it_was_and_what_it_is() {
        let before =
            read_items(Kind::Tool, &[r#"{"name":"a","description":"x","n":1}"#, r#"{"name":"gone"}"#]);
        let now =
            read_items(Kind::Tool, &[r#"{"n":1.0,"name":"a","description":"y","t":0}"#, r#"{"name":"new"}"#]);
        let pins = Pins::of(&before);
        let found =
            changes(&pins, &now, |name| before.iter().find(|item| item.name == name).map(|item| &*item.raw));
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            r#"[{"change":"changed","tool":"a","members":[{"member":"description","before":"x","after":"y"},{"member":"t","after":0}]},{"change":"added","tool":"new"},{"change":"removed","tool":"gone"}]"#
        );
        assert!(changes(&Pins::of(&now), &now, |_| None).is_empty());
    }
}
