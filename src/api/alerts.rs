//! The admin API for alerts and their rules.

use nexus_edge_alerts::alert::Alert;
use nexus_edge_alerts::plan::Selection;
use nexus_edge_api::alerts::Alerts;
use nexus_edge_core::catalog::AlertRuleRecord;
use nexus_edge_core::catalog::alert_rule::AlertRuleInput;
use nexus_edge_core::error::ApiError;

use super::update::change;
use super::{answer_deleted, answer_list, input, query};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{alerts, table};

/// Most rules: all that are enabled are read once a minute.
const MAX_RULES: usize = 500;
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

/// `GET /alerts`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let state = query::one_of(exchange, "state", &["pending", "firing", "resolved", "all"])?;
    let (rule, cursor) = (query::text(exchange, "rule"), query::text(exchange, "cursor"));
    let (found, next_cursor) =
        alerts::page(&exchange.env, state.as_deref(), rule.as_deref(), cursor.as_deref(), limit).await?;
    exchange::json(200, &Alerts { alerts: found.iter().map(Alert::view).collect(), next_cursor })
}

/// `GET /alerts/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view())
}

/// `POST /alerts/{id}/acknowledge`
pub async fn acknowledge(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    alerts::acknowledge(&exchange.env, id, now_ms()).await?;
    get(exchange, id).await
}

/// `GET /alerts/rules`
pub async fn rules(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<AlertRuleRecord> = table::list(&exchange.env).await?;
    answer_list("rules", &records.iter().map(AlertRuleRecord::view).collect::<Vec<_>>())
}

/// `GET /alerts/rules/{id}`
pub async fn rule(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find_rule(exchange, id).await?.view())
}

/// `POST /alerts/rules`
pub async fn create_rule(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<AlertRuleInput>(exchange).await?;
    let now = now_ms();
    let mut record = AlertRuleRecord::new(new_ulid(now), now);
    apply(&input, &mut record)?;
    if table::list::<AlertRuleRecord>(&exchange.env).await?.len() >= MAX_RULES {
        let message = format!("There are at most {MAX_RULES} alert rules.");
        return Err(ApiError::conflict("too_many_alert_rules", "name", message));
    }
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    exchange::json(201, &record.view())
}

/// `PUT /alerts/rules/{id}`
pub async fn update_rule(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<AlertRuleInput>(exchange).await?;
    let find = async || find_rule(exchange, id).await;
    let record = change(
        exchange,
        find,
        async |record: &mut AlertRuleRecord| apply(&input, record),
        async |record, read_at| table::update(&exchange.env, record, read_at).await,
    )
    .await?;
    exchange::json(200, &record.view())
}

/// `DELETE /alerts/rules/{id}`
pub async fn delete_rule(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find_rule(exchange, id).await?;
    if !table::delete::<AlertRuleRecord>(&exchange.env, id).await? {
        return Err(no_rule());
    }
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

fn apply(input: &AlertRuleInput, record: &mut AlertRuleRecord) -> Result<(), ApiError> {
    input.apply(record)?;
    Selection::of(record).map(drop)
}

async fn find(exchange: &Exchange, id: &str) -> Result<Alert, ApiError> {
    alerts::find(&exchange.env, id).await?.ok_or_else(|| {
        let message = "There is no alert with this id. Its retention may have ended.";
        ApiError::not_found("alert_not_found", message)
    })
}

async fn find_rule(exchange: &Exchange, id: &str) -> Result<AlertRuleRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(no_rule)
}

fn no_rule() -> ApiError {
    ApiError::not_found("alert_rule_not_found", "There is no alert rule with this id.")
}
