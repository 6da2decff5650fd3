//! The rows of a table, as they are shown and compared.

use crate::plan::decode;
use crate::price::Price;
use crate::table::{Name, Seller, Table, marks};

/// A model of a seller with its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The seller.
    pub seller: &'a str,
    /// The model, as the seller names it.
    pub model: &'a str,
    /// Its price.
    pub price: Price,
    /// The source of the price: `gp` (genai-prices), `mp` (model-prices), `md` (models.dev), or nothing.
    pub source: &'static str,
    /// Whether another source says the same.
    pub confirmed: bool,
    /// Whether another source says something else.
    pub disputed: bool,
    /// Whether the seller has retired the model.
    pub retired: bool,
}

impl Table {
    /// Every model of every seller, once.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.sellers.iter().flat_map(|seller| {
            let listed = self.names_of(seller).iter().filter(|name| name.marks & marks::ALIAS == 0);
            listed.map(|name| self.row(seller, *name))
        })
    }

    /// The number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.names.iter().filter(|name| name.marks & marks::ALIAS == 0).count()
    }

    pub(crate) fn row<'a>(&'a self, seller: &'a Seller, name: Name) -> Row<'a> {
        let has = |mark: u8| name.marks & mark != 0;
        Row {
            seller: &seller.id,
            model: self.text_of(name),
            price: Price::of_plan(&decode(&self.words, name.plan), seller.peak.as_ref()),
            source: marks::SOURCES
                .get(usize::from(name.marks >> marks::SOURCE_SHIFT))
                .copied()
                .unwrap_or_default(),
            confirmed: has(marks::CONFIRMED),
            disputed: has(marks::DISPUTED),
            retired: has(marks::RETIRED),
        }
    }

    pub(crate) fn names_of(&self, seller: &Seller) -> &[Name] {
        let first = usize::try_from(seller.first).unwrap_or(usize::MAX);
        let count = usize::try_from(seller.count).unwrap_or_default();
        self.names.get(first..first.saturating_add(count)).unwrap_or_default()
    }

    pub(crate) fn text_of(&self, name: Name) -> &str {
        let at = usize::try_from(name.at).unwrap_or(usize::MAX);
        self.text.get(at..at.saturating_add(name.len.into())).unwrap_or_default()
    }
}
