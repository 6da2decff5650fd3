//! Sign-in with a password, sessions and their tokens.

use nexus_edge_api::sign_in::{
    ChangePasswordInput, EndedView, LogInInput, RefreshInput, SetUpInput, SignedInView,
};
use nexus_edge_api::users::{AccountView, UserView};
use nexus_edge_core::access::role::Role;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::error::{ApiError, ErrorKind, retry_after_s};
use nexus_edge_core::input::Patch;
use nexus_edge_core::limits::Rules;
use nexus_edge_core::limits::subject::caller_network;
use nexus_edge_core::secrets::Secret;
use nexus_edge_identity::cookie;
use nexus_edge_identity::mac::MacKey;
use nexus_edge_identity::policy;
use nexus_edge_identity::session::{ACCESS_MS, Family, Presented, REFRESH_MS, RefreshToken};
use nexus_edge_identity::token::{Algorithm, compact, signing_input};
use serde_json::json;

use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::objects::login::{self, Call, Compared};
use crate::pipeline::admit;
use crate::pipeline::signed_in::{self, ACCESS_TOKEN, sign_in_unavailable};
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid, now_ms, subtle};
use crate::store::{StoreError, identity_keys, sign_in, users};

/// Failed attempts to sign in per minute and address, above which it gets 429. Several users may share an address.
const FAILURES_PER_MINUTE: u64 = 30;
/// Tries to raise a session's generation beside others.
const MAX_ROTATIONS: usize = 3;

/// `POST /auth/setup`
pub async fn set_up(exchange: &Exchange) -> Result<Response, ApiError> {
    exchange.person()?.check_has(Role::Admin.permissions())?;
    let input = input::new::<SetUpInput>(exchange).await?;
    let email = input.email.required("email")?;
    let name = input.name.into_set().unwrap_or_default();
    let password = input.password.required("password")?;
    check_password(password.expose(), "password", &email, &name)?;
    let env = &exchange.env;
    let is_first = users::page(env, None, 1).await?.is_empty();
    if !is_first || !registration(exchange, &Call::BeginSetUp).await? {
        return Err(already_set_up());
    }
    let made = async {
        let hash = hash(exchange, &email, password).await?;
        let now = now_ms();
        let mut user = UserRecord::new(new_ulid(now), email, now);
        (user.name, user.roles) = (name, vec![Role::Admin.code().to_owned()]);
        let added = users::add(env, &user, Some(&hash), true).await?;
        if added { Ok(user) } else { Err(already_set_up()) }
    };
    let made = made.await;
    registration(exchange, &Call::EndSetUp).await?;
    let user = made?;
    exchange.note_change(None, Some(&user));
    exchange::json(201, &UserView::of(&user))
}

fn already_set_up() -> ApiError {
    let message =
        "The first user exists already, or is being made. Sign in, or make users with `POST /users`.";
    ApiError::new(409, ErrorKind::InvalidRequest, "already_set_up", message)
}

/// `POST /auth/login`
pub async fn log_in(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "sign-in")?;
    let input = input::new::<LogInInput>(exchange).await?;
    let email = input.email.required("email")?;
    let password = input.password.required("password")?;
    let cookies = input.cookies == Patch::Set(true);
    if cookies {
        // Or a page of another site could sign its visitor in to an account of its choice.
        signed_in::check_site(exchange, true)?;
    }
    let found = users::by_email(&exchange.env, &email).await?;
    let stored = found.as_ref().and_then(|found| found.hash.clone());
    let compared = compare(exchange, &email, password, stored.clone()).await?;
    let Some(found) = found.filter(|_| compared.is_right) else { return Err(invalid_credentials()) };
    exchange.note_user(&found.user);
    if found.user.must_verify {
        // Or those who register an address would see here whether it had an account before.
        return Err(invalid_credentials());
    }
    check_status(found.user.status)?;
    if let (Some(old), Some(new)) = (stored, compared.renewed) {
        users::renew_hash(&exchange.env, &found.user.id, &old, &new).await?;
    }
    begin_session(exchange, &found.user, cookies).await
}

