//! Registration: accounts that people make themselves, its rules, and invitations.
//!
//! An account is made in the same steps whether or not its address has one already: places are taken, the password is hashed,
//! the row is added. Where the row is refused because of the address, the answer is the same, and the places are given back
//! after it.

use std::collections::HashMap;

use nexus_edge_api::registration::{
    InvitationInput, InvitationView, RegisterInput, RegisteredView, RegistrationInput, RegistrationView,
};
use nexus_edge_core::access::audit::actor;
use nexus_edge_core::access::invitation::InvitationRecord;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::limits::Rules;
use nexus_edge_core::secrets::Secret;
use nexus_edge_identity::link::{LinkToken, Purpose};
use nexus_edge_identity::mail::Message;
use nexus_edge_identity::registration::{
    ALL, Admitted, Invitation, Policy, Refusal, of_invitation, of_window,
};

use super::roles::check_known;
use super::sign_in::{check_password, hash, of_address, registration, unavailable};
use super::update::next_version;
use super::users::check_reach;
use super::{answer_deleted, answer_list, input, random};
use crate::exchange::{self, Exchange};
use crate::objects::login::{self, Call};
use crate::pipeline::{admit, mail};
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid, now_ms};
use crate::store::{StoreError, sign_in_settings, table, users};

/// Accounts per minute and address, above which it gets 429.
const PER_MINUTE: u64 = 20;
/// Most invitations.
const MAX_INVITATIONS: usize = 1_000;

/// `POST /auth/register`
pub async fn register(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "registration")?;
    let input = input::new::<RegisterInput>(exchange).await?;
    let email = input.email.required("email")?;
    let name = input.name.into_set().unwrap_or_default();
    let password = input.password.required("password")?;
    check_password(password.expose(), "password", &email, &name)?;
    let (policy, _) = rules(exchange).await?;
    let invitation = match input.invitation.into_set() {
        Some(code) => {
            Some(find_invitation(exchange, &code).await?.ok_or_else(|| refused(Refusal::Invitation))?)
        }
        None => None,
    };
    let as_rule = invitation.as_ref().map(as_rule);
    let admitted = policy.admit(&email, as_rule.as_ref(), now_ms()).map_err(refused)?;
    if policy.verification {
        mail::check(exchange)?;
    }
    let rules = Rules::requests_per_minute(PER_MINUTE);
    admit::attempt_from_address(exchange, "registration", &rules).await?;
    take(exchange, &admitted).await?;
    let now = now_ms();
    let mut user = UserRecord::new(new_ulid(now), email, now);
    user.name = name;
    user.status = if admitted.approval { UserStatus::Pending } else { UserStatus::Active };
    user.must_verify = policy.verification;
    user.roles = invitation.and_then(|invitation| invitation.roles).unwrap_or(policy.roles);
    let made = make(exchange, &user, password, policy.verification).await;
    if !matches!(made, Ok(true)) {
        give_back_later(exchange, admitted.clone());
    }
    if made? {
        exchange.note_change(None, Some(&user));
    }
    let view = RegisteredView {
        accepted: true,
        needs_verification: policy.verification,
        needs_approval: admitted.approval,
    };
    exchange::json(202, &view)
}

/// Adds the account; false if its address has one.
async fn make(
    exchange: &Exchange,
    user: &UserRecord,
    password: Secret,
    verifies: bool,
) -> Result<bool, ApiError> {
    let hash = hash(exchange, &user.email, password).await?;
    let is_new = match users::add(&exchange.env, user, Some(&hash), false).await {
        Ok(is_new) => is_new,
        Err(StoreError::Taken(_)) => false,
        Err(error) => return Err(unavailable(error)),
    };
    if verifies {
        let secret = random()?;
        let token = LinkToken::write(&user.id, secret);
        let call = Call::IssueLink { purpose: Purpose::VerifyEmail, hash: LinkToken::hash_of(secret) };
        // Of an address with an account this is how often its owner is written to.
        let issued: bool = of_address(exchange, &user.email, &call).await?;
        if issued {
            let message = if is_new { Message::VerifyEmail(&token) } else { Message::AlreadyRegistered };
            mail::send_later(exchange, &user.email, message);
        }
    }
    Ok(is_new)
}

async fn take(exchange: &Exchange, admitted: &Admitted) -> Result<(), ApiError> {
    let claims = admitted.claims.clone();
    if claims.is_empty() || registration(exchange, &Call::Take { claims }).await? {
        return Ok(());
    }
    let message = "There are no places left.";
    Err(ApiError::new(409, ErrorKind::InvalidRequest, "registration_full", message))
}

fn give_back_later(exchange: &Exchange, admitted: Admitted) {
    if admitted.claims.is_empty() {
        return;
    }
    let env = exchange.env.clone();
    exchange.tasks.wait_until(async move {
        let call = Call::GiveBack { claims: admitted.claims };
        let given: worker::Result<bool> = login::of_registration(&env, &call).await;
        if let Err(error) = given {
            log_error("a place of registration is lost", &error);
        }
    });
}

fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Closed => {
            ApiError::forbidden("registration_closed", "Registration is closed at the moment.")
        }
        Refusal::Invitation => {
            let message = "This needs an invitation that is valid for the address.";
            ApiError::forbidden("invitation_required", message).with_param("invitation")
        }
        Refusal::Domain => {
            let message = "Addresses of this domain cannot register.";
            ApiError::forbidden("domain_not_allowed", message).with_param("email")
        }
    }
}

/// The invitation of a code.
async fn find_invitation(exchange: &Exchange, code: &str) -> Result<Option<InvitationRecord>, ApiError> {
    let Some(token) = LinkToken::read(code) else { return Ok(None) };
    let found: Option<InvitationRecord> = table::find(&exchange.env, token.id.as_str()).await?;
    Ok(found.filter(|record| record.code_hash == token.hash))
}

fn as_rule(record: &InvitationRecord) -> Invitation {
    Invitation {
        id: record.id.clone(),
        seats: record.seats,
        expires_at: record.expires_at,
        email: record.email.clone(),
    }
}

async fn rules(exchange: &Exchange) -> Result<(Policy, u64), ApiError> {
    Ok(sign_in_settings::read(&exchange.env, sign_in_settings::REGISTRATION).await?)
}

/// `GET /registration`
pub async fn get(exchange: &Exchange) -> Result<Response, ApiError> {
    let (policy, _) = rules(exchange).await?;
    answer(exchange, policy).await
}

/// `PUT /registration`
pub async fn update(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::change::<RegistrationInput>(exchange).await?;
    let (before, read_at) = rules(exchange).await?;
    let mut policy = before.clone();
    input.apply(&mut policy);
    check_gives(exchange, &policy.roles).await?;
    if policy.verification && exchange.settings.mail.is_none() {
        let message = "Addresses can be confirmed only where mail can be sent: set `MAIL_WEBHOOK`.";
        return Err(ApiError::conflict("mail_not_configured", "verification", message));
    }
    let id = sign_in_settings::REGISTRATION;
    let version = next_version(read_at);
    if !sign_in_settings::put(&exchange.env, id, &policy, read_at, version).await? {
        let message = "The rules are being changed by others. Try again.";
        return Err(ApiError::unavailable("record_busy", message).with_retry_after(1));
    }
    exchange.note_setting(id, Some(&before), Some(&policy));
    answer(exchange, policy).await
}

async fn answer(exchange: &Exchange, policy: Policy) -> Result<Response, ApiError> {
    let names = policy.windows.iter().map(|window| of_window(&window.id)).chain([ALL.to_owned()]).collect();
    let taken = taken(exchange, names).await?;
    let taken = |name: &str| taken.get(name).copied().unwrap_or_default();
    exchange::json(200, &RegistrationView::of(policy, taken, now_ms()))
}

/// How many places of these names are taken.
async fn taken(exchange: &Exchange, names: Vec<String>) -> Result<HashMap<String, u32>, ApiError> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    login::of_registration(&exchange.env, &Call::Taken { names })
        .await
        .map_err(|error| unavailable(error.into()))
}

/// Checks that these are roles, and that the person has every permission of them.
async fn check_gives(exchange: &Exchange, roles: &[String]) -> Result<(), ApiError> {
    let mut user = UserRecord::new(String::new(), String::new(), 0);
    user.roles = roles.to_vec();
    check_known(exchange, roles).await?;
    check_reach(exchange, &user).await
}

/// `GET /invitations`
pub async fn invitations(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<InvitationRecord> = table::list(&exchange.env).await?;
    let taken = taken(exchange, records.iter().map(|record| of_invitation(&record.id)).collect()).await?;
    let taken =
        |record: &InvitationRecord| taken.get(&of_invitation(&record.id)).copied().unwrap_or_default();
    let views: Vec<_> =
        records.iter().map(|record| InvitationView::of(record, taken(record), None)).collect();
    answer_list("invitations", &views)
}

/// `POST /invitations`
pub async fn invite(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<InvitationInput>(exchange).await?;
    if table::list::<InvitationRecord>(&exchange.env).await?.len() >= MAX_INVITATIONS {
        let message = format!("There are at most {MAX_INVITATIONS} invitations: revoke those that are over.");
        return Err(ApiError::new(409, ErrorKind::InvalidRequest, "too_many_invitations", message));
    }
    let now = now_ms();
    let (id, secret) = (new_ulid(now), random()?);
    let code = LinkToken::write(&id, secret);
    let created_by = actor(Some(&exchange.person()?.id));
    let record = input.into_record(id, LinkToken::hash_of(secret), created_by, now);
    check_gives(exchange, record.roles.as_deref().unwrap_or_default()).await?;
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    exchange::json(201, &InvitationView::of(&record, 0, Some(&code)))
}

/// `DELETE /invitations/{id}`
pub async fn revoke(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("invitation_not_found", "There is no invitation with this id.");
    let record: InvitationRecord = table::find(&exchange.env, id).await?.ok_or_else(not_found)?;
    if !table::delete::<InvitationRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    registration(exchange, &Call::Forget { name: of_invitation(id) }).await?;
    answer_deleted(id)
}
