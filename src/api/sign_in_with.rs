//! Sign-in with other services.
//!
//! What a flow needs until the user comes back stands sealed in a cookie of their browser, so that an answer counts only in the browser
//! that began it. A user of a service is known by issuer and subject alone: a mail address, verified or not, never leads to an
//! account that is there already, except to one that the same directory has made by SCIM.

use nexus_edge_api::sign_in_with::{AssertionInput, OptionsView, ServiceView};
use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::input::Patch;
use nexus_edge_core::limits::Rules;
use nexus_edge_identity::flow;
use nexus_edge_identity::oidc::{Answer, PENDING_MS, Pending, return_path};
use nexus_edge_identity::registration::Policy;
use nexus_edge_identity::service::Kind;
use nexus_edge_identity::user_info::{Identity, mapped_roles};

use super::scim::users::permissions_given_here;
use super::sign_in::{begin_session, check_status, unavailable};
use super::update::change;
use super::{answer_deleted, answer_list, input, query, random, seal};
use crate::exchange::{self, Exchange};
use crate::pipeline::identity_services::{asserted, encoded, refused, service};
use crate::pipeline::{admit, signed_in};
use crate::platform::http::{Headers, Response};
use crate::platform::{new_ulid, now_ms};
use crate::store::{StoreError, identities, scim, sign_in, sign_in_settings, table};

/// Failed sign-ins per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 30;
/// Binds a sealed flow to its use.
const FLOW: &str = "sign_in/flow";

/// `GET /auth/options`
pub async fn options(exchange: &Exchange) -> Result<Response, ApiError> {
    let (policy, _): (Policy, u64) =
        sign_in_settings::read(&exchange.env, sign_in_settings::REGISTRATION).await.map_err(unavailable)?;
    let records: Vec<IdentityProviderRecord> = table::list(&exchange.env).await.map_err(unavailable)?;
    let services = records.into_iter().filter(|record| record.enabled);
    let view = OptionsView {
        registration: policy.mode.name(),
        registration_is_open: policy.is_open(now_ms()),
        sends_mail: exchange.settings.mail.is_some(),
        services: services
            .map(|IdentityProviderRecord { id, name, kind, .. }| ServiceView { id, name, kind })
            .collect(),
    };
    exchange::json(200, &view)
}

/// `GET /auth/with/{id}`
pub async fn begin(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    shown_in_page(exchange, id, begun(exchange, id).await)
}

/// The result for a page of a browser: an error leads to the page for signing in, which says what went wrong.
fn shown_in_page(
    exchange: &Exchange,
    id: &str,
    result: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let Err(error) = result else { return result };
    let takes_pages = exchange.header("accept").is_some_and(|accept| accept.contains("text/html"));
    if !takes_pages {
        return Err(error);
    }
    // The request was not answered with an error, and still is one.
    exchange.note_setting("failed", None, Some(&error.code));
    let parameters = [("failed", error.code.to_owned()), ("service", id.to_owned())];
    let location = format!("{}/console/sign-in?{}", exchange.public_origin(), encoded(&parameters));
    let headers = Headers::new();
    headers.add("set-cookie", &flow::cookie(&exchange.public_origin(), "", 0));
    Ok(sent_to(&location, headers))
}

async fn begun(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id, false).await?;
    let links = match query::boolean(exchange, "link")? {
        Some(true) => Some(signed_in::require(exchange).await?.user.id.clone()),
        _ => None,
    };
    let service = service(exchange, &record).await?;
    let random = [random()?, random()?, random()?];
    let mut pending = Pending::new(id, &record.issuer, random, now_ms());
    pending.links = links;
    pending.return_to = return_path(query::text(exchange, "return_to").as_deref());
    let parameters = pending.parameters(&record.client_id, &redirect_uri(exchange, id), &record.scope);
    let joint = if service.authorization_endpoint.contains('?') { '&' } else { '?' };
    let location = format!("{}{joint}{}", service.authorization_endpoint, encoded(&parameters));
    let sealed = serde_json::to_string(&pending).map_err(|_| ApiError::internal())?;
    let sealed = seal(exchange, &sealed, FLOW)?;
    let headers = Headers::new();
    headers.set("set-cookie", &flow::cookie(&exchange.public_origin(), &sealed, PENDING_MS / 1_000));
    Ok(sent_to(&location, headers))
}

/// `GET /auth/with/{id}/callback`
pub async fn callback(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let result = called_back(exchange, id).await;
    shown_in_page(exchange, id, result)
}

async fn called_back(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    admit::check_address(exchange, "sign-in")?;
    let record = find(exchange, id, false).await?;
    let result = came_back(exchange, &record).await;
    if matches!(&result, Err(error) if error.status == 403) {
        admit::attempt_from_address(exchange, "sign-in", &Rules::requests_per_minute(FAILURES_PER_MINUTE))
            .await?;
    }
    result
}

