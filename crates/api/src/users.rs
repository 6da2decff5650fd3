//! Users, for administrators.

use nexus_edge_core::access::custom_role::is_code;
use nexus_edge_core::access::given::Given;
use nexus_edge_core::access::grant::GrantInForce;
use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::access::profile::Profile;
use nexus_edge_core::access::team::Membership;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, one_of, text, texts};
use nexus_edge_identity::email;
use serde::Serialize;

use crate::declare::operations;
use nexus_edge_core::secrets::Secret;

operations! {
    "Users";

    /// List the users.
    ///
    /// The newest first.
    LIST: Get "/users" ViewUsers, |it| it.number("limit", 1..=200, "Most users; 50 is the default.")
        .text("after", "The id of the last user of the page before.")
        .text("email", "Only the user with this mail address.")
        .list::<UserView<'_>>("users", "The users.");

    /// Create a user.
    ///
    /// A role can only be given by those who have its permissions themselves. Without a `password` the user cannot sign in with one until they have chosen it by the link of `/auth/password/forgot`.
    CREATE: Post "/users" ManageUsers, |it| it.creates::<UserInput>().answer::<UserView<'_>>(201, "The user.")
        .errors(&[(400, "weak_password"), (409, "name_taken"), (503, "sign_in_unavailable")]);

    /// Show a user.
    GET: Get "/users/{id}" ViewUsers, |it| it.answer::<AccountView<'_>>(200, "The user, with everything that they may do.")
        .errors(&[(404, "user_not_found")]);

    /// Change a user.
    ///
    /// What the body does not name stays as it is. A user who is no longer active, or has another password, is signed out
    /// everywhere within a minute; the keys of a user who is no longer active are disabled. Only those who have all permissions
    /// of a user can change that user.
    UPDATE: Put "/users/{id}" ManageUsers, |it| it.updates::<UserInput>().answer::<UserView<'_>>(200, "The user as it is now.")
        .errors(&[(400, "weak_password"), (404, "user_not_found"), (409, "name_taken"),
            (503, "record_busy, sign_in_unavailable")]);

    /// Delete a user.
    ///
    /// Ends the sessions, and disables the API keys of the user or, with `keys=delete`, deletes them. What the user did stays in
    /// the audit log and in the request log, under the user's id.
    DELETE: Delete "/users/{id}" ManageUsers, |it| it
        .choice("keys", &["disable", "delete"], "What becomes of the user's API keys; `disable` is the default.")
        .deleted("string").errors(&[(404, "user_not_found")]);

    /// Approve an account that waits for it.
    ///
    /// The user can sign in from now on, whether or not the mail address is confirmed, and is told by mail where mail can be sent.
    APPROVE: Post "/users/{id}/approve" ManageUsers, |it| it.answer::<UserView<'_>>(200, "The user as it is now.")
        .errors(&[(404, "user_not_found"), (409, "user_not_pending"), (503, "record_busy")]);

    /// Reject an account that waits for approval.
    ///
    /// The account is deleted, and the user is told by mail where mail can be sent.
    REJECT: Post "/users/{id}/reject" ManageUsers, |it| it.deleted("string")
        .errors(&[(404, "user_not_found"), (409, "user_not_pending")]);
}

input! {
    /// What may be said about a user.
    pub struct UserInput {
        /// The mail address, by which the user signs in.
        pub email: String = text(3..=email::MAX_BYTES).check(check_email).not_null().required(),
        /// A name for people.
        pub name: String = text(1..=100),
        /// Codes of roles.
        pub roles: Vec<String> = texts(1..=40).check(check_roles).not_null(),
        /// What the account may do.
        pub status: UserStatus = one_of(UserStatus::NAMES).not_null(),
        /// A password: at least 8 characters with upper case, lower case and a digit, or at least 16.
        pub password: Secret = text(1..=512).secret().not_null(),
    }
}

/// The one form of a mail address.
#[expect(clippy::needless_pass_by_value, reason = "the rule of a field hands the value over")]
pub(crate) fn check_email(given: String) -> Result<String, ApiError> {
    email::normalise(&given)
        .ok_or_else(|| ApiError::invalid("invalid_value", "email", "`email` must be a mail address."))
}

/// Whether there is a role of the deployment's own with such a code is for the handler to look up.
pub(crate) fn check_roles(mut roles: Vec<String>) -> Result<Vec<String>, ApiError> {
    if let Some(unknown) = roles.iter().find(|code| !is_code(code)) {
        return Err(unknown_role(unknown));
    }
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

/// The error for a code that is no role.
#[must_use]
pub fn unknown_role(code: &str) -> ApiError {
    ApiError::invalid("invalid_value", "roles", format!("There is no role `{code}`: see `GET /roles`."))
}

impl UserInput {
    /// Applies the change, except for the password, which the record does not hold.
    pub fn apply(&self, record: &mut UserRecord) {
        if let Some(email) = self.email.as_set() {
            record.set_email(email.clone());
        }
        self.name.clone().apply_or(&mut record.name, String::new());
        self.roles.clone().apply_or(&mut record.roles, Vec::new());
        self.status.clone().apply_or(&mut record.status, UserStatus::Active);
    }
}

/// A user as the API shows them. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UserView<'a> {
    /// The id, which is also the owner of the user's keys.
    pub id: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// Codes of roles.
    pub roles: &'a [String],
    /// What the account may do.
    pub status: UserStatus,
    /// When the user showed that the address is theirs.
    pub email_verified_at: Option<u64>,
    /// Whether the account is closed until its address is confirmed.
    pub must_verify: bool,
    /// What the user has set.
    pub profile: &'a Profile,
    /// Whether there is a picture, at `/users/{id}/avatar`.
    pub has_avatar: bool,
    /// When the account was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

/// A user with everything that they may do.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AccountView<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: UserView<'a>,
    /// What the user may do now, by their roles and grants: codes of permissions.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub permissions: Permissions,
    /// Direct grants that have not expired.
    pub grants: Vec<&'a GrantInForce>,
    /// The teams of which the user is a member.
    pub teams: &'a [Membership],
}

impl<'a> AccountView<'a> {
    /// The view of a user and what they were given, at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn of(record: &'a UserRecord, given: &'a Given, now_ms: u64) -> Self {
        let in_force = |grant: &&GrantInForce| grant.expires_at.is_none_or(|end| end > now_ms);
        Self {
            user: UserView::of(record),
            permissions: given.permissions(record, now_ms),
            grants: given.grants.iter().filter(in_force).collect(),
            teams: &given.teams,
        }
    }
}

impl<'a> UserView<'a> {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &'a UserRecord) -> Self {
        Self {
            id: &record.id,
            email: &record.email,
            name: &record.name,
            roles: &record.roles,
            status: record.status,
            email_verified_at: record.email_verified_at,
            must_verify: record.must_verify,
            profile: &record.profile,
            has_avatar: record.avatar.is_some(),
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}
