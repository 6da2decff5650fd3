//! What a user has beyond the built-in roles: roles of the deployment's own, direct grants, and teams.

use serde::Deserialize;

use super::grant::GrantInForce;
use super::permission::Permissions;
use super::person::{Own, Person, PersonId, Reach};
use super::team::Membership;
use super::user::UserRecord;
use crate::row::json_list;

/// What a user was given. Whatever of it cannot be read gives nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Given {
    /// The permissions of each of the user's roles that the deployment added.
    #[serde(default, deserialize_with = "json_list")]
    pub of_roles: Vec<Permissions>,
    /// Direct grants, those that have expired included.
    #[serde(default, deserialize_with = "json_list")]
    pub grants: Vec<GrantInForce>,
    /// The teams of which the user is a member.
    #[serde(default, deserialize_with = "json_list")]
    pub teams: Vec<Membership>,
}

impl Given {
    /// Everything that the user may do at `now_ms` (milliseconds since the epoch): by their roles of both kinds, and by grants
    /// that have not expired.
    #[must_use]
    pub fn permissions(&self, user: &UserRecord, now_ms: u64) -> Permissions {
        let grants = self.grants.iter().map(|grant| grant.at(now_ms));
        let given = self.of_roles.iter().copied().chain(grants);
        given.fold(user.built_in_permissions(), Permissions::and)
    }

    /// The user in the admin API at `now_ms` (milliseconds since the epoch). Their own things come first, so that what is new is
    /// theirs unless they name a team.
    #[must_use]
    pub fn person(&self, user: &UserRecord, now_ms: u64) -> Person {
        let own = Own { owner: user.id.clone(), reach: Reach::Manage };
        let teams = self.teams.iter().map(|team| Own { owner: team.id.clone(), reach: team.role.reach() });
        Person {
            id: PersonId::User(user.id.clone()),
            permissions: self.permissions(user, now_ms),
            owners: std::iter::once(own).chain(teams).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permission::Permission;
    use crate::access::person::{Need, Scope};

    const KEYS: Need = Need::or_own(Permission::ManageAllApiKeys, Permission::ManageOwnApiKeys);

    fn user(roles: &[&str]) -> UserRecord {
        let mut user = UserRecord::new("u".into(), "ada@example.org".into(), 7);
        user.roles = roles.iter().map(|code| (*code).to_owned()).collect();
        user
    }

    fn given(json: &str) -> Given {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn roles_and_grants_add_up_and_grants_end() {
        let given = given(
            r#"{"of_roles":"[[\"view_prices\"]]","grants":"[{\"permissions\":[\"manage_prices\"],\"expires_at\":100},{\"permissions\":[\"view_audit\",\"of_the_future\"],\"expires_at\":null}]"}"#,
        );
        let has = |now_ms, permission| given.permissions(&user(&["guest"]), now_ms).has(permission);
        assert!(has(99, Permission::ManagePrices) && !has(100, Permission::ManagePrices));
        for lasting in [Permission::ViewModels, Permission::ViewPrices, Permission::ViewAudit] {
            assert!(has(u64::MAX, lasting), "{lasting:?}");
        }
        assert_eq!(given.permissions(&user(&[]), 100).iter().count(), 2);
    }

    #[test]
    fn owners_of_a_team_manage_its_things_and_members_look_at_them() {
        let given = given(
            r#"{"teams":"[{\"id\":\"t1\",\"name\":\"\",\"role\":\"owner\"},{\"id\":\"t2\",\"name\":\"\",\"role\":\"member\"},{\"id\":\"t3\",\"name\":\"\",\"role\":\"of the future\"}]"}"#,
        );
        let person = given.person(&user(&["user"]), 0);
        let reached = |reach| match person.decide(KEYS, reach).unwrap() {
            Scope::Owners(owners) => owners.join(","),
            Scope::All => "all".to_owned(),
        };
        assert_eq!(reached(Reach::Look), "u,t1,t2,t3");
        assert_eq!(reached(Reach::Manage), "u,t1");
        assert!(Given::default().person(&user(&[]), 0).decide(KEYS, Reach::Look).is_err());
    }

    #[test]
    fn what_cannot_be_read_gives_nothing() {
        for damaged in [r#"{"grants":"x"}"#, r#"{"of_roles":"[1]"}"#, r#"{"teams":null}"#, "{}"] {
            assert_eq!(given(damaged), Given::default(), "{damaged}");
        }
    }
}
