//! Passkeys: adding them, and signing in with one.
//!
//! A challenge is kept nowhere until it is used; then the object of the user's address notes it until it is over. So it works once,
//! and those who only ask for challenges cost nothing.

use nexus_edge_api::passkeys::{
    AuthenticatorSelection, CreationOptions, KeyKind, KnownCredential, PasskeyAssertionInput, PasskeyInput,
    PasskeyUser, PasskeyView, RelyingPartyView, RequestOptions,
};
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::input::Patch;
use nexus_edge_core::limits::Rules;
use nexus_edge_identity::base64url;
use nexus_edge_identity::passkey::{
    self, Ceremony, PasskeyError, RelyingParty, SignedIn, VALID_MS, challenge_in, valid_until,
};
use worker::Url;

use super::sign_in::{begin_session, check_status, of_address, unavailable};
use super::sign_in_with::check_other_way;
use super::{answer_deleted, answer_list, input, random};
use crate::exchange::{self, Exchange};
use crate::objects::login::Call;
use crate::pipeline::{admit, signed_in};
use crate::platform::http::Response;
use crate::platform::subtle::Subtle;
use crate::platform::{log_info, now_ms};
use crate::store::{StoreError, identity_keys, passkeys};

/// Failed sign-ins per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 30;
/// Most passkeys of a user.
const MAX_PASSKEYS: usize = 20;
/// What pages call the gateway.
const NAME: &str = "Nexus Edge";
const REQUIRED: &str = "required";
const PUBLIC_KEY: &str = "public-key";
/// The numbers of ES256 and `EdDSA` in COSE.
const ALGORITHMS: [i32; 2] = [-7, -8];

/// `GET /auth/passkeys`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_list("passkeys", &passkeys::list(&exchange.env, &exchange.signed_in()?.user.id).await?)
}

/// `POST /auth/passkeys/options`
pub async fn creation_options(exchange: &Exchange) -> Result<Response, ApiError> {
    let user = &exchange.signed_in()?.user;
    let known = passkeys::list(&exchange.env, &user.id).await?;
    let (host, _) = here(exchange);
    let view = CreationOptions {
        rp: RelyingPartyView { id: &host, name: NAME },
        user: PasskeyUser {
            id: base64url::encode(&user.id),
            name: &user.email,
            display_name: if user.name.is_empty() { &user.email } else { &user.name },
        },
        challenge: challenge(exchange, Ceremony::Register(&user.id)).await?,
        pub_key_cred_params: ALGORITHMS.map(|alg| KeyKind { kind: PUBLIC_KEY, alg }),
        timeout: VALID_MS,
        exclude_credentials: known
            .iter()
            .map(|one| KnownCredential { kind: PUBLIC_KEY, id: &one.id })
            .collect(),
        authenticator_selection: AuthenticatorSelection {
            resident_key: REQUIRED,
            user_verification: REQUIRED,
        },
        attestation: "none",
    };
    exchange::json(200, &view)
}

/// `POST /auth/passkeys`
pub async fn add(exchange: &Exchange) -> Result<Response, ApiError> {
    let user = &exchange.signed_in()?.user;
    let input = input::new::<PasskeyInput>(exchange).await?;
    let client_data = bytes(&input.client_data.required("client_data")?)?;
    let attestation = bytes(&input.attestation_object.required("attestation_object")?)?;
    let (host, origin) = here(exchange);
    let ceremony = Ceremony::Register(&user.id);
    let (challenge, until) = challenge_of(exchange, ceremony, &client_data).await?;
    let made = passkey::register(&party(&host, &origin), &challenge, &client_data, &attestation);
    let (credential, counter) = made.map_err(Failed::Refused)?;
    use_once(exchange, user, &challenge, until).await?;
    if passkeys::list(&exchange.env, &user.id).await?.len() >= MAX_PASSKEYS {
        let message = format!("There are at most {MAX_PASSKEYS} passkeys of a user.");
        return Err(ApiError::new(409, ErrorKind::InvalidRequest, "too_many_passkeys", message));
    }
    let name = input.name.into_set().unwrap_or_else(|| "Passkey".to_owned());
    let view = PasskeyView { id: credential.id, name, created_at: now_ms(), last_used_at: None };
    match passkeys::add(&exchange.env, &user.id, &view, &credential.key, counter).await {
        Ok(()) => {}
        Err(StoreError::Taken(_)) => {
            let message = "This passkey is there already.";
            return Err(ApiError::new(409, ErrorKind::InvalidRequest, "passkey_exists", message));
        }
        Err(error) => return Err(error.into()),
    }
    exchange.note_setting("passkey", None, Some(&view.name));
    exchange::json(201, &view)
}

/// `DELETE /auth/passkeys/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let user = &exchange.signed_in()?.user;
    let own = passkeys::list(&exchange.env, &user.id).await?;
    let not_found = || ApiError::not_found("passkey_not_found", "You have no passkey with this id.");
    let found = own.iter().find(|passkey| passkey.id == id).ok_or_else(not_found)?;
    check_other_way(exchange, user).await?;
    if !passkeys::delete(&exchange.env, &user.id, id).await? {
        return Err(not_found());
    }
    exchange.note_setting("passkey", Some(&found.name), None);
    answer_deleted(id)
}

