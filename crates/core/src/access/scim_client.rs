//! Directories (Entra ID, Okta) that keep users and teams by SCIM. Their tokens are shown once and stored as hashes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::permission::Permissions;
use super::role::Role;
use super::user::UserRecord;
use crate::row::table::{json, table};
use crate::row::{flag, json_list, json_or_default};

/// A directory. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ScimClientRecord {
    /// A ULID. The token begins with it.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Whether its token is accepted.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// SHA-256 of the token's secret, in base64url.
    pub token_hash: String,
    /// The same of the token before it.
    pub previous_hash: Option<String>,
    /// Until when the token before it is accepted.
    pub previous_until: Option<u64>,
    /// Codes of the roles that its users begin with.
    #[serde(deserialize_with = "json_list")]
    pub roles: Vec<String>,
    /// The roles that its groups give, by the name or the external id of the group.
    #[serde(deserialize_with = "json_or_default")]
    pub role_map: BTreeMap<String, Vec<String>>,
    /// The service by which its users sign in, where that is the same directory.
    pub identity_provider: Option<String>,
    /// Who made it, as the audit log names them.
    pub created_by: String,
    /// When it was used last, to the hour.
    pub last_used_at: Option<u64>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    ScimClientRecord in "scim_clients" unique "id" {
        given id;
        fixed { created_by, created_at }
        changing {
            name, enabled, token_hash, previous_hash, previous_until,
            roles = |record| json(&record.roles),
            role_map = |record| json(&record.role_map),
            identity_provider,
        }
        elsewhere { last_used_at }
    }
}

impl ScimClientRecord {
    /// The hashes of tokens that are accepted at `now_ms` (milliseconds since the epoch).
    pub fn accepted(&self, now_ms: u64) -> impl Iterator<Item = &str> {
        let is_in_time = self.previous_until.is_some_and(|until| now_ms < until);
        let previous = self.previous_hash.as_deref().filter(|_| is_in_time);
        std::iter::once(self.token_hash.as_str()).chain(previous).filter(|_| self.enabled)
    }

    /// The roles of a user that the directory does not give: those that were given here.
    #[must_use]
    pub fn roles_given_here(&self, user: &UserRecord) -> Vec<String> {
        let governed = |code: &&String| self.role_map.values().flatten().any(|given| given == *code);
        user.roles.iter().filter(|code| !governed(code)).cloned().collect()
    }

    /// Whether a user with these permissions is out of the directory's reach but for ending: they may do what no operator may, and
    /// not on the strength of the directory's groups.
    #[must_use]
    pub fn is_out_of_reach(of_own: Permissions) -> bool {
        of_own.iter().any(|permission| !Role::Operator.permissions().has(permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> ScimClientRecord {
        let row = r#"{"id":"c","name":"Entra","enabled":1,"token_hash":"new","previous_hash":"old","previous_until":100,
            "roles":"[\"user\"]","role_map":"{\"Admins\":[\"admin\"]}","identity_provider":null,"created_by":"admin_token",
            "last_used_at":null,"created_at":1,"updated_at":1}"#;
        serde_json::from_str(row).unwrap()
    }

    #[test]
    fn the_token_before_is_accepted_for_its_time() {
        let mut client = client();
        assert_eq!(client.accepted(99).collect::<Vec<_>>(), ["new", "old"]);
        assert_eq!(client.accepted(100).collect::<Vec<_>>(), ["new"]);
        client.enabled = false;
        assert_eq!(client.accepted(0).count(), 0);
    }

    #[test]
    fn administrators_are_out_of_reach_unless_the_directory_made_them_such() {
        let mut user = UserRecord::new("u".into(), "ada@example.org".into(), 0);
        user.roles = vec!["user".into(), "admin".into()];
        let here = client().roles_given_here(&user);
        assert_eq!(here, ["user"]);
        assert!(!ScimClientRecord::is_out_of_reach(Role::Operator.permissions()));
        assert!(ScimClientRecord::is_out_of_reach(Role::Admin.permissions()));
    }
}
