//! Teams: several users who share keys, and with them limits, a budget and an account of credits.
//!
//! A team is an owner like a user: its id stands in `owner` of its keys. What members may do with the team's things depends on
//! their role in the team, and on the same permissions that they need for things of their own.

use serde::{Deserialize, Serialize};

use super::person::Reach;
use crate::row::table::table;

/// A team. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TeamRecord {
    /// A ULID. It is also the owner of the team's keys.
    pub id: String,
    /// A name for people; it need not be unique.
    pub name: String,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    TeamRecord in "teams" unique "id" {
        given id;
        fixed { created_at }
        changing { name }
        elsewhere {}
    }
}

/// What a member is in the team.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    /// Changes the team, its members and its things.
    Owner,
    /// Sees the team and its things. Also what a stored role of another version counts as.
    #[default]
    #[serde(other)]
    Member,
}

impl TeamRole {
    /// Every role by its name.
    pub const NAMES: &'static [(&'static str, Self)] = &[("owner", Self::Owner), ("member", Self::Member)];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// What may be done with the team's things.
    #[must_use]
    pub const fn reach(self) -> Reach {
        match self {
            Self::Owner => Reach::Manage,
            Self::Member => Reach::Look,
        }
    }
}

/// A team of which a user is a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Membership {
    /// The id of the team, which is also the owner of its keys.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the user is in it.
    pub role: TeamRole,
}