/// `POST /auth/passkeys/sign-in/options`
pub async fn request_options(exchange: &Exchange) -> Result<Response, ApiError> {
    let (host, _) = here(exchange);
    let challenge = challenge(exchange, Ceremony::SignIn).await?;
    let view = RequestOptions { challenge, timeout: VALID_MS, rp_id: &host, user_verification: REQUIRED };
    exchange::json(200, &view)
}

/// `POST /auth/passkeys/sign-in`
pub async fn sign_in(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "sign-in")?;
    let input = input::new::<PasskeyAssertionInput>(exchange).await?;
    let cookies = input.cookies == Patch::Set(true);
    if cookies {
        signed_in::check_site(exchange, true)?;
    }
    let user = match checked(exchange, input).await {
        Err(failed @ Failed::Refused(_)) => {
            let error = ApiError::from(failed);
            let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
            admit::attempt_from_address(exchange, "sign-in", &rules).await?;
            return Err(error);
        }
        result => result?,
    };
    exchange.note_user(&user);
    check_status(user.status)?;
    exchange.note_setting("signed_in_with", None, Some(&"passkey"));
    begin_session(exchange, &user, cookies).await
}

/// The user whose passkey has signed.
async fn checked(exchange: &Exchange, input: PasskeyAssertionInput) -> Result<UserRecord, Failed> {
    let id = input.id.required("id")?;
    let client_data = bytes(&input.client_data.required("client_data")?)?;
    let authenticator_data = bytes(&input.authenticator_data.required("authenticator_data")?)?;
    let signature = bytes(&input.signature.required("signature")?)?;
    let (challenge, until) = challenge_of(exchange, Ceremony::SignIn, &client_data).await?;
    let found = passkeys::find(&exchange.env, &id).await.map_err(unavailable)?;
    let found = found.ok_or(Failed::Refused(PasskeyError::Signature))?;
    let (host, origin) = here(exchange);
    let given = SignedIn {
        client_data: &client_data,
        authenticator_data: &authenticator_data,
        signature: &signature,
    };
    let known = (&found.key, found.counter);
    let counter = passkey::sign_in(&Subtle, &party(&host, &origin), &challenge, known, &given).await;
    let counter = counter.map_err(Failed::Refused)?;
    use_once(exchange, &found.user, &challenge, until).await?;
    if !passkeys::used(&exchange.env, &id, found.counter, counter, now_ms()).await.map_err(unavailable)? {
        return Err(Failed::Refused(PasskeyError::Copied));
    }
    Ok(found.user)
}

async fn challenge(exchange: &Exchange, ceremony: Ceremony<'_>) -> Result<String, ApiError> {
    let keys = identity_keys::current(&exchange.env, &exchange.settings).await.map_err(unavailable)?;
    let key = keys.refresh.first().ok_or_else(ApiError::internal)?;
    Ok(base64url::encode(passkey::challenge(key, ceremony, random()?, now_ms())))
}

/// The challenge that client data is about, if the gateway gave it out for this ceremony; and when it is over.
async fn challenge_of(
    exchange: &Exchange,
    ceremony: Ceremony<'_>,
    client_data: &[u8],
) -> Result<(Vec<u8>, u64), Failed> {
    let keys = identity_keys::current(&exchange.env, &exchange.settings).await.map_err(unavailable)?;
    let challenge = challenge_in(client_data).ok_or(Failed::Refused(PasskeyError::Malformed))?;
    let until = valid_until(&keys.refresh, ceremony, &challenge, now_ms());
    until.map(|until| (challenge, until)).ok_or(Failed::Refused(PasskeyError::Elsewhere))
}

/// Uses a challenge, which works once however many try at a time.
async fn use_once(
    exchange: &Exchange,
    user: &UserRecord,
    challenge: &[u8],
    until: u64,
) -> Result<(), Failed> {
    let call = Call::UseOnce { name: base64url::encode(challenge), until };
    let is_first: bool = of_address(exchange, &user.email, &call).await?;
    if is_first { Ok(()) } else { Err(Failed::Refused(PasskeyError::Elsewhere)) }
}

/// The host and the origin of the gateway's pages.
fn here(exchange: &Exchange) -> (String, String) {
    let origin = exchange.public_origin();
    let url = Url::parse(&origin).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
    (host, origin)
}

fn party<'a>(host: &'a str, origin: &'a str) -> RelyingParty<'a> {
    RelyingParty { id: host, origin, needs_verification: true }
}

fn bytes(text: &str) -> Result<Vec<u8>, Failed> {
    base64url::decode(text).ok_or(Failed::Refused(PasskeyError::Malformed))
}

/// Why a ceremony fails.
enum Failed {
    /// What the authenticator says is not accepted.
    Refused(PasskeyError),
    /// Anything else.
    Other(ApiError),
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<Failed> for ApiError {
    /// Callers are not told why a passkey is refused: it would help only those who forge.
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(fault) => {
                log_info("passkey", &fault);
                Self::forbidden("passkey_refused", "The passkey was not accepted. Begin anew.")
            }
            Failed::Other(error) => error,
        }
    }
}
