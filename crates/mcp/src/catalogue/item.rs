//! One tool, prompt, resource or template.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json::{JsonFault, Members, string};
use crate::method::Method;

/// What a server offers lists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Tools.
    Tool,
    /// Prompts.
    Prompt,
    /// Resources.
    Resource,
    /// Templates of resources.
    Template,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    /// The method that lists them.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Tool => Method::ListTools,
            Self::Prompt => Method::ListPrompts,
            Self::Resource => Method::ListResources,
            Self::Template => Method::ListTemplates,
        }
    }

    /// The kind that a method lists.
    #[must_use]
    pub fn listed_by(method: Method) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.method() == method)
    }

    /// The member of a result that has them.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "resourceTemplates",
        }
    }

    /// The capability without which a server has none.
    #[must_use]
    pub const fn capability(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource | Self::Template => "resources",
        }
    }

    /// How an item is called in lists of what is allowed: a tool by its name, others as `prompts/{name}` and `resources/{address}`.
    #[must_use]
    pub fn granted_as(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Tool => Cow::Borrowed(name),
            Self::Prompt => Cow::Owned(format!("prompts/{name}")),
            Self::Resource | Self::Template => Cow::Owned(format!("resources/{name}")),
        }
    }

    /// The member that tells one from another.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tool | Self::Prompt => "name",
            Self::Resource => "uri",
            Self::Template => "uriTemplate",
        }
    }
}

/// An item: what it is called, and everything that was said of it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its name, address or pattern.
    pub name: String,
    /// The object, byte for byte.
    pub raw: Box<RawValue>,
}

impl Item {
    /// Reads an item of a kind.
    ///
    /// # Errors
    /// It is no object, has a member twice, or has no name.
    pub fn parse(kind: Kind, json: &str) -> Result<Self, JsonFault> {
        let name = Members::parse(json)?.text(kind.key()).filter(|name| !name.is_empty());
        let raw = crate::json::raw(json.to_owned()).ok_or(JsonFault::Syntax)?;
        Ok(Self { name: name.ok_or(JsonFault::NotAnObject)?, raw })
    }

    /// The members of the object.
    #[must_use]
    pub fn members(&self) -> Members {
        Members::parse(self.raw.get()).unwrap_or_default()
    }

    /// The same object under another name.
    #[must_use]
    pub fn renamed(&self, kind: Kind, name: &str) -> Self {
        if self.name == name {
            return self.clone();
        }
        Self { name: name.to_owned(), ..self.with_text(kind.key(), name) }
    }

    /// The same object with another text as a member, which is not its name.
    #[must_use]
    pub fn with_text(&self, member: &str, text: &str) -> Self {
        let mut members = self.members();
        members.set(member, string(text));
        Self { name: self.name.clone(), raw: members.write() }
    }
}

/// Tokens that a text of JSON costs in a request, estimated: a token for four bytes, which is what schemas measured.
#[must_use]
pub fn estimated_tokens(json: &RawValue) -> u64 {
    json.get().len().div_ceil(4) as u64
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, &self.raw).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (name, raw) = <(String, Box<RawValue>)>::deserialize(deserializer)?;
        Ok(Self { name, raw })
    }
}
