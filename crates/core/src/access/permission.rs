//! Permissions: what may be done in the admin API, each under a stable code.
//!
//! Every operation of the admin API names the permission that it needs (`nexus_edge_api`); roles and direct grants give
//! permissions to people and to keys. Codes that the gateway's predecessor had keep their names.

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::ApiError;

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal;)+) => {
        /// One thing that may be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Permission {
            /// All permissions.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code under which it is stored, granted and shown.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it allows, as a sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The permission with a code.
            #[must_use]
            pub fn of_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

permissions! {
    /// See providers, their presets and their settings, without secrets.
    ViewProviders = "admin_view_providers";
    /// Create, change and delete providers.
    ManageProviders = "manage_providers";
    /// Create, change, share, test, pause and delete private providers of one's own.
    ManageOwnProviders = "manage_own_providers";
    /// Submit private providers of one's own for a review, and withdraw them.
    SubmitProviders = "submit_shared_provider";
    /// Review submitted providers: see all submissions, run their checks, approve and refuse them.
    ReviewProviders = "review_shared_provider";
    /// Pause, resume and test providers, and end sticky sessions.
    OperateProviders = "operate_providers";
    /// See the health of providers and the results of probes.
    ViewProviderHealth = "view_provider_health";
    /// See, masked, and change the upstream keys of providers.
    ManageProviderKeys = "manage_provider_keys";
    /// See models and logical models.
    ViewModels = "view_models";
    /// Create, change and delete models and logical models.
    ManageModels = "manage_models";
    /// Export and import providers, models and logical models as a file.
    ManageConfiguration = "manage_configuration";
    /// See how a request would be routed, and where sessions are bound.
    ViewRoutingDecisions = "view_routing_decisions";
    /// See all API keys, without secrets.
    ViewAllApiKeys = "view_all_api_keys";
    /// Create, change, rotate and delete the API keys of all owners.
    ManageAllApiKeys = "manage_all_api_keys";
    /// See, create, change, rotate and delete API keys of one's own, and sets of tools for them.
    ManageOwnApiKeys = "manage_own_api_keys";
    /// See limits and what is left of them.
    ViewLimits = "view_limits";
    /// See one's own limits and what is left of them.
    ViewOwnLimits = "view_own_limits";
    /// Set and remove limits.
    ManageLimits = "manage_limits";
    /// See prices.
    ViewPrices = "view_prices";
    /// Set and remove prices.
    ManagePrices = "manage_prices";
    /// See the statistics of all requests.
    ViewAllStatistics = "view_all_statistics";
    /// See the statistics of one's own requests.
    ViewOwnStatistics = "view_own_statistics";
    /// See the request log of all keys.
    ViewAllRequests = "view_all_requests";
    /// See the request log of one's own keys.
    ViewOwnRequests = "view_own_requests";
    /// Read the conversations of all keys.
    ViewAllConversations = "view_all_conversations";
    /// Read the conversations of one's own keys.
    ViewOwnConversations = "view_own_conversations";
    /// Delete the conversations of all keys.
    ManageAllConversations = "manage_all_conversations";
    /// Delete conversations of one's own keys.
    ManageOwnConversations = "manage_own_conversations";
    /// See all credit accounts and their ledgers.
    ViewAllCredits = "view_all_credits";
    /// See one's own credit account and its ledger.
    ViewOwnCredits = "view_own_credits";
    /// Top up accounts, grant credits and issue grant tokens.
    ManageCredits = "manage_credits";
    /// See users and their roles.
    ViewUsers = "view_users";
    /// Create users, give them roles and passwords, and end their accounts.
    ManageUsers = "manage_users";
    /// See and change who may register, and make invitations.
    ManageRegistration = "manage_registration";
    /// See, add, change and remove services that users sign in with.
    ManageIdentityProviders = "manage_identity_providers";
    /// See which permissions and roles there are; create, change and delete roles; and grant permissions to users directly.
    ManageUserPermissions = "manage_user_permissions";
    /// See all teams and their members.
    ViewTeams = "view_teams";
    /// See the teams that one is a member of, and their members.
    ViewOwnTeams = "view_own_teams";
    /// Create, change and delete teams, and say who is in them.
    ManageTeams = "manage_teams";
    /// Change teams that one is an owner of, and say who is in them.
    ManageOwnTeams = "manage_own_teams";
    /// See alerts and the rules by which they fire.
    ViewAlerts = "view_alerts";
    /// Create, change, silence and delete alert rules, and acknowledge alerts.
    ManageAlerts = "manage_alerts";
    /// See, create, change, test and delete webhooks, and replay deliveries.
    ManageWebhooks = "manage_webhooks";
    /// See, create, change, test and delete servers and sets of tools, and accept the tools of servers.
    ManageTools = "manage_tools";
    /// See the content rules and guards.
    ViewGuards = "view_guards";
    /// Create, change, test and delete content rules and guards.
    ManageGuards = "manage_guards";
    /// Send notifications to users, and take them back.
    ManageNotifications = "manage_notifications";
    /// See the state of the deployment.
    ViewSystemStatus = "view_system_status";
    /// Read and verify the audit log.
    ViewAudit = "view_audit";
    /// Clear caches, and replay or delete dead letters.
    ManageSystem = "manage_system";
    /// Seal all secrets with the current master key.
    RotateSystemSecretKey = "rotate_system_secret_key";
    /// Export the request log and the conversations of all keys as files.
    ExportAllData = "export_all_data";
    /// Make, download, upload, restore and delete backups.
    ManageBackups = "manage_backups";
}

impl Permission {
    const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

// `Permissions` has a bit for each.
const _: () = assert!(Permission::ALL.len() <= 64);

/// A set of permissions. As JSON it is a list of codes in the order of declaration.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// No permission.
    pub const NONE: Self = Self(0);
    /// Every permission, those of later versions included.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of these.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut set, mut rest) = (0, permissions);
        while let [first, others @ ..] = rest {
            set |= first.bit();
            rest = others;
        }
        Self(set)
    }

    /// Whether the set has it.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// The permissions of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those that both have.
    #[must_use]
    pub const fn shared_with(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Whether the set has all of `others`. What a person does not have, they cannot grant.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The permissions, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Self {
        permissions.into_iter().fold(Self::NONE, |set, permission| Self(set.0 | permission.bit()))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(Permission::code)).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Permission::code))
    }
}

