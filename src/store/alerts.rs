//! Alerts in D1. Rules are a [`super::table`].

use nexus_edge_alerts::alert::Alert;
use nexus_edge_alerts::round::Round;
use nexus_edge_core::catalog::{AlertRuleRecord, NotificationRecord};
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

use super::webhooks::{NewDelivery, adding};
use super::{StoreResult, notifications, nullable, read, row, rows, statement, text, unsigned, write};

/// The alerts that have not ended, in a stable order.
const CURRENT: &str = "SELECT * FROM alerts WHERE ended_at IS NULL ORDER BY id";
/// Fails, so that the transaction that contains it changes nothing, unless the alerts that have not ended are those that
/// the round began with. Parameter: [`flags_of`] them.
const UNCHANGED: &str = "SELECT json(CASE WHEN (SELECT COALESCE(group_concat(id || '/' || (fired_at IS NOT NULL) || \
    (told_at IS NOT NULL), ' '), '') FROM (SELECT * FROM alerts WHERE ended_at IS NULL ORDER BY id)) = ?1 \
    THEN '1' ELSE 'the alerts have changed' END)";

/// The rules that are enabled, and the alerts that have not ended.
pub async fn load(env: &Env) -> StoreResult<(Vec<AlertRuleRecord>, Vec<Alert>)> {
    let database = super::database(env)?;
    let enabled = "SELECT * FROM alert_rules WHERE enabled = 1 ORDER BY id";
    let found = database.batch(vec![database.prepare(enabled), database.prepare(CURRENT)]).await?;
    let [rules, alerts] = found.as_slice() else { return Ok((Vec::new(), Vec::new())) };
    Ok((read(rules, "alert_rules")?, read(alerts, "alerts")?))
}

/// Writes what a round changes, with the deliveries and notifications that tell of it, in one transaction. `began_with` are the alerts that it
/// was made from.
pub async fn apply(
    env: &Env,
    began_with: &[Alert],
    round: &Round,
    deliveries: &[NewDelivery],
    told: &[NotificationRecord],
    now_ms: u64,
) -> StoreResult<()> {
    let database = super::database(env)?;
    let mut statements = vec![statement(&database, UNCHANGED, &[text(&flags_of(began_with))])?];
    for id in &round.dropped {
        statements.push(statement(&database, "DELETE FROM alerts WHERE id = ?1", &[text(id)])?);
    }
    for alert in &round.changed {
        let sql = "UPDATE alerts SET rule = ?2, value = ?3, fired_at = ?4, told_at = ?5, ended_at = ?6 WHERE id = ?1";
        let parameters = [
            text(&alert.id),
            text(&serde_json::to_string(&alert.rule)?),
            unsigned(alert.value),
            nullable(alert.fired_at, unsigned),
            nullable(alert.told_at, unsigned),
            nullable(alert.ended_at, unsigned),
        ];
        statements.push(statement(&database, sql, &parameters)?);
    }
    for alert in &round.added {
        statements.push(adding_alert(&database, alert)?);
    }
    for new in deliveries {
        statements.push(adding(&database, new, now_ms)?);
    }
    for notification in told {
        statements.push(notifications::adding(&database, notification)?);
    }
    database.batch(statements).await?;
    Ok(())
}

fn adding_alert(database: &D1Database, alert: &Alert) -> StoreResult<D1PreparedStatement> {
    let sql = "INSERT INTO alerts (id, rule_id, instance, rule, value, began_at, fired_at, told_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let parameters = [
        text(&alert.id),
        text(&alert.rule_id),
        text(&alert.instance),
        text(&serde_json::to_string(&alert.rule)?),
        unsigned(alert.value),
        unsigned(alert.began_at),
        nullable(alert.fired_at, unsigned),
        nullable(alert.told_at, unsigned),
    ];
    statement(database, sql, &parameters)
}

/// What [`UNCHANGED`] compares.
fn flags_of(alerts: &[Alert]) -> String {
    let flags = alerts.iter().map(|alert| {
        let flag = |is_set: bool| u8::from(is_set);
        format!("{}/{}{}", alert.id, flag(alert.fired_at.is_some()), flag(alert.told_at.is_some()))
    });
    flags.collect::<Vec<_>>().join(" ")
}

/// A page of alerts, the newest first, and the cursor of the next one. Without a state those that have not ended.
pub async fn page(
    env: &Env,
    state: Option<&str>,
    rule: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
) -> StoreResult<(Vec<Alert>, Option<String>)> {
    let condition = match state {
        None => "ended_at IS NULL",
        Some("pending") => "ended_at IS NULL AND fired_at IS NULL",
        Some("firing") => "ended_at IS NULL AND fired_at IS NOT NULL",
        Some("resolved") => "ended_at IS NOT NULL",
        Some(_) => "TRUE",
    };
    let sql = format!(
        "SELECT * FROM alerts WHERE id < ?1 AND {condition} AND (?2 IS NULL OR rule_id = ?2) ORDER BY id DESC LIMIT ?3"
    );
    // `~` sorts after every ULID.
    let parameters = [text(cursor.unwrap_or("~")), nullable(rule, text), unsigned(limit.into())];
    let found: Vec<Alert> = rows(env, &sql, &parameters).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().map(|last| last.id.clone()).filter(|_| is_full);
    Ok((found, next))
}

/// The alert with this id.
pub async fn find(env: &Env, id: &str) -> StoreResult<Option<Alert>> {
    row(env, "SELECT * FROM alerts WHERE id = ?1", &[text(id)]).await
}

/// Notes that an administrator took note of an alert. The first time counts.
pub async fn acknowledge(env: &Env, id: &str, now_ms: u64) -> StoreResult<()> {
    let sql = "UPDATE alerts SET acknowledged_at = ?2 WHERE id = ?1 AND acknowledged_at IS NULL";
    let parameters: [JsValue; 2] = [text(id), unsigned(now_ms)];
    write(env, sql, &parameters).await?;
    Ok(())
}