async fn came_back(exchange: &Exchange, record: &IdentityProviderRecord) -> Result<Response, ApiError> {
    let pending = pending_of(exchange).filter(|pending| pending.service == record.id);
    let pending =
        pending.ok_or_else(|| refused(record, &"it did not begin in this browser, or too long ago"))?;
    let service = service(exchange, record).await?;
    let [state, code, iss, error] = ["state", "code", "iss", "error"].map(|name| exchange.query(name));
    let answer = Answer {
        state: state.as_deref(),
        code: code.as_deref(),
        iss: iss.as_deref(),
        error: error.as_deref(),
    };
    let code = pending.code(&record.issuer, service.says_issuer, &answer, now_ms());
    let code = code.map_err(|fault| refused(record, &fault))?;
    let identity = service.identity(exchange, &pending, code, &redirect_uri(exchange, &record.id)).await?;
    let headers = Headers::new();
    if let Some(user_id) = &pending.links {
        link(exchange, record, &identity, user_id).await?;
    } else {
        let user = user_of(exchange, record, &identity).await?;
        let begun = begin_session(exchange, &user, true).await?.into_headers();
        for (name, value) in begun.list().iter().filter(|(name, _)| *name == "set-cookie") {
            headers.add(name, value);
        }
    }
    headers.add("set-cookie", &flow::cookie(&exchange.public_origin(), "", 0));
    Ok(sent_to(&pending.return_to, headers))
}

/// The flow that this browser has begun.
fn pending_of(exchange: &Exchange) -> Option<Pending> {
    let cookies = exchange.header("cookie")?;
    let sealed = flow::read(&cookies, &exchange.public_origin())?;
    let opened = exchange.settings.keyring.open(sealed, FLOW).ok()?;
    serde_json::from_str(opened.expose()).ok()
}

fn sent_to(location: &str, headers: Headers) -> Response {
    headers.set("location", location);
    headers.set("cache-control", "no-store");
    Response::empty(303, headers)
}

/// Where a service sends users back to.
pub(super) fn redirect_uri(exchange: &Exchange, id: &str) -> String {
    format!("{}/auth/with/{id}/callback", exchange.public_origin())
}

/// `POST /auth/with/{id}/assertion`
pub async fn assertion(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    admit::check_address(exchange, "sign-in")?;
    let cookies = input::optional::<AssertionInput>(exchange).await?.cookies == Patch::Set(true);
    if cookies {
        signed_in::check_site(exchange, true)?;
    }
    let record = find(exchange, id, true).await?;
    let given = exchange.header("cf-access-jwt-assertion").unwrap_or_default();
    let identity = asserted(exchange, &record, &given).await;
    if matches!(&identity, Err(error) if error.status == 403) {
        admit::attempt_from_address(exchange, "sign-in", &Rules::requests_per_minute(FAILURES_PER_MINUTE))
            .await?;
    }
    let user = user_of(exchange, &record, &identity?).await?;
    begin_session(exchange, &user, cookies).await
}

/// The service with this name, of Cloudflare Access or not.
async fn find(exchange: &Exchange, id: &str, is_access: bool) -> Result<IdentityProviderRecord, ApiError> {
    let found: Option<IdentityProviderRecord> = table::find(&exchange.env, id).await.map_err(unavailable)?;
    let is_wanted =
        |record: &IdentityProviderRecord| record.enabled && (record.kind == Kind::Access.name()) == is_access;
    found.filter(is_wanted).ok_or_else(|| {
        ApiError::not_found(
            "identity_provider_not_found",
            "There is no service with this name to sign in with.",
        )
    })
}

/// The user who is this user of a service, with the roles that their groups there give; a new one, if the service makes accounts.
async fn user_of(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    identity: &Identity,
) -> Result<UserRecord, ApiError> {
    let found =
        identities::user_of(&exchange.env, &identity.issuer, &identity.subject).await.map_err(unavailable)?;
    let user = match found {
        Some(user) => {
            exchange.note_user(&user);
            check_status(user.status)?;
            with_roles(exchange, record, identity, user).await?
        }
        None => match of_directory(exchange, record, identity).await? {
            Some(user) => user,
            None => new_user(exchange, record, identity).await?,
        },
    };
    exchange.note_user(&user);
    exchange.note_setting("signed_in_with", None, Some(&record.id));
    Ok(user)
}

/// The account that the directory behind the service has made for its user, linked from now on. An account that may do more than an
/// operator, by roles that were given here, is linked by its user alone.
async fn of_directory(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    identity: &Identity,
) -> Result<Option<UserRecord>, ApiError> {
    let Identity { issuer, subject, verified_email, .. } = identity;
    let found =
        scim::user_of_service(&exchange.env, &record.id, issuer, subject, verified_email.as_deref()).await;
    let Some((user, client)) = found.map_err(unavailable)? else { return Ok(None) };
    let client: Option<ScimClientRecord> =
        table::find(&exchange.env, client.as_str()).await.map_err(unavailable)?;
    let Some(client) = client else { return Ok(None) };
    let here = permissions_given_here(exchange, &client, &user).await?;
    if ScimClientRecord::is_out_of_reach(here) {
        return Ok(None);
    }
    exchange.note_user(&user);
    check_status(user.status)?;
    match identities::link(&exchange.env, &user.id, &record.id, identity, now_ms()).await {
        // Another request of the same user was first.
        Ok(()) | Err(StoreError::Taken(_)) => {}
        Err(error) => return Err(unavailable(error)),
    }
    exchange.note_setting("linked", None, Some(&record.id));
    with_roles(exchange, record, identity, user).await.map(Some)
}

