//! Rows of D1 and of the `SQLite` of Durable Objects, read whatever stands in them.

use nexus_edge_core::row::lenient;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::log_error;

/// The rows that can be read. `of` names where they are from, for the log line about the others.
pub fn read<T: DeserializeOwned>(rows: Vec<Value>, of: &str) -> Vec<T> {
    let (readable, unreadable) = lenient::read_all(rows);
    if let Some((count, error)) = unreadable {
        log_error("unreadable rows are left out", &format_args!("{count} of `{of}`: {error}"));
    }
    readable
}
