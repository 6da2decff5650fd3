//! The names under which tools of several servers stand beside each other.
//!
//! `{server}__{tool}`; the twin of another agent is `{agent}_{server}__{tool}`. Only `[A-Za-z0-9_-]`, at most 48 characters,
//! because clients put up to 16 before a name and models accept 64. A longer name is its first 37 characters, `_`, and 10 of
//! the SHA-256 of what it stands for.
//!
//! Guarantees of [`Aliases`]: an alias stands for one tool; a tool keeps the alias that it got first, whatever comes later;
//! the table is looked up, a name is never taken apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use nexus_edge_hash::checksum_hex;

/// Characters of an alias.
pub const MAX_ALIAS: usize = 48;
const KEPT: usize = 37;
const HASH: usize = 10;
const OLD_BEGINNING: &str = "bridge__";
const OLD_AGENT: usize = 16;
const OLD_TOOL: usize = 32;

/// What an alias stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The agent that the server runs at; `None` for servers that the gateway asks itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The server.
    pub server: String,
    /// The name that the server gave.
    pub tool: String,
}

/// The table of aliases.
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    by_alias: BTreeMap<String, Target>,
    by_target: BTreeMap<Target, String>,
}

impl Aliases {
    /// The table with what was stored. Of two entries for the same alias or the same target the first one counts.
    #[must_use]
    pub fn stored(entries: impl IntoIterator<Item = (String, Target)>) -> Self {
        let mut table = Self::default();
        for (alias, target) in entries {
            if !table.by_alias.contains_key(&alias) && !table.by_target.contains_key(&target) {
                table.insert(alias, target);
            }
        }
        table
    }

    /// The alias of a target, and whether it is new and must be stored.
    pub fn name(&mut self, target: &Target) -> (String, bool) {
        if let Some(alias) = self.by_target.get(target) {
            return (alias.clone(), false);
        }
        let alias = candidates(target).find(|alias| !self.by_alias.contains_key(alias)).unwrap_or_default();
        self.insert(alias.clone(), target.clone());
        (alias, true)
    }

    /// What an alias stands for.
    #[must_use]
    pub fn target(&self, alias: &str) -> Option<&Target> {
        self.by_alias.get(alias)
    }

    /// The alias of a target, if it has one.
    #[must_use]
    pub fn alias(&self, target: &Target) -> Option<&str> {
        self.by_target.get(target).map(String::as_str)
    }

    fn insert(&mut self, alias: String, target: Target) {
        self.by_target.insert(target.clone(), alias.clone());
        self.by_alias.insert(alias, target);
    }
}

/// The aliases that one owner sees: those of the gateway's servers, which all share, and those of the owner's agents.
///
/// Guarantees: what an owner's agents are called changes nothing for others, and never what it was stored as. A server of the gateway
/// whose shared alias is taken by one of the owner's agents has another one for this owner, which is stored with the owner's.
#[derive(Debug, Clone, Default)]
pub struct Book {
    shared: Aliases,
    seen: Aliases,
    new_shared: Vec<(String, Target)>,
    new_own: Vec<(String, Target)>,
}

impl Book {
    /// The book with what was stored.
    #[must_use]
    pub fn stored(shared: Vec<(String, Target)>, own: Vec<(String, Target)>) -> Self {
        Self {
            seen: Aliases::stored(own.into_iter().chain(shared.iter().cloned())),
            shared: Aliases::stored(shared),
            ..Self::default()
        }
    }

    /// The alias of a target.
    pub fn name(&mut self, target: &Target) -> String {
        if target.agent.is_none()
            && let (alias, true) = self.shared.name(target)
        {
            self.new_shared.push((alias.clone(), target.clone()));
            if self.seen.target(&alias).is_none() && self.seen.alias(target).is_none() {
                self.seen.insert(alias, target.clone());
            }
        }
        let (alias, is_new) = self.seen.name(target);
        if is_new {
            self.new_own.push((alias.clone(), target.clone()));
        }
        alias
    }

    /// What an alias stands for. A name that an earlier system gave to a tool of an agent is understood as well.
    #[must_use]
    pub fn target(&self, alias: &str) -> Option<&Target> {
        let is_old = alias.starts_with(OLD_BEGINNING);
        let of_old = || self.seen.by_target.keys().find(|target| is_old_name(alias, target));
        self.seen.target(alias).or_else(|| is_old.then(of_old).flatten())
    }

