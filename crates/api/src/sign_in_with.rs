//! Sign-in with other services, for users and the pages that they sign in on.

use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, boolean};
use serde::{Deserialize, Serialize};

use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::sign_in::SignedInView;

#[cfg(feature = "openapi")]
const REFUSED: &[(u16, &str)] = &[
    (403, "identity_refused, account_exists, account_unknown, account_pending, account_disabled"),
    (404, "identity_provider_not_found"),
    (502, "identity_provider_unreachable"),
    (503, "sign_in_unavailable"),
];

operations! {
    "Sign-in";

    /// Show the ways to sign in and to register.
    OPTIONS: Get "/auth/options" Public, |it| it.answer::<OptionsView>(200, "The ways.").errors(&[(503, "sign_in_unavailable")]);

    /// Sign in with another service.
    ///
    /// For browsers: sends the user to the service, which sends them back to `/auth/with/{id}/callback`. With `link=true` a user who is
    /// signed in links the service to their account.
    BEGIN: Get "/auth/with/{id}" Public, |it| it
        .text("return_to", "The path of the page that the user comes back to; `/console/` is the default.")
        .choice("link", &["true", "false"], "Whether the service is linked to the account of the user who is signed in.")
        .empty(303, "To the service.").answer_header("location", "Where the user is sent.")
        .errors(&[(401, "not_signed_in, invalid_access_token"), (403, "cross_site_request")]).errors(REFUSED);

    /// Come back from another service.
    ///
    /// The answer has the tokens of a new session as cookies.
    CALLBACK: Get "/auth/with/{id}/callback" Public, |it| it
        .text("code", "The code of the service.").text("state", "The state of the flow.")
        .text("iss", "The issuer of the service.").text("error", "Why the service refused.")
        .empty(303, "To the page that the user came from.").answer_header("location", "Where the user is sent.")
        .errors(&[(409, "identity_taken"), (429, "too_many_attempts")]).errors(REFUSED);

    /// Sign in with an assertion of Cloudflare Access.
    ///
    /// Access adds it to the requests of the application that it protects, in `cf-access-jwt-assertion`.
    ASSERTION: Post "/auth/with/{id}/assertion" Public, |it| it.optional_body::<AssertionInput>()
        .header("cf-access-jwt-assertion", "The assertion.")
        .answer::<SignedInView<'_>>(200, "The tokens of a new session.")
        .errors(&[(403, "cross_site_request"), (429, "too_many_attempts")]).errors(REFUSED);

    /// List the services that the user can sign in with.
    IDENTITIES: Get "/auth/identities" SignedIn, |it| it.list::<IdentityView>("identities", "The user's identities there.");

    /// Unlink a service from the user's account.
    ///
    /// Refused for the only way to sign in that is left.
    UNLINK: Delete "/auth/identities/{id}" SignedIn, |it| it.path("id", "The `id` of the service.").deleted("string")
        .errors(&[(404, "identity_not_found"), (409, "last_way_to_sign_in")]);
}

input! {
    /// How a session begins.
    pub struct AssertionInput {
        /// Whether the tokens are set as cookies instead of being answered: for pages of the gateway's own origin, with the
        /// header `x-nexus-csrf`.
        pub cookies: bool = boolean().not_null(),
    }
}

/// The ways to sign in and to register.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SignInOptions"))]
pub struct OptionsView {
    /// How accounts are made: `closed`, `open`, `invite` or `scheduled`.
    pub registration: &'static str,
    /// Whether accounts can be made at the moment, by those who are admitted.
    pub registration_is_open: bool,
    /// Whether mail can be sent, without which forgotten passwords cannot be replaced.
    pub sends_mail: bool,
    /// The services.
    pub services: Vec<ServiceView>,
}

/// A service that users can sign in with.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SignInService"))]
pub struct ServiceView {
    /// Its name in addresses.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Its kind: `oidc`, `oauth2`, or `access` for Cloudflare Access.
    pub kind: String,
}

/// A user of another service who is a user here. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct IdentityView {
    /// The service, by its `id`.
    pub provider_id: String,
    /// Its issuer.
    pub issuer: String,
    /// The user there.
    pub subject: String,
    /// The mail address there, when it was linked.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: u64,
}
