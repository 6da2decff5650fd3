//! Permissions that a user is given directly, for a time or for good.

use serde::{Deserialize, Serialize};

use super::permission::Permissions;
use crate::row::json_or_default;
use crate::row::table::{json, table};

/// A grant. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GrantRecord {
    /// A ULID.
    pub id: String,
    /// The user who has it.
    pub user_id: String,
    /// What it allows. A stored set that cannot be read allows nothing.
    #[serde(deserialize_with = "json_or_default")]
    pub permissions: Permissions,
    /// From when on it allows nothing; `None`: never.
    pub expires_at: Option<u64>,
    /// Why it was given.
    #[serde(default)]
    pub note: String,
    /// Who gave it, as the audit log names them.
    pub granted_by: String,
    /// When it was given.
    pub created_at: u64,
    /// The same: a grant is not changed.
    pub updated_at: u64,
}

table! {
    GrantRecord in "grants" unique "id" {
        given id;
        fixed {
            user_id,
            permissions = |grant| json(&grant.permissions),
            expires_at,
            note,
            granted_by,
            created_at,
        }
        changing {}
        elsewhere {}
    }
}

/// What a grant allows, and until when: all that a decision needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct GrantInForce {
    /// The permissions, by their codes.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub permissions: Permissions,
    /// From when on it allows nothing, in milliseconds since the epoch; `null`: never.
    pub expires_at: Option<u64>,
}

impl GrantInForce {
    /// What it allows at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn at(&self, now_ms: u64) -> Permissions {
        if self.expires_at.is_some_and(|end| end <= now_ms) { Permissions::NONE } else { self.permissions }
    }
}
