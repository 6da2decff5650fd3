//! Deliveries to webhooks in D1: a row for an event and a webhook. The webhooks themselves are a [`super::table`].

use nexus_edge_alerts::delivery::LEASE_MS;
use nexus_edge_api::webhooks::{Delivery, DeliveryBody};
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

use super::{StoreResult, nullable, row, rows, statement, text, unsigned, write};

/// Most deliveries that one run of the cron tries.
const MAX_DUE: u64 = 20;
/// Rows that one statement deletes.
const DELETED_AT_ONCE: u64 = 2_000;

/// A delivery that is to be made.
pub struct NewDelivery {
    /// ULID.
    pub id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The event.
    pub event_id: String,
    /// Its name.
    pub event: &'static str,
    /// What is sent.
    pub body: String,
}

/// The statement that adds a delivery, which is due at once.
pub(super) fn adding(
    database: &D1Database,
    new: &NewDelivery,
    now_ms: u64,
) -> StoreResult<D1PreparedStatement> {
    let sql = "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, state, attempts, next_at, body, updated_at) \
        VALUES (?1, ?2, ?3, ?4, 'pending', 0, ?5, ?6, ?5)";
    let NewDelivery { id, webhook_id, event_id, event, body } = new;
    let parameters = [text(id), text(webhook_id), text(event_id), text(event), unsigned(now_ms), text(body)];
    statement(database, sql, &parameters)
}

/// Adds a delivery that this caller makes itself.
pub async fn add_taken(env: &Env, new: &NewDelivery, now_ms: u64) -> StoreResult<()> {
    let database = super::database(env)?;
    let take = "UPDATE webhook_deliveries SET attempts = 1, next_at = ?2 WHERE id = ?1";
    let taken = [text(&new.id), unsigned(now_ms + LEASE_MS)];
    database.batch(vec![adding(&database, new, now_ms)?, statement(&database, take, &taken)?]).await?;
    Ok(())
}

/// Takes deliveries that are due: until [`LEASE_MS`] have passed they are this caller's alone, and count as tried.
pub async fn take_due(env: &Env, now_ms: u64) -> StoreResult<Vec<DeliveryBody>> {
    let sql = "UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = ?2, updated_at = ?1 WHERE id IN \
        (SELECT id FROM webhook_deliveries WHERE state = 'pending' AND next_at <= ?1 ORDER BY next_at LIMIT ?3) \
        RETURNING *";
    rows(env, sql, &[unsigned(now_ms), unsigned(now_ms + LEASE_MS), unsigned(MAX_DUE)]).await
}

/// Notes how an attempt went.
pub async fn note(env: &Env, delivery: &Delivery) -> StoreResult<()> {
    let sql = "UPDATE webhook_deliveries SET state = ?2, next_at = ?3, status = ?4, error = ?5, updated_at = ?6 WHERE id = ?1";
    let parameters = [
        text(&delivery.id),
        text(&delivery.state),
        unsigned(delivery.next_at),
        nullable(delivery.status, |status| JsValue::from_f64(status.into())),
        nullable(delivery.error.as_deref(), text),
        unsigned(delivery.updated_at),
    ];
    write(env, sql, &parameters).await?;
    Ok(())
}

/// A page of deliveries, the newest first, and the cursor of the next one.
pub async fn page(
    env: &Env,
    state: Option<&str>,
    webhook: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
) -> StoreResult<(Vec<Delivery>, Option<String>)> {
    let sql = "SELECT * FROM webhook_deliveries WHERE id < ?1 AND (?2 IS NULL OR state = ?2) AND \
        (?3 IS NULL OR webhook_id = ?3) ORDER BY id DESC LIMIT ?4";
    // `~` sorts after every ULID.
    let parameters =
        [text(cursor.unwrap_or("~")), nullable(state, text), nullable(webhook, text), unsigned(limit.into())];
    let found: Vec<Delivery> = rows(env, sql, &parameters).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().map(|last| last.id.clone()).filter(|_| is_full);
    Ok((found, next))
}

/// The delivery with this id.
pub async fn find(env: &Env, id: &str) -> StoreResult<Option<DeliveryBody>> {
    row(env, "SELECT * FROM webhook_deliveries WHERE id = ?1", &[text(id)]).await
}

/// Makes a delivery due again, as if it had not been tried. False if there is none.
pub async fn replay(env: &Env, id: &str, now_ms: u64) -> StoreResult<bool> {
    let sql = "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at = ?2, updated_at = ?2 WHERE id = ?1";
    Ok(write(env, sql, &[text(id), unsigned(now_ms)]).await?.changes > 0)
}

/// The number of deliveries that were given up.
pub async fn dead(env: &Env) -> StoreResult<u64> {
    #[derive(serde::Deserialize)]
    struct Count {
        count: u64,
    }
    let sql = "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE state = 'dead'";
    Ok(row::<Count>(env, sql, &[]).await?.map(|found| found.count).unwrap_or_default())
}

/// Deletes deliveries and alerts from before a time. An alert that has not ended stays.
pub async fn expire(env: &Env, before_ms: u64) -> StoreResult<()> {
    // Ids begin with their time.
    let before = nexus_edge_core::id::ulid(before_ms, [0; 10]);
    for (table, condition) in
        [("webhook_deliveries", "state <> 'pending'"), ("alerts", "ended_at IS NOT NULL")]
    {
        let sql = format!(
            "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id < ?1 AND {condition} ORDER BY id LIMIT ?2)"
        );
        write(env, &sql, &[text(&before), unsigned(DELETED_AT_ONCE)]).await?;
    }
    Ok(())
}
