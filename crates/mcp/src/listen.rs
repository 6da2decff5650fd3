//! `subscriptions/listen` (2026-07-28): which changes a client is told of, and how.
//!
//! A server that keeps nothing between requests looks at its lists from time to time while the client listens, and compares them with
//! what they were. Guarantees: a list is said to have changed only if it differs from what it was at the last look, and only to those who
//! asked for it; the first look says nothing. That a single resource has changed is not told, nor agreed to.
//!
//! Source: *Subscriptions*, 2026-07-28.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::catalogue::{Item, Kind};
use crate::envelope::SUBSCRIPTION_ID;
use crate::json::{Members, to_raw};
use crate::rpc::{Id, Notification, RpcError};

/// The notification by which a server says what it agreed to.
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// The member of the parameters that says what is wanted, and of the acknowledgement.
const NOTIFICATIONS: &str = "notifications";

/// A list of which changes are told: the member that asks for it, the notification, and the kinds of items that it has.
struct Topic {
    member: &'static str,
    method: &'static str,
    kinds: &'static [Kind],
}

const TOPICS: [Topic; 3] = [
    Topic { member: "toolsListChanged", method: "notifications/tools/list_changed", kinds: &[Kind::Tool] },
    Topic {
        member: "promptsListChanged",
        method: "notifications/prompts/list_changed",
        kinds: &[Kind::Prompt],
    },
    Topic {
        member: "resourcesListChanged",
        method: "notifications/resources/list_changed",
        kinds: &[Kind::Resource, Kind::Template],
    },
];

/// A client that listens, and what its lists were at the last look.
#[derive(Debug)]
pub struct Watch {
    id: Id,
    /// Indices of [`TOPICS`].
    topics: Vec<usize>,
    seen: BTreeMap<Kind, u64>,
    has_looked: bool,
}

impl Watch {
    /// What the request `id` asks for, as far as there are such items.
    ///
    /// # Errors
    /// `notifications` is missing or is no object.
    pub fn asked(
        id: Id,
        params: Option<&RawValue>,
        there_are: impl Fn(Kind) -> bool,
    ) -> Result<Self, RpcError> {
        let params = Members::of(params).unwrap_or_default();
        let filter = params.get(NOTIFICATIONS).map(|filter| Members::parse(filter.get()));
        let Some(Ok(filter)) = filter else {
            return Err(RpcError::invalid_params("`notifications` is missing, or no object"));
        };
        let is_wanted = |topic: &Topic| {
            filter.read(topic.member) == Some(true) && topic.kinds.iter().any(|kind| there_are(*kind))
        };
        let topics = TOPICS.iter().enumerate().filter(|(_, topic)| is_wanted(topic)).map(|(at, _)| at);
        Ok(Self { id, topics: topics.collect(), seen: BTreeMap::new(), has_looked: false })
    }

    /// The kinds of items that are looked at; none where nothing is told.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        self.topics().flat_map(|topic| topic.kinds).copied().collect()
    }

    /// What is said first: what the client will be told.
    #[must_use]
    pub fn acknowledged(&self) -> Notification {
        let mut agreed = Members::default();
        for topic in self.topics() {
            agreed.set(topic.member, to_raw(&true));
        }
        let mut params = Members::default();
        params.set(NOTIFICATIONS, agreed.write());
        self.notification(ACKNOWLEDGED, params)
    }

    /// What is said after a look at these lists. One that cannot be read now is left out, and is as it was.
    pub fn look(&mut self, lists: &[(Kind, Vec<Item>)]) -> Vec<Notification> {
        let mut changed = Vec::new();
        for (kind, items) in lists {
            let now = fingerprint(items);
            if self.seen.insert(*kind, now) != Some(now) {
                changed.push(*kind);
            }
        }
        if !std::mem::replace(&mut self.has_looked, true) {
            return Vec::new();
        }
        let told = self.topics().filter(|topic| topic.kinds.iter().any(|kind| changed.contains(kind)));
        told.map(|topic| self.notification(topic.method, Members::default())).collect()
    }

    /// The result, which ends it.
    #[must_use]
    pub fn ended(&self) -> Box<RawValue> {
        let mut result = Members::default();
        self.mark(&mut result);
        result.write()
    }

    fn topics(&self) -> impl Iterator<Item = &'static Topic> {
        self.topics.iter().filter_map(|at| TOPICS.get(*at))
    }

    fn notification(&self, method: &str, mut params: Members) -> Notification {
        self.mark(&mut params);
        Notification { method: method.to_owned(), params: Some(params.write()) }
    }

    /// Everything that is said belongs to the request.
    fn mark(&self, members: &mut Members) {
        let mut meta = Members::default();
        meta.set(SUBSCRIPTION_ID, to_raw(&self.id));
        members.set("_meta", meta.write());
    }
}

