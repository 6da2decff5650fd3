//! The price of a model, and what a usage costs at it.

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::rates::Rates;
use crate::table::Peak;

/// Tokens, and the unit of prices in which sums are made.
const PER_TOKENS: u128 = 1_000_000;
const MILLI: u64 = 1000;
const DAY_MS: u64 = 86_400_000;

/// A way of serving with its own prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As part of a batch.
    Batch,
    /// Whenever there is capacity.
    Flex,
    /// Ahead of others.
    Priority,
    /// With faster output.
    Fast,
    /// With reasoning, where a model has a price for it that is not one of the reasoning tokens alone.
    Thinking,
}

impl Variant {
    /// Every variant with its name.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("batch", Self::Batch),
        ("flex", Self::Flex),
        ("priority", Self::Priority),
        ("fast", Self::Fast),
        ("thinking", Self::Thinking),
    ];

    /// By its number in the encoding.
    const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Batch),
            2 => Some(Self::Flex),
            3 => Some(Self::Priority),
            4 => Some(Self::Fast),
            5 => Some(Self::Thinking),
            _ => None,
        }
    }
}

/// What a price is asked for. The parts of the prompt are parts of it, as are those of the answer; contradictory counts are
/// cut so that no part is larger than its whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// Part of the prompt that was read from the provider's cache.
    pub cached: u64,
    /// Part of the prompt that was written to it.
    pub cache_written: u64,
    /// Part of what was written that is kept for an hour.
    pub cache_written_1h: u64,
    /// Part of the answer that was reasoning.
    pub reasoning: u64,
    /// Part of the prompt that is audio.
    pub audio_prompt: u64,
    /// Part of the answer that is audio.
    pub audio_completion: u64,
    /// Part of the prompt that is audio and was cached.
    pub audio_cached: u64,
    /// Part of the prompt that is images.
    pub image_prompt: u64,
    /// Part of the answer that is images.
    pub image_completion: u64,
    /// Searches of the web.
    pub web_searches: u64,
}

/// Prices that differ from the list price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The way of serving; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// It holds for prompts of more tokens.
    #[serde(default)]
    pub above: u64,
    /// What differs.
    pub rates: Rates,
}

/// Hours in which a price is multiplied, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeakHours {
    /// Begin and end in minutes of a UTC day, the end excluded.
    pub minutes: Vec<(u16, u16)>,
    /// The days: bit 0 is Monday.
    pub weekdays: u8,
    /// By how much, in thousandths.
    pub factor_milli: u32,
    /// Days on which they do not apply, in days since the epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<u32>,
    /// From when on, in milliseconds since the epoch.
    #[serde(default)]
    pub from_ms: u64,
}

impl PeakHours {
    fn is_at(&self, now_ms: u64) -> bool {
        let hours = Peak {
            minutes: self.minutes.as_slice().to_vec().into(),
            weekdays: self.weekdays,
            factor_milli: self.factor_milli,
            holidays: self.holidays.as_slice().to_vec().into(),
            from_ms: self.from_ms,
        };
        hours.is_at(now_ms)
    }
}

/// The price of a model. Amounts are millionths of a dollar for a million tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The prices that hold where no part changes them.
    #[serde(flatten)]
    pub base: Rates,
    /// Prices by length of the prompt and way of serving.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Hours in which everything costs more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<PeakHours>,
    /// Prices that hold from a time on (in milliseconds since the epoch), by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<(u64, Self)>,
    /// Factor on all of it, in thousandths.
    #[serde(default = "one")]
    pub factor_milli: u64,
}

const fn one() -> u64 {
    MILLI
}

impl Price {
    /// A price for input and output only.
    #[must_use]
    pub fn new(input: u64, output: u64) -> Self {
        Self::of_rates(Rates { input: Some(input), output: Some(output), ..Rates::default() })
    }

    /// A price without parts.
    #[must_use]
    pub const fn of_rates(base: Rates) -> Self {
        Self { base, parts: Vec::new(), peak: None, later: Vec::new(), factor_milli: MILLI }
    }

    pub(crate) fn of_plan(plan: &Plan, peak: Option<&Peak>) -> Self {
        let part = |part: &crate::plan::Part| Part {
            variant: Variant::of(part.variant),
            above: part.above.into(),
            rates: Rates::of(&part.values),
        };
        let later = |(day, later): &(u32, Plan)| (u64::from(*day) * DAY_MS, Self::of_plan(later, peak));
        let hours = |peak: &Peak| PeakHours {
            minutes: peak.minutes.to_vec(),
            weekdays: peak.weekdays,
            factor_milli: peak.factor_milli,
            holidays: peak.holidays.to_vec(),
            from_ms: peak.from_ms,
        };
        Self {
            base: Rates::of(&plan.base),
            parts: plan.parts.iter().map(part).collect(),
            peak: peak.filter(|_| plan.peak).map(hours),
            later: plan.later.iter().map(later).collect(),
            factor_milli: MILLI,
        }
    }

