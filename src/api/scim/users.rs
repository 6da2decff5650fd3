//! Users for directories.
//!
//! A directory sees all accounts and may end each of them. The address and the existence of an account that may do more than an
//! operator, by roles that were given here, are out of its reach: a directory does not become an administrator by renaming one.

use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::row::table::Table as _;
use nexus_edge_scim::schema::USERS;
use nexus_edge_scim::user::{Account, Stored, kept, resource};
use nexus_edge_scim::{Object, patch, problem, resource as read, version};

use super::{Asked, MAX_SCANNED, answer, base, body};
use crate::api::update::next_version;
use crate::api::users::{self, not_found};
use crate::exchange::Exchange;
use crate::platform::http::{Headers, Response};
use crate::platform::{new_ulid, now_ms};
use crate::store::scim::{Said, ScimUser};
use crate::store::{given, scim, sign_in, snapshot, users as stored};

/// How often a change is begun anew because the account has been changed by another request.
const MAX_TRIES: usize = 4;

/// `GET /scim/v2/Users`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let asked = Asked::read(exchange, &USERS)?;
    let (env, client) = (&exchange.env, &exchange.directory()?.id);
    let Some(filter) = &asked.filter else {
        let total = scim::count(env, "users").await?;
        let found = scim::users(env, client, asked.page.count, asked.page.offset()).await?;
        return Ok(asked.answer(total, found.iter().map(|user| shown(exchange, user)).collect()));
    };
    let found = if let Some(name) = filter.equal_to("userName") {
        scim::users_by_name(env, client, name).await?
    } else if let Some(id) = filter.equal_to("externalId") {
        scim::users_by_external_id(env, client, id).await?
    } else if let Some(id) = filter.equal_to("id") {
        scim::user(env, client, id).await?.into_iter().collect()
    } else {
        scim::users(env, client, MAX_SCANNED + 1, 0).await?
    };
    if found.len() > MAX_SCANNED {
        return Err(problem::too_many(MAX_SCANNED));
    }
    let all = found.iter().map(|user| shown(exchange, user));
    let fitting: Vec<Object> = all.filter(|user| filter.matches(user, &USERS)).collect();
    Ok(asked.answer(fitting.len(), asked.page.of(fitting)))
}

/// `GET /scim/v2/Users/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    answer(exchange, &USERS, 200, shown(exchange, &find(exchange, id).await?))
}

/// `POST /scim/v2/Users`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let resource = read::read(&USERS, &body(exchange).await?)?;
    let client = exchange.directory()?;
    let account = Account::of(&resource)?;
    let now = now_ms();
    let mut user = UserRecord::new(new_ulid(now), account.email.clone(), now);
    user.name.clone_from(&account.name);
    user.roles.clone_from(&client.roles);
    user.status = if account.is_active { UserStatus::Active } else { UserStatus::Disabled };
    // The directory vouches for the addresses of its users.
    user.email_verified_at = Some(now);
    let kept = kept(&resource)?;
    scim::add_user(&exchange.env, &user, &said(client, &account, &kept)).await?;
    exchange.note_change(None, Some(&user));
    answer(exchange, &USERS, 201, shown(exchange, &find(exchange, &user.id).await?))
}

/// `PUT /scim/v2/Users/{id}`
pub async fn replace(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let given = body(exchange).await?;
    change(exchange, id, |before| {
        let mut resource = read::read(&USERS, &given)?;
        if let Some(active) = before.get("active").filter(|_| !resource.contains_key("active")) {
            resource.insert("active".to_owned(), active.clone());
        }
        Ok(resource)
    })
    .await
}

/// `PATCH /scim/v2/Users/{id}`
pub async fn patch(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let given = body(exchange).await?;
    change(exchange, id, |before| {
        let mut resource = before.clone();
        patch::apply(&mut resource, &USERS, &given)?;
        if let Some(active) = before.get("active").filter(|_| !resource.contains_key("active")) {
            resource.insert("active".to_owned(), active.clone());
        }
        Ok(resource)
    })
    .await
}

/// `DELETE /scim/v2/Users/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let found = find(exchange, id).await?;
    check_version(exchange, &mut shown(exchange, &found))?;
    check_reach(exchange, &found.user).await?;
    users::remove(exchange, &found.user, false).await?;
    Ok(Response::empty(204, Headers::new()))
}

