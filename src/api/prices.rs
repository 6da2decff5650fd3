//! The admin API for prices: the built-in table, and what is set over it.

use nexus_edge_core::billing::{Price, PriceSetting, book, table};
use nexus_edge_core::error::ApiError;
use serde::Serialize;

use super::answer_deleted;
use super::limits::dollars;
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
            Some(SettingView::of(&record.subject, &setting))
        })
        .collect();
    let table = table::built_in();
    let built_in = table
        .prices
        .iter()
        .map(|(model, price)| BuiltInView { model, price: PriceView::of(price) })
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
    exchange::json(200, &SettingView::of(subject, &setting))
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

#[derive(Serialize)]
struct Prices<'a> {
    set: Vec<SettingView<'a>>,
    built_in_as_of: &'a str,
    built_in: Vec<BuiltInView<'a>>,
}

#[derive(Serialize)]
struct BuiltInView<'a> {
    model: &'a str,
    #[serde(flatten)]
    price: PriceView,
}

#[derive(Serialize)]
struct SettingView<'a> {
    subject: &'a str,
    #[serde(flatten)]
    price: Option<PriceView>,
    factor: Option<f64>,
}

impl<'a> SettingView<'a> {
    fn of(subject: &'a str, setting: &PriceSetting) -> Self {
        Self {
            subject,
            price: setting.price.as_ref().map(PriceView::of),
            factor: setting.factor_milli.map(|factor| dollars(factor * 1000)),
        }
    }
}

/// Dollars for a million tokens.
#[derive(Serialize)]
struct PriceView {
    input: f64,
    output: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_input: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_1h: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<f64>,
}

impl PriceView {
    fn of(price: &Price) -> Self {
        Self {
            input: dollars(price.input),
            output: dollars(price.output),
            cached_input: price.cached_input.map(dollars),
            cache_write: price.cache_write.map(dollars),
            cache_write_1h: price.cache_write_1h.map(dollars),
            reasoning: price.reasoning.map(dollars),
        }
    }
}
