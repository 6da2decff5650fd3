//! Limits of subjects other than keys, and prices, in D1. Requests read them from the snapshot.

use nexus_edge_core::billing::PriceSetting;
use nexus_edge_core::billing::book::PriceRecord;
use nexus_edge_core::limits::policy::{LimitPolicy, LimitRecord};
use worker::Env;

use super::{StoreResult, row, rows, text, write};

/// All limits, by subject.
pub async fn limits(env: &Env) -> StoreResult<Vec<LimitRecord>> {
    rows(env, "SELECT * FROM subject_limits ORDER BY subject", &[]).await
}

/// The limits of a subject.
pub async fn find_limits(env: &Env, subject: &str) -> StoreResult<Option<LimitRecord>> {
    row(env, "SELECT * FROM subject_limits WHERE subject = ?1", &[text(subject)]).await
}

/// Sets the limits of a subject.
pub async fn put_limits(env: &Env, subject: &str, policy: &LimitPolicy) -> StoreResult<()> {
    let sql = "INSERT INTO subject_limits (subject, policy) VALUES (?1, ?2) \
        ON CONFLICT (subject) DO UPDATE SET policy = excluded.policy";
    write(env, sql, &[text(subject), text(&serde_json::to_string(policy)?)]).await?;
    Ok(())
}

/// Removes the limits of a subject; false if it has none.
pub async fn delete_limits(env: &Env, subject: &str) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM subject_limits WHERE subject = ?1", &[text(subject)]).await?.changes > 0)
}

/// All prices that override the built-in table, by subject.
pub async fn prices(env: &Env) -> StoreResult<Vec<PriceRecord>> {
    rows(env, "SELECT * FROM prices ORDER BY subject", &[]).await
}

/// Sets a price.
pub async fn put_price(env: &Env, subject: &str, setting: &PriceSetting) -> StoreResult<()> {
    let sql = "INSERT INTO prices (subject, setting) VALUES (?1, ?2) \
        ON CONFLICT (subject) DO UPDATE SET setting = excluded.setting";
    write(env, sql, &[text(subject), text(&serde_json::to_string(setting)?)]).await?;
    Ok(())
}

/// Removes a price; false if there is none.
pub async fn delete_price(env: &Env, subject: &str) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM prices WHERE subject = ?1", &[text(subject)]).await?.changes > 0)
}
