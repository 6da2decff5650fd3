//! The roles that every deployment has. Operators add their own; these cannot be changed.

use super::permission::{Permission, Permissions};

/// A built-in role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May do everything.
    Admin,
    /// Runs the deployment: everything but people, their permissions, and the master key.
    Operator,
    /// Sees everything and changes nothing. Contents of conversations are not part of it.
    Viewer,
    /// Uses the gateway with keys of their own, and sees what those do.
    User,
    /// May sign in and see which models there are.
    Guest,
}

impl Role {
    /// All built-in roles, the mightiest first.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Operator, Self::Viewer, Self::User, Self::Guest];

    /// The code under which it is stored and shown.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Guest => "guest",
        }
    }

    /// The role with a code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Those of these codes that are not of built-in roles.
    pub fn custom(codes: &[String]) -> impl Iterator<Item = &str> {
        codes.iter().map(String::as_str).filter(|code| Self::of_code(code).is_none())
    }

    /// What it allows.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        match self {
            Self::Admin => Permissions::ALL,
            Self::Operator => VIEWER.and(USER).and(OPERATOR),
            Self::Viewer => VIEWER,
            Self::User => USER,
            Self::Guest => GUEST,
        }
    }
}

const OPERATOR: Permissions = Permissions::of(&[
    Permission::ManageProviders,
    Permission::OperateProviders,
    Permission::ManageProviderKeys,
    Permission::ReviewProviders,
    Permission::ManageModels,
    Permission::ManageConfiguration,
    Permission::ManageAllApiKeys,
    Permission::ManageLimits,
    Permission::ManagePrices,
    Permission::ManageCredits,
    Permission::ManageAlerts,
    Permission::ManageWebhooks,
    Permission::ManageGuards,
    Permission::ManageNotifications,
    Permission::ManageSystem,
]);

const VIEWER: Permissions = Permissions::of(&[
    Permission::ViewProviders,
    Permission::ViewProviderHealth,
    Permission::ViewModels,
    Permission::ViewRoutingDecisions,
    Permission::ViewAllApiKeys,
    Permission::ViewLimits,
    Permission::ViewPrices,
    Permission::ViewAllStatistics,
    Permission::ViewAllRequests,
    Permission::ViewAllCredits,
    Permission::ViewAlerts,
    Permission::ViewGuards,
    Permission::ViewSystemStatus,
    Permission::ViewAudit,
    Permission::ViewTeams,
]);

const USER: Permissions = GUEST.and(Permissions::of(&[
    Permission::ManageOwnApiKeys,
    Permission::ManageOwnProviders,
    Permission::SubmitProviders,
    Permission::ViewOwnLimits,
    Permission::ViewOwnCredits,
    Permission::ViewOwnStatistics,
    Permission::ViewOwnRequests,
    Permission::ViewOwnConversations,
    Permission::ManageOwnConversations,
    Permission::ViewOwnTeams,
    Permission::ManageOwnTeams,
]));

const GUEST: Permissions = Permissions::of(&[Permission::ViewModels]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::of_code(role.code()), Some(role));
        }
        assert_eq!(Role::of_code("root"), None);
    }

    #[test]
    fn a_role_contains_those_below_it() {
        let of = Role::permissions;
        assert!(of(Role::Admin).contains(of(Role::Operator)));
        assert!(of(Role::Operator).contains(of(Role::Viewer)));
        assert!(of(Role::Operator).contains(of(Role::User)));
        assert!(of(Role::User).contains(of(Role::Guest)));
    }

    #[test]
    fn a_viewer_changes_nothing_and_reads_no_conversation() {
        for permission in Role::Viewer.permissions().iter() {
            let code = permission.code();
            assert!(code.starts_with("view_") || code.starts_with("admin_view_"), "{code}");
        }
        assert!(!Role::Viewer.permissions().has(Permission::ViewAllConversations));
    }
}
