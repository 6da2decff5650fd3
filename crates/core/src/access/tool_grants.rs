//! Which tools of which servers a key may use: patterns of `server/tool`. Without one, none.

use nexus_edge_mcp::glob::{Glob, any_matches};

/// The grants of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolGrants {
    allow: Vec<Glob>,
    deny: Vec<Glob>,
}

impl ToolGrants {
    /// The grants that these lists make; denial counts more.
    #[must_use]
    pub fn of(allow: Option<&[String]>, deny: Option<&[String]>) -> Self {
        let globs = |list: Option<&[String]>| list.unwrap_or_default().iter().map(Glob::new).collect();
        Self { allow: globs(allow), deny: globs(deny) }
    }

    /// Whether a tool may be seen and called.
    #[must_use]
    pub fn may_call(&self, server: &str, tool: &str) -> bool {
        let name = format!("{server}/{tool}");
        any_matches(&self.allow, &name) && !any_matches(&self.deny, &name)
    }

    /// Whether any tool of a server could be granted, so that the server may be known at all.
    #[must_use]
    pub fn may_know(&self, server: &str) -> bool {
        self.allow.iter().any(|pattern| match pattern.as_str().split_once('/') {
            Some((servers, _)) => Glob::new(servers).matches(server),
            // Without a `/` a `*` stands for it as well.
            None => Glob::new(pattern.as_str()).matches(&format!("{server}/tool")),
        })
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
    }
}