async fn with_roles(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    identity: &Identity,
    user: UserRecord,
) -> Result<UserRecord, ApiError> {
    let roles_of =
        |user: &UserRecord| mapped_roles(&user.roles, &record.role_map, identity.groups.as_deref());
    if roles_of(&user) == user.roles {
        return Ok(user);
    }
    let find = async || {
        let found: Option<UserRecord> = table::find(&exchange.env, user.id.as_str()).await?;
        found.ok_or_else(|| account_unknown(record))
    };
    let apply = async |user: &mut UserRecord| {
        user.roles = roles_of(user);
        Ok(())
    };
    let write = async |user: &UserRecord, read_at: u64| table::update(&exchange.env, user, read_at).await;
    let user = change(exchange, find, apply, write).await?;
    sign_in::forget();
    Ok(user)
}

async fn new_user(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    identity: &Identity,
) -> Result<UserRecord, ApiError> {
    if !record.makes_accounts {
        return Err(account_unknown(record));
    }
    let now = now_ms();
    let mut user = UserRecord::new(new_ulid(now), address_of(record, identity), now);
    user.email_verified_at = identity.verified_email.as_ref().map(|_| now);
    user.name = identity.name.clone().unwrap_or_default();
    user.roles = mapped_roles(&record.roles, &record.role_map, identity.groups.as_deref());
    match identities::add_user(&exchange.env, &user, &record.id, identity).await {
        Ok(()) => {
            exchange.note_change(None, Some(&user));
            Ok(user)
        }
        Err(StoreError::Taken(_)) => {
            let message =
                "There is an account with this mail address. Sign in to it, and link the service there.";
            Err(ApiError::forbidden("account_exists", message))
        }
        Err(error) => Err(unavailable(error)),
    }
}

/// The address of a new account. A service that has verified none gives one to which no mail is delivered (RFC 2606, section 2).
fn address_of(record: &IdentityProviderRecord, identity: &Identity) -> String {
    identity.verified_email.clone().unwrap_or_else(|| {
        let name: String =
            sha256_hex(&format!("{}\n{}", identity.issuer, identity.subject)).chars().take(32).collect();
        format!("{name}@{}.invalid", record.id.trim_matches('-'))
    })
}

fn account_unknown(record: &IdentityProviderRecord) -> ApiError {
    let message = format!("No account is linked to this user of `{}`.", record.name);
    ApiError::forbidden("account_unknown", message)
}

/// Links a user of a service to the account that began the flow.
async fn link(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    identity: &Identity,
    user_id: &str,
) -> Result<(), ApiError> {
    let user: Option<UserRecord> = table::find(&exchange.env, user_id).await.map_err(unavailable)?;
    let user = user.ok_or_else(|| account_unknown(record))?;
    check_status(user.status)?;
    exchange.note_user(&user);
    match identities::link(&exchange.env, user_id, &record.id, identity, now_ms()).await {
        Ok(()) => {
            exchange.note_setting("linked", None, Some(&record.id));
            Ok(())
        }
        Err(StoreError::Taken(_)) => {
            let message = format!("This user of `{}` is linked to an account already.", record.name);
            Err(ApiError::new(409, ErrorKind::InvalidRequest, "identity_taken", message))
        }
        Err(error) => Err(unavailable(error)),
    }
}

/// `GET /auth/identities`
pub async fn identities(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_list("identities", &identities::list(&exchange.env, &exchange.signed_in()?.user.id).await?)
}

/// `DELETE /auth/identities/{id}`
pub async fn unlink(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let user = &exchange.signed_in()?.user;
    let linked = identities::list(&exchange.env, &user.id).await?;
    if !linked.iter().any(|identity| identity.provider_id == id) {
        return Err(ApiError::not_found("identity_not_found", "Your account is not linked to this service."));
    }
    check_other_way(exchange, user).await?;
    identities::unlink(&exchange.env, &user.id, id).await?;
    exchange.note_setting("linked", Some(&id), None);
    answer_deleted(id)
}

/// Checks that a user has more than one way to sign in.
///
/// # Errors
/// `last_way_to_sign_in` (409).
pub(super) async fn check_other_way(exchange: &Exchange, user: &UserRecord) -> Result<(), ApiError> {
    if identities::ways_to_sign_in(&exchange.env, &user.id).await? > 1 {
        return Ok(());
    }
    let message = "This is the only way in which you can sign in: choose a password, or add another, first.";
    Err(ApiError::new(409, ErrorKind::InvalidRequest, "last_way_to_sign_in", message))
}
