//! The texts of a request or of a complete answer, and the document with some of them changed.

use std::ops::Range;

use nexus_edge_core::json::splice::{Edit, apply, quote};

use crate::document::{Role, Walk, is_data_url, is_json, logprobs, text_of};
use crate::guard::{Changed, Piece};

/// Most texts of one document.
pub const MAX_TEXTS: usize = 100_000;

/// A document with its texts.
pub struct Whole<'a> {
    body: &'a [u8],
    places: Vec<Place>,
}

struct Place {
    range: Range<usize>,
    is_json: bool,
}

/// A document that was changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Edited {
    /// What is passed on.
    pub told: Vec<u8>,
    /// What is recorded, if it differs.
    pub kept: Option<Vec<u8>>,
}

/// A document that cannot be searched: it is no JSON, nested too deep, or has too many texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be searched")]
pub struct Unsearchable;

impl<'a> Whole<'a> {
    /// Finds the texts of a document.
    ///
    /// # Errors
    /// It cannot be searched.
    pub fn read(body: &'a [u8]) -> Result<Self, Unsearchable> {
        let mut places = Vec::new();
        let is_walked = Walk::new(body, false).run(|leaf| {
            let is_text = matches!(leaf.role, Role::Text | Role::Number);
            let is_data = || body.get(leaf.range.start + 1..).is_some_and(is_data_url);
            if is_text && places.len() <= MAX_TEXTS && !is_data() {
                places.push(Place { is_json: is_json(body, &leaf), range: leaf.range });
            }
        });
        if is_walked && places.len() <= MAX_TEXTS { Ok(Self { body, places }) } else { Err(Unsearchable) }
    }

    /// Its texts.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'a>> {
        let piece = |place: &Place| Piece { text: text_of(self.body, &place.range), is_json: place.is_json };
        self.places.iter().map(piece).collect()
    }

    /// The document with these changes to its texts, in their order; `None` if there are none.
    #[must_use]
    pub fn with(&self, changes: Vec<Option<Changed>>) -> Option<Edited> {
        let edits: Vec<(&Place, Changed)> =
            self.places.iter().zip(changes).filter_map(|(place, change)| Some((place, change?))).collect();
        if edits.is_empty() {
            return None;
        }
        let tokens = logprobs(self.body);
        let edited = |text: fn(&Changed) -> &str| {
            let of_texts = edits.iter().map(|(place, change)| edit(&place.range, quote(text(change))));
            let of_tokens = tokens.iter().map(|range| edit(range, "null".to_owned()));
            apply(self.body, of_texts.chain(of_tokens).collect())
        };
        let differs = edits.iter().any(|(_, change)| change.kept.is_some());
        let kept = differs.then(|| edited(|change| change.kept.as_deref().unwrap_or(&change.told)));
        Some(Edited { told: edited(|change| &change.told), kept })
    }
}

fn edit(range: &Range<usize>, inserted: String) -> Edit {
    Edit { at: range.start, removed: range.len(), inserted }
}
