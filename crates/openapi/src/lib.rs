//! `docs/openapi.json`, made from the operations that `crates/api` declares.
//!
//! A crate of its own, so that the Worker is built without what only the document needs. The test `document` fails when
//! the file is not what this makes.

#![forbid(unsafe_code)]

/// The document as it stands in the repository: JSON with two spaces of indentation.
///
/// # Errors
/// None in practice: a JSON value can always be written.
pub fn document() -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&nexus_edge_api::openapi())? + "\n")
}
