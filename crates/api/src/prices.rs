//! Prices: what is set, the table of list prices, and a table of one's own.

#[cfg(feature = "openapi")]
use nexus_edge_core::billing::price_input::PriceInput;
use nexus_edge_core::billing::upload::Difference;
use nexus_edge_core::billing::{Price, PriceSetting, Rates};
use nexus_edge_prices::Row;
use nexus_edge_prices::price::{Part, PeakHours};
use serde::{Deserialize, Serialize};

use crate::declare::operations;
use crate::money::dollars;

#[cfg(feature = "openapi")]
const SUBJECT: &str = "`provider_model:<id>`, `model:<name>` or `provider:<id>`.";

operations! {
    "Prices";

    /// List the prices.
    LIST: Get "/prices" ViewPrices, |it| it.answer::<Prices<'_>>(200, "What is set, and the table of list prices.");

    /// Replace the table of list prices.
    ///
    /// The body has the form of `crates/prices/data/prices.json`. With `dry_run` nothing changes, and the answer is what would.
    /// A table that moves more than a fifth of the prices by more than twice is refused unless `force` is given.
    PUT_TABLE: Put "/prices/table" ManagePrices, |it| it
        .choice("dry_run", &["true", "false"], "Only tell what would change.")
        .choice("force", &["true", "false"], "Take a table that changes many prices by much.")
        .free_body(&["schema", "as_of", "providers"], "A table of prices, at most 512 KiB.")
        .answer::<TableChange>(200, "What changes.")
        .errors(&[(400, "invalid_price_table"), (409, "price_table_suspicious"), (413, "request_too_large")]);

    /// Return to the built-in table.
    DELETE_TABLE: Delete "/prices/table" ManagePrices, |it| it.deleted("string").errors(&[(404, "price_not_found")]);

    /// Set a price or a factor.
    ///
    /// Dollars for a million tokens, for a model of a provider or a model wherever it is offered; a factor also for
    /// everything of a provider.
    PUT: Put "/prices/{subject...}" ManagePrices, |it| it.path("subject", SUBJECT).body::<PriceInput>()
        .answer::<PriceSettingView<'_>>(200, "What is set now.").errors(&[(404, "price_not_found")]);

    /// Remove a price.
    ///
    /// The list price, if there is one, holds again.
    DELETE: Delete "/prices/{subject...}" ManagePrices, |it| it.path("subject", SUBJECT).deleted("string")
        .errors(&[(404, "price_not_found")]);
}

/// All prices.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Prices<'a> {
    /// What was set by operators.
    pub set: Vec<PriceSettingView<'a>>,
    /// The table that was uploaded, which replaces the built-in one.
    pub uploaded: Option<UploadedTable>,
    /// The day of the built-in table.
    pub built_in_as_of: &'a str,
    /// The version of the built-in table.
    pub built_in_version: &'a str,
    /// The built-in table.
    pub built_in: Vec<ListedPrice<'a>>,
}

/// A table that was uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UploadedTable {
    /// Its version.
    pub version: String,
    /// The day of its prices.
    pub as_of: String,
    /// The number of its models.
    pub models: u64,
    /// When it was uploaded, in milliseconds since the epoch.
    pub uploaded_at: u64,
}

/// What a table changes, compared with the one that holds.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TableChange {
    /// The version of the table.
    pub version: String,
    /// The day of its prices.
    pub as_of: String,
    /// The number of its models.
    pub models: usize,
    /// Whether it holds now.
    pub applied: bool,
    /// Models in both tables.
    pub shared: usize,
    /// Models that are new.
    pub added: usize,
    /// Models that are no longer listed.
    pub removed: usize,
    /// Models that cost something else.
    pub changed: usize,
    /// Those of them whose price more than doubles or halves.
    pub far: usize,
    /// The first 200 changes: `~` changed, `-` removed, `+` added, with input and output in dollars for a million tokens.
    pub changes: Vec<String>,
}

impl TableChange {
    /// The view of a difference.
    #[must_use]
    pub fn of(table: &nexus_edge_prices::Table, difference: Difference, applied: bool) -> Self {
        let Difference { shared, added, removed, changed, far, lines } = difference;
        Self {
            version: table.version.to_string(),
            as_of: table.as_of.to_string(),
            models: table.models(),
            applied,
            shared,
            added,
            removed,
            changed,
            far,
            changes: lines,
        }
    }
}

/// A price of the table.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ListedPrice<'a> {
    /// Who sells the model.
    pub seller: &'a str,
    /// The model.
    pub model: &'a str,
    /// Its price.
    #[serde(flatten)]
    pub price: PriceView,
    /// The source: `gp` (genai-prices), `mp` (model-prices) or `md` (models.dev).
    pub source: &'a str,
    /// Whether another source says the same.
    pub confirmed: bool,
    /// Whether another source says something else.
    pub disputed: bool,
    /// Whether the seller has retired the model.
    pub retired: bool,
}

