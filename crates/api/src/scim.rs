//! What directories call: SCIM 2.0 (RFC 7644). Resources and their attributes are declared in `nexus-edge-scim`, and served by
//! `/scim/v2/Schemas`.

use crate::Speaks;
use crate::declare::operations;

/// Where the API is.
pub const BASE: &str = "/scim/v2";

#[cfg(feature = "openapi")]
const CHANGED: &[(u16, &str)] = &[
    (400, "invalid_json, invalid_value, read_only_attribute"),
    (403, "account_protected"),
    (409, "name_taken"),
    (412, "version_changed"),
    (413, "request_too_large"),
    (503, "record_busy"),
];
#[cfg(feature = "openapi")]
const PATCHED: &[(u16, &str)] = &[(400, "invalid_attribute_path, invalid_filter, no_such_target")];
#[cfg(feature = "openapi")]
const LISTED: &[(u16, &str)] = &[(400, "invalid_filter, too_many_results, invalid_value")];
#[cfg(feature = "openapi")]
const NO_USER: &[(u16, &str)] = &[(404, "user_not_found")];
#[cfg(feature = "openapi")]
const NO_GROUP: &[(u16, &str)] = &[(404, "team_not_found")];

operations! {
    "SCIM";

    /// What of SCIM the gateway supports.
    CONFIG: Get "/scim/v2/ServiceProviderConfig" Directory in Speaks::Scim, |it| it.scim(200, "The description.");

    /// List the types of resources.
    RESOURCE_TYPES: Get "/scim/v2/ResourceTypes" Directory in Speaks::Scim, |it| it.scim(200, "The types.");

    /// Show a type of resources.
    RESOURCE_TYPE: Get "/scim/v2/ResourceTypes/{id}" Directory in Speaks::Scim, |it| it.scim(200, "The type.")
        .errors(&[(404, "not_found")]);

    /// List the schemas.
    SCHEMAS: Get "/scim/v2/Schemas" Directory in Speaks::Scim, |it| it.scim(200, "The schemas.");

    /// Show a schema.
    SCHEMA: Get "/scim/v2/Schemas/{id}" Directory in Speaks::Scim, |it| it.scim(200, "The schema.")
        .errors(&[(404, "not_found")]);

    /// List users.
    USERS: Get "/scim/v2/Users" Directory in Speaks::Scim, |it| it.scim_list(200, "A page of the users.").errors(LISTED);

    /// Make a user.
    CREATE_USER: Post "/scim/v2/Users" Directory in Speaks::Scim, |it| it.scim_body().scim(201, "The user.").errors(CHANGED);

    /// Show a user.
    USER: Get "/scim/v2/Users/{id}" Directory in Speaks::Scim, |it| it.scim(200, "The user.").errors(NO_USER)
        .empty(304, "The user is as the header `If-None-Match` says.").errors(&[(400, "invalid_value")]);

    /// Replace a user.
    ///
    /// Without `active` the account stays open or closed as it is.
    REPLACE_USER: Put "/scim/v2/Users/{id}" Directory in Speaks::Scim, |it| it.scim_body().scim(200, "The user as it is now.")
        .errors(CHANGED).errors(NO_USER);

    /// Change a user.
    ///
    /// With `active` false the user is signed out and their API keys are disabled, everywhere within a minute.
    CHANGE_USER: Patch "/scim/v2/Users/{id}" Directory in Speaks::Scim, |it| it.scim_body().scim(200, "The user as it is now.")
        .errors(CHANGED).errors(PATCHED).errors(NO_USER);

    /// Delete a user.
    ///
    /// Ends the sessions and disables the API keys.
    DELETE_USER: Delete "/scim/v2/Users/{id}" Directory in Speaks::Scim, |it| it.empty(204, "The user is gone.")
        .errors(&[(403, "account_protected"), (412, "version_changed")]).errors(NO_USER);

    /// List groups.
    GROUPS: Get "/scim/v2/Groups" Directory in Speaks::Scim, |it| it.scim_list(200, "A page of the groups.").errors(LISTED);

    /// Make a group.
    CREATE_GROUP: Post "/scim/v2/Groups" Directory in Speaks::Scim, |it| it.scim_body().scim(201, "The group.").errors(CHANGED);

    /// Show a group.
    GROUP: Get "/scim/v2/Groups/{id}" Directory in Speaks::Scim, |it| it.scim(200, "The group.").errors(NO_GROUP)
        .empty(304, "The group is as the header `If-None-Match` says.").errors(&[(400, "invalid_value")]);

    /// Replace a group.
    REPLACE_GROUP: Put "/scim/v2/Groups/{id}" Directory in Speaks::Scim, |it| it.scim_body().scim(200, "The group as it is now.")
        .errors(CHANGED).errors(NO_GROUP);

    /// Change a group.
    CHANGE_GROUP: Patch "/scim/v2/Groups/{id}" Directory in Speaks::Scim, |it| it.scim_body().scim(200, "The group as it is now.")
        .errors(CHANGED).errors(PATCHED).errors(NO_GROUP);

    /// Delete a group.
    ///
    /// The team's keys are disabled.
    DELETE_GROUP: Delete "/scim/v2/Groups/{id}" Directory in Speaks::Scim, |it| it.empty(204, "The group is gone.")
        .errors(&[(412, "version_changed")]).errors(NO_GROUP);
}
