//! Directories that keep users and teams by SCIM, for administrators.

use std::collections::BTreeMap;

use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, boolean, integer_u32, objects, text, texts};
use serde::Serialize;

use crate::declare::operations;
use crate::identity_providers::{MAX_MAPPED, MappedGroupInput, check_map};
use crate::users::check_roles;

/// Longest time for which a token that was replaced is still accepted, in hours.
const MAX_OVERLAP_HOURS: u64 = 168;
const HOUR_MS: u64 = 3_600_000;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "scim_client_not_found")];

operations! {
    "SCIM clients";

    /// List the directories that keep users and teams.
    LIST: Get "/scim-clients" ManageIdentityProviders, |it| it
        .list::<ScimClientView<'_>>("scim_clients", "The directories, without their tokens.");

    /// Add a directory that keeps users and teams by SCIM.
    ///
    /// Its token is answered once. A directory makes and ends accounts, so this needs all permissions.
    CREATE: Post "/scim-clients" ManageIdentityProviders, |it| it.creates::<ScimClientInput>()
        .answer::<NewScimClient<'_>>(201, "The directory with its token.").errors(&[(409, "too_many_scim_clients")]);

    /// Show a directory.
    GET: Get "/scim-clients/{id}" ManageIdentityProviders, |it| it
        .answer::<ScimClientView<'_>>(200, "The directory, without its token.").errors(NOT_FOUND);

    /// Change a directory.
    ///
    /// What the body does not name stays as it is. What `role_map` says holds for a user with the next change of a group of theirs.
    UPDATE: Put "/scim-clients/{id}" ManageIdentityProviders, |it| it.updates::<ScimClientInput>()
        .answer::<ScimClientView<'_>>(200, "The directory as it is now.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Make a new token.
    ///
    /// The one before it ends at once, or after `overlap_hours`.
    ROTATE: Post "/scim-clients/{id}/token" ManageIdentityProviders, |it| it.optional_body::<RotationInput>()
        .answer::<NewScimClient<'_>>(200, "The directory with its new token.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Remove a directory.
    ///
    /// Its users and teams stay as they are.
    DELETE: Delete "/scim-clients/{id}" ManageIdentityProviders, |it| it.deleted("string").errors(NOT_FOUND);
}

input! {
    /// What may be said about a directory.
    pub struct ScimClientInput {
        /// A name for people.
        pub name: String = text(1..=100).not_null().required(),
        /// Whether its token is accepted.
        pub enabled: bool = boolean().not_null(),
        /// Codes of the roles that its users begin with; `user` is the default.
        pub roles: Vec<String> = texts(1..=40).check(check_roles).not_null(),
        /// The roles that its groups give, by the name or the external id of the group. A group that is not named here gives none.
        pub role_map: BTreeMap<String, Vec<String>> = objects::<MappedGroupInput>(MAX_MAPPED).check(check_map).not_null(),
        /// The id of the identity provider by which its users sign in, if that is the same directory: then a user who signs in there
        /// for the first time is the one whom the directory has made, by the external id or the verified mail address.
        pub identity_provider: String = text(1..=40),
    }
}

input! {
    /// How a token is replaced.
    pub struct RotationInput {
        /// For how many hours the token before it is still accepted; 0 is the default.
        pub overlap_hours: u32 = integer_u32(0..=MAX_OVERLAP_HOURS).not_null(),
    }
}

impl ScimClientInput {
    /// A new record at `now_ms` (milliseconds since the epoch), with the hash of its token.
    #[must_use]
    pub fn new_record(
        &self,
        id: String,
        token_hash: String,
        created_by: String,
        now_ms: u64,
    ) -> ScimClientRecord {
        let mut record = ScimClientRecord {
            id,
            name: String::new(),
            enabled: true,
            token_hash,
            previous_hash: None,
            previous_until: None,
            roles: vec!["user".to_owned()],
            role_map: BTreeMap::new(),
            identity_provider: None,
            created_by,
            last_used_at: None,
            created_at: now_ms,
            updated_at: now_ms,
        };
        self.apply(&mut record);
        record
    }

    /// Applies the change.
    pub fn apply(&self, record: &mut ScimClientRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.roles.clone().apply_or(&mut record.roles, Vec::new());
        self.role_map.clone().apply_or(&mut record.role_map, BTreeMap::new());
        self.identity_provider.clone().apply_to(&mut record.identity_provider);
    }
}

impl RotationInput {
    /// Gives a record a new token at `now_ms` (milliseconds since the epoch).
    pub fn apply(&self, record: &mut ScimClientRecord, token_hash: String, now_ms: u64) {
        let hours = self.overlap_hours.as_set().copied().unwrap_or(0);
        let old = std::mem::replace(&mut record.token_hash, token_hash);
        (record.previous_hash, record.previous_until) = match hours {
            0 => (None, None),
            _ => (Some(old), Some(now_ms + u64::from(hours) * HOUR_MS)),
        };
    }
}

/// A directory as the API shows it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ScimClientView<'a> {
    /// The id.
    pub id: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// Whether its token is accepted.
    pub enabled: bool,
    /// The address that the directory is given.
    pub url: String,
    /// Codes of the roles that its users begin with.
    pub roles: &'a [String],
    /// The roles that its groups give.
    pub role_map: &'a BTreeMap<String, Vec<String>>,
    /// The identity provider by which its users sign in.
    pub identity_provider: Option<&'a str>,
    /// Until when the token before the latest is accepted.
    pub previous_until: Option<u64>,
    /// Who made it, as the audit log names them.
    pub created_by: &'a str,
    /// When it was used last, to the hour.
    pub last_used_at: Option<u64>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

impl<'a> ScimClientView<'a> {
    /// The view of a record; `url` is the address of the API.
    #[must_use]
    pub fn of(record: &'a ScimClientRecord, url: String) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            enabled: record.enabled,
            url,
            roles: &record.roles,
            role_map: &record.role_map,
            identity_provider: record.identity_provider.as_deref(),
            previous_until: record.previous_until,
            created_by: &record.created_by,
            last_used_at: record.last_used_at,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A directory with its token, which is shown once.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct NewScimClient<'a> {
    /// The directory.
    #[serde(flatten)]
    pub client: ScimClientView<'a>,
    /// The token.
    pub token: &'a str,
}
