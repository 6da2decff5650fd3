//! Names of states of a resource (RFC 7644, section 3.14), as in the header `ETag`.
//!
//! The name is made of what the resource says, so that two answers with the same name say the same.

use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::hash::sha256_hex;
use serde_json::Value;

use crate::schema::Object;

/// The name of the state of a resource, which is written into its `meta`.
pub fn stamp(resource: &mut Object) -> String {
    let digest: String = sha256_hex(&Value::from(resource.clone()).to_string()).chars().take(16).collect();
    let version = format!("W/\"{digest}\"");
    if let Some(meta) = resource.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("version".to_owned(), version.as_str().into());
    }
    version
}

/// Checks that a change is made of the state that its client knows.
///
/// # Errors
/// `version_changed` (412).
pub fn check_match(if_match: Option<&str>, version: &str) -> Result<(), ApiError> {
    if if_match.is_none_or(|header| names(header, version)) {
        return Ok(());
    }
    let message = "The resource was changed since. Read it again.";
    Err(ApiError::new(412, ErrorKind::InvalidRequest, "version_changed", message))
}

/// Whether a header lists this version, or any. Compared weakly (RFC 9110, section 8.8.3.2).
#[must_use]
pub fn names(header: &str, version: &str) -> bool {
    let bare = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    header.split(',').any(|one| one.trim() == "*" || bare(one) == bare(version))
}
