//! Lists (RFC 7644, section 3.4.2.4): numbered from 1, with the number of all resources that fit.

use nexus_edge_core::error::ApiError;
use serde_json::{Value, json};

use crate::problem::invalid_value;
use crate::schema::Object;

/// URN of lists.
pub const LIST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Resources of a page, unless the request says otherwise.
pub const DEFAULT: usize = 100;
/// Most resources of a page.
pub const MAX: usize = 200;

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The number of the first resource; 1 is that of the first of all.
    pub start: usize,
    /// Most resources.
    pub count: usize,
}

impl Page {
    /// The page that `startIndex` and `count` name. What is less than the least counts as the least, and more than the most as the
    /// most.
    ///
    /// # Errors
    /// `invalid_value` (400) for what is no whole number.
    pub fn read(start: Option<&str>, count: Option<&str>) -> Result<Self, ApiError> {
        let number = |name: &str, given: Option<&str>, otherwise: usize| match given {
            None => Ok(otherwise),
            Some(text) => text
                .parse::<i64>()
                .map(|number| usize::try_from(number.max(0)).unwrap_or(usize::MAX))
                .map_err(|_| invalid_value(name, "must be a whole number")),
        };
        Ok(Self {
            start: number("startIndex", start, 1)?.max(1),
            count: number("count", count, DEFAULT)?.min(MAX),
        })
    }

    /// How many resources come before the page.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.start - 1
    }

    /// The resources of the page, of all.
    #[must_use]
    pub fn of<T>(&self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.offset()).take(self.count).collect()
    }

    /// The body of the answer, with these resources of the page and the number of all.
    #[must_use]
    pub fn answer(&self, total: usize, resources: &[Object]) -> Value {
        json!({
            "schemas": [LIST_URN],
            "totalResults": total,
            "startIndex": self.start,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_at_one_and_is_bounded() {
        let page = |start, count| Page::read(start, count).unwrap();
        assert_eq!(page(None, None), Page { start: 1, count: DEFAULT });
        assert_eq!(page(Some("-4"), Some("-1")), Page { start: 1, count: 0 });
        assert_eq!(page(Some("3"), Some("100000")), Page { start: 3, count: MAX });
        assert_eq!(page(Some("2"), Some("2")).of(vec![1, 2, 3, 4]), [2, 3]);
        assert_eq!(page(Some("9"), None).of(vec![1]), [0_i32; 0]);
        for wrong in ["", "x", "1.5", "99999999999999999999"] {
            assert_eq!(Page::read(Some(wrong), None).unwrap_err().code, "invalid_value", "{wrong}");
        }
    }
}
