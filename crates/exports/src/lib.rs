//! Exports: rows as CSV, JSON or NDJSON, written piece by piece, so that a table of any length needs the memory of a page.
//!
//! - CSV is that of RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe ([`csv`]).
//! - JSON and NDJSON end with the number of rows and a SHA-256 of them, and say whether they are complete ([`writer`]). CSV has
//!   no place for that: what cannot be completed must break off.
//! - [`statistics`] makes rows of the answers of `nexus_edge_stats`; [`link`] signs links to what was exported.
//!
//! Nothing here reads or sends.

pub mod checksum;
pub mod csv;
pub mod format;
pub mod link;
pub mod statistics;
pub mod writer;
