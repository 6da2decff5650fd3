//! Prices as configured: the built-in table, overrides by administrators, and factors.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Price, table};
use crate::catalog::fields::{Fields, Patch};
use crate::error::ApiError;
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

impl PriceSetting {
    /// Parses the body of `PUT /prices/{subject}`.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let names =
            ["input", "output", "cached_input", "cache_write", "cache_write_1h", "reasoning", "factor"];
        let fields = Fields::parse(body, &names)?;
        let dollars = |name: &str| Ok::<_, ApiError>(fields.dollars(name)?.into_set());
        let price = match (dollars("input")?, dollars("output")?) {
            (Some(input), Some(output)) => Some(Price {
                cached_input: dollars("cached_input")?,
                cache_write: dollars("cache_write")?,
                cache_write_1h: dollars("cache_write_1h")?,
                reasoning: dollars("reasoning")?,
                ..Price::new(input, output)
            }),
            (None, None) => None,
            (None, _) => return Err(missing("input")),
            (_, None) => return Err(missing("output")),
        };
        let factor_milli = match fields.dollars("factor")? {
            Patch::Set(factor) if factor % 1000 == 0 => Some(factor / 1000),
            Patch::Set(_) => {
                let message = "`factor` must have at most 3 decimals.";
                return Err(ApiError::invalid("invalid_value", "factor", message));
            }
            Patch::Keep | Patch::Clear => None,
        };
        if price.is_none() && factor_milli.is_none() {
            return Err(missing("input"));
        }
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