/// Compares a password, and counts a wrong one for the caller's address as well.
async fn compare(
    exchange: &Exchange,
    email: &str,
    password: Secret,
    stored: Option<String>,
) -> Result<Compared, ApiError> {
    let network = caller_network(&exchange.header("cf-connecting-ip").unwrap_or_default());
    let call = Call::Compare { password, stored, network };
    let compared: Compared = of_address(exchange, email, &call).await?;
    if let Some(wait_ms) = compared.wait_ms {
        let message = "There were too many failed attempts to sign in to this account.";
        let error = ApiError::new(429, ErrorKind::RateLimit, "too_many_attempts", message);
        return Err(error.with_retry_after(retry_after_s(wait_ms)));
    }
    if !compared.is_right {
        let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
        admit::attempt_from_address(exchange, "sign-in", &rules).await?;
    }
    Ok(compared)
}

fn invalid_credentials() -> ApiError {
    ApiError::unauthorized("invalid_credentials", "The mail address or the password is wrong.")
}

/// Whether an account may sign in: said only to those who have shown that it is theirs.
pub(super) fn check_status(status: UserStatus) -> Result<(), ApiError> {
    match status {
        UserStatus::Active => Ok(()),
        UserStatus::Pending => Err(ApiError::forbidden(
            "account_pending",
            "The account waits for the approval of an administrator.",
        )),
        UserStatus::Disabled => {
            Err(ApiError::forbidden("account_disabled", "The account was disabled by an administrator."))
        }
    }
}

/// Begins a session, whatever session the request came with, and answers its tokens.
pub(super) async fn begin_session(
    exchange: &Exchange,
    user: &UserRecord,
    cookies: bool,
) -> Result<Response, ApiError> {
    let now = now_ms();
    let (session_id, family) = (new_ulid(now), Family::new(now));
    let (address, agent) = (exchange.header("cf-connecting-ip"), exchange.header("user-agent"));
    let begun =
        sign_in::begin(&exchange.env, &session_id, &user.id, &family, address.as_deref(), agent.as_deref());
    begun.await?;
    answer_tokens(exchange, user, RefreshToken { session_id, generation: family.generation }, cookies).await
}

/// `POST /auth/refresh`
pub async fn refresh(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "sign-in")?;
    let input = input::optional::<RefreshInput>(exchange).await?;
    let given = input.refresh_token.into_set().map(|token| token.expose().to_owned());
    let cookies = given.is_none();
    let in_cookie = || signed_in::cookie_of(exchange, cookie::REFRESH);
    let token = given.or_else(in_cookie).ok_or_else(invalid_refresh_token)?;
    if cookies {
        signed_in::check_site(exchange, true)?;
    }
    let keys = identity_keys::current(&exchange.env, &exchange.settings).await.map_err(unavailable)?;
    let Some(token) = RefreshToken::read(&token, &keys.refresh) else {
        let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
        admit::attempt_from_address(exchange, "sign-in", &rules).await?;
        return Err(invalid_refresh_token());
    };
    for _ in 0..MAX_ROTATIONS {
        let found = sign_in::read(&exchange.env, &token.session_id).await?;
        let session = found.ok_or_else(invalid_refresh_token)?;
        exchange.note_user(&session.user);
        let now = now_ms();
        let generation = match session.family.present(token.generation, now) {
            Presented::Rotate(next) => {
                if !sign_in::rotate(&exchange.env, &token.session_id, next, now).await? {
                    continue;
                }
                next
            }
            Presented::Repeat(latest) => latest,
            Presented::Reused => {
                sign_in::end(&exchange.env, &session.user.id, &token.session_id, now).await?;
                log_error(
                    "sign-in",
                    &format_args!("a refresh token of session {} was used twice", token.session_id),
                );
                return Err(invalid_refresh_token());
            }
            Presented::Over => return Err(invalid_refresh_token()),
        };
        check_status(session.user.status)?;
        let next = RefreshToken { session_id: token.session_id, generation };
        return answer_tokens(exchange, &session.user, next, cookies).await;
    }
    Err(sign_in_unavailable("refresh", &"the session changed at every try"))
}

