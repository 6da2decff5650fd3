//! The console: its pages, and who is signed in there.
//!
//! Pages never see a token. A session begins with the admin token ([`BEGIN`]), or with a user's sign-in that asks for cookies
//! (`POST /auth/login`); both are shown and ended here.

use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, text};
use serde::{Deserialize, Serialize};

use crate::declare::operations;
use crate::users::UserView;
use nexus_edge_core::secrets::Secret;

operations! {
    "Console";

    /// Show who is signed in.
    ///
    /// By the cookies of the request. Without any it is no error: `kind` is `null`.
    SESSION: Get "/console/session" Public, |it| it.answer::<VisitorView<'_>>(200, "The visitor, and what they may do.")
        .errors(&[(401, "invalid_access_token"), (403, "cross_site_request"), (503, "sign_in_unavailable")]);

    /// Sign in with the admin token.
    ///
    /// Sets the cookie of a new session, which ends after two hours without use and after twelve in any case. Within a session it
    /// confirms that the visitor has the token, which what cannot be undone asks for.
    BEGIN: Post "/console/session" Public, |it| it.body::<BeginInput>().answer::<VisitorView<'_>>(200, "The visitor, and what they may do.")
        .errors(&[(401, "invalid_admin_token"), (403, "cross_site_request"), (429, "too_many_attempts"), (503, "sign_in_unavailable")]);

    /// Sign out.
    ///
    /// Ends the sessions of the cookies, those of a user's sign-in included.
    END: Delete "/console/session" Public, |it| it.empty(204, "The sessions are over.")
        .errors(&[(403, "cross_site_request"), (503, "sign_in_unavailable")]);

    /// List the sessions that began with the admin token.
    SESSIONS: Get "/console/sessions" ManageUsers, |it| it.list::<SessionView>("sessions", "Those that are not over, the one that was used last first.");

    /// End a session that began with the admin token.
    END_SESSION: Delete "/console/sessions/{id}" ManageUsers, |it| it.deleted("string").errors(&[(404, "session_not_found")]);

    /// The console.
    ///
    /// Its files are served without the Worker. What is asked of the Worker is an address within the console, and the answer to
    /// any of them is the one page; a file that is missing is an error that is not cached.
    PAGE: Get "/console" Public, |it| it.file("text/html", "The page.").errors(&[(404, "not_found")]);

    /// An address within the console.
    PAGES: Get "/console/{path...}" Public, |it| it.path("path", "The address.").file("text/html", "The page.").errors(&[(404, "not_found")]);
}

input! {
    /// The admin token.
    pub struct BeginInput {
        /// The admin token.
        pub admin_token: Secret = text(1..=1000).secret().not_null().required(),
    }
}

/// Who is signed in. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct VisitorView<'a> {
    /// `admin_token`, `user`, or `null` without a session.
    pub kind: Option<&'static str>,
    /// The user, if it is one.
    pub user: Option<UserView<'a>>,
    /// What they may do, by codes of permissions.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub permissions: Permissions,
    /// When they gave the admin token or their password last.
    pub confirmed_at: Option<u64>,
    /// Whether there are users, who sign in with a mail address.
    pub users: bool,
    /// The version of the gateway.
    pub version: &'static str,
    /// The time zone in which budgets begin.
    pub time_zone: &'static str,
}

/// A session that began with the admin token. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ConsoleSession"))]
pub struct SessionView {
    /// The id.
    pub id: String,
    /// When it began.
    pub created_at: u64,
    /// When the admin token was given last.
    pub confirmed_at: u64,
    /// When it was used last, to within some minutes.
    pub last_used_at: u64,
    /// The address that it began from.
    pub address: Option<String>,
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    #[serde(default)]
    pub is_current: bool,
}
