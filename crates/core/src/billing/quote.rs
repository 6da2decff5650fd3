//! What a candidate's requests cost, and where that is known from.

use std::borrow::Cow;

use nexus_edge_prices::{Counts, Price, Variant};

use crate::stats::PriceSource;
use crate::tokens::{MAX_COST_MICROS, ServedTier, TokenUsage, UsageSource};

const MILLI: u64 = 1000;

/// The price of a provider's model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The price with all factors; `None`: unknown.
    pub price: Option<Price>,
    /// The factors alone, in thousandths: they apply to what the provider itself says, too.
    pub factor_milli: u64,
    /// Where it comes from.
    pub source: PriceSource,
    /// Version of the table that it is from.
    pub table: Option<Cow<'static, str>>,
}

impl Default for Quote {
    fn default() -> Self {
        Self { price: None, factor_milli: MILLI, source: PriceSource::Unknown, table: None }
    }
}

/// What a request is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charge {
    /// Millionths of a dollar; 0 if the price is unknown.
    pub micros: u64,
    /// Where the price comes from.
    pub source: PriceSource,
}

impl Quote {
    /// Whether requests can be priced.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.price.is_some()
    }

    /// What a usage costs that is not reported but expected, in millionths of a dollar; `None`: unknown.
    #[must_use]
    pub fn estimate(&self, usage: &TokenUsage, now_ms: u64) -> Option<u64> {
        self.price.as_ref()?.cost(&counts_of(usage), variant_of(usage.tier), now_ms)
    }

    /// What a request of this time is charged: never more than [`MAX_COST_MICROS`]. What the provider itself says goes first, multiplied by the factors.
    #[must_use]
    pub fn charge(&self, usage: &TokenUsage, counted: UsageSource, now_ms: u64) -> Charge {
        if counted == UsageSource::None {
            return Charge::default();
        }
        if let Some(reported) = usage.reported_cost_micros {
            let micros = (u128::from(reported) * u128::from(self.factor_milli)).div_ceil(u128::from(MILLI));
            let micros = u64::try_from(micros).unwrap_or(u64::MAX).min(MAX_COST_MICROS);
            return Charge { micros, source: PriceSource::Provider };
        }
        match self.estimate(usage, now_ms) {
            Some(micros) => Charge { micros: micros.min(MAX_COST_MICROS), source: self.source },
            None => Charge { micros: 0, source: PriceSource::Unknown },
        }
    }

    /// The version of the table that a charge was made with.
    #[must_use]
    pub fn table_of(&self, charge: &Charge) -> Option<String> {
        (charge.source == self.source).then(|| self.table.as_deref().map(str::to_owned)).flatten()
    }
}

fn counts_of(usage: &TokenUsage) -> Counts {
    Counts {
        prompt: usage.prompt,
        completion: usage.completion,
        cached: usage.cached,
        cache_written: usage.cache_written,
        cache_written_1h: usage.cache_written_1h,
        reasoning: usage.reasoning,
        audio_prompt: usage.audio_prompt,
        audio_completion: usage.audio_completion,
        audio_cached: usage.audio_cached,
        image_prompt: usage.image_prompt,
        image_completion: usage.image_completion,
        web_searches: usage.web_searches,
    }
}

const fn variant_of(tier: ServedTier) -> Option<Variant> {
    match tier {
        ServedTier::Standard => None,
        ServedTier::Flex => Some(Variant::Flex),
        ServedTier::Priority => Some(Variant::Priority),
        ServedTier::Batch => Some(Variant::Batch),
        ServedTier::Fast => Some(Variant::Fast),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt: u64, completion: u64) -> TokenUsage {
        TokenUsage { prompt, completion, ..TokenUsage::default() }
    }

    fn listed() -> Quote {
        Quote {
            price: Some(Price::new(2_000_000, 4_000_000).times_milli(1_500)),
            factor_milli: 1_500,
            source: PriceSource::List,
            table: Some("v".into()),
        }
    }

    #[test]
    fn a_known_price_is_charged_by_the_usage() {
        let charge = listed().charge(&usage(10, 10), UsageSource::Reported, 0);
        assert_eq!(charge, Charge { micros: 90, source: PriceSource::List });
        assert_eq!(listed().table_of(&charge).as_deref(), Some("v"));
        assert_eq!(listed().charge(&usage(10, 10), UsageSource::None, 0), Charge::default());
    }

    #[test]
    fn what_the_provider_says_goes_first_and_is_multiplied() {
        let said = TokenUsage { reported_cost_micros: Some(101), ..usage(10, 10) };
        let charge = listed().charge(&said, UsageSource::Reported, 0);
        assert_eq!(charge, Charge { micros: 152, source: PriceSource::Provider });
        assert_eq!(listed().table_of(&charge), None);
        let unknown = Quote::default().charge(&said, UsageSource::Reported, 0);
        assert_eq!(unknown, Charge { micros: 101, source: PriceSource::Provider });
    }

    #[test]
    fn no_charge_is_above_what_a_request_can_cost() {
        let dear = Quote { price: Some(Price::new(u64::MAX, u64::MAX)), ..listed() };
        assert_eq!(dear.charge(&usage(9, 9), UsageSource::Reported, 0).micros, MAX_COST_MICROS);
        let said = TokenUsage { reported_cost_micros: Some(u64::MAX), ..usage(10, 10) };
        assert_eq!(listed().charge(&said, UsageSource::Reported, 0).micros, MAX_COST_MICROS);
    }

    #[test]
    fn an_unknown_price_is_said() {
        let charge = Quote::default().charge(&usage(10, 10), UsageSource::Reported, 0);
        assert_eq!(charge.source, PriceSource::Unknown);
        assert!(!Quote::default().is_known());
    }

    #[test]
    fn the_tier_that_served_has_its_price() {
        let mut quote = listed();
        let rates =
            nexus_edge_prices::Rates { input: Some(1_000_000), ..nexus_edge_prices::Rates::default() };
        let part = nexus_edge_prices::price::Part { variant: Some(Variant::Flex), above: 0, rates };
        quote.price.as_mut().unwrap().parts.push(part);
        let flex = TokenUsage { tier: ServedTier::Flex, ..usage(100, 0) };
        assert_eq!((quote.estimate(&flex, 0), quote.estimate(&usage(100, 0), 0)), (Some(150), Some(300)));
    }
}