    /// The same, multiplied by thousandths.
    #[must_use]
    pub fn times_milli(mut self, factor_milli: u64) -> Self {
        for (_, later) in &mut self.later {
            *later = later.clone().times_milli(factor_milli);
        }
        let product = u128::from(self.factor_milli) * u128::from(factor_milli) / u128::from(MILLI);
        Self { factor_milli: u64::try_from(product).unwrap_or(u64::MAX), ..self }
    }

    /// What it is at a time, in milliseconds since the epoch.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> &Self {
        let begun = |(from, _): &&(u64, Self)| *from <= now_ms;
        self.later.iter().rfind(begun).map_or(self, |(_, later)| later)
    }

    /// The price of a million tokens of a short prompt, in millionths of a dollar, with all factors.
    #[must_use]
    pub fn effective_input(&self) -> u64 {
        self.with_factor(self.base.input.unwrap_or(0))
    }

    /// The same for the answer.
    #[must_use]
    pub fn effective_output(&self) -> u64 {
        self.with_factor(self.base.output.unwrap_or(0))
    }

    fn with_factor(&self, price: u64) -> u64 {
        let product = u128::from(price) * u128::from(self.factor_milli) / u128::from(MILLI);
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// The prices for a prompt of this length, served in this way. Each price is looked for in the longest length of the
    /// variant, then in the variant, then in the longest length of the list price, then in the list price.
    #[must_use]
    pub fn rates(&self, variant: Option<Variant>, prompt: u64) -> Rates {
        let of_variant = |wanted: Option<Variant>| {
            let holds = |part: &&Part| part.variant == wanted && (part.above == 0 || prompt > part.above);
            self.parts.iter().filter(holds).fold(Rates::default(), |rates, part| part.rates.or(&rates))
        };
        let listed = of_variant(None).or(&self.base);
        if variant.is_none() { listed } else { of_variant(variant).or(&listed) }
    }

    /// The variant that applies: with reasoning, where nothing else is said, that of reasoning.
    fn variant_of(&self, counts: &Counts, variant: Option<Variant>) -> Option<Variant> {
        let thinking = (counts.reasoning > 0).then_some(Variant::Thinking);
        variant.or(thinking).filter(|variant| self.parts.iter().any(|part| part.variant == Some(*variant)))
    }

    /// What a usage costs in millionths of a dollar, rounded up once; `None` if something in it has no price.
    #[must_use]
    pub fn cost(&self, counts: &Counts, variant: Option<Variant>, now_ms: u64) -> Option<u64> {
        let price = self.at(now_ms);
        let rates = price.rates(price.variant_of(counts, variant), counts.prompt);
        let lines = lines(counts, &rates);
        let mut sum = 0_u128;
        for (number, rate) in lines {
            if number > 0 {
                sum = sum.saturating_add(u128::from(number).saturating_mul(u128::from(rate?)));
            }
        }
        let peak = price
            .peak
            .as_ref()
            .filter(|peak| peak.is_at(now_ms))
            .map_or(MILLI, |peak| peak.factor_milli.into());
        let factors = u128::from(price.factor_milli).saturating_mul(u128::from(peak));
        let cost = sum.saturating_mul(factors).div_ceil(PER_TOKENS * u128::from(MILLI) * u128::from(MILLI));
        Some(u64::try_from(cost).unwrap_or(u64::MAX))
    }
}

