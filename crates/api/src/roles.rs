//! Permissions, roles of the deployment's own, and direct grants.

use nexus_edge_core::access::custom_role::{RoleRecord, is_code};
use nexus_edge_core::access::grant::GrantRecord;
use nexus_edge_core::access::permission::{Permission, Permissions, check_codes};
use nexus_edge_core::access::role::Role;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input;
use nexus_edge_core::input::{Patch, Rule, integer, text, texts};
use serde::Serialize;

use crate::declare::operations;

/// The largest time that a JSON number holds exactly, in milliseconds.
const MAX_TIME_MS: u64 = 1 << 53;
/// Ten years, in seconds.
const MAX_GRANT_S: u64 = 10 * 366 * 86_400;

operations! {
    "Roles";

    /// List the permissions that there are.
    PERMISSIONS: Get "/permissions" ManageUserPermissions, |it| it.list::<PermissionView>("permissions", "In the order of the documentation.");

    /// List the roles.
    ///
    /// The built-in ones first, which cannot be changed.
    LIST: Get "/roles" ManageUserPermissions, |it| it.list::<RoleView<'_>>("roles", "The roles.");

    /// Create a role.
    ///
    /// A permission can only be put into a role by those who have it themselves.
    CREATE: Post "/roles" ManageUserPermissions, |it| it.creates::<NewRoleInput>().answer::<RoleView<'_>>(201, "The role.")
        .errors(&[(409, "name_taken")]);

    /// Show a role.
    GET: Get "/roles/{code}" ManageUserPermissions, |it| it.path("code", "The code of the role.")
        .answer::<RoleView<'_>>(200, "The role.").errors(&[(404, "role_not_found")]);

    /// Change a role.
    ///
    /// What the body does not name stays as it is. The change holds for all who have the role within a minute. Only those who have
    /// all permissions of the role, before and after, can change it.
    UPDATE: Put "/roles/{code}" ManageUserPermissions, |it| it.path("code", "The code of the role.")
        .updates::<RoleInput>().answer::<RoleView<'_>>(200, "The role as it is now.")
        .errors(&[(404, "role_not_found"), (409, "role_is_built_in"), (503, "record_busy")]);

    /// Delete a role.
    ///
    /// A role that a user has cannot be deleted.
    DELETE: Delete "/roles/{code}" ManageUserPermissions, |it| it.path("code", "The code of the role.").deleted("string")
        .errors(&[(404, "role_not_found"), (409, "role_is_built_in, role_in_use")]);

    /// List the direct grants of a user.
    ///
    /// Those that have expired included, the newest first.
    GRANTS: Get "/users/{id}/grants" ManageUserPermissions, |it| it.list::<GrantView<'_>>("grants", "The grants.")
        .errors(&[(404, "user_not_found")]);

    /// Grant permissions to a user.
    ///
    /// For a time or for good. A permission can only be granted by those who have it themselves, and to others than oneself.
    GRANT: Post "/users/{id}/grants" ManageUserPermissions, |it| it.creates::<GrantInput>()
        .answer::<GrantView<'_>>(201, "The grant.").errors(&[(404, "user_not_found")]);

    /// Take a grant back.
    REVOKE: Delete "/users/{id}/grants/{grant}" ManageUserPermissions, |it| it.path("id", "The id of the user.")
        .path("grant", "The id of the grant.").deleted("string").errors(&[(404, "grant_not_found")]);
}

input! {
    /// What may be said about a role.
    pub struct RoleInput {
        /// A name for people.
        pub name: String = text(1..=100).not_null().required(),
        /// What it is for.
        pub description: String = text(0..=500),
        /// What it allows: codes of permissions, at most those that you have.
        pub permissions: Vec<String> = texts(1..=60).check(check_codes).not_null(),
    }
}

input! {
    /// A new role.
    pub struct NewRoleInput {
        /// The code by which users have it: a lower-case letter, then letters, digits, `-` and `_`. It cannot be changed.
        pub code: String = text(1..=40).check(check_code).not_null().required(),
        ..pub role: RoleInput,
    }
}

fn check_code(code: String) -> Result<String, ApiError> {
    if Role::of_code(&code).is_some() {
        return Err(ApiError::conflict("name_taken", "code", "A built-in role has this `code`."));
    }
    if !is_code(&code) {
        let message = "`code` must be a lower-case letter, then letters, digits, `-` and `_`.";
        return Err(ApiError::invalid("invalid_value", "code", message));
    }
    Ok(code)
}

impl RoleInput {
    /// Applies the change.
    pub fn apply(&self, record: &mut RoleRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.description.clone().apply_or(&mut record.description, String::new());
        if let Some(codes) = self.permissions.as_set() {
            record.permissions = Permissions::of_codes(codes);
        }
    }
}

input! {
    /// A direct grant.
    pub struct GrantInput {
        /// What it allows: codes of permissions, at most those that you have.
        pub permissions: Vec<String> = texts(1..=60).check(check_some).not_null().required(),
        /// When it ends, in milliseconds since the epoch; `null`: never.
        pub expires_at: u64 = integer(0..=MAX_TIME_MS),
        /// The same in seconds from now on. Not together with `expires_at`.
        pub expires_in_seconds: u64 = integer(1..=MAX_GRANT_S),
        /// Why it is given.
        pub note: String = text(0..=500),
    }
}

fn check_some(codes: Vec<String>) -> Result<Vec<String>, ApiError> {
    if codes.is_empty() {
        return Err(ApiError::invalid("invalid_value", "permissions", "`permissions` must not be empty."));
    }
    check_codes(codes)
}

