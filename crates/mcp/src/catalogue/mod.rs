//! What a server offers: tools, prompts, resources and templates, each as the raw object that it sent.
//!
//! Guarantee: an item is passed on byte for byte, except that its name may be replaced by an alias.

mod capabilities;
mod collect;
mod item;
mod page;

pub use capabilities::{implied, merged};
pub use collect::{Collected, Collector, MAX_BYTES, MAX_ITEMS, MAX_PAGES, PageFault};
pub use item::{Item, Kind, estimated_tokens};
pub use page::{BadCursor, Page, page};

use serde::{Deserialize, Serialize};

use nexus_edge_hash::checksum_hex;

/// Everything that a server offers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalogue {
    /// Tools, in the server's order.
    #[serde(default)]
    pub tools: Vec<Item>,
    /// Prompts.
    #[serde(default)]
    pub prompts: Vec<Item>,
    /// Resources, by their addresses.
    #[serde(default)]
    pub resources: Vec<Item>,
    /// Templates of resources, by their patterns.
    #[serde(default)]
    pub templates: Vec<Item>,
}

impl Catalogue {
    /// The items of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &[Item] {
        match kind {
            Kind::Tool => &self.tools,
            Kind::Prompt => &self.prompts,
            Kind::Resource => &self.resources,
            Kind::Template => &self.templates,
        }
    }

    /// Replaces the items of a kind.
    pub fn set(&mut self, kind: Kind, items: Vec<Item>) {
        match kind {
            Kind::Tool => self.tools = items,
            Kind::Prompt => self.prompts = items,
            Kind::Resource => self.resources = items,
            Kind::Template => self.templates = items,
        }
    }

    /// The tool of a name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Item> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The catalogue as text, which reads back as the same, and under whose hash it is kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Catalogue::to_text`] wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The SHA-256 of its text.
    #[must_use]
    pub fn sha256(&self) -> String {
        checksum_hex(self.to_text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_keeps_every_byte_of_an_item() {
        let raw = r#"{ "name" : "a", "x" : 1.0, "d" : "\u0041" }"#;
        let item = Item::parse(Kind::Tool, raw).unwrap();
        let catalogue = Catalogue { tools: vec![item], ..Catalogue::default() };
        let read = Catalogue::from_text(&catalogue.to_text()).unwrap();
        assert_eq!(read.tool("a").unwrap().raw.get(), raw);
        assert_eq!(read.sha256(), catalogue.sha256());
    }
}
