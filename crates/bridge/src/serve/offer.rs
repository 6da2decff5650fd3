//! What all servers offer together, under names that are unique. Pure.
//!
//! Tools and prompts are named `{server}__{name}` ([`nexus_edge_mcp::naming`]). Addresses of resources stay as they are,
//! since results of tools name them: an address that two servers have is that of the first.

use std::sync::Arc;

use nexus_edge_hash::checksum_hex;
use nexus_edge_mcp::catalogue::{Item, Kind};
use nexus_edge_mcp::naming::{Aliases, Target};

use crate::server::view::Known;

/// What one server offers: its tools that may be shown, and what else it has.
#[derive(Debug, Clone)]
pub struct Source {
    /// The server.
    pub server: String,
    /// Its tools that may be shown.
    pub tools: Vec<Item>,
    /// What it said.
    pub known: Arc<Known>,
}

/// The names that were given, which stay for as long as the value.
#[derive(Debug, Default)]
pub struct Names {
    tools: Aliases,
    prompts: Aliases,
}

impl Names {
    /// The server and the tool of a name.
    #[must_use]
    pub fn tool(&self, alias: &str) -> Option<&Target> {
        self.tools.target(alias)
    }

    /// The server and the prompt of a name.
    #[must_use]
    pub fn prompt(&self, alias: &str) -> Option<&Target> {
        self.prompts.target(alias)
    }
}

/// All lists.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    lists: [Vec<Item>; 4],
}

impl Offer {
    /// What these servers offer together.
    #[must_use]
    pub fn of(sources: &[Source], names: &mut Names) -> Self {
        let mut offer = Self::default();
        for source in sources {
            let target =
                |item: &Item| Target { agent: None, server: source.server.clone(), tool: item.name.clone() };
            for tool in &source.tools {
                let (alias, _) = names.tools.name(&target(tool));
                offer.add(Kind::Tool, tool.renamed(Kind::Tool, &alias));
            }
            for prompt in &source.known.catalogue.prompts {
                let (alias, _) = names.prompts.name(&target(prompt));
                offer.add(Kind::Prompt, prompt.renamed(Kind::Prompt, &alias));
            }
            for kind in [Kind::Resource, Kind::Template] {
                for item in source.known.catalogue.of(kind) {
                    if !offer.list(kind).iter().any(|other| other.name == item.name) {
                        offer.add(kind, item.clone());
                    }
                }
            }
        }
        offer
    }

    /// The items of a kind.
    #[must_use]
    pub fn list(&self, kind: Kind) -> &[Item] {
        let [tools, prompts, resources, templates] = &self.lists;
        match kind {
            Kind::Tool => tools,
            Kind::Prompt => prompts,
            Kind::Resource => resources,
            Kind::Template => templates,
        }
    }

    fn add(&mut self, kind: Kind, item: Item) {
        let [tools, prompts, resources, templates] = &mut self.lists;
        match kind {
            Kind::Tool => tools.push(item),
            Kind::Prompt => prompts.push(item),
            Kind::Resource => resources.push(item),
            Kind::Template => templates.push(item),
        }
    }

    /// Names the content of a list: it changes with it.
    #[must_use]
    pub fn mark(&self, kind: Kind) -> String {
        let raws: Vec<&str> = self.list(kind).iter().map(|item| item.raw.get()).collect();
        checksum_hex(raws.join("\n").as_bytes())
    }
}

/// The servers that may have a resource, the likeliest first: one that lists the address, then those with a template whose
/// beginning it has, then all others that have resources.
#[must_use]
pub fn holders<'a>(sources: &'a [Source], uri: &str) -> Vec<&'a str> {
    let likelihood = |source: &Source| {
        let catalogue = &source.known.catalogue;
        if catalogue.resources.iter().any(|item| item.name == uri) {
            return Some(0);
        }
        let begins = |item: &Item| uri.starts_with(item.name.split('{').next().unwrap_or_default());
        if catalogue.templates.iter().any(begins) {
            return Some(1);
        }
        (!catalogue.resources.is_empty() || !catalogue.templates.is_empty()).then_some(2)
    };
    let mut found: Vec<(u8, &str)> =
        sources.iter().filter_map(|source| Some((likelihood(source)?, source.server.as_str()))).collect();
    found.sort_by_key(|(likelihood, _)| *likelihood);
    found.into_iter().map(|(_, server)| server).collect()
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::catalogue::Catalogue;
    use nexus_edge_mcp::json::raw;

    use super::*;

    fn source(server: &str, tools: &[&str], resources: &[&str], templates: &[&str]) -> Source {
        let items = |kind: Kind, key: &str, names: &[&str]| -> Vec<Item> {
            names.iter().map(|name| Item::parse(kind, &format!(r#"{{"{key}":"{name}"}}"#)).unwrap()).collect()
        };
        let catalogue = Catalogue {
            resources: items(Kind::Resource, "uri", resources),
            templates: items(Kind::Template, "uriTemplate", templates),
            ..Catalogue::default()
        };
        let known = Known {
            version: String::new(),
            info: None,
            capabilities: raw("{}".into()).unwrap(),
            instructions: None,
            sha256: catalogue.sha256(),
            catalogue,
        };
        Source { server: server.into(), tools: items(Kind::Tool, "name", tools), known: Arc::new(known) }
    }

    #[test]
    fn names_are_unique_and_lead_back() {
        let sources = [source("a", &["read"], &["x:1"], &[]), source("b", &["read"], &["x:1"], &[])];
        let mut names = Names::default();
        let offer = Offer::of(&sources, &mut names);
        let shown: Vec<&str> = offer.list(Kind::Tool).iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(shown, ["a__read", "b__read"]);
        assert_eq!(names.tool("b__read").map(|target| target.server.as_str()), Some("b"));
        assert_eq!(offer.list(Kind::Resource).len(), 1);
        let less = Offer::of(&sources[1..], &mut names);
        assert_eq!(less.list(Kind::Tool)[0].name, "b__read");
        assert_ne!(less.mark(Kind::Tool), offer.mark(Kind::Tool));
    }

    #[test]
    fn an_address_leads_to_the_server_that_is_likeliest_to_have_it() {
        let sources = [
            source("none", &["t"], &[], &[]),
            source("other", &[], &["y:1"], &[]),
            source("template", &[], &[], &["x:{id}"]),
            source("lists", &[], &["x:1"], &[]),
        ];
        assert_eq!(holders(&sources, "x:1"), ["lists", "template", "other"]);
        assert_eq!(holders(&sources, "x:2"), ["template", "other", "lists"]);
    }
}
