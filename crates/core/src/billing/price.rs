//! The price of a model's tokens.

use serde::{Deserialize, Serialize};

use crate::tokens::TokenUsage;

/// Prices are per million tokens.
const PER_TOKENS: u128 = 1_000_000;
const MILLI: u64 = 1000;

/// Prices in millionths of a dollar per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Of prompt tokens.
    pub input: u64,
    /// Of answer tokens.
    pub output: u64,
    /// Of prompt tokens read from the provider's cache; `None`: as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<u64>,
    /// Of prompt tokens written to the provider's cache; `None`: as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Of prompt tokens written for an hour; `None`: as `cache_write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// Of reasoning tokens; `None`: as `output`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// Factor on all prices, in thousandths.
    #[serde(default = "one")]
    pub factor_milli: u64,
}

const fn one() -> u64 {
    MILLI
}

impl Price {
    /// A price for input and output only.
    #[must_use]
    pub const fn new(input: u64, output: u64) -> Self {
        Self {
            input,
            output,
            cached_input: None,
            cache_write: None,
            cache_write_1h: None,
            reasoning: None,
            factor_milli: MILLI,
        }
    }

    /// The same, multiplied by thousandths.
    #[must_use]
    pub fn times_milli(self, factor_milli: u64) -> Self {
        let product = u128::from(self.factor_milli) * u128::from(factor_milli) / u128::from(MILLI);
        Self { factor_milli: u64::try_from(product).unwrap_or(u64::MAX), ..self }
    }

    /// Price of a million prompt tokens, in millionths of a dollar, with all factors.
    #[must_use]
    pub fn effective_input(&self) -> u64 {
        self.with_factor(self.input)
    }

    /// The same for the answer.
    #[must_use]
    pub fn effective_output(&self) -> u64 {
        self.with_factor(self.output)
    }

    fn with_factor(&self, price: u64) -> u64 {
        let product = u128::from(price) * u128::from(self.factor_milli) / u128::from(MILLI);
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// The cost of a usage in millionths of a dollar, rounded up once.
    #[must_use]
    pub fn cost(&self, usage: &TokenUsage) -> u64 {
        let cached = usage.cached.min(usage.prompt);
        let written = usage.cache_written.min(usage.prompt - cached);
        let plain = usage.prompt - cached - written;
        let for_an_hour = usage.cache_written_1h.min(written);
        let cache_write = self.cache_write.unwrap_or(self.input);
        let reasoning = usage.reasoning.min(usage.completion);
        let said = usage.completion - reasoning;
        let parts = [
            (plain, self.input),
            (cached, self.cached_input.unwrap_or(self.input)),
            (written - for_an_hour, cache_write),
            (for_an_hour, self.cache_write_1h.unwrap_or(cache_write)),
            (said, self.output),
            (reasoning, self.reasoning.unwrap_or(self.output)),
        ];
        let sum = parts.iter().fold(0_u128, |sum, (tokens, price)| {
            sum.saturating_add(u128::from(*tokens) * u128::from(*price))
        });
        let cost = sum.saturating_mul(u128::from(self.factor_milli)).div_ceil(PER_TOKENS * u128::from(MILLI));
        u64::try_from(cost).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usage(prompt: u64, completion: u64) -> TokenUsage {
        TokenUsage { prompt, completion, ..TokenUsage::default() }
    }

    #[test]
    fn every_kind_of_token_has_its_price() {
        let price = Price {
            cached_input: Some(1_250_000),
            reasoning: Some(20_000_000),
            ..Price::new(2_500_000, 10_000_000)
        };
        assert_eq!(price.cost(&usage(1_000_000, 0)), 2_500_000);
        assert_eq!(price.cost(&TokenUsage { cached: 400_000, ..usage(1_000_000, 0) }), 2_000_000);
        assert_eq!(price.cost(&TokenUsage { reasoning: 10, ..usage(0, 30) }), 400);
        assert_eq!(price.cost(&usage(1, 0)), 3, "rounded up");
        assert_eq!(price.times_milli(1_500).times_milli(2_000).cost(&usage(1_000_000, 0)), 7_500_000);
        // Contradictory counts do not make a part negative.
        assert_eq!(price.cost(&TokenUsage { cached: 9, cache_written: 9, ..usage(4, 0) }), 5);
    }

    #[test]
    fn what_is_kept_for_an_hour_costs_more() {
        let usage = TokenUsage {
            cached: 100_000,
            cache_written: 500_000,
            cache_written_1h: 200_000,
            ..usage(1_000_000, 0)
        };
        let price = Price {
            cached_input: Some(300_000),
            cache_write: Some(3_750_000),
            cache_write_1h: Some(6_000_000),
            ..Price::new(3_000_000, 15_000_000)
        };
        // 400k plain, 100k read, 300k written for five minutes, 200k for an hour.
        assert_eq!(price.cost(&usage), 1_200_000 + 30_000 + 1_125_000 + 1_200_000);
        let one_price = Price { cache_write_1h: None, ..price };
        assert_eq!(one_price.cost(&usage), 1_200_000 + 30_000 + 1_875_000);
        // If more was written for an hour than was written at all, the total counts.
        let contradictory = TokenUsage { cache_written_1h: 9_000_000, ..usage };
        assert_eq!(price.cost(&contradictory), 1_200_000 + 30_000 + 3_000_000);
    }

    proptest! {
        #[test]
        fn more_tokens_never_cost_less(prompt in 0_u64..1 << 40, completion in 0_u64..1 << 40, more in 0_u64..1000) {
            let price = Price::new(2_500_000, 10_000_000);
            prop_assert!(price.cost(&usage(prompt + more, completion + more)) >= price.cost(&usage(prompt, completion)));
        }
    }
}