fn invalid_refresh_token() -> ApiError {
    ApiError::unauthorized(
        "invalid_refresh_token",
        "The refresh token is not valid, or no longer. Sign in again.",
    )
}

/// Answers the tokens of a session, in the body or as cookies.
async fn answer_tokens(
    exchange: &Exchange,
    user: &UserRecord,
    token: RefreshToken,
    cookies: bool,
) -> Result<Response, ApiError> {
    let keys = identity_keys::current(&exchange.env, &exchange.settings).await.map_err(unavailable)?;
    let current: Option<&MacKey> = keys.refresh.first();
    let refresh = current.map(|key| token.write(key)).ok_or_else(ApiError::internal)?;
    let seconds = now_ms() / 1_000;
    let claims = json!({
        "iss": ACCESS_TOKEN.iss, "aud": ACCESS_TOKEN.aud, "sub": user.id, "sid": token.session_id,
        "iat": seconds, "exp": seconds + ACCESS_MS / 1_000,
    });
    let (kid, pkcs8) = &keys.signing;
    let signed = signing_input(Algorithm::EdDsa, kid, ACCESS_TOKEN.typ.unwrap_or_default(), &claims);
    let signature = subtle::sign_ed25519(pkcs8, signed.as_bytes()).await;
    let signature = signature.map_err(|error| unavailable(worker::Error::from(error).into()))?;
    let access = compact(&signed, &signature);
    let view = SignedInView {
        token_type: "Bearer",
        access_token: Some(access.as_str()).filter(|_| !cookies),
        expires_in: ACCESS_MS / 1_000,
        refresh_token: Some(refresh.as_str()).filter(|_| !cookies),
        session_id: &token.session_id,
        user: UserView::of(user),
    };
    let response = exchange::json(200, &view)?;
    response.headers().set("cache-control", "no-store");
    if cookies {
        set_cookies(exchange, &response, Some((&access, &refresh)));
    }
    Ok(response)
}

/// `POST /auth/logout`
pub async fn log_out(exchange: &Exchange) -> Result<Response, ApiError> {
    let session = exchange.signed_in()?;
    let ended = sign_in::end(&exchange.env, &session.user.id, &session.session_id, now_ms()).await?;
    answer_ended(exchange, ended)
}

/// `POST /auth/logout-all`
pub async fn log_out_all(exchange: &Exchange) -> Result<Response, ApiError> {
    let session = exchange.signed_in()?;
    answer_ended(exchange, sign_in::end_all(&exchange.env, &session.user.id, None, now_ms()).await?)
}

/// Answers how many sessions have ended, and removes the cookies of the one that asked.
fn answer_ended(exchange: &Exchange, ended_sessions: usize) -> Result<Response, ApiError> {
    let response = exchange::json(200, &EndedView { ended_sessions })?;
    set_cookies(exchange, &response, None);
    Ok(response)
}

/// Sets the cookies of a session's access and refresh token, or removes them.
pub(super) fn set_cookies(exchange: &Exchange, response: &Response, tokens: Option<(&str, &str)>) {
    let (access, refresh) = tokens.unwrap_or_default();
    let lives_s = |life_ms: u64| if tokens.is_some() { life_ms / 1_000 } else { 0 };
    for (name, value, path, life_ms) in [
        (cookie::ACCESS, access, "/", ACCESS_MS),
        (cookie::REFRESH, refresh, cookie::REFRESH_PATH, REFRESH_MS),
    ] {
        let name = signed_in::cookie_name(exchange, name);
        response.headers().add("set-cookie", &cookie::write(name, value, path, lives_s(life_ms)));
    }
}

