//! What is kept of a server between requests: its era, its lists, and which of its tools were accepted.
//!
//! Guarantee: a tool that was not accepted, or is not as it was accepted, is not among the open ones under strict pins. The tools
//! of a server that is seen for the first time are accepted as they are, except those in which the scan finds something that
//! people do not see. Prompts, resources and templates are not accepted one by one; those that hide something are not kept.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::catalogue::{Catalogue, Item, Kind};
use crate::client::{Peer, Transport};
use crate::glob::{Glob, any_matches};
use crate::trust::{Change, Finding, Gate, Pins, Severity, Strictness, changes, scan};
use crate::version::Version;

/// Milliseconds for which what is kept is used without asking the server.
pub const FRESH_FOR_MS: u64 = 10 * 60_000;

/// The capabilities of servers that are passed on.
const PASSED_ON: [&str; 5] = ["completions", "logging", "prompts", "resources", "tools"];

/// What is kept of a server besides its tools.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Others {
    capabilities: Vec<String>,
    prompts: Vec<Item>,
    resources: Vec<Item>,
    templates: Vec<Item>,
}

/// How a server is known to have a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Its address is one that a template leads to.
    ByTemplate,
    /// It is listed.
    Listed,
}

/// What is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    version: String,
    /// How the server is reached.
    #[serde(default = "streamable")]
    pub transport: Transport,
    /// `Implementation` of the server, as it was written.
    pub info: Option<Box<RawValue>>,
    /// What the server wants models to know.
    pub instructions: Option<String>,
    /// Its tools, in its order.
    pub tools: Vec<Item>,
    accepted: Vec<Item>,
    /// `None` in what was kept before there was more than tools.
    #[serde(default)]
    others: Option<Others>,
    /// When they were read, in milliseconds since the epoch.
    pub read_at: u64,
}

/// A tool as those see it who decide about it.
#[derive(Debug)]
pub struct Reviewed<'a> {
    /// The tool.
    pub tool: &'a Item,
    /// Whether it is as it was accepted.
    pub gate: Gate,
    /// What its definition hides.
    pub findings: Vec<Finding>,
}

impl Kept {
    /// What is kept after the server was asked at `now_ms`.
    #[must_use]
    pub fn after(before: Option<&Self>, peer: &Peer, catalogue: Catalogue, now_ms: u64) -> Self {
        let Catalogue { tools, prompts, resources, templates } = catalogue;
        let open = |items: Vec<Item>| items.into_iter().filter(|item| !is_quarantined(item)).collect();
        let others = Others {
            capabilities: PASSED_ON.into_iter().filter(|name| peer.can(name)).map(str::to_owned).collect(),
            prompts: open(prompts),
            resources: open(resources),
            templates: open(templates),
        };
        let accepted = match before {
            Some(before) => before.accepted.clone(),
            None => tools.iter().filter(|tool| !is_quarantined(tool)).cloned().collect(),
        };
        Self {
            version: peer.version.as_str().to_owned(),
            transport: peer.transport,
            info: peer.info.clone(),
            instructions: peer.instructions.clone(),
            tools,
            accepted,
            others: Some(others),
            read_at: now_ms,
        }
    }

    /// The same without the lists that are not of tools, for a server whose lists are too long to be kept.
    #[must_use]
    pub fn with_tools_only(mut self) -> Self {
        let capabilities = self.others.take().map(|others| others.capabilities).unwrap_or_default();
        self.others = Some(Others { capabilities, ..Others::default() });
        self
    }

