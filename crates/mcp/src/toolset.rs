//! A set of tools of several servers, some under names and descriptions of their own.
//!
//! Guarantees of [`Toolset`]: a tool is picked by the line that names it, else by the first pattern that it fits; no two lines name the
//! same tool or give the same name; a name that a line gives is none that [`crate::naming`] makes, so both stand beside each other.

use serde::{Deserialize, Serialize};

use crate::catalogue::Item;
use crate::glob::Glob;
use crate::naming::MAX_ALIAS;

/// Most lines of a set.
pub const MAX_PICKS: usize = 200;
/// Characters of a name that a line gives. One that [`crate::naming`] makes is longer or has `__` in it.
pub const MAX_NAME: usize = MAX_ALIAS - 1;
const JOINT: &str = "__";

/// A line: a tool, or those that a pattern fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// The server, as it is called in grants.
    pub server: String,
    /// The tool's name at the server, or a pattern of such names.
    pub tool: Glob,
    /// The name under which it is shown instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The description with which it is shown instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Why lines make no set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` of line {at} {reason}")]
pub struct Fault {
    /// The line, from 0.
    pub at: usize,
    /// Its member.
    pub field: &'static str,
    /// What it must be, or must not be.
    pub reason: &'static str,
}

/// A tool as a set shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What the server calls it.
    pub tool: String,
    /// The name that the set gives it.
    pub name: Option<String>,
    /// The definition, with the description that the set gives it.
    pub item: Item,
}

impl Shown {
    /// A tool as its server defines it.
    #[must_use]
    pub fn plain(item: Item) -> Self {
        Self { tool: item.name.clone(), name: None, item }
    }
}

/// The set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Toolset {
    picks: Vec<Pick>,
}

impl Toolset {
    /// The set of these lines.
    ///
    /// # Errors
    /// The first line that breaks a rule.
    pub fn new(picks: Vec<Pick>) -> Result<Self, Fault> {
        for (at, pick) in picks.iter().enumerate() {
            let fault = |field, reason| Err(Fault { at, field, reason });
            let before = picks.get(..at).unwrap_or_default();
            if (pick.name.is_some() || pick.description.is_some()) && !pick.tool.is_exact() {
                let field = if pick.name.is_some() { "name" } else { "description" };
                return fault(field, "must stand beside the name of one tool, not beside a pattern");
            }
            if before.iter().any(|other| other.server == pick.server && other.tool == pick.tool) {
                return fault("tool", "is in another line already");
            }
            let Some(name) = &pick.name else { continue };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
                return fault("name", "must be 1 to 47 characters of `A-Z`, `a-z`, `0-9`, `-` and `_`");
            }
            if name.contains(JOINT) {
                return fault("name", "must not have `__`, which stands in the names that the gateway makes");
            }
            if before.iter().any(|other| other.name.as_ref() == Some(name)) {
                return fault("name", "is given by another line already");
            }
        }
        Ok(Self { picks })
    }

    /// The lines, in their order.
    #[must_use]
    pub fn picks(&self) -> &[Pick] {
        &self.picks
    }

    /// Whether a line is about a server.
    #[must_use]
    pub fn has_server(&self, server: &str) -> bool {
        self.picks.iter().any(|pick| pick.server == server)
    }

    /// Whether a line is about a server whose name begins with `prefix`.
    #[must_use]
    pub fn has_server_below(&self, prefix: &str) -> bool {
        self.picks.iter().any(|pick| pick.server.starts_with(prefix))
    }

    /// The line by which a tool is in the set.
    #[must_use]
    pub fn pick(&self, server: &str, tool: &str) -> Option<&Pick> {
        let of_server = || self.picks.iter().filter(|pick| pick.server == server);
        let exact = of_server().find(|pick| pick.tool.as_str() == tool);
        exact.or_else(|| of_server().find(|pick| pick.tool.matches(tool)))
    }

    /// The line that gives a tool this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Pick> {
        self.picks.iter().find(|pick| pick.name.as_deref() == Some(name))
    }

    /// A tool of a server as the set shows it; `None` if it is not in the set.
    #[must_use]
    pub fn shown(&self, server: &str, item: &Item) -> Option<Shown> {
        let pick = self.pick(server, &item.name)?;
        let described = match &pick.description {
            Some(description) => item.with_text("description", description),
            None => item.clone(),
        };
        Some(Shown { tool: item.name.clone(), name: pick.name.clone(), item: described })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Kind;
    use crate::naming::{Aliases, Target};
    use proptest::prelude::*;

    fn pick(server: &str, tool: &str, name: Option<&str>) -> Pick {
        Pick {
            server: server.to_owned(),
            tool: Glob::new(tool),
            name: name.map(str::to_owned),
            description: None,
        }
    }

    #[test]
    fn the_line_that_names_a_tool_counts_more_than_a_pattern() {
        let issue =
            Pick { description: Some("Reads \"it\".".to_owned()), ..pick("git", "get_issue", Some("issue")) };
        let set = Toolset::new(vec![pick("git", "get_*", None), issue, pick("fs", "*", None)]).unwrap();
        let item = |name: &str| Item::parse(Kind::Tool, &format!(r#"{{"name":"{name}","x":1e3}}"#)).unwrap();
        let shown = set.shown("git", &item("get_issue")).unwrap();
        assert_eq!((shown.tool.as_str(), shown.name.as_deref()), ("get_issue", Some("issue")));
        assert_eq!(shown.item.raw.get(), r#"{"name":"get_issue","x":1e3,"description":"Reads \"it\"."}"#);
        assert_eq!(set.shown("git", &item("get_user")).unwrap().name, None);
        assert!(set.shown("git", &item("list")).is_none() && set.shown("x", &item("get_user")).is_none());
        assert_eq!(set.named("issue").map(|pick| pick.tool.as_str()), Some("get_issue"));
        assert!(set.has_server("fs") && !set.has_server("x") && set.has_server_below("f"));
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Toolset>(&text).unwrap(), set);
    }

    #[test]
    fn lines_that_contradict_each_other_are_named() {
        let described = Pick { description: Some(String::new()), ..pick("a", "x*", None) };
        for (picks, at, field) in [
            (vec![pick("a", "x*", Some("y"))], 0, "name"),
            (vec![described], 0, "description"),
            (vec![pick("a", "x", None), pick("b", "x", None), pick("a", "x", Some("y"))], 2, "tool"),
            (vec![pick("a", "x", Some("n")), pick("b", "x", Some("n"))], 1, "name"),
            (vec![pick("a", "x", Some("a__b"))], 0, "name"),
            (vec![pick("a", "x", Some("a.b"))], 0, "name"),
            (vec![pick("a", "x", Some(&"n".repeat(48)))], 0, "name"),
        ] {
            let fault = Toolset::new(picks).unwrap_err();
            assert_eq!((fault.at, fault.field), (at, field), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn no_name_of_a_set_is_one_that_naming_makes(
            server in "[a-z_-]{1,30}", agent in proptest::option::of("[a-z_-]{1,30}"), tool in "\\PC{1,60}",
            name in "[A-Za-z0-9_-]{1,48}",
        ) {
            let alias = Aliases::default().name(&Target { agent, server: server.clone(), tool }).0;
            for name in [name, alias.clone()] {
                let set = Toolset::new(vec![pick(&server, "x", Some(&name))]);
                prop_assert!(set.is_err() || name != alias);
            }
        }
    }
}
