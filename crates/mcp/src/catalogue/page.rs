//! Writes a list page by page.

use serde_json::value::RawValue;

use super::{Item, Kind};
use crate::json::{Members, string, to_raw};
use nexus_edge_hash::checksum_hex;

/// The cursor is not one of this list: it was made up, or the list has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this list, or the list has changed since: begin again without one")]
pub struct BadCursor;

/// A page: the result of a list method, without what the era adds.
#[derive(Debug, Clone)]
pub struct Page {
    /// The result.
    pub result: Box<RawValue>,
    /// How many items it has.
    pub items: usize,
}

/// The page of a list that a cursor begins, of at most `size` items.
///
/// Guarantee: following the cursors from none gives every item once, in order, or an error once the list has changed.
///
/// # Errors
/// The cursor is not one of this list.
pub fn page(kind: Kind, items: &[Item], cursor: Option<&str>, size: usize) -> Result<Page, BadCursor> {
    let mark = mark(items);
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let (of, start) = cursor.split_once('.').ok_or(BadCursor)?;
            let start: usize = start.parse().map_err(|_| BadCursor)?;
            if of != mark || start == 0 || start >= items.len() {
                return Err(BadCursor);
            }
            start
        }
    };
    let shown: Vec<&RawValue> = items.iter().skip(start).take(size.max(1)).map(|item| &*item.raw).collect();
    let mut result = Members::default();
    result.set(kind.member(), to_raw(&shown));
    let end = start + shown.len();
    if end < items.len() {
        result.set("nextCursor", string(&format!("{mark}.{end}")));
    }
    Ok(Page { result: result.write(), items: shown.len() })
}

/// Tells a list from what it was before: its names.
fn mark(items: &[Item]) -> String {
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    checksum_hex(names.join("\n").as_bytes()).chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(count: usize) -> Vec<Item> {
        (0..count).map(|n| Item::parse(Kind::Tool, &format!(r#"{{"name":"t{n}"}}"#)).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn following_the_cursors_gives_every_item_once(count in 0_usize..40, size in 1_usize..12) {
            let items = items(count);
            let mut collector = super::super::Collector::new(Kind::Tool);
            let mut cursor: Option<String> = None;
            loop {
                let page = page(Kind::Tool, &items, cursor.as_deref(), size).unwrap();
                prop_assert!(page.items <= size);
                match collector.take(&page.result).unwrap() {
                    Some(params) => cursor = Members::parse(params.get()).unwrap().text("cursor"),
                    None => break,
                }
            }
            let names: Vec<String> = collector.finish().items.into_iter().map(|item| item.name).collect();
            prop_assert_eq!(names, items.into_iter().map(|item| item.name).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let next = page(Kind::Tool, &items(10), None, 4).unwrap().result;
        let cursor = Members::parse(next.get()).unwrap().text("nextCursor").unwrap();
        assert!(page(Kind::Tool, &items(10), Some(&cursor), 4).is_ok());
        assert!(page(Kind::Tool, &items(11), Some(&cursor), 4).is_err());
        for cursor in ["", "x", "x.1", "0.0", "99999999999999999999"] {
            assert!(page(Kind::Tool, &items(10), Some(cursor), 4).is_err());
        }
    }
}