    /// The alias of a target, if it has one.
    #[must_use]
    pub fn alias(&self, target: &Target) -> Option<&str> {
        self.seen.alias(target)
    }

    /// What must be stored for all.
    #[must_use]
    pub fn new_shared(&self) -> &[(String, Target)] {
        &self.new_shared
    }

    /// What must be stored for this owner.
    #[must_use]
    pub fn new_own(&self) -> &[(String, Target)] {
        &self.new_own
    }
}

/// The aliases that a target may get, in the order in which they are tried; there is always another one.
fn candidates(target: &Target) -> impl Iterator<Item = String> {
    let plain = format!("{}__{}", sanitised(&target.server), sanitised(&target.tool));
    let with_agent = target.agent.as_deref().map(|agent| format!("{}_{plain}", sanitised(agent)));
    let identity =
        format!("{}\n{}\n{}", target.agent.as_deref().unwrap_or_default(), target.server, target.tool);
    let hashed = {
        let longest = with_agent.clone().unwrap_or_else(|| plain.clone());
        (0_u32..).map(move |round| {
            // The hash alone tells two targets apart; rounds are for a table that already has this very alias.
            let salted = if round == 0 { identity.clone() } else { format!("{identity}\n{round}") };
            with_hash(&longest, &salted)
        })
    };
    let short = [Some(plain), with_agent].into_iter().flatten().filter(|alias| alias.len() <= MAX_ALIAS);
    short.collect::<Vec<_>>().into_iter().chain(hashed)
}

fn with_hash(name: &str, identity: &str) -> String {
    let kept: String = name.chars().take(KEPT).collect();
    let hash: String = checksum_hex(identity.as_bytes()).chars().take(HASH).collect();
    format!("{kept}_{hash}")
}

/// A name with `_` for each character that no model accepts.
#[must_use]
pub fn sanitised(name: &str) -> String {
    name.chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => character,
            _ => '_',
        })
        .collect()
}

fn cut_off(name: &str, length: usize) -> String {
    sanitised(name).chars().take(length).collect()
}

