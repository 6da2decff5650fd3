//! The sets of tools that a caller may name.
//!
//! Guarantee: a set of another owner, and one of which the key is granted no server, is as if it did not exist.

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;

use super::configured;
use super::reach::Selection;
use crate::host::Host;

/// The set of this name.
///
/// # Errors
/// `toolset_not_found` (404).
pub async fn toolset(host: &Host, principal: &Principal, name: &str) -> Result<Selection, ApiError> {
    let found = configured::toolset(host, principal.owner.as_deref(), name).await?;
    let set = found.ok_or_else(toolset_not_found)?;
    if !set.picks().iter().any(|pick| principal.tools.may_know(&pick.server)) {
        return Err(toolset_not_found());
    }
    Ok(Selection::Toolset(set))
}

/// The error for a set that there is not.
pub fn toolset_not_found() -> ApiError {
    ApiError::not_found("toolset_not_found", "There is no set of tools with this name.")
}
