//! Links that are sent by mail: to choose a new password, and to confirm a mail address.

use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, text};
use nexus_edge_identity::email;
use serde::Serialize;

use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::sign_in::EndedView;
use crate::users::check_email;
use nexus_edge_core::secrets::Secret;

operations! {
    "Sign-in";

    /// Ask for a link to choose a new password.
    ///
    /// The answer is the same for every address. An address with an account gets at most three links in an hour, each valid for an
    /// hour and once.
    FORGOT: Post "/auth/password/forgot" Public, |it| it.body::<AddressInput>()
        .answer::<AcceptedView>(202, "If the address has an account, a link is on its way.")
        .errors(&[(429, "too_many_attempts"), (503, "mail_not_configured, sign_in_unavailable")]);

    /// Choose a new password by a link.
    ///
    /// Ends all sessions of the user, and confirms the mail address.
    RESET: Post "/auth/password/reset" Public, |it| it.body::<ResetPasswordInput>()
        .answer::<EndedView>(200, "The password is changed, and the sessions are over.")
        .errors(&[(400, "weak_password"), (403, "invalid_link"), (429, "too_many_attempts"), (503, "sign_in_unavailable")]);

    /// Ask for a link to confirm a mail address.
    ///
    /// The answer is the same for every address. An address whose account is not confirmed gets at most three links in an hour, each
    /// valid for a day and once.
    SEND_VERIFICATION: Post "/auth/email/verification" Public, |it| it.body::<AddressInput>()
        .answer::<AcceptedView>(202, "If the address has an account that is not confirmed, a link is on its way.")
        .errors(&[(429, "too_many_attempts"), (503, "mail_not_configured, sign_in_unavailable")]);

    /// Confirm a mail address by a link.
    VERIFY: Post "/auth/email/verify" Public, |it| it.body::<VerifyEmailInput>()
        .answer::<VerifiedView>(200, "The address is confirmed.")
        .errors(&[(403, "invalid_link"), (429, "too_many_attempts"), (503, "sign_in_unavailable")]);
}

input! {
    /// A mail address that a link is asked for.
    pub struct AddressInput {
        /// The mail address.
        pub email: String = text(3..=email::MAX_BYTES).check(check_email).not_null().required(),
    }
}

input! {
    /// A new password, with the token of a link.
    pub struct ResetPasswordInput {
        /// What stands behind `#token=` in the link.
        pub token: Secret = text(1..=200).secret().not_null().required(),
        /// The new password: at least 8 characters with upper case, lower case and a digit, or at least 16.
        pub password: Secret = text(1..=512).secret().not_null().required(),
    }
}

input! {
    /// The token of a link.
    pub struct VerifyEmailInput {
        /// What stands behind `#token=` in the link.
        pub token: Secret = text(1..=200).secret().not_null().required(),
    }
}

/// What was asked for is done as far as it can be: nothing is said of the account.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AcceptedView {
    /// True.
    pub accepted: bool,
}

/// An address that is confirmed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct VerifiedView {
    /// True.
    pub verified: bool,
    /// Whether the account waits for the approval of an administrator.
    pub needs_approval: bool,
}
