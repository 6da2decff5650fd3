//! What an entry of the audit log says.

use serde::{Deserialize, Serialize};

use super::change::Changes;
use crate::access::person::PersonId;

/// An entry. Its JSON, with fields in this order, is what the chain hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AuditEntry"))]
pub struct Entry {
    /// Its number; the first is 1.
    pub seq: u64,
    /// When it happened, in milliseconds since the epoch.
    pub at: u64,
    /// Who did it: `admin_token`, `user:<id>`, `program:<id of its key>`,
    /// `scim:<id of the client>`, or `unknown` for refused credentials.
    pub actor: String,
    /// The operation: method and path as they are declared, such as `PUT /keys/{id}`.
    pub operation: String,
    /// What it was done to: the parameters of the path, with `/` between them. Empty if there are none.
    pub target: String,
    /// The HTTP status that it was answered with.
    pub status: u16,
    /// The code of the error, if it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The address of the caller, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// Each column that changed, with its value before and after. Secrets are not shown, only that they changed.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub changes: Changes,
}

/// The actor of an entry.
#[must_use]
pub fn actor(person: Option<&PersonId>) -> String {
    match person {
        None => "unknown".to_owned(),
        Some(PersonId::AdminToken) => "admin_token".to_owned(),
        Some(PersonId::User(id)) => format!("user:{id}"),
        Some(PersonId::Program(key_id)) => format!("program:{key_id}"),
        Some(PersonId::Directory(id)) => format!("scim:{id}"),
    }
}

impl Entry {
    /// The line that is hashed and stored.
    ///
    /// # Errors
    /// None that occurs: every field serialises.
    pub fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}
