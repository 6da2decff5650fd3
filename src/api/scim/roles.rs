//! Roles that follow from groups: what the client's `role_map` names is given and taken away, other roles stay.

use nexus_edge_core::error::ApiError;
use nexus_edge_identity::user_info::mapped_roles;

use crate::exchange::Exchange;
use crate::platform::now_ms;
use crate::store::scim;

/// Gives users the roles of the groups that they are in now. A user whose roles are changed by others at the same moment keeps
/// those until the next change of a group of theirs.
pub async fn follow(exchange: &Exchange, users: &[&str]) -> Result<(), ApiError> {
    let client = exchange.directory()?;
    if client.role_map.is_empty() || users.is_empty() {
        return Ok(());
    }
    let found = scim::roles_and_groups(&exchange.env, &client.id, users).await?;
    let changes: Vec<(String, Vec<String>, Vec<String>)> = found
        .into_iter()
        .filter_map(|of| {
            let groups: Vec<String> =
                of.groups.into_iter().flat_map(|(name, id)| std::iter::once(name).chain(id)).collect();
            let after = mapped_roles(&of.roles, &client.role_map, Some(&groups));
            (after != of.roles).then_some((of.id, of.roles, after))
        })
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    scim::set_roles(&exchange.env, &changes, now_ms()).await?;
    for (id, before, after) in &changes {
        exchange.note_setting(&format!("roles of {id}"), Some(before), Some(after));
    }
    Ok(())
}
