//! Which tools of which servers a key may use: patterns of `server/tool`. Without one, none.
//!
//! A server is called by its id, one of an agent `agent/{id}/{server}`. Only the agents of the key's owner are asked for at all: no
//! pattern reaches those of others.

use nexus_edge_mcp::glob::{Glob, any_matches};

/// The grants of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolGrants {
    allow: Vec<Glob>,
    deny: Vec<Glob>,
    /// Whether there is a list of what is allowed, be it empty.
    is_listed: bool,
}

impl ToolGrants {
    /// The grants that these lists make; denial counts more.
    #[must_use]
    pub fn of(allow: Option<&[String]>, deny: Option<&[String]>) -> Self {
        let globs = |list: Option<&[String]>| list.unwrap_or_default().iter().map(Glob::new).collect();
        Self { allow: globs(allow), deny: globs(deny), is_listed: allow.is_some() }
    }

    /// Whether a tool may be seen and called.
    #[must_use]
    pub fn may_call(&self, server: &str, tool: &str) -> bool {
        let name = format!("{server}/{tool}");
        any_matches(&self.allow, &name) && !any_matches(&self.deny, &name)
    }

    /// Whether any tool of a server could be granted, so that the server may be known at all. An agent may be known as `agent/{id}`.
    #[must_use]
    pub fn may_know(&self, server: &str) -> bool {
        let prefix = format!("{server}/");
        self.allow.iter().any(|pattern| pattern.matches_below(&prefix))
            && !self.deny.iter().any(|pattern| pattern.matches_all_below(&prefix))
    }

    /// Whether nothing is said: neither what is allowed nor what is not.
    #[must_use]
    pub const fn are_silent(&self) -> bool {
        !self.is_listed && self.deny.is_empty()
    }

    /// Whether any agent could be granted.
    #[must_use]
    pub fn may_know_agents(&self) -> bool {
        self.may_know("agent")
    }

    /// Whether a tool of an agent may be called with the agent's own API, which asks for no grant: a key without a list of what is
    /// allowed may do so, unless it is denied.
    #[must_use]
    pub fn may_invoke(&self, server: &str, tool: &str) -> bool {
        if self.is_listed {
            return self.may_call(server, tool);
        }
        !any_matches(&self.deny, &format!("{server}/{tool}"))
    }
}

/// How a server of an agent is called in grants.
#[must_use]
pub fn agent_server(agent: &str, server: &str) -> String {
    format!("agent/{agent}/{server}")
}

/// The agent, if it is one of an agent, and the server of such a name.
#[must_use]
pub fn server_parts(name: &str) -> (Option<&str>, &str) {
    match name.strip_prefix("agent/").and_then(|rest| rest.split_once('/')) {
        Some((agent, server)) => (Some(agent), server),
        None => (None, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(allow: &[&str], deny: &[&str]) -> ToolGrants {
        let list = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        ToolGrants::of(Some(&list(allow)), Some(&list(deny)))
    }

    #[test]
    fn nothing_is_granted_by_default_and_denial_counts_more() {
        assert!(!ToolGrants::default().may_call("fs", "read") && !ToolGrants::default().may_know("fs"));
        let some = grants(&["fs/read_*", "git/*"], &["*/*secret*"]);
        assert!(some.may_call("fs", "read_file") && some.may_call("git", "log"));
        assert!(
            !some.may_call("fs", "write_file")
                && !some.may_call("fs", "read_secret")
                && !some.may_call("x", "y")
        );
        assert!(some.may_know("fs") && some.may_know("git") && !some.may_know("x"));
        let all = grants(&["*"], &[]);
        assert!(all.may_call("fs", "read") && all.may_know("fs"));
        let start = grants(&["fs*"], &[]);
        assert!(start.may_call("fs2", "a") && start.may_know("fs2") && !start.may_know("git"));
        assert!(!grants(&["*"], &["fs/*"]).may_know("fs") && grants(&["*"], &["fs/x"]).may_know("fs"));
    }

    #[test]
    fn agents_are_granted_by_the_same_patterns() {
        let one = grants(&["agent/laptop/fs/read_*"], &[]);
        let fs = agent_server("laptop", "fs");
        assert_eq!(server_parts(&fs), (Some("laptop"), "fs"));
        assert_eq!((server_parts("fs"), server_parts("agent")), ((None, "fs"), (None, "agent")));
        assert!(one.may_know("agent/laptop") && one.may_know(&fs) && one.may_call(&fs, "read_file"));
        assert!(!one.may_call(&fs, "write") && !one.may_know("agent/desk") && !one.may_know("fs"));
        let servers_only = grants(&["*"], &["agent/*"]);
        assert!(servers_only.may_know("fs") && !servers_only.may_know("agent/laptop"));
        assert!(!servers_only.may_invoke(&fs, "read_file"));
        assert!(one.may_invoke(&fs, "read_file") && !one.may_invoke(&fs, "write"));
        let without = ToolGrants::default();
        assert!(without.may_invoke(&fs, "write") && !without.may_know("agent/laptop"));
        assert!(!ToolGrants::of(Some(&[]), None).may_invoke(&fs, "write"));
    }
}