impl GrantInput {
    /// The grant with this id for this user, given at `now_ms` (milliseconds since the epoch).
    ///
    /// # Errors
    /// `invalid_value` where both ends are given, or one that is over.
    pub fn into_record(
        self,
        id: String,
        user_id: String,
        granted_by: String,
        now_ms: u64,
    ) -> Result<GrantRecord, ApiError> {
        let in_ms = self.expires_in_seconds.into_set().map(|seconds| now_ms.saturating_add(seconds * 1_000));
        if in_ms.is_some() && self.expires_at != Patch::Keep {
            let message = "Say either `expires_at` or `expires_in_seconds`.";
            return Err(ApiError::invalid("invalid_value", "expires_in_seconds", message));
        }
        let expires_at = in_ms.or(self.expires_at.into_set());
        if expires_at.is_some_and(|end| end <= now_ms) {
            return Err(ApiError::invalid("invalid_value", "expires_at", "`expires_at` is over."));
        }
        Ok(GrantRecord {
            id,
            user_id,
            permissions: Permissions::of_codes(&self.permissions.required("permissions")?),
            expires_at,
            note: self.note.into_set().unwrap_or_default(),
            granted_by,
            created_at: now_ms,
            updated_at: now_ms,
        })
    }
}

/// A permission.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PermissionView {
    /// The code by which it is given.
    pub code: &'static str,
    /// What it allows.
    pub description: &'static str,
}

impl PermissionView {
    /// All permissions.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let view = |one: &Permission| Self { code: one.code(), description: one.description() };
        Permission::ALL.iter().map(view).collect()
    }
}

/// A role as the API shows it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RoleView<'a> {
    /// The code by which users have it.
    pub code: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// What it allows, by codes of permissions.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub permissions: Permissions,
    /// Whether every deployment has it. Such a role cannot be changed.
    pub is_built_in: bool,
    /// When it was made; `null` for a built-in one.
    pub created_at: Option<u64>,
    /// When it was last changed; `null` for a built-in one.
    pub updated_at: Option<u64>,
}

impl<'a> RoleView<'a> {
    /// The view of a built-in role.
    #[must_use]
    pub const fn built_in(role: Role) -> Self {
        Self {
            code: role.code(),
            name: role.code(),
            description: "",
            permissions: role.permissions(),
            is_built_in: true,
            created_at: None,
            updated_at: None,
        }
    }

    /// The view of a record.
    #[must_use]
    pub fn of(record: &'a RoleRecord) -> Self {
        Self {
            code: &record.code,
            name: &record.name,
            description: &record.description,
            permissions: record.permissions,
            is_built_in: false,
            created_at: Some(record.created_at),
            updated_at: Some(record.updated_at),
        }
    }
}

/// A direct grant as the API shows it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct GrantView<'a> {
    /// The id.
    pub id: &'a str,
    /// The user who has it.
    pub user_id: &'a str,
    /// What it allows, by codes of permissions.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub permissions: Permissions,
    /// From when on it allows nothing; `null`: never.
    pub expires_at: Option<u64>,
    /// Why it was given.
    pub note: &'a str,
    /// Who gave it, as the audit log names them.
    pub granted_by: &'a str,
    /// When it was given.
    pub created_at: u64,
}

impl<'a> GrantView<'a> {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &'a GrantRecord) -> Self {
        Self {
            id: &record.id,
            user_id: &record.user_id,
            permissions: record.permissions,
            expires_at: record.expires_at,
            note: &record.note,
            granted_by: &record.granted_by,
            created_at: record.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_core::input::Input;

    use super::*;

    fn grant(body: &str) -> Result<GrantRecord, ApiError> {
        let input = GrantInput::parse_new(body.as_bytes())?;
        input.into_record("g".into(), "u".into(), "admin_token".into(), 1_000)
    }

    #[test]
    fn a_grant_ends_when_it_is_told_to() {
        let end = |more: &str| {
            grant(&format!(r#"{{"permissions":["view_prices"]{more}}}"#)).map(|it| it.expires_at)
        };
        assert_eq!(end("").unwrap(), None);
        assert_eq!(end(r#","expires_at":null"#).unwrap(), None);
        assert_eq!(end(r#","expires_at":1001"#).unwrap(), Some(1_001));
        assert_eq!(end(r#","expires_in_seconds":2"#).unwrap(), Some(3_000));
        for (more, param) in [
            (r#","expires_at":1000"#, "expires_at"),
            (r#","expires_in_seconds":0"#, "expires_in_seconds"),
            (r#","expires_in_seconds":1,"expires_at":5000"#, "expires_in_seconds"),
            (r#","user_id":"x""#, "user_id"),
        ] {
            assert_eq!(end(more).unwrap_err().param.as_deref(), Some(param), "{more}");
        }
    }

    #[test]
    fn permissions_are_known_and_not_none() {
        for (body, param) in [
            (r#"{"permissions":[]}"#, "permissions"),
            (r#"{"permissions":["view_prices","root"]}"#, "permissions[1]"),
            ("{}", "permissions"),
        ] {
            assert_eq!(grant(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn the_codes_of_built_in_roles_are_taken() {
        let code = |code: &str| {
            let body = format!(r#"{{"code":"{code}","name":"n"}}"#);
            NewRoleInput::parse_new(body.as_bytes()).map(drop).map_err(|error| error.code)
        };
        assert_eq!(code("clerk"), Ok(()));
        assert_eq!(code("admin"), Err("name_taken"));
        assert_eq!(code("Clerk"), Err("invalid_value"));
    }
}
