//! The admin API for prices: what is set, the table of list prices, and a table of the operator's own.

use nexus_edge_api::prices::{ListedPrice, PriceSettingView, Prices, TableChange, UploadedTable};
use nexus_edge_core::billing::price_input::read_setting;
use nexus_edge_core::billing::{PriceSetting, book, upload};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_prices::BUILT_IN;

use super::{answer_deleted, query};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{policies, snapshot};

/// `GET /prices`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records = policies::prices(&exchange.env).await?;
    let set = records
        .iter()
        .filter_map(|record| {
            let setting: PriceSetting = serde_json::from_str(&record.setting).ok()?;
            Some(PriceSettingView::of(&record.subject, &setting))
        })
        .collect();
    let prices = Prices {
        set,
        uploaded: policies::price_table(&exchange.env).await?,
        built_in_as_of: &BUILT_IN.as_of,
        built_in_version: &BUILT_IN.version,
        built_in: BUILT_IN.rows().map(|row| ListedPrice::of(&row)).collect(),
    };
    exchange::json(200, &prices)
}

/// `PUT /prices/table?dry_run=&force=`
pub async fn put_table(exchange: &Exchange) -> Result<Response, ApiError> {
    let is_dry = query::boolean(exchange, "dry_run")?.unwrap_or(false);
    let is_forced = query::boolean(exchange, "force")?.unwrap_or(false);
    let body = exchange.body_up_to(upload::MAX_BYTES).await?;
    let table = upload::read(&body.bytes)?;
    let held = policies::price_table_json(&exchange.env).await?;
    let held = held.and_then(|json| nexus_edge_prices::parse(json.as_bytes()).ok());
    let difference = upload::difference(held.as_ref().unwrap_or(&BUILT_IN), &table);
    if difference.is_suspicious() && !is_dry && !is_forced {
        let message = format!(
            "{} of {} prices change by more than twice. Look at them with `dry_run=true`; `force=true` takes the table.",
            difference.far, difference.shared
        );
        return Err(ApiError::new(409, ErrorKind::InvalidRequest, "price_table_suspicious", message));
    }
    if !is_dry {
        let uploaded = UploadedTable {
            version: table.version.to_string(),
            as_of: table.as_of.to_string(),
            models: u64::try_from(table.models()).unwrap_or(u64::MAX),
            uploaded_at: now_ms(),
        };
        let json = String::from_utf8_lossy(&body.bytes);
        policies::put_price_table(&exchange.env, &uploaded, &json).await?;
        snapshot::reload(exchange).await?;
    }
    exchange::json(200, &TableChange::of(&table, difference, !is_dry))
}

/// `DELETE /prices/table`
pub async fn delete_table(exchange: &Exchange) -> Result<Response, ApiError> {
    if !policies::delete_price_table(&exchange.env).await? {
        return Err(ApiError::not_found("price_not_found", "No table of prices was uploaded."));
    }
    snapshot::reload(exchange).await?;
    answer_deleted("table")
}

/// `PUT /prices/{subject}`: dollars for a million tokens, or a factor, for `provider_model:<id>`, `model:<name>` or
/// `provider:<id>`.
pub async fn put(exchange: &Exchange, subject: &str) -> Result<Response, ApiError> {
    let (subject, spelling) = (&*book::subject(subject).ok_or_else(not_found)?, subject);
    let setting = read_setting(&exchange.body().await?.bytes)?;
    let before = find_setting(exchange, subject, spelling).await?;
    policies::put_price(&exchange.env, subject, &setting).await?;
    exchange.note_setting("price", before.as_ref(), Some(&setting));
    if spelling != subject {
        policies::delete_price(&exchange.env, spelling, spelling).await?;
    }
    snapshot::reload(exchange).await?;
    exchange::json(200, &PriceSettingView::of(subject, &setting))
}

/// `DELETE /prices/{subject}`
pub async fn delete(exchange: &Exchange, subject: &str) -> Result<Response, ApiError> {
    let (subject, spelling) = (&*book::subject(subject).ok_or_else(not_found)?, subject);
    let before = find_setting(exchange, subject, spelling).await?;
    if !policies::delete_price(&exchange.env, subject, spelling).await? {
        return Err(not_found());
    }
    exchange.note_setting("price", before.as_ref(), None);
    snapshot::reload(exchange).await?;
    answer_deleted(subject)
}

async fn find_setting(
    exchange: &Exchange,
    subject: &str,
    spelling: &str,
) -> Result<Option<PriceSetting>, ApiError> {
    let found = policies::find_price(&exchange.env, subject, spelling).await?;
    Ok(found.and_then(|record| serde_json::from_str(&record.setting).ok()))
}

fn not_found() -> ApiError {
    ApiError::not_found(
        "price_not_found",
        "A price is of `provider_model:<id>`, `model:<name>` or `provider:<id>`.",
    )
}
