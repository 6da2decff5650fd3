//! Notifications in D1: a row for a group of recipients, and what each user has read of them.

use nexus_edge_alerts::event::{NOTIFICATION, body_of};
use nexus_edge_api::notifications::UserNotification;
use nexus_edge_core::catalog::{NotificationRecord, WebhookRecord};
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

use super::webhooks::{self, NewDelivery};
use super::{StoreResult, database, nullable, row, rows, statement, table, text, unsigned, write};
use crate::platform::new_ulid;

/// Unread notifications that are counted in each group.
const COUNTED: u32 = 100;
/// Rows that one statement deletes.
const DELETED_AT_ONCE: u64 = 2_000;

/// Whose notifications are asked for.
pub struct Reader<'a> {
    /// The user.
    pub user_id: &'a str,
    /// The names of the groups that the user belongs to.
    pub groups: &'a [String],
    /// When the account was made: what all were told before is not for its user.
    pub since_ms: u64,
    /// Now.
    pub now_ms: u64,
}

/// Adds notifications, and a delivery for each webhook that wants to know of them.
pub async fn add(env: &Env, new: &[NotificationRecord], now_ms: u64) -> StoreResult<()> {
    if new.is_empty() {
        return Ok(());
    }
    let database = database(env)?;
    let mut statements = Vec::new();
    for record in new {
        statements.push(adding(&database, record)?);
    }
    for webhook in table::list::<WebhookRecord>(env).await? {
        for record in new {
            let event_id = format!("evt_{}", new_ulid(now_ms));
            if let Some(body) = body_of(&webhook, &event_id, record, now_ms) {
                let (id, webhook_id) = (new_ulid(now_ms), webhook.id.clone());
                let delivery = NewDelivery { id, webhook_id, event_id, event: NOTIFICATION, body };
                statements.push(webhooks::adding(&database, &delivery, now_ms)?);
            }
        }
    }
    database.batch(statements).await?;
    Ok(())
}

/// The statement that adds a notification.
pub(super) fn adding(database: &D1Database, record: &NotificationRecord) -> StoreResult<D1PreparedStatement> {
    let sql = "INSERT INTO notifications (id, recipients, level, topic, title, body, link, created_at, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let parameters = [
        text(&record.id),
        text(&record.recipients),
        text(record.level.as_str()),
        text(&record.topic),
        text(&record.title),
        text(&record.body),
        nullable(record.link.as_deref(), text),
        unsigned(record.created_at),
        unsigned(record.expires_at),
    ];
    statement(database, sql, &parameters)
}

/// What is read of a notification by a user, as an SQL condition. `?1` is the user.
const IS_READ: &str = "(n.id <= COALESCE((SELECT read_up_to FROM notification_marks WHERE user_id = ?1), '') OR EXISTS \
    (SELECT 1 FROM notification_reads AS r WHERE r.user_id = ?1 AND r.notification_id = n.id))";

/// The latest notifications of each group, so that no statement reads more rows than a page of each. `?4` is the cursor, `?5` the
/// number of rows, `?6` the groups. D1 allows few terms in a compound `SELECT`, so that the groups are a table.
const OF_GROUPS: &str = "FROM json_each(?6) AS g JOIN notifications AS n ON n.id IN (SELECT n.id FROM notifications AS n \
    WHERE n.recipients = g.value AND n.id < ?4 AND n.expires_at > ?2 AND n.created_at >= ?3 AND";

fn parameters(reader: &Reader<'_>, cursor: Option<&str>, limit: u32) -> StoreResult<[JsValue; 6]> {
    Ok([
        text(reader.user_id),
        unsigned(reader.now_ms),
        unsigned(reader.since_ms),
        // `~` sorts after every ULID.
        text(cursor.unwrap_or("~")),
        unsigned(limit.into()),
        text(&serde_json::to_string(reader.groups)?),
    ])
}

