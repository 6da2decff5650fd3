//! Users: people with an account of their own.
//!
//! What proves who they are (passwords, sessions) is in tables of its own, so that no list of users can contain it.

use serde::{Deserialize, Serialize};

use super::permission::Permissions;
use super::profile::Profile;
use super::role::Role;
use crate::row::table::{self, json, table};
use crate::row::{flag, json_list, json_or_default};

/// What an account may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Sign in.
    Active,
    /// Nothing, until an administrator approves it.
    Pending,
    /// Nothing: an administrator ended it. Also what a stored status of another version counts as.
    #[default]
    #[serde(other)]
    Disabled,
}

impl UserStatus {
    /// Every status by its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("active", Self::Active), ("pending", Self::Pending), ("disabled", Self::Disabled)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Disabled => "disabled",
        }
    }
}

/// A user. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserRecord {
    /// A ULID. It is also the owner of the user's keys.
    pub id: String,
    /// The mail address in its one form, by which the user signs in.
    pub email: String,
    /// A name for people.
    pub name: String,
    /// Codes of the user's roles.
    #[serde(deserialize_with = "json_list")]
    pub roles: Vec<String>,
    /// What the account may do.
    #[serde(default)]
    pub status: UserStatus,
    /// When the user showed that the address is theirs.
    pub email_verified_at: Option<u64>,
    /// Whether the account is closed until its address is confirmed.
    #[serde(default, deserialize_with = "flag")]
    pub must_verify: bool,
    /// What the user has set.
    #[serde(default, deserialize_with = "json_or_default")]
    pub profile: Profile,
    /// The name of the picture of the user in the bucket, if there is one.
    pub avatar: Option<String>,
    /// When the account was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    UserRecord in "users" unique "email" {
        given id;
        fixed { created_at }
        changing {
            email, name,
            roles = |user| json(&user.roles),
            status = |user| table::name(user.status.name()),
            email_verified_at, must_verify,
            profile = |user| json(&user.profile),
            avatar,
        }
        elsewhere {}
    }
}

impl UserRecord {
    /// An active user without roles, made at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, email: String, now_ms: u64) -> Self {
        Self {
            id,
            email,
            name: String::new(),
            roles: Vec::new(),
            status: UserStatus::Active,
            email_verified_at: None,
            must_verify: false,
            profile: Profile::default(),
            avatar: None,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The permissions of the user's built-in roles. All that they may do is [`Given::permissions`](super::given::Given::permissions).
    #[must_use]
    pub fn built_in_permissions(&self) -> Permissions {
        let roles = self.roles.iter().filter_map(|code| Role::of_code(code));
        roles.fold(Permissions::NONE, |all, role| all.and(role.permissions()))
    }

    /// Gives the user another address, which they have not shown to be theirs.
    pub fn set_email(&mut self, email: String) {
        if self.email != email {
            self.email = email;
            self.email_verified_at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permission::Permission;

    #[test]
    fn a_user_may_do_what_their_built_in_roles_allow() {
        let mut user = UserRecord::new("u".into(), "ada@example.org".into(), 7);
        assert_eq!(user.built_in_permissions(), Permissions::NONE);
        user.roles = vec!["user".into(), "viewer".into(), "clerk".into()];
        let permissions = user.built_in_permissions();
        assert!(permissions.has(Permission::ManageOwnApiKeys) && permissions.has(Permission::ViewPrices));
        assert!(!permissions.has(Permission::ManagePrices));
        assert_eq!(Role::custom(&user.roles).collect::<Vec<_>>(), ["clerk"]);
    }

    #[test]
    fn another_address_is_not_confirmed() {
        let mut user = UserRecord::new("u".into(), "ada@example.org".into(), 7);
        user.email_verified_at = Some(8);
        user.set_email("ada@example.org".into());
        assert_eq!(user.email_verified_at, Some(8));
        user.set_email("ada@example.net".into());
        assert_eq!((user.email.as_str(), user.email_verified_at), ("ada@example.net", None));
    }

    #[test]
    fn a_status_of_another_version_lets_no_one_in() {
        let row = r#"{"id":"u","email":"a@b.c","name":"","roles":"[]","status":"paused","created_at":1,"updated_at":1}"#;
        assert_eq!(serde_json::from_str::<UserRecord>(row).unwrap().status, UserStatus::Disabled);
    }
}