/// Changes a user as `next` makes of the resource before; what it says of the account is written with what is kept.
async fn change(
    exchange: &Exchange,
    id: &str,
    next: impl Fn(&Object) -> Result<Object, ApiError>,
) -> Result<Response, ApiError> {
    let client = exchange.directory()?;
    for _ in 0..MAX_TRIES {
        let found = find(exchange, id).await?;
        let mut before = shown(exchange, &found);
        check_version(exchange, &mut before)?;
        let resource = next(&before)?;
        let account = Account::of(&resource)?;
        let mut user = found.user.clone();
        if user.email != account.email {
            check_reach(exchange, &user).await?;
            user.email.clone_from(&account.email);
            user.email_verified_at = Some(now_ms());
        }
        user.name.clone_from(&account.name);
        user.status = match (account.is_active, user.status) {
            (true, _) => UserStatus::Active,
            (false, UserStatus::Pending) => UserStatus::Pending,
            (false, _) => UserStatus::Disabled,
        };
        let read_at = user.version();
        user.set_version(next_version(read_at));
        let kept = kept(&resource)?;
        if scim::update_user(&exchange.env, &user, read_at, &said(client, &account, &kept)).await? {
            exchange.note_change(Some(&found.user), Some(&user));
            end_if_inactive(exchange, &user).await?;
            return answer(exchange, &USERS, 200, shown(exchange, &find(exchange, id).await?));
        }
    }
    let message = "The user is being changed by others. Try again.";
    Err(ApiError::unavailable("record_busy", message).with_retry_after(1))
}

/// Ends the sessions of a user who may not sign in, and disables their keys.
async fn end_if_inactive(exchange: &Exchange, user: &UserRecord) -> Result<(), ApiError> {
    let now = now_ms();
    if user.status != UserStatus::Active {
        sign_in::end_all(&exchange.env, &user.id, None, now).await?;
    }
    sign_in::forget();
    if stored::disable_keys(&exchange.env, user, now).await? > 0 {
        snapshot::reload(exchange).await?;
    }
    if user.status != UserStatus::Active {
        users::end_agents_later(exchange);
    }
    Ok(())
}

/// Checks that an account is in the reach of the directory.
async fn check_reach(exchange: &Exchange, user: &UserRecord) -> Result<(), ApiError> {
    let permissions = permissions_given_here(exchange, exchange.directory()?, user).await?;
    if !ScimClientRecord::is_out_of_reach(permissions) {
        return Ok(());
    }
    let message = "The account may do more than an operator. Its address is changed, and it is deleted, in the gateway itself.";
    Err(ApiError::forbidden("account_protected", message))
}

/// What a user may do without the roles that the directory's groups give.
pub(in crate::api) async fn permissions_given_here(
    exchange: &Exchange,
    client: &ScimClientRecord,
    user: &UserRecord,
) -> Result<Permissions, ApiError> {
    let mut user = user.clone();
    user.roles = client.roles_given_here(&user);
    let given = given::of_record(&exchange.env, &user).await?;
    Ok(given.permissions(&user, exchange.started_ms))
}

fn check_version(exchange: &Exchange, resource: &mut Object) -> Result<(), ApiError> {
    version::check_match(exchange.header("if-match").as_deref(), &version::stamp(resource))
}

fn said<'a>(client: &'a ScimClientRecord, account: &'a Account, kept: &'a str) -> Said<'a> {
    Said {
        client: &client.id,
        user_name: &account.user_name,
        external_id: account.external_id.as_deref(),
        kept,
    }
}

fn shown(exchange: &Exchange, of: &ScimUser) -> Object {
    let stored = Stored {
        id: &of.user.id,
        email: &of.user.email,
        name: &of.user.name,
        is_active: of.user.status == UserStatus::Active,
        external_id: of.external_id.as_deref(),
        kept: of.kept.as_deref(),
        groups: &of.groups,
        roles: &of.user.roles,
        created_at: of.user.created_at,
        updated_at: of.user.updated_at,
    };
    resource(&stored, &base(exchange))
}

async fn find(exchange: &Exchange, id: &str) -> Result<ScimUser, ApiError> {
    scim::user(&exchange.env, &exchange.directory()?.id, id).await?.ok_or_else(not_found)
}
