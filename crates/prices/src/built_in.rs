//! The table that the gateway comes with: `data/prices.json`, laid out by `build.rs`.

use std::borrow::Cow;

use crate::table::{Name, Peak, Seller, Table};

/// The table.
#[expect(clippy::unreadable_literal, reason = "the numbers are written by a program")]
pub static BUILT_IN: Table = include!(concat!(env!("OUT_DIR"), "/table.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_the_data_says() {
        let read = crate::parse(include_bytes!("../data/prices.json")).unwrap();
        assert_eq!(read, BUILT_IN);
        assert!(BUILT_IN.sellers.len() >= 27 && BUILT_IN.names.len() > 1_200);
    }

    /// The data of the table in bytes, as WebAssembly lays it out.
    #[test]
    fn the_table_is_small() {
        let bytes = BUILT_IN.text.len() + BUILT_IN.words.len() * 4 + BUILT_IN.names.len() * 12;
        assert!(bytes < 110_000, "{bytes}");
    }
}
