//! Notifications of the user who is signed in, and those that administrators send.

use nexus_edge_api::notifications::{Notifications, SentNotifications, Unread};
use nexus_edge_core::catalog::notification::{NotificationInput, Recipients};
use nexus_edge_core::error::ApiError;

use super::{answer_deleted, input, query};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::notifications::{self, Reader};

/// Rows of a page, unless the request says otherwise, and at most.
const PAGE: (u32, u32) = (50, 200);

/// `GET /notifications`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", PAGE.0, PAGE.1)?;
    let only_unread = query::boolean(exchange, "unread")?.unwrap_or(false);
    let groups = groups(exchange)?;
    let reader = reader(exchange, &groups)?;
    let cursor = query::text(exchange, "cursor");
    let (notifications, next_cursor) =
        notifications::page(&exchange.env, &reader, only_unread, cursor.as_deref(), limit).await?;
    let unread = notifications::unread(&exchange.env, &reader).await?;
    exchange::json(200, &Notifications { notifications, next_cursor, unread })
}

/// `POST /notifications/{id}/read`
pub async fn read(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let groups = groups(exchange)?;
    let reader = reader(exchange, &groups)?;
    if !notifications::read(&exchange.env, &reader, id).await? {
        return Err(not_found());
    }
    exchange::json(200, &Unread { unread: notifications::unread(&exchange.env, &reader).await? })
}

/// `POST /notifications/read-all`
pub async fn read_all(exchange: &Exchange) -> Result<Response, ApiError> {
    let groups = groups(exchange)?;
    let reader = reader(exchange, &groups)?;
    notifications::read_all(&exchange.env, &reader).await?;
    exchange::json(200, &Unread { unread: notifications::unread(&exchange.env, &reader).await? })
}

/// `POST /notifications`
pub async fn send(exchange: &Exchange) -> Result<Response, ApiError> {
    let now = now_ms();
    let record = input::new::<NotificationInput>(exchange).await?.record(new_ulid(now), now)?;
    notifications::add(&exchange.env, std::slice::from_ref(&record), now).await?;
    exchange.note_setting("notification", None, Some(&record));
    exchange::json(201, &record)
}

/// `GET /notifications/sent`
pub async fn sent(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", PAGE.0, PAGE.1)?;
    let cursor = query::text(exchange, "cursor");
    let (notifications, next_cursor) = notifications::sent(&exchange.env, cursor.as_deref(), limit).await?;
    exchange::json(200, &SentNotifications { notifications, next_cursor })
}

/// `DELETE /notifications/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !notifications::delete(&exchange.env, id).await? {
        return Err(not_found());
    }
    answer_deleted(id)
}

/// The groups that the user belongs to.
fn groups(exchange: &Exchange) -> Result<Vec<String>, ApiError> {
    let user = &exchange.signed_in()?.user;
    Ok(Recipients::of_user(&user.id, &user.roles, exchange.person()?.permissions))
}

fn reader<'a>(exchange: &'a Exchange, groups: &'a [String]) -> Result<Reader<'a>, ApiError> {
    let user = &exchange.signed_in()?.user;
    Ok(Reader { user_id: &user.id, groups, since_ms: user.created_at, now_ms: now_ms() })
}

fn not_found() -> ApiError {
    ApiError::not_found("notification_not_found", "There is no notification with this id.")
}
