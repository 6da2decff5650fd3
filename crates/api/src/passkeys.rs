//! Passkeys: public keys of authenticators that users sign in with instead of a password (Web Authentication).
//!
//! Bytes are in base64url without padding, as `PublicKeyCredential.toJSON()` gives them.

use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, boolean, credential, text};
use serde::{Deserialize, Serialize};

use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::sign_in::SignedInView;

/// Longest of what browsers and authenticators write.
const MAX_TEXT: usize = 24_000;

operations! {
    "Sign-in";

    /// List the user's passkeys.
    LIST: Get "/auth/passkeys" SignedIn, |it| it.list::<PasskeyView>("passkeys", "The passkeys.");

    /// Begin to add a passkey.
    ///
    /// The answer is what `navigator.credentials.create` takes as `publicKey`, in the form of
    /// `PublicKeyCredential.parseCreationOptionsFromJSON`. Its challenge is valid for five minutes and once.
    CREATION_OPTIONS: Post "/auth/passkeys/options" SignedIn, |it| it.answer::<CreationOptions<'_>>(200, "The options.");

    /// Add a passkey.
    ADD: Post "/auth/passkeys" SignedIn, |it| it.body::<PasskeyInput>().answer::<PasskeyView>(201, "The passkey.")
        .errors(&[(403, "passkey_refused"), (409, "passkey_exists, too_many_passkeys")]);

    /// Delete a passkey.
    ///
    /// Refused for the only way to sign in that is left.
    DELETE: Delete "/auth/passkeys/{id}" SignedIn, |it| it.deleted("string")
        .errors(&[(404, "passkey_not_found"), (409, "last_way_to_sign_in")]);

    /// Begin to sign in with a passkey.
    ///
    /// The answer is what `navigator.credentials.get` takes as `publicKey`, in the form of
    /// `PublicKeyCredential.parseRequestOptionsFromJSON`. It names no passkeys: the authenticator knows them.
    REQUEST_OPTIONS: Post "/auth/passkeys/sign-in/options" Public, |it| it.answer::<RequestOptions<'_>>(200, "The options.")
        .errors(&[(503, "sign_in_unavailable")]);

    /// Sign in with a passkey.
    SIGN_IN: Post "/auth/passkeys/sign-in" Public, |it| it.body::<PasskeyAssertionInput>()
        .answer::<SignedInView<'_>>(200, "The tokens of a new session.")
        .errors(&[(403, "passkey_refused, account_pending, account_disabled, cross_site_request"),
            (429, "too_many_attempts"), (503, "sign_in_unavailable")]);
}

input! {
    /// What an authenticator made.
    pub struct PasskeyInput {
        /// A name for people; `Passkey` is the default.
        pub name: String = text(1..=100).not_null(),
        /// `response.clientDataJSON`.
        pub client_data: String = credential(1..=MAX_TEXT).not_null().required(),
        /// `response.attestationObject`.
        pub attestation_object: String = credential(1..=MAX_TEXT).not_null().required(),
    }
}

input! {
    /// What an authenticator signed.
    pub struct PasskeyAssertionInput {
        /// The `id` of the credential.
        pub id: String = credential(1..=1_400).not_null().required(),
        /// `response.clientDataJSON`.
        pub client_data: String = credential(1..=MAX_TEXT).not_null().required(),
        /// `response.authenticatorData`.
        pub authenticator_data: String = credential(1..=MAX_TEXT).not_null().required(),
        /// `response.signature`.
        pub signature: String = credential(1..=1_000).not_null().required(),
        /// Whether the tokens are set as cookies instead of being answered: for pages of the gateway's own origin, with the
        /// header `x-nexus-csrf`.
        pub cookies: bool = boolean().not_null(),
    }
}

/// A passkey. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PasskeyView {
    /// The id of the credential.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// When it was added.
    pub created_at: u64,
    /// When the user signed in with it last.
    pub last_used_at: Option<u64>,
}

/// The gateway, as authenticators know it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RelyingPartyView<'a> {
    /// The host of its pages.
    pub id: &'a str,
    /// A name for people.
    pub name: &'a str,
}

/// A user, as authenticators know them.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PasskeyUser<'a> {
    /// The user's id in base64url.
    pub id: String,
    /// The mail address.
    pub name: &'a str,
    /// A name for people.
    pub display_name: &'a str,
}

/// A kind of key.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct KeyKind {
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The algorithm's number in COSE.
    pub alg: i32,
}

/// A credential that is there already.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct KnownCredential<'a> {
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id.
    pub id: &'a str,
}

/// What the authenticator has to be.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorSelection {
    /// `required`: the authenticator knows whose the credential is.
    pub resident_key: &'static str,
    /// `required`: the authenticator makes sure that it is the user.
    pub user_verification: &'static str,
}

/// The options for a new credential.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PasskeyCreationOptions"))]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions<'a> {
    /// The gateway.
    pub rp: RelyingPartyView<'a>,
    /// The user.
    pub user: PasskeyUser<'a>,
    /// The challenge.
    pub challenge: String,
    /// The kinds of keys that are accepted.
    pub pub_key_cred_params: [KeyKind; 2],
    /// Milliseconds that the user has.
    pub timeout: u64,
    /// The user's passkeys, which an authenticator does not make twice.
    pub exclude_credentials: Vec<KnownCredential<'a>>,
    /// What the authenticator has to be.
    pub authenticator_selection: AuthenticatorSelection,
    /// `none`.
    pub attestation: &'static str,
}

/// The options for a sign-in.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PasskeyRequestOptions"))]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions<'a> {
    /// The challenge.
    pub challenge: String,
    /// Milliseconds that the user has.
    pub timeout: u64,
    /// The host of the gateway's pages.
    pub rp_id: &'a str,
    /// `required`: the authenticator makes sure that it is the user.
    pub user_verification: &'static str,
}
