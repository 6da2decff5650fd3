//! Prices as configured: the built-in table, overrides by administrators, and factors.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Price, table};
use crate::error::ApiError;
use crate::input;
use crate::input::{Input, Rule, dollars};
use crate::json::error::missing;

/// The override for a provider's model (`provider_model:<id>`), for a model of any provider (`model:<name>`) or for a
/// provider (`provider:<id>`).
///
/// ```json
/// {"input": 2.5, "output": 10, "factor": 1.2}
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSetting {
    /// The price, in place of less specific ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// A factor on the price, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_milli: Option<u64>,
}

/// A stored override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRecord {
    /// Its subject.
    pub subject: String,
    /// A [`PriceSetting`] as JSON.
    pub setting: String,
}

input! {
    /// A price or a factor. Prices are dollars for a million tokens.
    pub struct PriceInput {
        /// Tokens of the prompt; together with `output`.
        pub input: u64 = dollars(),
        /// Tokens of the answer; together with `input`.
        pub output: u64 = dollars(),
        /// Tokens of the prompt that the provider had cached; `null`: as `input`.
        pub cached_input: u64 = dollars(),
        /// Tokens that the provider writes to its cache; `null`: as `input`.
        pub cache_write: u64 = dollars(),
        /// The same, kept for an hour; `null`: as `cache_write`.
        pub cache_write_1h: u64 = dollars(),
        /// Reasoning tokens; `null`: as `output`.
        pub reasoning: u64 = dollars(),
        /// By how much the price is multiplied, with at most 3 decimals.
        pub factor: u64 = dollars().check(check_factor),
    }
}

fn check_factor(micros: u64) -> Result<u64, ApiError> {
    if !micros.is_multiple_of(1000) {
        return Err(ApiError::invalid("invalid_value", "factor", "`factor` must have at most 3 decimals."));
    }
    Ok(micros)
}

impl PriceSetting {
    /// Reads the body of `PUT /prices/{subject}`.
    ///
    /// # Errors
    /// Those of [`Input::parse`], and `missing_required_parameter` where neither a whole price nor a factor is given.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let given = PriceInput::parse(body)?;
        let factor_milli = given.factor.into_set().map(|micros| micros / 1000);
        let price = match (given.input.into_set(), given.output.into_set()) {
            (Some(input), Some(output)) => Some(Price {
                cached_input: given.cached_input.into_set(),
                cache_write: given.cache_write.into_set(),
                cache_write_1h: given.cache_write_1h.into_set(),
                reasoning: given.reasoning.into_set(),
                ..Price::new(input, output)
            }),
            (None, None) if factor_milli.is_some() => None,
            (None, _) => return Err(missing("input")),
            (_, None) => return Err(missing("output")),
        };
        Ok(Self { price, factor_milli })
    }
}

/// Whether the text is a subject that can have a price or a factor.
#[must_use]
pub fn is_subject(text: &str) -> bool {
    match text.split_once(':') {
        Some(("provider" | "provider_model", id)) => id.parse::<u32>().is_ok_and(|id| id > 0),
        Some(("model", name)) => (1..=200).contains(&name.chars().count()),
        _ => false,
    }
}

/// All overrides.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    settings: HashMap<String, PriceSetting>,
}

impl PriceBook {
    /// Builds the book; records that do not parse are left out.
    #[must_use]
    pub fn new(records: Vec<PriceRecord>) -> Self {
        let settings = records.into_iter().filter_map(|record| {
            serde_json::from_str(&record.setting).ok().map(|setting| (record.subject, setting))
        });
        Self { settings: settings.collect() }
    }

    /// The price of a provider's model: the most specific override, else the built-in price, multiplied by all
    /// factors that apply. `None` if the price is unknown.
    #[must_use]
    pub fn price_of(
        &self,
        provider_id: i64,
        provider_model_id: i64,
        model: &str,
        upstream_model: &str,
    ) -> Option<Price> {
        let setting = |subject: String| self.settings.get(&subject).copied().unwrap_or_default();
        let chain = [
            setting(format!("provider_model:{provider_model_id}")),
            setting(format!("model:{model}")),
            setting(format!("provider:{provider_id}")),
        ];
        let set = chain.iter().find_map(|setting| setting.price);
        let price = set.or_else(|| table::look_up(upstream_model))?;
        let factors = chain.iter().filter_map(|setting| setting.factor_milli);
        Some(factors.fold(price, Price::times_milli))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_price_holds_and_all_factors_do() {
        let record = |subject: &str, body: &str| PriceRecord {
            subject: subject.into(),
            setting: serde_json::to_string(&PriceSetting::parse(body.as_bytes()).unwrap()).unwrap(),
        };
        let book = PriceBook::new(vec![
            record("provider_model:7", r#"{"input":1,"output":2}"#),
            record("model:gpt-4o", r#"{"factor":1.5}"#),
            record("provider:3", r#"{"factor":2}"#),
        ]);
        let own = book.price_of(3, 7, "gpt-4o", "gpt-4o").unwrap();
        assert_eq!((own.input, own.output, own.factor_milli), (1_000_000, 2_000_000, 3_000));
        let listed = book.price_of(4, 8, "alias", "gpt-4o").unwrap();
        assert_eq!((listed.input, listed.factor_milli), (2_500_000, 1_000));
        assert_eq!(book.price_of(4, 8, "unknown", "unknown"), None);
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r"{}", "input"),
            (r#"{"input":1}"#, "output"),
            (r#"{"input":-1,"output":1}"#, "input"),
            (r#"{"factor":1.0001}"#, "factor"),
            (r#"{"prompt":1}"#, "prompt"),
        ] {
            assert_eq!(
                PriceSetting::parse(body.as_bytes()).unwrap_err().param.as_deref(),
                Some(param),
                "{body}"
            );
        }
        for good in ["provider:1", "provider_model:12", "model:a/b:c"] {
            assert!(is_subject(good), "{good}");
        }
        for bad in ["provider:x", "model:", "key:1", "provider_model:-1"] {
            assert!(!is_subject(bad), "{bad}");
        }
    }
}
