//! Prices: the built-in table, and what is set over it.

#[cfg(feature = "openapi")]
use nexus_edge_core::billing::book::PriceInput;
use nexus_edge_core::billing::{Price, PriceSetting};
use serde::Serialize;

use crate::money::dollars;
use crate::operation::operations;

#[cfg(feature = "openapi")]
const SUBJECT: &str = "`provider_model:<id>`, `model:<name>` or `provider:<id>`.";

operations! {
    "Prices";

    /// List the prices.
    LIST: Get "/prices" Admin, |it| it.answer::<Prices<'_>>(200, "What is set, and the built-in table.");

    /// Set a price or a factor.
    ///
    /// Dollars for a million tokens, for a model of a provider or a model wherever it is offered; a factor also for
    /// everything of a provider.
    PUT: Put "/prices/{subject...}" Admin, |it| it.path("subject", SUBJECT).body::<PriceInput>()
        .answer::<PriceSettingView<'_>>(200, "What is set now.").errors(&[(404, "price_not_found")]);

    /// Remove a price.
    ///
    /// The built-in price, if there is one, holds again.
    DELETE: Delete "/prices/{subject...}" Admin, |it| it.path("subject", SUBJECT).deleted("string")
        .errors(&[(404, "price_not_found")]);
}

/// All prices.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Prices<'a> {
    /// What was set by operators.
    pub set: Vec<PriceSettingView<'a>>,
    /// The day of the built-in table.
    pub built_in_as_of: &'a str,
    /// The built-in table.
    pub built_in: Vec<BuiltInPrice<'a>>,
}

/// A price of the built-in table.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BuiltInPrice<'a> {
    /// The model.
    pub model: &'a str,
    /// Its price.
    #[serde(flatten)]
    pub price: PriceView,
}

/// What is set for a subject.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PriceSettingView<'a> {
    /// What it is for.
    pub subject: &'a str,
    /// The price, if one is set.
    #[serde(flatten)]
    pub price: Option<PriceView>,
    /// By how much prices are multiplied, if that is set.
    pub factor: Option<f64>,
}

impl<'a> PriceSettingView<'a> {
    /// The view of a setting.
    #[must_use]
    pub fn of(subject: &'a str, setting: &PriceSetting) -> Self {
        Self {
            subject,
            price: setting.price.as_ref().map(PriceView::of),
            factor: setting.factor_milli.map(|factor| dollars(factor * 1000)),
        }
    }
}

/// Dollars for a million tokens.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PriceView {
    /// Tokens of the prompt.
    pub input: f64,
    /// Tokens of the answer.
    pub output: f64,
    /// Tokens of the prompt that the provider had cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// Tokens that the provider wrote to its cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// The same, kept for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<f64>,
    /// Reasoning tokens, where they cost something else than the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<f64>,
}

impl PriceView {
    /// The view of a price.
    #[must_use]
    pub fn of(price: &Price) -> Self {
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