impl Permissions {
    /// The set of these codes. A code that is not known is left out.
    #[must_use]
    pub fn of_codes(codes: &[String]) -> Self {
        codes.iter().filter_map(|code| Permission::of_code(code)).collect()
    }
}

/// Checks the codes of a field `permissions`.
///
/// # Errors
/// `invalid_value`, which names the first one that is not known.
pub fn check_codes(codes: Vec<String>) -> Result<Vec<String>, ApiError> {
    match codes.iter().position(|code| Permission::of_code(code).is_none()) {
        None => Ok(codes),
        Some(index) => {
            let param = format!("permissions[{index}]");
            let message = format!("`{param}` must be the code of a permission.");
            Err(ApiError::invalid("invalid_value", param, message))
        }
    }
}

/// A code that is not known is left out: a role that was written by a later version grants what this one knows.
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let codes = Vec::<String>::deserialize(deserializer)?;
        Ok(codes.iter().filter_map(|code| Permission::of_code(code)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_different_and_read_back() {
        for permission in Permission::ALL {
            assert_eq!(Permission::of_code(permission.code()), Some(*permission));
            assert!(permission.description().ends_with('.'), "{permission:?}");
        }
        let codes: std::collections::BTreeSet<_> = Permission::ALL.iter().map(|of| of.code()).collect();
        assert_eq!(codes.len(), Permission::ALL.len());
    }

    #[test]
    fn a_set_survives_json_and_forgets_what_is_unknown() {
        let set = Permissions::of(&[Permission::ViewModels, Permission::ManagePrices]);
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["view_models","manage_prices"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(&json).unwrap(), set);
        let later: Permissions = serde_json::from_str(r#"["of_the_future","view_models"]"#).unwrap();
        assert_eq!(later, Permissions::of(&[Permission::ViewModels]));
    }

    #[test]
    fn sets_are_joined_cut_and_compared() {
        let (one, two) =
            (Permissions::of(&[Permission::ViewModels]), Permissions::of(&[Permission::ViewPrices]));
        let both = one.and(two);
        assert!(both.contains(one) && both.contains(two) && !one.contains(both));
        assert_eq!(both.shared_with(two), two);
        assert!(Permissions::ALL.contains(both) && both.contains(Permissions::NONE));
        assert_eq!(Permissions::ALL.iter().count(), Permission::ALL.len());
    }
}
