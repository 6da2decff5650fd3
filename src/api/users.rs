//! The admin API for users.

use nexus_edge_api::users::{AccountView, UserInput, UserView};
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_identity::mail::Message;

use super::profile::remove_later;
use super::sign_in::{check_password, hash};
use super::update::update as change_record;
use super::{answer_deleted, answer_list, input, query, roles};
use crate::exchange::{self, Exchange};
use crate::pipeline::mail;
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid, now_ms};
use crate::store::{bridge, given, sign_in, snapshot, table, users};

/// Users of a page, unless the request says otherwise, and at most.
const PAGE: (u32, u32) = (50, 200);

/// `GET /users`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", PAGE.0, PAGE.1)?;
    let found = match query::text(exchange, "email") {
        Some(email) => {
            let email = nexus_edge_identity::email::normalise(&email).unwrap_or_default();
            users::by_email(&exchange.env, &email).await?.map(|found| found.user).into_iter().collect()
        }
        None => users::page(&exchange.env, query::text(exchange, "after").as_deref(), limit).await?,
    };
    answer_list("users", &found.iter().map(UserView::of).collect::<Vec<_>>())
}

/// `GET /users/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let user = find(exchange, id).await?;
    let given = given::of_record(&exchange.env, &user).await?;
    exchange::json(200, &AccountView::of(&user, &given, exchange.started_ms))
}

/// `POST /users`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<UserInput>(exchange).await?;
    let now = now_ms();
    let mut user = UserRecord::new(new_ulid(now), String::new(), now);
    input.apply(&mut user);
    roles::check_known(exchange, &user.roles).await?;
    check_reach(exchange, &user).await?;
    let hash = new_hash(exchange, &input, &user).await?;
    users::add(&exchange.env, &user, hash.as_deref(), false).await?;
    exchange.note_change(None, Some(&user));
    exchange::json(201, &UserView::of(&user))
}

/// `PUT /users/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<UserInput>(exchange).await?;
    let hash = match input.password.as_set() {
        Some(_) => {
            let mut user = find(exchange, id).await?;
            check_reach(exchange, &user).await?;
            input.apply(&mut user);
            new_hash(exchange, &input, &user).await?
        }
        None => None,
    };
    let change = async |record: &mut UserRecord| {
        check_reach(exchange, record).await?;
        input.apply(record);
        if input.roles.as_set().is_some() {
            roles::check_known(exchange, &record.roles).await?;
        }
        check_reach(exchange, record).await
    };
    let user = change_record(exchange, async || find(exchange, id).await, change).await?;
    let now = now_ms();
    if let Some(hash) = &hash {
        users::set_password(&exchange.env, &user.id, hash, now).await?;
    }
    if hash.is_some() || user.status != UserStatus::Active {
        sign_in::end_all(&exchange.env, &user.id, None, now).await?;
    }
    sign_in::forget();
    if users::disable_keys(&exchange.env, &user, now).await? > 0 {
        snapshot::reload(exchange).await?;
    }
    if user.status != UserStatus::Active {
        end_agents_later(exchange);
    }
    exchange::json(200, &UserView::of(&user))
}

/// `DELETE /users/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let keys = query::one_of(exchange, "keys", &["disable", "delete"])?;
    let user = find(exchange, id).await?;
    check_reach(exchange, &user).await?;
    remove(exchange, &user, keys.as_deref() == Some("delete")).await?;
    answer_deleted(id)
}

/// `POST /users/{id}/approve`
pub async fn approve(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let change = async |record: &mut UserRecord| {
        check_pending(record)?;
        check_reach(exchange, record).await?;
        record.status = UserStatus::Active;
        record.must_verify = false;
        Ok(())
    };
    let user = change_record(exchange, async || find(exchange, id).await, change).await?;
    mail::send_later(exchange, &user.email, Message::Approved);
    exchange::json(200, &UserView::of(&user))
}

/// `POST /users/{id}/reject`
pub async fn reject(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let user = find(exchange, id).await?;
    check_pending(&user)?;
    check_reach(exchange, &user).await?;
    remove(exchange, &user, false).await?;
    mail::send_later(exchange, &user.email, Message::Rejected);
    answer_deleted(id)
}

fn check_pending(user: &UserRecord) -> Result<(), ApiError> {
    if user.status == UserStatus::Pending {
        return Ok(());
    }
    let message = "The account does not wait for approval.";
    Err(ApiError::new(409, ErrorKind::InvalidRequest, "user_not_pending", message))
}

/// Deletes a user with their sessions, and disables or deletes their keys.
pub(in crate::api) async fn remove(
    exchange: &Exchange,
    user: &UserRecord,
    deletes_keys: bool,
) -> Result<(), ApiError> {
    if !users::delete(&exchange.env, &user.id, deletes_keys, now_ms()).await? {
        return Err(not_found());
    }
    sign_in::forget();
    if let Some(picture) = &user.avatar {
        remove_later(exchange, picture.clone());
    }
    exchange.note_change(Some(user), None);
    snapshot::reload(exchange).await?;
    end_agents_later(exchange);
    Ok(())
}

/// Ends the connections of agents whose owners are not active. The cron does it again a minute later.
pub(in crate::api) fn end_agents_later(exchange: &Exchange) {
    let env = exchange.env.clone();
    exchange.tasks.wait_until(async move {
        if let Err(error) = bridge::end_inactive(&env, now_ms()).await {
            log_error("agents of inactive owners", &error);
        }
    });
}

/// Checks that the person has every permission of a user: to give someone a role, or to take over their account, would be a way
/// to them.
pub(super) async fn check_reach(exchange: &Exchange, user: &UserRecord) -> Result<(), ApiError> {
    let given = given::of_record(&exchange.env, user).await?;
    exchange.person()?.check_has(given.permissions(user, exchange.started_ms))
}

/// The hash of the password that the input sets, if it does.
async fn new_hash(
    exchange: &Exchange,
    input: &UserInput,
    user: &UserRecord,
) -> Result<Option<String>, ApiError> {
    let Some(password) = input.password.as_set() else { return Ok(None) };
    check_password(password.expose(), "password", &user.email, &user.name)?;
    hash(exchange, &user.email, password.clone()).await.map(Some)
}

/// The user with this id.
///
/// # Errors
/// `user_not_found` (404).
pub(super) async fn find(exchange: &Exchange, id: &str) -> Result<UserRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

pub(in crate::api) fn not_found() -> ApiError {
    ApiError::not_found("user_not_found", "There is no user with this id.")
}