/// The usage as numbers with their prices for a million.
fn lines(counts: &Counts, rates: &Rates) -> [(u64, Option<u64>); 13] {
    let cached = counts.cached.min(counts.prompt);
    let written = counts.cache_written.min(counts.prompt - cached);
    let for_an_hour = counts.cache_written_1h.min(written);
    let fresh = counts.prompt - cached - written;
    let cached_audio = counts.audio_cached.min(counts.audio_prompt).min(cached);
    let audio = (counts.audio_prompt - cached_audio).min(fresh);
    let images = counts.image_prompt.min(fresh - audio);
    let said_audio = counts.audio_completion.min(counts.completion);
    let drawn = counts.image_completion.min(counts.completion - said_audio);
    let reasoning = counts.reasoning.min(counts.completion - said_audio - drawn);
    let cache_write = rates.cache_write.or(rates.input);
    // A model that only draws or speaks has no price for the text of an answer.
    let output = rates.output.or(rates.image_output).or(rates.audio_output).or(rates.input);
    let per_thousand = |price: Option<u64>| Some(price.unwrap_or(0).saturating_mul(MILLI));
    let cached_audio_rate = rates.cached_audio.or(rates.cached_input).or(rates.audio_input).or(rates.input);
    [
        (fresh - audio - images, rates.input),
        (audio, rates.audio_input.or(rates.input)),
        (images, rates.image_input.or(rates.input)),
        (cached - cached_audio, rates.cached_input.or(rates.input)),
        (cached_audio, cached_audio_rate),
        (written - for_an_hour, cache_write),
        (for_an_hour, rates.cache_write_1h.or(cache_write)),
        (counts.completion - said_audio - drawn - reasoning, output),
        (reasoning, rates.reasoning.or(output)),
        (said_audio, rates.audio_output.or(output)),
        (drawn, rates.image_output.or(output)),
        // Fees are for a thousand; what has none is included.
        (1, per_thousand(rates.per_1k_requests)),
        (counts.web_searches, per_thousand(rates.per_1k_web_searches)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usage(prompt: u64, completion: u64) -> Counts {
        Counts { prompt, completion, ..Counts::default() }
    }

    fn cost(price: &Price, counts: &Counts) -> u64 {
        price.cost(counts, None, 0).unwrap()
    }

    #[test]
    fn every_kind_of_token_has_its_price() {
        let mut price = Price::new(2_500_000, 10_000_000);
        price.base.cached_input = Some(1_250_000);
        price.base.reasoning = Some(20_000_000);
        price.base.audio_input = Some(5_000_000);
        price.base.audio_output = Some(40_000_000);
        price.base.image_output = Some(30_000_000);
        assert_eq!(cost(&price, &usage(1_000_000, 0)), 2_500_000);
        assert_eq!(cost(&price, &Counts { cached: 400_000, ..usage(1_000_000, 0) }), 2_000_000);
        assert_eq!(cost(&price, &Counts { reasoning: 10, ..usage(0, 30) }), 400);
        assert_eq!(cost(&price, &Counts { audio_prompt: 10, ..usage(30, 0) }), 100);
        assert_eq!(
            cost(&price, &Counts { audio_completion: 10, image_completion: 5, ..usage(0, 30) }),
            400 + 150 + 150
        );
        // Cached audio without a price of its own is cached input.
        assert_eq!(
            cost(&price, &Counts { audio_prompt: 100, cached: 100, audio_cached: 100, ..usage(100, 0) }),
            125
        );
        assert_eq!(cost(&price, &usage(1, 0)), 3, "rounded up");
        assert_eq!(
            cost(&price.clone().times_milli(1_500).times_milli(2_000), &usage(1_000_000, 0)),
            7_500_000
        );
        // Contradictory counts do not make a part negative.
        assert_eq!(
            cost(
                &Price::new(1_000_000, 1),
                &Counts { cached: 9, cache_written: 9, audio_prompt: 9, ..usage(4, 0) }
            ),
            4
        );
    }

    #[test]
    fn what_is_kept_for_an_hour_costs_more() {
        let counts = Counts {
            cached: 100_000,
            cache_written: 500_000,
            cache_written_1h: 200_000,
            ..usage(1_000_000, 0)
        };
        let mut price = Price::new(3_000_000, 15_000_000);
        price.base.cached_input = Some(300_000);
        price.base.cache_write = Some(3_750_000);
        assert_eq!(cost(&price, &counts), 1_200_000 + 30_000 + 1_875_000);
        price.base.cache_write_1h = Some(6_000_000);
        // 400k plain, 100k read, 300k written for five minutes, 200k for an hour.
        assert_eq!(cost(&price, &counts), 1_200_000 + 30_000 + 1_125_000 + 1_200_000);
        // If more was written for an hour than was written at all, the total counts.
        assert_eq!(
            cost(&price, &Counts { cache_written_1h: 9_000_000, ..counts }),
            1_200_000 + 30_000 + 3_000_000
        );
    }

    #[test]
    fn what_has_no_price_of_its_own_is_not_free() {
        let input_only = Price::of_rates(Rates { input: Some(1_000_000), ..Rates::default() });
        assert_eq!(input_only.cost(&usage(2, 3), None, 0), Some(5));
        let draws = Rates { input: Some(1_000_000), image_output: Some(40_000_000), ..Rates::default() };
        assert_eq!(Price::of_rates(draws).cost(&usage(2, 3), None, 0), Some(122));
        let without = Price::of_rates(Rates::default());
        assert_eq!(
            (without.cost(&usage(0, 0), None, 0), without.cost(&usage(1, 0), None, 0)),
            (Some(0), None)
        );
    }

    #[test]
    fn fees_are_for_a_thousand_and_a_request_is_one() {
        let mut price = Price::new(0, 0);
        price.base.per_1k_requests = Some(12_000_000);
        price.base.per_1k_web_searches = Some(10_000_000);
        assert_eq!(cost(&price, &Counts { web_searches: 3, ..usage(5, 5) }), 12_000 + 30_000);
    }

    #[test]
    fn the_whole_request_costs_the_price_of_its_length_and_its_way_of_serving() {
        let mut price = Price::new(2_000_000, 10_000_000);
        price.base.cached_input = Some(200_000);
        let rates = |input, output| Rates { input: Some(input), output, ..Rates::default() };
        let part = |variant, above, rates| Part { variant, above, rates };
        price.parts = vec![
            part(None, 200_000, rates(4_000_000, Some(18_000_000))),
            part(Some(Variant::Batch), 0, rates(1_000_000, Some(5_000_000))),
            part(Some(Variant::Batch), 200_000, rates(2_000_000, None)),
        ];
        assert_eq!(cost(&price, &usage(200_000, 10)), 400_000 + 100);
        assert_eq!(cost(&price, &usage(200_001, 10)), 800_004 + 180);
        assert_eq!(cost(&price, &Counts { cached: 200_001, ..usage(200_001, 0) }), 40_001);
        let batch = |prompt| price.cost(&usage(prompt, 10), Some(Variant::Batch), 0).unwrap();
        assert_eq!((batch(100_000), batch(300_000)), (100_050, 600_050));
        // A way of serving without its own price costs the list price.
        assert_eq!(price.cost(&usage(10, 0), Some(Variant::Flex), 0), Some(20));
        price.parts.push(part(Some(Variant::Thinking), 0, rates(2_000_000, Some(40_000_000))));
        assert_eq!(cost(&price, &Counts { reasoning: 1, ..usage(0, 10) }), 400);
        assert_eq!(cost(&price, &usage(0, 10)), 100);
    }

    #[test]
    fn prices_change_by_hour_and_by_date() {
        let mut price = Price::new(1_000_000, 1_000_000);
        price.peak = Some(PeakHours {
            minutes: vec![(60, 240)],
            weekdays: 0b001_1111,
            factor_milli: 2_000,
            from_ms: 86_400_000,
            holidays: vec![4],
        });
        price.later = vec![(30 * 86_400_000, Price::new(500_000, 1))];
        let at = |day: u64, minute: u64| {
            price.cost(&usage(100, 0), None, day * 86_400_000 + minute * 60_000).unwrap()
        };
        // The first of January 1970 was a Thursday, the third a Saturday.
        assert_eq!(
            (at(0, 100), at(1, 59), at(1, 60), at(1, 239), at(1, 240), at(2, 100)),
            (100, 100, 200, 200, 100, 100)
        );
        // The fifth is a Monday, and a holiday; the sixth is neither.
        assert_eq!((at(4, 100), at(5, 100)), (100, 200));
        assert_eq!((at(29, 300), at(30, 0)), (100, 50));
    }

    #[test]
    fn a_price_survives_storage_and_an_old_one_is_read() {
        let mut price = Price::new(1, 2).times_milli(1_500);
        price.parts = vec![Part {
            variant: Some(Variant::Fast),
            above: 5,
            rates: Rates { input: Some(3), ..Rates::default() },
        }];
        price.later = vec![(7, Price::new(3, 4))];
        let stored = serde_json::to_string(&price).unwrap();
        assert_eq!(serde_json::from_str::<Price>(&stored).unwrap(), price);
        let old = r#"{"input":1,"output":2,"cached_input":3,"cache_write_1h":4,"factor_milli":1000}"#;
        let old: Price = serde_json::from_str(old).unwrap();
        assert_eq!(
            (old.base.input, old.base.cached_input, old.base.cache_write_1h),
            (Some(1), Some(3), Some(4))
        );
    }

    proptest! {
        #[test]
        fn more_tokens_never_cost_less(prompt in 0_u64..1 << 40, completion in 0_u64..1 << 40, more in 0_u64..1000) {
            let price = Price::new(2_500_000, 10_000_000);
            prop_assert!(cost(&price, &usage(prompt + more, completion + more)) >= cost(&price, &usage(prompt, completion)));
        }

        #[test]
        fn contradictory_counts_are_cut(counts in proptest::array::uniform12(0_u64..1 << 50)) {
            let [prompt, completion, cached, cache_written, cache_written_1h, reasoning, audio_prompt, audio_completion,
                audio_cached, image_prompt, image_completion, _] = counts;
            let counts = Counts { prompt, completion, cached, cache_written, cache_written_1h, reasoning, audio_prompt,
                audio_completion, audio_cached, image_prompt, image_completion, web_searches: 0 };
            // Where everything costs the same, the parts make no difference.
            prop_assert_eq!(cost(&Price::new(1_000_000, 1_000_000), &counts), prompt + completion);
        }
    }
}
