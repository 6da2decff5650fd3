//! Sign-in of users and their sessions.
//!
//! Programs get their tokens in the answer and send the access token as `Authorization: Bearer`. Pages of the gateway's own
//! origin ask for `cookies` and never see a token.

use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, boolean, text};
use nexus_edge_identity::email;
use serde::{Deserialize, Serialize};
#[cfg(feature = "openapi")]
use serde_json::Value;

use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::users::AccountView;
use crate::users::{UserView, check_email};
use nexus_edge_core::secrets::Secret;

operations! {
    "Sign-in";

    /// Make the first user, an administrator.
    ///
    /// Works once: while there is no user. Needs the admin token.
    SET_UP: Post "/auth/setup" ManageUsers, |it| it.body::<SetUpInput>().answer::<UserView<'_>>(201, "The administrator.")
        .errors(&[(400, "weak_password"), (409, "already_set_up"), (503, "sign_in_unavailable")]);

    /// Sign in with a password.
    ///
    /// A wrong password and an unknown address are answered alike, after the same work.
    LOG_IN: Post "/auth/login" Public, |it| it.body::<LogInInput>().answer::<SignedInView<'_>>(200, "The tokens of a new session.")
        .errors(&[(401, "invalid_credentials"), (403, "account_pending, account_disabled, cross_site_request"),
            (429, "too_many_attempts"), (503, "sign_in_unavailable")]);

    /// Get new tokens for a refresh token.
    ///
    /// The refresh token is replaced as well. One that was replaced before ends the session, except for 30 seconds, in which
    /// the same new one is given again.
    REFRESH: Post "/auth/refresh" Public, |it| it.optional_body::<RefreshInput>()
        .answer::<SignedInView<'_>>(200, "The new tokens.")
        .errors(&[(401, "invalid_refresh_token"), (403, "cross_site_request, account_disabled, account_pending"),
            (429, "too_many_attempts"), (503, "sign_in_unavailable")]);

    /// End the session.
    LOG_OUT: Post "/auth/logout" SignedIn, |it| it.answer::<EndedView>(200, "It is over.");

    /// End all sessions of the user.
    LOG_OUT_ALL: Post "/auth/logout-all" SignedIn, |it| it.answer::<EndedView>(200, "They are over.");

    /// Show the user who is signed in.
    ME: Get "/auth/me" SignedIn, |it| it.answer::<AccountView<'_>>(200, "The user, with everything that they may do.");

    /// List the user's sessions.
    SESSIONS: Get "/auth/sessions" SignedIn, |it| it.list::<SessionView>("sessions", "Those that are not over, the latest first.");

    /// End a session of the user.
    END_SESSION: Delete "/auth/sessions/{id}" SignedIn, |it| it.deleted("string").errors(&[(404, "session_not_found")]);

    /// Change the user's password.
    ///
    /// Ends the user's other sessions.
    CHANGE_PASSWORD: Post "/auth/password/change" SignedIn, |it| it.body::<ChangePasswordInput>()
        .answer::<EndedView>(200, "The password is changed, and other sessions are over.")
        .errors(&[(400, "weak_password"), (401, "invalid_credentials"), (429, "too_many_attempts"),
            (503, "sign_in_unavailable")]);

    /// List the public keys of access tokens.
    ///
    /// A JSON Web Key Set (RFC 7517).
    JWKS: Get "/.well-known/jwks.json" Public, |it| it.answer::<Value>(200, "The keys.")
        .errors(&[(503, "sign_in_unavailable")]);
}

input! {
    /// The first administrator.
    pub struct SetUpInput {
        /// The mail address, by which they sign in.
        pub email: String = text(3..=email::MAX_BYTES).check(check_email).not_null().required(),
        /// A name for people.
        pub name: String = text(1..=100).not_null(),
        /// A password: at least 8 characters with upper case, lower case and a digit, or at least 16.
        pub password: Secret = text(1..=512).secret().not_null().required(),
    }
}

input! {
    /// What a user signs in with.
    pub struct LogInInput {
        /// The mail address.
        pub email: String = text(3..=email::MAX_BYTES).check(check_email).not_null().required(),
        /// The password.
        pub password: Secret = text(1..=512).secret().not_null().required(),
        /// Whether the tokens are set as cookies instead of being answered: for pages of the gateway's own origin, with the
        /// header `x-nexus-csrf`.
        pub cookies: bool = boolean().not_null(),
    }
}

input! {
    /// A refresh token; without one, that of the cookie is taken.
    pub struct RefreshInput {
        /// The latest refresh token of the session.
        pub refresh_token: Secret = text(1..=500).secret().not_null(),
    }
}

input! {
    /// An old and a new password.
    pub struct ChangePasswordInput {
        /// The password as it is.
        pub current_password: Secret = text(1..=512).secret().not_null().required(),
        /// The new one: at least 8 characters with upper case, lower case and a digit, or at least 16.
        pub new_password: Secret = text(1..=512).secret().not_null().required(),
    }
}

/// The tokens of a session.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SignedInView<'a> {
    /// `Bearer`.
    pub token_type: &'a str,
    /// The access token; `null` where it is in a cookie.
    pub access_token: Option<&'a str>,
    /// Seconds for which the access token is valid.
    pub expires_in: u64,
    /// The refresh token; `null` where it is in a cookie.
    pub refresh_token: Option<&'a str>,
    /// The session.
    pub session_id: &'a str,
    /// The user.
    pub user: UserView<'a>,
}

/// What was ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct EndedView {
    /// How many sessions.
    pub ended_sessions: usize,
}

/// A session. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SessionView {
    /// The id.
    pub id: String,
    /// When the user signed in.
    pub created_at: u64,
    /// When it was last given new tokens.
    pub last_used_at: u64,
    /// The address that the user signed in from.
    pub address: Option<String>,
    /// The program that the user signed in with, as it names itself.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    #[serde(default)]
    pub is_current: bool,
}
