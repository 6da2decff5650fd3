//! The admin API for prices: the built-in table, and what is set over it.

use nexus_edge_api::prices::{BuiltInPrice, PriceSettingView, PriceView, Prices};
use nexus_edge_core::billing::{PriceSetting, book, table};
use nexus_edge_core::error::ApiError;

use super::answer_deleted;
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
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
    let table = table::built_in();
    let built_in = table
        .prices
        .iter()
        .map(|(model, price)| BuiltInPrice { model, price: PriceView::of(price) })
        .collect();
    exchange::json(200, &Prices { set, built_in_as_of: &table.as_of, built_in })
}

/// `PUT /prices/{subject}`: dollars for a million tokens, or a factor, for `provider_model:<id>`, `model:<name>` or
/// `provider:<id>`.
pub async fn put(exchange: &Exchange, subject: &str) -> Result<Response, ApiError> {
    if !book::is_subject(subject) {
        return Err(not_found());
    }
    let setting = PriceSetting::parse(&exchange.body().await?.bytes)?;
    policies::put_price(&exchange.env, subject, &setting).await?;
    snapshot::reload(exchange).await?;
    exchange::json(200, &PriceSettingView::of(subject, &setting))
}

/// `DELETE /prices/{subject}`
pub async fn delete(exchange: &Exchange, subject: &str) -> Result<Response, ApiError> {
    if !policies::delete_price(&exchange.env, subject).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    answer_deleted(subject)
}

fn not_found() -> ApiError {
    ApiError::not_found(
        "price_not_found",
        "A price is of `provider_model:<id>`, `model:<name>` or `provider:<id>`.",
    )
}