    /// Whether the server's lists are known, and not only its tools.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.others.is_some()
    }

    /// Which of `tools`, `prompts`, `resources`, `completions` and `logging` the server has.
    #[must_use]
    pub fn capabilities(&self) -> Vec<&str> {
        match &self.others {
            Some(others) => others.capabilities.iter().map(String::as_str).collect(),
            None => vec!["tools"],
        }
    }

    /// All items of a kind.
    #[must_use]
    pub fn list(&self, kind: Kind) -> &[Item] {
        let others = self.others.as_ref();
        match kind {
            Kind::Tool => &self.tools,
            Kind::Prompt => others.map_or(&[][..], |others| others.prompts.as_slice()),
            Kind::Resource => others.map_or(&[][..], |others| others.resources.as_slice()),
            Kind::Template => others.map_or(&[][..], |others| others.templates.as_slice()),
        }
    }

    /// Whether the server is known to have the resource of an address.
    #[must_use]
    pub fn holds(&self, uri: &str) -> Option<Holds> {
        if self.list(Kind::Resource).iter().any(|resource| resource.name == uri) {
            return Some(Holds::Listed);
        }
        let leads_there = |template: &Item| as_pattern(&template.name).matches(uri);
        self.list(Kind::Template).iter().any(leads_there).then_some(Holds::ByTemplate)
    }

    /// The version that the server speaks.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::parse(&self.version).unwrap_or(Version::NEWEST_LEGACY)
    }

    /// Whether the server need not be asked at `now_ms`.
    #[must_use]
    pub const fn is_fresh(&self, now_ms: u64) -> bool {
        self.is_whole() && now_ms.saturating_sub(self.read_at) < FRESH_FOR_MS
    }

    /// The pins of what was accepted.
    #[must_use]
    pub fn pins(&self) -> Pins {
        Pins::of(&self.accepted)
    }

    /// The tools that may be shown and called: by their pins and by the server's own lists.
    #[must_use]
    pub fn open(&self, strictness: Strictness, allow: &[Glob], deny: &[Glob]) -> Vec<&Item> {
        let pins = self.pins();
        let is_open = |tool: &&Item| {
            (allow.is_empty() || any_matches(allow, &tool.name))
                && !any_matches(deny, &tool.name)
                && pins.gate(tool).is_open(strictness)
        };
        self.tools.iter().filter(is_open).collect()
    }

    /// All tools, with what is to be known before one is accepted. `others` are the names of tools of other servers.
    #[must_use]
    pub fn review(&self, others: &[&str]) -> Vec<Reviewed<'_>> {
        let pins = self.pins();
        let reviewed = |tool| Reviewed { tool, gate: pins.gate(tool), findings: scan(tool, others) };
        self.tools.iter().map(reviewed).collect()
    }

    /// What has changed since it was accepted.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let accepted =
            |name: &str| self.accepted.iter().find(|item| item.name == name).map(|item| &*item.raw);
        changes(&self.pins(), &self.tools, accepted)
    }

    /// Accepts the tools of these names as they are now, all where `names` is `None`. What is gone is forgotten with all.
    ///
    /// # Errors
    /// A name that is not there.
    pub fn accept<'a>(&mut self, names: Option<&'a [String]>) -> Result<(), &'a str> {
        let Some(names) = names else {
            self.accepted.clone_from(&self.tools);
            return Ok(());
        };
        for name in names {
            let tool = self.tools.iter().find(|tool| tool.name == *name).ok_or(name.as_str())?;
            self.accepted.retain(|item| item.name != *name);
            self.accepted.push(tool.clone());
        }
        Ok(())
    }
}

/// What is not said of a server that was kept before there was another transport.
const fn streamable() -> Transport {
    Transport::Http
}

/// A template as a pattern of the addresses that it may lead to: each expression stands for any text.
fn as_pattern(template: &str) -> Glob {
    let mut pieces = template.split('{');
    let mut pattern = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        pattern.push('*');
        pattern.push_str(piece.split_once('}').map_or("", |(_, literal)| literal));
    }
    Glob::new(pattern)
}

