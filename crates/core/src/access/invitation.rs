//! Invitations to make an account. The code that is handed out is shown once and stored as a hash.

use serde::Deserialize;

use crate::row::allowed;
use crate::row::table::{optional_json, table};

/// An invitation. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvitationRecord {
    /// A ULID. The code begins with it.
    pub id: String,
    /// SHA-256 of the code's secret, in base64url.
    pub code_hash: String,
    /// What an administrator notes about it.
    pub note: String,
    /// The one address that it is for; `None`: any.
    pub email: Option<String>,
    /// Codes of the roles that its accounts begin with; `None`: those of everyone who registers.
    #[serde(default, deserialize_with = "allowed")]
    pub roles: Option<Vec<String>>,
    /// How many accounts it is good for.
    pub seats: u32,
    /// When it expires.
    pub expires_at: u64,
    /// Who made it, as the audit log names them.
    pub created_by: String,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    InvitationRecord in "invitations" unique "id" {
        given id;
        fixed { code_hash, note, email, roles = |record| optional_json(record.roles.as_ref()), seats, expires_at, created_by, created_at }
        changing {}
        elsewhere {}
    }
}