/// Whether a name of the form `bridge__{agent}__{tool}__{hash}`, which an earlier system gave to tools of agents, stands for
/// this target. Agent and tool are cut off at 16 and 32 characters there.
#[must_use]
pub fn is_old_name(name: &str, target: &Target) -> bool {
    let Some(agent) = &target.agent else { return false };
    let tool = format!("{}__{}", target.server, target.tool);
    [tool.as_str(), target.tool.as_str()].iter().any(|tool| {
        let beginning =
            format!("{OLD_BEGINNING}{}__{}__", cut_off(agent, OLD_AGENT), cut_off(tool, OLD_TOOL));
        name.strip_prefix(&beginning)
            .is_some_and(|hash| hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

/// Whether an alias may stand for something of this server: each that [`Aliases::name`] gives to something of it does. The alias is not
/// taken apart by that: what it stands for is known once everything that such servers have has its name.
#[must_use]
pub fn may_be_of(alias: &str, agent: Option<&str>, server: &str) -> bool {
    let plain = format!("{}__", sanitised(server));
    let with_agent = agent.map(|agent| format!("{}_{plain}", sanitised(agent)));
    let old = agent.map(|agent| format!("{OLD_BEGINNING}{}__", cut_off(agent, OLD_AGENT)));
    // Of a long beginning an alias may have only what stands before the hash.
    let begins = |beginning: String| alias.starts_with(beginning.get(..KEPT).unwrap_or(&beginning));
    begins(plain) || with_agent.is_some_and(begins) || old.is_some_and(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(agent: Option<&str>, server: &str, tool: &str) -> Target {
        Target { agent: agent.map(str::to_owned), server: server.to_owned(), tool: tool.to_owned() }
    }

    #[test]
    fn names_are_readable_as_long_as_they_fit() {
        let mut aliases = Aliases::default();
        assert_eq!(aliases.name(&target(None, "fs", "read_file")), ("fs__read_file".to_owned(), true));
        assert_eq!(aliases.name(&target(None, "fs", "read_file")), ("fs__read_file".to_owned(), false));
        assert_eq!(aliases.name(&target(Some("laptop"), "fs", "read_file")).0, "laptop_fs__read_file");
        assert_eq!(aliases.name(&target(Some("laptop"), "git", "log")).0, "git__log");
        assert_eq!(aliases.name(&target(None, "a.b", "c:d")).0, "a_b__c_d");
        let twin = aliases.name(&target(None, "a_b", "c_d")).0;
        assert!(twin.starts_with("a_b__c_d_") && twin.len() == 8 + 11, "{twin}");
        let long = aliases.name(&target(None, "server", &"x".repeat(60))).0;
        assert_eq!(long.len(), MAX_ALIAS);
    }

    #[test]
    fn a_stored_alias_never_changes() {
        let mut aliases = Aliases::stored([
            ("old".to_owned(), target(None, "fs", "read")),
            ("old".to_owned(), target(None, "x", "y")),
        ]);
        assert_eq!(aliases.name(&target(None, "fs", "read")), ("old".to_owned(), false));
        assert_eq!(aliases.name(&target(None, "x", "y")), ("x__y".to_owned(), true));
        assert_eq!(aliases.target("old"), Some(&target(None, "fs", "read")));
        assert_eq!(aliases.alias(&target(None, "x", "y")), Some("x__y"));
    }

    #[test]
    fn agents_of_one_owner_change_no_name_for_others() {
        let (fs, laptop) = (target(None, "fs", "read"), target(Some("laptop"), "fs", "read"));
        let mut first = Book::default();
        assert_eq!(first.name(&laptop), "fs__read");
        // The server comes later: for all others it has the plain name.
        let own = first.new_own().to_vec();
        let mut later = Book::stored(vec![], own.clone());
        let shadowed = later.name(&fs);
        assert!(shadowed.starts_with("fs__read_") && later.name(&laptop) == "fs__read");
        assert_eq!(later.new_shared(), [("fs__read".to_owned(), fs.clone())]);
        assert_eq!(later.new_own(), [(shadowed.clone(), fs.clone())]);
        let all: Vec<_> = own.into_iter().chain(later.new_own().to_vec()).collect();
        let mut again = Book::stored(later.new_shared().to_vec(), all);
        assert_eq!((again.name(&fs), again.name(&laptop)), (shadowed, "fs__read".to_owned()));
        assert!(again.new_shared().is_empty() && again.new_own().is_empty());
        let mut other = Book::stored(later.new_shared().to_vec(), vec![]);
        assert_eq!((other.name(&fs), other.name(&laptop)), ("fs__read".into(), "laptop_fs__read".into()));
        assert_eq!(other.target("bridge__laptop__fs__read__0123456789"), Some(&laptop));
        assert_eq!(other.target("bridge__desk__fs__read__0123456789"), None);
    }

    #[test]
    fn a_name_may_be_of_the_servers_that_it_begins_with() {
        assert!(may_be_of("fs__read", None, "fs") && may_be_of("a_b__read", None, "a.b"));
        assert!(
            may_be_of("laptop_fs__read", Some("laptop"), "fs") && may_be_of("fs__x", Some("laptop"), "fs")
        );
        assert!(may_be_of("bridge__laptop__fs__read__0123456789", Some("laptop"), "fs"));
        assert!(!may_be_of("fs__read", None, "f") && !may_be_of("fs_read", None, "fs"));
        assert!(
            !may_be_of("laptop_fs__read", None, "fs") && !may_be_of("bridge__x__y", Some("laptop"), "fs")
        );
    }

    #[test]
    fn old_names_of_agents_are_understood() {
        let fs = target(Some("my-laptop"), "fs", "read_file");
        assert!(is_old_name("bridge__my-laptop__fs__read_file__0123456789", &fs));
        assert!(!is_old_name("bridge__my-laptop__fs__read_file__", &fs));
        assert!(!is_old_name("bridge__other__fs__read_file__0123456789", &fs));
        assert!(!is_old_name(
            "bridge__my-laptop__fs__read_file__0123456789",
            &target(None, "fs", "read_file")
        ));
    }

    proptest! {
        #[test]
        fn every_target_has_one_alias_that_models_accept(targets in proptest::collection::vec(
            (proptest::option::of("[a.b]{1,3}"), "[a.b_]{1,3}", "\\PC{1,60}|[ab_]{1,3}"), 1..30)) {
            let mut aliases = Aliases::default();
            for (agent, server, tool) in &targets {
                let target = target(agent.as_deref(), server, tool);
                let (alias, _) = aliases.name(&target);
                prop_assert!(alias.len() <= MAX_ALIAS && !alias.is_empty() && alias == sanitised(&alias));
                prop_assert_eq!(aliases.target(&alias), Some(&target));
                prop_assert!(may_be_of(&alias, target.agent.as_deref(), &target.server));
            }
        }
    }
}
