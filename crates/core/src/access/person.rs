//! Who uses the admin API, and the one decision about what they may do there.

use serde::{Deserialize, Serialize};

use super::permission::{Permission, Permissions};
use crate::error::ApiError;

/// What an operation of the admin API needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The permission to do it with everything that there is.
    pub all: Permission,
    /// The permission to do it with what belongs to oneself; `None` if there is no such thing as one's own.
    pub own: Option<Permission>,
}

impl Need {
    /// Needs `all`, whatever it belongs to.
    #[must_use]
    pub const fn of(all: Permission) -> Self {
        Self { all, own: None }
    }

    /// Needs `all`, or for one's own things `own`.
    #[must_use]
    pub const fn or_own(all: Permission, own: Permission) -> Self {
        Self { all, own: Some(own) }
    }
}

/// By what a person is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonId {
    /// They have the deployment's admin token.
    AdminToken,
    /// A user, by id.
    User(String),
    /// A program with an API key that has permissions, by the key's public id.
    Program(String),
    /// A directory that keeps users and teams by SCIM, by the id of its client.
    Directory(String),
}

/// A person, or a program, that uses the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// By what they are known.
    pub id: PersonId,
    /// What they may do.
    pub permissions: Permissions,
    /// The owners whose things are their own: themselves and their teams.
    pub owners: Vec<Own>,
}

/// How far something goes that is done with things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// They are only looked at.
    Look,
    /// They are made, changed, used or removed.
    Manage,
}

/// An owner whose things are a person's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The owner.
    pub owner: String,
    /// How far the person may go with these things.
    pub reach: Reach,
}

/// The things with which something may be done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All that there are.
    #[default]
    All,
    /// Those that belong to these owners.
    Owners(Vec<String>),
}

impl Scope {
    /// Whether a thing of this owner is in the scope.
    #[must_use]
    pub fn has(&self, owner: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Owners(owners) => owner.is_some_and(|owner| owners.iter().any(|own| own == owner)),
        }
    }

    /// The owner of something new: the one that is asked for, or the first of the scope.
    ///
    /// # Errors
    /// `owner_not_allowed` (403) for an owner outside the scope.
    pub fn owner_of_new(&self, asked_for: Option<String>) -> Result<Option<String>, ApiError> {
        match self {
            Self::Owners(owners) if asked_for.is_none() => Ok(owners.first().cloned()),
            _ if self.has(asked_for.as_deref()) => Ok(asked_for),
            _ => {
                let message = "`owner` must be you or one of your teams.";
                Err(ApiError::forbidden("owner_not_allowed", message).with_param("owner"))
            }
        }
    }
}

impl Person {
    /// The holder of the admin token, who may do everything.
    #[must_use]
    pub const fn with_admin_token() -> Self {
        Self { id: PersonId::AdminToken, permissions: Permissions::ALL, owners: Vec::new() }
    }

    /// A person of whom it is only known who they are: they may do nothing.
    #[must_use]
    pub const fn known_as(id: PersonId) -> Self {
        Self { id, permissions: Permissions::NONE, owners: Vec::new() }
    }

    /// With which things the person may do what needs `need` and goes so far. The only place that decides this.
    ///
    /// # Errors
    /// `permission_denied` (403), with the code of the missing permission.
    pub fn decide(&self, need: Need, reach: Reach) -> Result<Scope, ApiError> {
        if self.permissions.has(need.all) {
            return Ok(Scope::All);
        }
        if need.own.is_some_and(|own| self.permissions.has(own)) && !self.owners.is_empty() {
            let reached = self.owners.iter().filter(|own| own.reach >= reach);
            return Ok(Scope::Owners(reached.map(|own| own.owner.clone()).collect()));
        }
        let missing = need.own.unwrap_or(need.all).code();
        Err(ApiError::forbidden("permission_denied", format!("This needs the permission `{missing}`.")))
    }

    /// What of such things the person sees among those that are open to all: everything with the permission for that, and
    /// otherwise what belongs to one of their owners.
    #[must_use]
    pub fn sees(&self, need: Need) -> Scope {
        self.decide(need, Reach::Look).unwrap_or_else(|_| Scope::Owners(self.owner_names()))
    }

    /// The owners whose things are the person's own.
    #[must_use]
    pub fn owner_names(&self) -> Vec<String> {
        self.owners.iter().map(|own| own.owner.clone()).collect()
    }

    /// Checks that the person gives no permission that they do not have, and handles no secret that has one.
    ///
    /// # Errors
    /// `permission_denied` (403), with the code of the first permission that they do not have.
    pub fn check_has(&self, permissions: Permissions) -> Result<(), ApiError> {
        match permissions.iter().find(|permission| !self.permissions.has(*permission)) {
            None => Ok(()),
            Some(missing) => {
                let message = format!("You do not have the permission `{}` yourself.", missing.code());
                Err(ApiError::forbidden("permission_denied", message).with_param("permissions"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Need = Need::or_own(Permission::ViewAllRequests, Permission::ViewModels);

    fn user(permissions: &[Permission], owners: &[&str]) -> Person {
        Person {
            id: PersonId::User("u".into()),
            permissions: Permissions::of(permissions),
            owners: owners
                .iter()
                .map(|owner| Own { owner: (*owner).to_owned(), reach: Reach::Manage })
                .collect(),
        }
    }

    #[test]
    fn the_admin_token_reaches_everything() {
        for permission in Permission::ALL {
            assert_eq!(
                Person::with_admin_token().decide(Need::of(*permission), Reach::Manage),
                Ok(Scope::All)
            );
        }
    }

    #[test]
    fn a_permission_for_everything_outranks_one_for_own_things() {
        let both = user(&[Permission::ViewAllRequests, Permission::ViewModels], &["u"]);
        assert_eq!(both.decide(NEED, Reach::Manage), Ok(Scope::All));
    }

    #[test]
    fn own_things_are_those_of_the_persons_owners() {
        let scope = user(&[Permission::ViewModels], &["u", "team"]).decide(NEED, Reach::Manage).unwrap();
        assert!(scope.has(Some("u")) && scope.has(Some("team")));
        assert!(!scope.has(Some("other")) && !scope.has(None), "what belongs to no owner is not one's own");
    }

    #[test]
    fn what_is_only_looked_at_is_not_managed() {
        let mut member = user(&[Permission::ViewModels], &["u", "team"]);
        member.owners[1].reach = Reach::Look;
        assert!(member.decide(NEED, Reach::Look).unwrap().has(Some("team")));
        assert!(!member.decide(NEED, Reach::Manage).unwrap().has(Some("team")));
        assert!(Person::known_as(PersonId::AdminToken).decide(NEED, Reach::Look).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused =
            user(&[Permission::ViewModels], &["u"]).decide(Need::of(Permission::ManagePrices), Reach::Look);
        let error = refused.unwrap_err();
        assert_eq!((error.status, error.code), (403, "permission_denied"));
        assert!(error.message.contains("manage_prices"));
        assert!(
            user(&[Permission::ViewModels], &[]).decide(NEED, Reach::Look).is_err(),
            "without owners nothing is one's own"
        );
    }
}
