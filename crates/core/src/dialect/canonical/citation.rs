//! Citations: where a piece of an answer comes from.
//!
//! A source is a page of the web, which has an address, or a document: of the prompt, of a store of files, or a result that the
//! caller gave. Every dialect can name a document in some way ([`Citation::name`], [`Citation::address`]), so that no citation is
//! lost for want of an address.

use std::borrow::Cow;

use super::json::Json;
use crate::http::percent;

/// A citation: the source of a piece of text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Citation {
    /// URL of the source.
    pub url: Option<String>,
    /// Title of the source.
    pub title: Option<String>,
    /// The cited text of the source.
    pub cited_text: Option<String>,
    /// Range of characters of the answer that it belongs to.
    pub span: Option<(u64, u64)>,
    /// What a source without an address is called by the service: the id of a file or of a document.
    pub source: Option<String>,
    /// Where it stands in the documents of the prompt.
    pub place: Option<Place>,
    /// The citation in its original dialect, for a caller of the same.
    pub original: Option<Json>,
}

/// A place in the documents of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What is counted.
    pub unit: Unit,
    /// Which document, from 0.
    pub document: u64,
    /// The first.
    pub start: u64,
    /// The first after it.
    pub end: u64,
}

/// What a place is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Characters of a text, from 0.
    Characters,
    /// Pages, from 1.
    Pages,
    /// Blocks or chunks of a document, from 0.
    Blocks,
    /// Blocks of a search result that the caller gave, from 0; `document` counts the results.
    ResultBlocks,
}

/// What the address of a document begins with where a dialect insists on one.
const DOCUMENT_SCHEME: &str = "document:";

impl Citation {
    /// What a source without an address is called: its title, its id, or its number.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let said = [&self.title, &self.source].into_iter().flatten().find(|name| !name.trim().is_empty());
        let number = || self.place.map(|place| format!("Document {}", place.document.saturating_add(1)));
        let quoted = || self.cited_text.as_ref().map(|_| "Document".to_owned());
        said.cloned().or_else(number).or_else(quoted)
    }

    /// The URL, or an address that names the document and leads nowhere. `None` if nothing is known of the source.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let named = || {
            let id = self.source.clone().filter(|id| !id.trim().is_empty()).or_else(|| self.name())?;
            Some(format!("{DOCUMENT_SCHEME}{}", percent::encode(&id)))
        };
        self.url.clone().or_else(named)
    }

    /// The name of the document in an address of [`Self::address`] that leads nowhere.
    #[must_use]
    pub fn document_at(address: &str) -> Option<Cow<'_, str>> {
        address.strip_prefix(DOCUMENT_SCHEME).map(percent::decode_lossy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_a_name_and_an_address() {
        let place = Place { unit: Unit::Pages, document: 1, start: 1, end: 2 };
        let text = |text: &str| Some(text.to_owned());
        for (citation, name, address) in [
            (
                Citation { url: text("https://a.example"), ..Citation::default() },
                None,
                text("https://a.example"),
            ),
            (
                Citation { source: text("doc:0"), title: text("facts.txt"), ..Citation::default() },
                text("facts.txt"),
                text("document:doc%3A0"),
            ),
            (
                Citation { place: Some(place), ..Citation::default() },
                text("Document 2"),
                text("document:Document%202"),
            ),
            (
                Citation { cited_text: text("a"), ..Citation::default() },
                text("Document"),
                text("document:Document"),
            ),
            (Citation::default(), None, None),
        ] {
            let document = address.as_deref().and_then(Citation::document_at);
            assert_eq!(
                document,
                citation
                    .url
                    .is_none()
                    .then(|| citation.source.clone().or(name.clone()))
                    .flatten()
                    .map(Into::into)
            );
            assert_eq!((citation.name(), citation.address()), (name, address), "{citation:?}");
        }
    }
}
