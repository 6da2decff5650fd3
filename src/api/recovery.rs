//! Links that are sent by mail: to choose a new password, and to confirm a mail address.
//!
//! Asking for a link does the same for every address: one query, one call of the object of the address. What differs, the
//! message, is sent after the answer.

use nexus_edge_api::recovery::{
    AcceptedView, AddressInput, ResetPasswordInput, VerifiedView, VerifyEmailInput,
};
use nexus_edge_api::sign_in::EndedView;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::Rules;
use nexus_edge_identity::link::{LinkToken, Purpose};
use nexus_edge_identity::mail::Message;

use super::sign_in::{check_password, hash, of_address, unavailable};
use super::{input, random};
use crate::exchange::{self, Exchange};
use crate::objects::login::Call;
use crate::pipeline::{admit, mail};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{sign_in, table, users};

/// Links that are asked for, or tried, per minute and address, above which it gets 429.
const PER_MINUTE: u64 = 20;

/// `POST /auth/password/forgot`
pub async fn forgot(exchange: &Exchange) -> Result<Response, ApiError> {
    let is_for = |user: &UserRecord| user.status != UserStatus::Disabled;
    send_link(exchange, Purpose::ResetPassword, is_for, |token| Message::ResetPassword(token)).await
}

/// `POST /auth/email/verification`
pub async fn send_verification(exchange: &Exchange) -> Result<Response, ApiError> {
    let is_for = |user: &UserRecord| user.status != UserStatus::Disabled && user.email_verified_at.is_none();
    send_link(exchange, Purpose::VerifyEmail, is_for, |token| Message::VerifyEmail(token)).await
}

async fn send_link(
    exchange: &Exchange,
    purpose: Purpose,
    is_for: impl Fn(&UserRecord) -> bool,
    message: impl Fn(&str) -> Message<'_>,
) -> Result<Response, ApiError> {
    admit::check_address(exchange, "links")?;
    let email = input::new::<AddressInput>(exchange).await?.email.required("email")?;
    mail::check(exchange)?;
    admit::attempt_from_address(exchange, "links", &Rules::requests_per_minute(PER_MINUTE)).await?;
    let found = users::by_email(&exchange.env, &email).await.map_err(unavailable)?;
    let secret = random()?;
    let call = Call::IssueLink { purpose, hash: LinkToken::hash_of(secret) };
    let issued: bool = of_address(exchange, &email, &call).await?;
    if let Some(found) = found.filter(|found| issued && is_for(&found.user)) {
        let token = LinkToken::write(&found.user.id, secret);
        mail::send_later(exchange, &email, message(&token));
    }
    exchange::json(202, &AcceptedView { accepted: true })
}

/// `POST /auth/password/reset`
pub async fn reset(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "links")?;
    let input = input::new::<ResetPasswordInput>(exchange).await?;
    let token = input.token.required("token")?;
    let password = input.password.required("password")?;
    let (user, hash_of_token) = find(exchange, Purpose::ResetPassword, token.expose()).await?;
    // A password that is refused does not use the link up.
    check_password(password.expose(), "password", &user.email, &user.name)?;
    let hash = hash(exchange, &user.email, password).await?;
    redeem(exchange, Purpose::ResetPassword, &user, hash_of_token).await?;
    let now = now_ms();
    users::set_password(&exchange.env, &user.id, &hash, now).await?;
    confirm(exchange, &user).await?;
    let ended_sessions = sign_in::end_all(&exchange.env, &user.id, None, now).await?;
    exchange::json(200, &EndedView { ended_sessions })
}

/// `POST /auth/email/verify`
pub async fn verify(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "links")?;
    let token = input::new::<VerifyEmailInput>(exchange).await?.token.required("token")?;
    let (user, hash_of_token) = find(exchange, Purpose::VerifyEmail, token.expose()).await?;
    redeem(exchange, Purpose::VerifyEmail, &user, hash_of_token).await?;
    confirm(exchange, &user).await?;
    let needs_approval = user.status == UserStatus::Pending;
    exchange::json(200, &VerifiedView { verified: true, needs_approval })
}

/// The user of a link that can be used, and the hash of its secret.
async fn find(exchange: &Exchange, purpose: Purpose, token: &str) -> Result<(UserRecord, String), ApiError> {
    if let Some(token) = LinkToken::read(token) {
        let found: Option<UserRecord> =
            table::find(&exchange.env, token.id.as_str()).await.map_err(unavailable)?;
        if let Some(user) = found.filter(|user| user.status != UserStatus::Disabled) {
            let call = Call::HasLink { purpose, hash: token.hash.clone() };
            if of_address(exchange, &user.email, &call).await? {
                return Ok((user, token.hash));
            }
        }
    }
    admit::attempt_from_address(exchange, "links", &Rules::requests_per_minute(PER_MINUTE)).await?;
    Err(invalid_link())
}

/// Uses the link, which works once however many try at a time.
async fn redeem(
    exchange: &Exchange,
    purpose: Purpose,
    user: &UserRecord,
    hash: String,
) -> Result<(), ApiError> {
    let redeemed: bool = of_address(exchange, &user.email, &Call::RedeemLink { purpose, hash }).await?;
    if !redeemed {
        return Err(invalid_link());
    }
    exchange.note_user(user);
    Ok(())
}

async fn confirm(exchange: &Exchange, user: &UserRecord) -> Result<(), ApiError> {
    let now = now_ms();
    if users::confirm_email(&exchange.env, &user.id, &user.email, now).await? {
        let verified = UserRecord { email_verified_at: Some(now), must_verify: false, ..user.clone() };
        exchange.note_change(Some(user), Some(&verified));
    }
    Ok(())
}

fn invalid_link() -> ApiError {
    ApiError::forbidden("invalid_link", "The link is not valid, or no longer. Ask for another.")
}
