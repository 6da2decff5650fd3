//! What a limit applies to.

use std::net::IpAddr;

use crate::naming;

/// The kinds of subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// An API key, by its public id.
    Key,
    /// The owner of API keys.
    User,
    /// A model, by any of its [names](naming::of_model).
    Model,
    /// A provider, by its uid.
    Provider,
    /// An address that tries wrong keys or tokens.
    Ip,
    /// An account with a balance.
    Account,
}

impl SubjectKind {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Key, "key"),
        (Self::User, "user"),
        (Self::Model, "model"),
        (Self::Provider, "provider"),
        (Self::Ip, "ip"),
        (Self::Account, "account"),
    ];

    /// Whether this is the name of a subject of this kind.
    #[must_use]
    pub fn is_of(self, name: &str) -> bool {
        let kind = name.split_once(':').map(|(kind, _)| kind);
        Self::ALL.iter().any(|(known, name)| *known == self && Some(*name) == kind)
    }
}

/// One limited subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Its id.
    pub id: String,
    /// Its name towards callers, if that is not its id.
    label: Option<String>,
}

impl Subject {
    /// A subject of a kind.
    #[must_use]
    pub fn new(kind: SubjectKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into(), label: None }
    }

    /// An API key.
    #[must_use]
    pub fn key(id: impl Into<String>) -> Self {
        Self::new(SubjectKind::Key, id)
    }

    /// A model, by a name in whatever spelling.
    #[must_use]
    pub fn model(name: &str) -> Self {
        Self::new(SubjectKind::Model, naming::canonical(name))
    }

    /// A provider, with the name under which callers know it.
    #[must_use]
    pub fn provider(uid: impl Into<String>, name: impl Into<String>) -> Self {
        Self { label: Some(name.into()), ..Self::new(SubjectKind::Provider, uid) }
    }

    /// The name of its Durable Object: `<kind>:<id>`.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = SubjectKind::ALL.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, name)| name);
        format!("{kind}:{}", self.id)
    }

    /// The subject with this name. Spellings of a model's name that differ in case only are one subject.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let (kind, id) = name.split_once(':')?;
        let (kind, _) = SubjectKind::ALL.iter().find(|(_, known)| *known == kind)?;
        let subject = if *kind == SubjectKind::Model { Self::model(id) } else { Self::new(*kind, id) };
        (!subject.id.is_empty()).then_some(subject)
    }

    /// Its name towards callers, at the beginning of a sentence.
    #[must_use]
    pub fn shown(&self) -> String {
        let id = self.label.as_deref().unwrap_or(&self.id);
        match self.kind {
            SubjectKind::Key => "This API key".into(),
            SubjectKind::User => "The owner of this API key".into(),
            SubjectKind::Model => format!("The model `{}`", id.chars().take(100).collect::<String>()),
            SubjectKind::Provider => format!("The provider `{id}`"),
            SubjectKind::Ip => "This address".into(),
            SubjectKind::Account => "The account of this API key".into(),
        }
    }
}

/// The part of an address that identifies a caller: of an IPv6 address the first 64 bits.
#[must_use]
pub fn caller_network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(address) => match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
        Err(_) => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let subject = Subject::new(SubjectKind::Model, "a:b/c");
        assert_eq!(Subject::from_name(&subject.name()), Some(subject));
        for bad in ["", "key", "key:", "unknown:1", "model: "] {
            assert_eq!(Subject::from_name(bad), None);
        }
    }

    #[test]
    fn a_name_tells_its_kind() {
        assert!(SubjectKind::Ip.is_of(&Subject::new(SubjectKind::Ip, "wrong-key:1.2.3.4").name()));
        assert!(
            !SubjectKind::Ip.is_of("key:ip:1")
                && !SubjectKind::Ip.is_of("ip")
                && !SubjectKind::Key.is_of("ip:1")
        );
    }

    #[test]
    fn two_spellings_of_a_model_are_one_subject_and_of_an_owner_two() {
        let name = |text: &str| Subject::from_name(text).unwrap().name();
        assert_eq!(name("model: Vend/Limited"), "model:vend/limited");
        assert_eq!(name("user:Ann"), "user:Ann");
    }

    #[test]
    fn a_caller_cannot_walk_through_its_own_network() {
        assert_eq!(caller_network("2001:db8:1:2:3:4:5:6"), caller_network("2001:db8:1:2::9"));
        assert_eq!(caller_network("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(caller_network("10.0.0.1"), "10.0.0.1");
    }
}
