//! Reads a list page by page.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{Item, Kind};
use crate::json::{Members, string};

/// Items of a list.
pub const MAX_ITEMS: usize = 5_000;
/// Bytes of all its items together.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Pages of a list.
pub const MAX_PAGES: usize = 200;

/// Why a list cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// The result has no such list.
    #[error("the result has no list of that kind")]
    NoList,
    /// More than [`MAX_ITEMS`], [`MAX_BYTES`] or [`MAX_PAGES`].
    #[error("the list is too long")]
    TooLong,
    /// The server gave the same cursor twice.
    #[error("the list does not end: a cursor was given twice")]
    Circle,
}

/// A list, and what was left out of it.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// The items, in the server's order.
    pub items: Vec<Item>,
    /// How many were left out: no object, no name, or a name that was there before.
    pub left_out: usize,
}

/// Collects the pages of one list. It ends for any server: after [`MAX_PAGES`] pages, or at the first cursor that returns.
#[derive(Debug)]
pub struct Collector {
    kind: Kind,
    collected: Collected,
    names: HashSet<String>,
    cursors: HashSet<String>,
    bytes: usize,
}

impl Collector {
    /// For a list of one kind.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            collected: Collected::default(),
            names: HashSet::new(),
            cursors: HashSet::new(),
            bytes: 0,
        }
    }

    /// Takes a result; the parameters of the request for the next page, if there is one.
    ///
    /// # Errors
    /// The list cannot be used.
    pub fn take(&mut self, result: &RawValue) -> Result<Option<Box<RawValue>>, PageFault> {
        let members = Members::parse(result.get()).map_err(|_| PageFault::NoList)?;
        let list = members.get(self.kind.member()).ok_or(PageFault::NoList)?;
        let items: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|_| PageFault::NoList)?;
        for item in items {
            self.bytes += item.get().len();
            if self.bytes > MAX_BYTES || self.collected.items.len() >= MAX_ITEMS {
                return Err(PageFault::TooLong);
            }
            match Item::parse(self.kind, item.get()) {
                Ok(item) if self.names.insert(item.name.clone()) => self.collected.items.push(item),
                _ => self.collected.left_out += 1,
            }
        }
        let Some(cursor) = members.text("nextCursor") else { return Ok(None) };
        let mut params = Members::default();
        params.set("cursor", string(&cursor));
        if !self.cursors.insert(cursor) {
            return Err(PageFault::Circle);
        }
        if self.cursors.len() >= MAX_PAGES {
            return Err(PageFault::TooLong);
        }
        Ok(Some(params.write()))
    }

    /// What was collected.
    #[must_use]
    pub fn finish(self) -> Collected {
        self.collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        crate::json::raw(text.to_owned()).unwrap()
    }

    #[test]
    fn pages_are_joined_and_what_is_no_item_is_counted() {
        let mut collector = Collector::new(Kind::Tool);
        let next =
            collector.take(&raw(r#"{"tools":[{"name":"a"},1,{"title":"x"}],"nextCursor":"p2"}"#)).unwrap();
        assert_eq!(next.unwrap().get(), r#"{"cursor":"p2"}"#);
        assert!(collector.take(&raw(r#"{"tools":[{"name":"b"},{"name":"a"}]}"#)).unwrap().is_none());
        let collected = collector.finish();
        assert_eq!(collected.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(collected.left_out, 3);
    }

    #[test]
    fn a_list_that_does_not_end_is_left() {
        let mut collector = Collector::new(Kind::Tool);
        let page = raw(r#"{"tools":[],"nextCursor":"same"}"#);
        assert!(collector.take(&page).is_ok());
        assert_eq!(collector.take(&page).unwrap_err(), PageFault::Circle);
        let mut collector = Collector::new(Kind::Tool);
        let ends = (0..1_000)
            .find(|page| collector.take(&raw(&format!(r#"{{"tools":[],"nextCursor":"{page}"}}"#))).is_err());
        assert_eq!(ends, Some(MAX_PAGES - 1));
        assert_eq!(
            Collector::new(Kind::Prompt).take(&raw(r#"{"tools":[]}"#)).unwrap_err(),
            PageFault::NoList
        );
    }
}