/// A page of a user's notifications, the newest first, and the cursor of the next one.
pub async fn page(
    env: &Env,
    reader: &Reader<'_>,
    only_unread: bool,
    cursor: Option<&str>,
    limit: u32,
) -> StoreResult<(Vec<UserNotification>, Option<String>)> {
    let condition = if only_unread { format!("NOT {IS_READ}") } else { "true".to_owned() };
    let sql = format!(
        "SELECT n.*, {IS_READ} AS read {OF_GROUPS} {condition} ORDER BY n.id DESC LIMIT ?5) \
        ORDER BY n.id DESC LIMIT ?5"
    );
    let found: Vec<UserNotification> = rows(env, &sql, &parameters(reader, cursor, limit)?).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().map(|last| last.notification.id.clone()).filter(|_| is_full);
    Ok((found, next))
}

/// How many notifications the user has not read, of each group at most the latest [`COUNTED`].
pub async fn unread(env: &Env, reader: &Reader<'_>) -> StoreResult<u32> {
    #[derive(Deserialize)]
    struct Count {
        count: u32,
    }
    let sql = format!("SELECT COUNT(*) AS count {OF_GROUPS} NOT {IS_READ} ORDER BY n.id DESC LIMIT ?5)");
    let found: Option<Count> = row(env, &sql, &parameters(reader, None, COUNTED)?).await?;
    Ok(found.map(|found| found.count).unwrap_or_default())
}

/// Marks a notification as read; false if it is not one of the user's.
pub async fn read(env: &Env, reader: &Reader<'_>, id: &str) -> StoreResult<bool> {
    #[derive(Deserialize)]
    struct Found {
        recipients: String,
    }
    let found: Option<Found> =
        row(env, "SELECT recipients FROM notifications WHERE id = ?1", &[text(id)]).await?;
    if !found.is_some_and(|found| reader.groups.contains(&found.recipients)) {
        return Ok(false);
    }
    let sql = "INSERT OR IGNORE INTO notification_reads (user_id, notification_id) VALUES (?1, ?2)";
    write(env, sql, &[text(reader.user_id), text(id)]).await?;
    Ok(true)
}

/// Marks all notifications up to now as read. What was read singly is part of it.
pub async fn read_all(env: &Env, reader: &Reader<'_>) -> StoreResult<()> {
    let database = database(env)?;
    // After every id of this millisecond.
    let up_to = nexus_edge_core::id::ulid(reader.now_ms, [0xff; 10]);
    let mark = "INSERT INTO notification_marks (user_id, read_up_to) VALUES (?1, ?2) \
        ON CONFLICT (user_id) DO UPDATE SET read_up_to = MAX(read_up_to, excluded.read_up_to)";
    let forget = "DELETE FROM notification_reads WHERE user_id = ?1 AND notification_id <= ?2";
    let parameters = [text(reader.user_id), text(&up_to)];
    let statements =
        vec![statement(&database, mark, &parameters)?, statement(&database, forget, &parameters)?];
    database.batch(statements).await?;
    Ok(())
}

/// A page of all notifications, the newest first, and the cursor of the next one.
pub async fn sent(
    env: &Env,
    cursor: Option<&str>,
    limit: u32,
) -> StoreResult<(Vec<NotificationRecord>, Option<String>)> {
    let sql = "SELECT * FROM notifications WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let found: Vec<NotificationRecord> =
        rows(env, sql, &[text(cursor.unwrap_or("~")), unsigned(limit.into())]).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().map(|last| last.id.clone()).filter(|_| is_full);
    Ok((found, next))
}

/// Deletes a notification; false if there is none with this id.
pub async fn delete(env: &Env, id: &str) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM notifications WHERE id = ?1", &[text(id)]).await?.changes > 0)
}

/// Deletes notifications whose time is over, and what was read of those that are gone.
pub async fn expire(env: &Env, now_ms: u64) -> StoreResult<()> {
    let gone = "DELETE FROM notifications WHERE id IN \
        (SELECT id FROM notifications WHERE expires_at <= ?1 LIMIT ?2)";
    if write(env, gone, &[unsigned(now_ms), unsigned(DELETED_AT_ONCE)]).await?.changes == 0 {
        return Ok(());
    }
    let read = "DELETE FROM notification_reads WHERE notification_id NOT IN (SELECT id FROM notifications)";
    write(env, read, &[]).await.map(drop)
}
