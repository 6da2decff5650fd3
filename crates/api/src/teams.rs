//! Teams and who is in them.

use nexus_edge_core::access::team::{TeamRecord, TeamRole};
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, one_of, text};
use serde::{Deserialize, Serialize};

use crate::declare::operations;

operations! {
    "Teams";

    /// List the teams.
    ///
    /// The newest first: all of them, or those of which one is a member.
    LIST: Get "/teams" ViewTeams / ViewOwnTeams, |it| it.list::<TeamView<'_>>("teams", "The teams, without their members.");

    /// Create a team.
    ///
    /// It has no members yet. Its id is the `owner` of its keys, the account of its credits, and the name of its limits
    /// (`user:<id>`).
    CREATE: Post "/teams" ManageTeams, |it| it.creates::<TeamInput>().answer::<TeamView<'_>>(201, "The team.");

    /// Show a team.
    GET: Get "/teams/{id}" ViewTeams / ViewOwnTeams, |it| it.answer::<TeamDetail<'_>>(200, "The team with its members.")
        .errors(&[(404, "team_not_found")]);

    /// Change a team.
    ///
    /// What the body does not name stays as it is.
    UPDATE: Put "/teams/{id}" ManageTeams / ManageOwnTeams, |it| it.updates::<TeamInput>()
        .answer::<TeamView<'_>>(200, "The team as it is now.").errors(&[(404, "team_not_found"), (503, "record_busy")]);

    /// Delete a team.
    ///
    /// Its keys are disabled. What they did stays in the statistics.
    DELETE: Delete "/teams/{id}" ManageTeams, |it| it.deleted("string").errors(&[(404, "team_not_found")]);

    /// Say what a user is in a team.
    ///
    /// Adds the user if they are not in the team yet. Members see the team, its keys, requests, conversations, statistics, limits and
    /// credits, as far as their permissions allow that for things of their own; owners change them as well. It holds within a
    /// minute.
    PUT_MEMBER: Put "/teams/{id}/members/{user}" ManageTeams / ManageOwnTeams, |it| it.path("id", "The id of the team.")
        .path("user", "The id of the user.").creates::<MemberInput>().answer::<MemberView>(200, "The member.")
        .errors(&[(404, "team_not_found, user_not_found")]);

    /// Remove a user from a team.
    REMOVE_MEMBER: Delete "/teams/{id}/members/{user}" ManageTeams / ManageOwnTeams, |it| it.path("id", "The id of the team.")
        .path("user", "The id of the user.").deleted("string").errors(&[(404, "team_not_found, member_not_found")]);
}

input! {
    /// What may be said about a team.
    pub struct TeamInput {
        /// A name for people; it need not be unique.
        pub name: String = text(1..=100).not_null().required(),
    }
}

impl TeamInput {
    /// Applies the change.
    pub fn apply(&self, record: &mut TeamRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
    }
}

input! {
    /// What a user is in a team.
    pub struct MemberInput {
        /// `owner` or `member`.
        pub role: TeamRole = one_of(TeamRole::NAMES).not_null().required(),
    }
}

/// A team as the API shows it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TeamView<'a> {
    /// The id, which is also the owner of the team's keys.
    pub id: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

impl<'a> TeamView<'a> {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &'a TeamRecord) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A team with its members.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TeamDetail<'a> {
    /// The team.
    #[serde(flatten)]
    pub team: TeamView<'a>,
    /// Its members, those first who have been in it for longest.
    pub members: Vec<MemberView>,
}

/// A member of a team. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MemberView {
    /// The id of the user.
    pub user_id: String,
    /// The user's name for people.
    pub name: String,
    /// What the user is in the team.
    pub role: TeamRole,
    /// Since when the user is in it.
    pub created_at: u64,
}