/// `GET /auth/me`
pub async fn me(exchange: &Exchange) -> Result<Response, ApiError> {
    let session = exchange.signed_in()?;
    exchange::json(200, &AccountView::of(&session.user, &session.given, exchange.started_ms))
}

/// `GET /auth/sessions`
pub async fn sessions(exchange: &Exchange) -> Result<Response, ApiError> {
    let own = exchange.signed_in()?;
    let mut sessions = sign_in::list(&exchange.env, &own.user.id, now_ms()).await?;
    for session in &mut sessions {
        session.is_current = session.id == own.session_id;
    }
    answer_list("sessions", &sessions)
}

/// `DELETE /auth/sessions/{id}`
pub async fn end_session(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let own = exchange.signed_in()?;
    if sign_in::end(&exchange.env, &own.user.id, id, now_ms()).await? == 0 {
        return Err(ApiError::not_found("session_not_found", "You have no session with this id."));
    }
    answer_deleted(id)
}

/// `POST /auth/password/change`
pub async fn change_password(exchange: &Exchange) -> Result<Response, ApiError> {
    let session = exchange.signed_in()?;
    let user = &session.user;
    admit::check_address(exchange, "sign-in")?;
    let input = input::new::<ChangePasswordInput>(exchange).await?;
    let current = input.current_password.required("current_password")?;
    let new = input.new_password.required("new_password")?;
    check_password(new.expose(), "new_password", &user.email, &user.name)?;
    let stored = users::hash_of(&exchange.env, &user.id).await?;
    if !compare(exchange, &user.email, current, stored).await?.is_right {
        return Err(invalid_credentials());
    }
    let hash = hash(exchange, &user.email, new).await?;
    let now = now_ms();
    users::set_password(&exchange.env, &user.id, &hash, now).await?;
    let ended_sessions = sign_in::end_all(&exchange.env, &user.id, Some(&session.session_id), now).await?;
    exchange::json(200, &EndedView { ended_sessions })
}

/// `GET /.well-known/jwks.json`
pub async fn jwks(exchange: &Exchange) -> Result<Response, ApiError> {
    let keys = identity_keys::current(&exchange.env, &exchange.settings).await.map_err(unavailable)?;
    let response = exchange::json(200, &keys.verifying.document())?;
    response.headers().set("cache-control", "public, max-age=600");
    Ok(response)
}

/// The hash of a new password.
pub(super) async fn hash(exchange: &Exchange, email: &str, password: Secret) -> Result<String, ApiError> {
    of_address(exchange, email, &Call::Hash { password }).await
}

/// Checks that a password may be chosen.
///
/// # Errors
/// `weak_password` (400), with the rule that it breaks.
pub(super) fn check_password(password: &str, field: &str, email: &str, name: &str) -> Result<(), ApiError> {
    policy::check(password, email, name).map_err(|weakness| {
        ApiError::invalid("weak_password", field, format!("The password cannot be chosen: {weakness}."))
    })
}

/// Calls the object of an address.
pub(super) async fn of_address<T: serde::de::DeserializeOwned>(
    exchange: &Exchange,
    email: &str,
    call: &Call,
) -> Result<T, ApiError> {
    login::of_address(&exchange.env, email, call).await.map_err(|error| unavailable(error.into()))
}

/// Calls the object of registration.
pub(super) async fn registration(exchange: &Exchange, call: &Call) -> Result<bool, ApiError> {
    login::of_registration(&exchange.env, call).await.map_err(|error| unavailable(error.into()))
}

/// The error where the database or an object of sign-in does not answer.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands the error over")]
pub(super) fn unavailable(error: StoreError) -> ApiError {
    sign_in_unavailable("sign-in", &error)
}
