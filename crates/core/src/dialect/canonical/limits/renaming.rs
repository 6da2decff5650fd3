//! A reversible renaming of the texts of one request.
//!
//! It depends on the request alone, so every turn of a conversation with the same tools has the same one, and nothing
//! has to be remembered between turns.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::spelling::Spelling;

/// Texts that the upstream does not accept, and the different accepted ones that stand for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renaming {
    sent: BTreeMap<String, String>,
    own: BTreeMap<String, String>,
}

impl Renaming {
    /// For these texts. Accepted ones keep their spelling; every other one gets a form that none of the texts has and
    /// no other one gets. `spell` is the preferred form. Empty, and without an allocation, if all are accepted.
    pub fn new<'a>(
        spelling: &Spelling,
        texts: impl Iterator<Item = &'a str> + Clone,
        spell: impl for<'t> Fn(&Spelling, &'t str) -> Cow<'t, str>,
    ) -> Self {
        let mut renaming = Self::default();
        if texts.clone().all(|text| spelling.accepts(text)) {
            return renaming;
        }
        let taken: BTreeSet<&str> = texts.clone().filter(|text| spelling.accepts(text)).collect();
        for text in texts.filter(|text| !spelling.accepts(text)) {
            if renaming.sent.contains_key(text) {
                continue;
            }
            let is_free = |form: &str| !taken.contains(form) && !renaming.own.contains_key(form);
            let mut form = spell(spelling, text).into_owned();
            let mut attempt = 0;
            while !is_free(&form) {
                form = spelling.numbered(text, attempt);
                attempt += 1;
            }
            renaming.own.insert(form.clone(), text.to_owned());
            renaming.sent.insert(text.to_owned(), form);
        }
        renaming
    }

    /// Whether nothing is renamed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The form for the upstream, if it is another.
    #[must_use]
    pub fn sent(&self, text: &str) -> Option<&str> {
        self.sent.get(text).map(String::as_str)
    }

    /// The caller's own text for a form of the upstream's, if it is another.
    #[must_use]
    pub fn own(&self, form: &str) -> Option<&str> {
        self.own.get(form).map(String::as_str)
    }

    /// Replaces the text by its form for the upstream.
    pub(super) fn send(&self, text: &mut String) {
        if let Some(form) = self.sent(text) {
            form.clone_into(text);
        }
    }

    /// Replaces a form of the upstream's by the caller's own text.
    pub(super) fn restore(&self, form: &mut String) {
        if let Some(text) = self.own(form) {
            text.clone_into(form);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn renamed(spelling: &Spelling, texts: &[&str]) -> Renaming {
        Renaming::new(spelling, texts.iter().copied(), Spelling::similar)
    }

    #[test]
    fn two_names_never_become_one() {
        let renaming =
            renamed(&Spelling::of(64, "_-"), &["files.read", "files:read", "files_read", "files.read"]);
        assert_eq!(renaming.sent("files_read"), None);
        let (dot, colon) = (renaming.sent("files.read").unwrap(), renaming.sent("files:read").unwrap());
        assert!(dot != colon && dot.starts_with("files_read_") && colon.starts_with("files_read_"));
        assert_eq!((renaming.own(dot), renaming.own(colon)), (Some("files.read"), Some("files:read")));
        assert!(renamed(&Spelling::of(64, "_-"), &["a", "b"]).is_empty());
    }

    proptest! {
        #[test]
        fn every_name_comes_back(names in proptest::collection::btree_set("[a-zA-Z._:/ é-]{0,80}", 0..12)) {
            let texts: Vec<&str> = names.iter().map(String::as_str).collect();
            for spelling in [
                Spelling::of(64, "_-"),
                Spelling::of(128, "_-"),
                Spelling::of(64, "_.:-").letter_first(),
                Spelling::of(64, "_").letter_first(),
                Spelling::of(9, "").exactly(9),
            ] {
                let renaming = renamed(&spelling, &texts);
                let mut forms = BTreeSet::new();
                for name in &texts {
                    let form = renaming.sent(name).unwrap_or(name);
                    prop_assert!(spelling.accepts(form), "{form:?}");
                    prop_assert!(forms.insert(form.to_owned()), "{form:?} stands for two names");
                    prop_assert_eq!(renaming.own(form).unwrap_or(form), *name);
                }
            }
        }
    }
}