impl<'a> ListedPrice<'a> {
    /// The view of a row.
    #[must_use]
    pub fn of(row: &Row<'a>) -> Self {
        Self {
            seller: row.seller,
            model: row.model,
            price: PriceView::of(&row.price),
            source: row.source,
            confirmed: row.confirmed,
            disputed: row.disputed,
            retired: row.retired,
        }
    }
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

/// A price.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PriceView {
    /// The prices that hold where no tier changes them.
    #[serde(flatten)]
    pub rates: RatesView,
    /// Prices that differ for long prompts or ways of serving.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierView>,
    /// Hours in which everything costs more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<PeakView>,
    /// Prices that are announced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<LaterView>,
}

/// A price that holds from a time on.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LaterView {
    /// From when on, in milliseconds since the epoch.
    pub from: u64,
    /// The prices that hold where no tier changes them.
    #[serde(flatten)]
    pub rates: RatesView,
    /// Prices that differ for long prompts or ways of serving.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierView>,
}

impl PriceView {
    /// The view of a price.
    #[must_use]
    pub fn of(price: &Price) -> Self {
        Self {
            rates: RatesView::of(&price.base),
            tiers: price.parts.iter().map(TierView::of).collect(),
            peak: price.peak.as_ref().map(PeakView::of),
            later: price.later.iter().map(|(from, price)| LaterView::of(*from, price)).collect(),
        }
    }
}

impl LaterView {
    fn of(from: u64, price: &Price) -> Self {
        let tiers = price.parts.iter().map(TierView::of).collect();
        Self { from, rates: RatesView::of(&price.base), tiers }
    }
}

/// A price that differs from the list price.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TierView {
    /// The way of serving: `batch`, `flex`, `priority`, `fast` or `thinking`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<&'static str>,
    /// It holds for prompts of more tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<u64>,
    /// What differs.
    #[serde(flatten)]
    pub rates: RatesView,
}

impl TierView {
    fn of(part: &Part) -> Self {
        let names = nexus_edge_prices::Variant::NAMES;
        let name = |variant| names.iter().find(|(_, known)| *known == variant).map(|(name, _)| *name);
        Self {
            variant: part.variant.and_then(name),
            above: (part.above > 0).then_some(part.above),
            rates: RatesView::of(&part.rates),
        }
    }
}

/// Hours in which everything costs more.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PeakView {
    /// Hours of a UTC day, such as `01:00-04:00`.
    pub hours: Vec<String>,
    /// The days.
    pub weekdays: Vec<&'static str>,
    /// By how much the price is multiplied.
    pub factor: f64,
}

impl PeakView {
    fn of(peak: &PeakHours) -> Self {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let is_set = |(at, _): &(usize, &'static str)| peak.weekdays >> at & 1 == 1;
        Self {
            hours: peak.minutes.iter().map(|(from, to)| format!("{}-{}", time(*from), time(*to))).collect(),
            weekdays: days.into_iter().enumerate().filter(is_set).map(|(_, day)| day).collect(),
            factor: dollars(u64::from(peak.factor_milli) * 1000),
        }
    }
}

/// Declares [`RatesView`] with the fields of [`Rates`].
macro_rules! rates_view {
    ($( $(#[doc = $doc:literal])+ $field:ident, )*) => {
        /// Prices in dollars: of tokens for a million of them, of requests and searches for a thousand.
        #[derive(Debug, Serialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        pub struct RatesView {
            $(
                $(#[doc = $doc])+
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<f64>,
            )*
        }

        impl RatesView {
            fn of(rates: &Rates) -> Self {
                Self { $( $field: rates.$field.map(dollars), )* }
            }
        }
    };
}

rates_view! {
    /// Tokens of the prompt.
    input,
    /// Tokens of the answer.
    output,
    /// Tokens of the prompt that the provider had cached.
    cached_input,
    /// Tokens that the provider wrote to its cache.
    cache_write,
    /// The same, kept for an hour.
    cache_write_1h,
    /// Reasoning tokens, where they cost something else than the answer.
    reasoning,
    /// Audio of the prompt.
    audio_input,
    /// Audio of the answer.
    audio_output,
    /// Audio of the prompt that the provider had cached.
    cached_audio,
    /// Images of the prompt.
    image_input,
    /// Images of the answer.
    image_output,
    /// Images of the prompt that the provider had cached.
    cached_image,
    /// A thousand requests, besides their tokens.
    per_1k_requests,
    /// A thousand searches of the web.
    per_1k_web_searches,
}