fn fingerprint(items: &[Item]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for item in items {
        (&item.name, item.raw.get()).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn watch(filter: &str, there_are: impl Fn(Kind) -> bool) -> Watch {
        let params = crate::json::raw(format!(r#"{{"notifications":{filter}}}"#)).unwrap();
        Watch::asked(Id::from("mine"), Some(&params), there_are).unwrap()
    }

    fn items(kind: Kind, names: &[&str]) -> (Kind, Vec<Item>) {
        let raw = |name: &&str| match kind {
            Kind::Tool | Kind::Prompt => format!(r#"{{"name":"{name}"}}"#),
            Kind::Resource | Kind::Template => format!(r#"{{"name":"x","{}":"{name}"}}"#, kind.key()),
        };
        (kind, names.iter().map(|name| Item::parse(kind, &raw(name)).unwrap()).collect())
    }

    fn said(notes: &[Notification]) -> Vec<&str> {
        notes.iter().map(|note| note.method.rsplit_once("notifications/").unwrap().1).collect()
    }

    #[test]
    fn only_what_was_asked_for_and_exists_is_agreed_to() {
        let all = r#"{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":true,"resourceSubscriptions":["file:///a"]}"#;
        let params = watch(all, |_| true).acknowledged().params.unwrap();
        assert_eq!(
            params.get(),
            r#"{"notifications":{"toolsListChanged":true,"resourcesListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":"mine"}}"#
        );
        assert_eq!(watch(all, |kind| kind == Kind::Tool).kinds(), [Kind::Tool]);
        assert!(watch("{}", |_| true).kinds().is_empty());
        for params in ["{}", r#"{"notifications":null}"#, r#"{"notifications":[]}"#] {
            let params = crate::json::raw(params.to_owned()).unwrap();
            assert!(Watch::asked(Id::Number(1), Some(&params), |_| true).is_err());
        }
    }

    #[test]
    fn a_change_is_said_once_and_a_list_that_cannot_be_read_has_not_changed() {
        let mut watch = watch(r#"{"toolsListChanged":true,"resourcesListChanged":true}"#, |_| true);
        let (tools, none) = (items(Kind::Tool, &["a"]), items(Kind::Resource, &[]));
        assert!(watch.look(&[tools.clone(), none.clone()]).is_empty());
        assert!(watch.look(&[]).is_empty());
        assert!(watch.look(&[tools.clone(), none]).is_empty());
        let other = [items(Kind::Tool, &["a", "b"]), items(Kind::Resource, &["file:///a"])];
        assert_eq!(said(&watch.look(&other)), ["tools/list_changed", "resources/list_changed"]);
        assert!(watch.look(&other).is_empty());
        // One that could not be read at the first look is new at the second.
        assert_eq!(said(&watch.look(&[items(Kind::Template, &[])])), ["resources/list_changed"]);
        assert_eq!(watch.ended().get(), r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"mine"}}"#);
    }

    proptest! {
        #[test]
        fn as_many_changes_are_said_as_there_are(looks in proptest::collection::vec(0_usize..4, 1..20)) {
            let mut watch = watch(r#"{"toolsListChanged":true}"#, |_| true);
            let said: usize = looks.iter().map(|n| watch.look(&[items(Kind::Tool, &["a", "b", "c"][..*n])]).len()).sum();
            prop_assert_eq!(said, looks.windows(2).filter(|pair| pair[0] != pair[1]).count());
        }
    }
}
