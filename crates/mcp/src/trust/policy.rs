//! Whether a call is allowed, asked about or denied: several have a say (the agent's file, the server, the key, the request),
//! and the strictest counts.

use serde::{Deserialize, Serialize};

use crate::catalogue::Item;
use crate::glob::{Glob, any_matches};
use crate::json::Members;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is made.
    Allow,
    /// A person is asked first.
    Ask,
    /// It is refused, and the tool is not shown.
    Deny,
}

/// The strictest of several decisions; allowed where there is none.
#[must_use]
pub fn strictest(decisions: impl IntoIterator<Item = Decision>) -> Decision {
    decisions.into_iter().max().unwrap_or(Decision::Allow)
}

/// What one of them says about the tools of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Only these tools; empty: all.
    pub allow: Vec<Glob>,
    /// Not these, whatever `allow` says.
    pub deny: Vec<Glob>,
    /// Tools with a decision of their own. Of several that match, one without `*` and `?` counts, else the strictest.
    pub tools: Vec<(Glob, Decision)>,
    /// For all others.
    pub default: Decision,
    /// Tools that say that they only read are allowed where `default` would ask. A hint of the server: it can lie.
    pub trust_hints: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            tools: Vec::new(),
            default: Decision::Allow,
            trust_hints: false,
        }
    }
}

impl Policy {
    /// The decision about a tool by its own name.
    #[must_use]
    pub fn decide(&self, tool: &Item) -> Decision {
        let name = tool.name.as_str();
        if any_matches(&self.deny, name) || !(self.allow.is_empty() || any_matches(&self.allow, name)) {
            return Decision::Deny;
        }
        let matching = || self.tools.iter().filter(|(pattern, _)| pattern.matches(name));
        let exact = matching().filter(|(pattern, _)| pattern.is_exact()).map(|(_, decision)| *decision).max();
        if let Some(decision) = exact.or_else(|| matching().map(|(_, decision)| *decision).max()) {
            return decision;
        }
        if self.default == Decision::Ask && self.trust_hints && effect(tool) == Effect::Read {
            return Decision::Allow;
        }
        self.default
    }
}

/// What a tool does, as far as its annotations and its name tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes nothing.
    Read,
    /// It changes something. What is not known is taken for this.
    Write,
    /// It tells others something.
    Send,
}

/// What a tool does. Annotations are hints: that it only reads counts for [`Policy::trust_hints`], and nothing else is taken
/// from them that would make a call easier.
#[must_use]
pub fn effect(tool: &Item) -> Effect {
    let annotations = Members::of(tool.members().get("annotations")).unwrap_or_default();
    let lower = tool.name.to_lowercase();
    let words: Vec<&str> = lower.split(|one: char| !one.is_ascii_alphanumeric()).collect();
    if words.iter().any(|word| {
        matches!(*word, "send" | "post" | "publish" | "email" | "mail" | "notify" | "share" | "upload")
    }) {
        return Effect::Send;
    }
    if annotations.read::<bool>("readOnlyHint") == Some(true)
        && annotations.read::<bool>("destructiveHint") != Some(true)
    {
        return Effect::Read;
    }
    Effect::Write
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Kind;
    use Decision::{Allow, Ask, Deny};

    fn tool(name: &str, annotations: &str) -> Item {
        Item::parse(Kind::Tool, &format!(r#"{{"name":"{name}","annotations":{annotations}}}"#)).unwrap()
    }

    #[test]
    fn the_strictest_counts() {
        assert_eq!(strictest([Allow, Ask]), Ask);
        assert_eq!(strictest([Deny, Allow, Ask]), Deny);
        assert_eq!(strictest([]), Allow);
    }

    #[test]
    fn denial_beats_permission_and_an_exact_name_beats_a_pattern() {
        let policy = Policy {
            allow: vec![Glob::new("*_file"), Glob::new("list")],
            deny: vec![Glob::new("*delete*")],
            tools: vec![(Glob::new("*_file"), Ask), (Glob::new("read_file"), Allow), (Glob::new("w*"), Deny)],
            default: Ask,
            trust_hints: false,
        };
        for (name, expected) in [
            ("read_file", Allow),
            ("move_file", Ask),
            ("write_file", Deny),
            ("delete_file", Deny),
            ("other", Deny),
            ("list", Ask),
        ] {
            assert_eq!(policy.decide(&tool(name, "{}")), expected, "{name}");
        }
    }

    #[test]
    fn a_hint_helps_only_where_hints_are_trusted_and_never_where_something_is_sent() {
        let trusting = Policy { default: Ask, trust_hints: true, ..Policy::default() };
        let careful = Policy { default: Ask, ..Policy::default() };
        let reading = r#"{"readOnlyHint":true}"#;
        assert_eq!(trusting.decide(&tool("get", reading)), Allow);
        assert_eq!(careful.decide(&tool("get", reading)), Ask);
        assert_eq!(trusting.decide(&tool("get", "{}")), Ask);
        assert_eq!(trusting.decide(&tool("send_mail", reading)), Ask);
        assert_eq!(trusting.decide(&tool("get", r#"{"readOnlyHint":true,"destructiveHint":true}"#)), Ask);
        let denying = Policy { default: Deny, trust_hints: true, ..Policy::default() };
        assert_eq!(denying.decide(&tool("get", reading)), Deny);
    }
}
