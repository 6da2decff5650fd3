//! Settings that can be changed while the gateway runs.

use std::collections::BTreeMap;

use nexus_edge_core::input;
use nexus_edge_core::input::{text_map, texts};
use serde::{Deserialize, Serialize};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "config_change_not_found")];

operations! {
    "System";

    /// Show the settings.
    ///
    /// Those that can be changed while the gateway runs, with the variable of the deployment and the stored value that stands before it, and
    /// the names of those that are variables only.
    SHOW: Get "/system/config" ViewSystemStatus, |it| it.answer::<SystemConfig>(200, "The settings.");

    /// Change settings.
    ///
    /// In force at once in the isolate that answers, in others within seconds, in the cron within a minute.
    CHANGE: Put "/system/config" ManageSystem, |it| it.body::<ConfigInput>().answer::<SystemConfig>(200, "The settings as they are now.");

    /// List changes of settings.
    ///
    /// The newest first, at most 200.
    HISTORY: Get "/system/config/history" ViewSystemStatus, |it| it.list::<ConfigChange>("changes", "The changes.");

    /// Revert a change of a setting.
    ///
    /// The setting gets the value that it had before this change, whatever came after.
    REVERT: Post "/system/config/history/{id}/revert" ManageSystem, |it| it.answer::<SystemConfig>(200, "The settings as they are now.")
        .errors(NOT_FOUND);
}

input! {
    /// What is to be changed.
    pub struct ConfigInput {
        /// Values by the name of the setting, as a variable would have them.
        pub settings: BTreeMap<String, String> = text_map(),
        /// Names of settings for which the variable is to count again.
        pub unset: Vec<String> = texts(1..=60),
    }
}

/// The settings.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SystemConfig {
    /// Those that can be changed.
    pub settings: Vec<ConfigSetting>,
    /// Those that are variables of the deployment only.
    pub variables_only: Vec<&'static str>,
}

/// A setting.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ConfigSetting {
    /// Its name.
    pub name: &'static str,
    /// The variable of the deployment; `null` if it is not set.
    pub variable: Option<String>,
    /// The stored value that stands before it; `null` if there is none.
    pub stored: Option<String>,
}

/// A change of a setting.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ConfigChange {
    /// Its id, which sorts by time.
    pub id: String,
    /// When, in milliseconds since the epoch.
    pub at: u64,
    /// Who: `admin_token`, or the id of a user or key.
    pub actor: String,
    /// The setting.
    pub name: String,
    /// The stored value before; `null` if the variable counted.
    pub before: Option<String>,
    /// The stored value after; `null` if the variable counts.
    pub after: Option<String>,
}