fn is_quarantined(tool: &Item) -> bool {
    scan(tool, &[]).iter().any(|finding| finding.severity == Severity::Quarantine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(kind: Kind, raws: &[&str]) -> Vec<Item> {
        raws.iter().map(|raw| Item::parse(kind, raw).unwrap()).collect()
    }

    fn tools(raws: &[&str]) -> Catalogue {
        Catalogue { tools: items(Kind::Tool, raws), ..Catalogue::default() }
    }

    fn peer() -> Peer {
        let capabilities = crate::json::raw("{}".to_owned()).unwrap();
        Peer {
            version: Version::NEWEST,
            transport: Transport::Http,
            info: None,
            capabilities,
            instructions: None,
        }
    }

    fn names(kept: &Kept, strictness: Strictness) -> Vec<&str> {
        kept.open(strictness, &[], &[]).into_iter().map(|tool| tool.name.as_str()).collect()
    }

    #[test]
    fn what_changes_after_the_first_time_is_closed_until_it_is_accepted() {
        let first = tools(&[
            r#"{"name":"a"}"#,
            r#"{"name":"b","description":"x"}"#,
            r#"{"name":"h","title":"\u200b"}"#,
        ]);
        let kept = Kept::after(None, &peer(), first, 1);
        assert_eq!(names(&kept, Strictness::Strict), ["a", "b"]);
        let later = tools(&[r#"{"name":"a"}"#, r#"{"name":"b","description":"y"}"#, r#"{"name":"c"}"#]);
        let mut kept = Kept::after(Some(&kept), &peer(), later, 2);
        assert_eq!(names(&kept, Strictness::Strict), ["a"]);
        assert_eq!(names(&kept, Strictness::Warn), ["a", "b", "c"]);
        assert_eq!(kept.changes().len(), 2);
        assert_eq!(kept.accept(Some(&["b".to_owned()])), Ok(()));
        assert_eq!(names(&kept, Strictness::Strict), ["a", "b"]);
        assert_eq!(kept.accept(Some(&["z".to_owned()])), Err("z"));
        assert_eq!(kept.accept(None), Ok(()));
        assert_eq!(names(&kept, Strictness::Strict), ["a", "b", "c"]);
        assert!(kept.changes().is_empty());
        let text = serde_json::to_string(&kept).unwrap();
        let read: Kept = serde_json::from_str(&text).unwrap();
        assert_eq!(names(&read, Strictness::Strict), ["a", "b", "c"]);
    }

    #[test]
    fn the_lists_of_the_server_hold_as_well() {
        let kept = Kept::after(None, &peer(), tools(&[r#"{"name":"read"}"#, r#"{"name":"write"}"#]), 1);
        let shown = |allow: &[&str], deny: &[&str]| {
            let globs = |list: &[&str]| list.iter().map(|one| Glob::new(*one)).collect::<Vec<_>>();
            kept.open(Strictness::Strict, &globs(allow), &globs(deny)).len()
        };
        assert_eq!((shown(&[], &[]), shown(&["r*"], &[]), shown(&[], &["*"])), (2, 1, 0));
        assert!(kept.is_fresh(FRESH_FOR_MS) && !kept.is_fresh(FRESH_FOR_MS + 1));
    }

    #[test]
    fn what_is_not_a_tool_is_kept_without_what_hides_something() {
        let catalogue = Catalogue {
            prompts: items(Kind::Prompt, &[r#"{"name":"p"}"#, r#"{"name":"h","description":"\u200b"}"#]),
            resources: items(Kind::Resource, &[r#"{"uri":"file:///a","name":"a"}"#]),
            templates: items(Kind::Template, &[r#"{"uriTemplate":"note://{id}/text{?lang}","name":"n"}"#]),
            ..tools(&[])
        };
        let capabilities = crate::json::raw(r#"{"prompts":{},"logging":{}}"#.to_owned()).unwrap();
        let kept = Kept::after(None, &Peer { capabilities, ..peer() }, catalogue, 1);
        assert_eq!(kept.capabilities(), ["logging", "prompts"]);
        assert_eq!(kept.list(Kind::Prompt).len(), 1);
        for (uri, expected) in [
            ("file:///a", Some(Holds::Listed)),
            ("file:///b", None),
            ("note://7/text", Some(Holds::ByTemplate)),
            ("note://7/text?lang=de", Some(Holds::ByTemplate)),
            ("note://7/image", None),
        ] {
            assert_eq!(kept.holds(uri), expected, "{uri}");
        }
        let text = serde_json::to_string(&kept).unwrap();
        let before = text.replace(r#""others":"#, r#""unknown":"#);
        let old: Kept = serde_json::from_str(&before).unwrap();
        assert!(kept.is_fresh(1) && !old.is_fresh(1) && old.capabilities() == ["tools"]);
        let less = kept.with_tools_only();
        assert!(
            less.is_whole()
                && less.list(Kind::Prompt).is_empty()
                && less.capabilities() == ["logging", "prompts"]
        );
    }
}
