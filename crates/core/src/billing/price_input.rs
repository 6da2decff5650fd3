//! The body of `PUT /prices/{subject}`.

use nexus_edge_prices::price::{Part, PeakHours};
use nexus_edge_prices::{Price, Rates, Variant};

use super::PriceSetting;
use crate::error::ApiError;
use crate::input;
use crate::input::{Input, Rule, dollars, object, objects, one_of, texts};
use crate::json::error::missing;

/// Most prices that differ from the list price.
const MOST_TIERS: usize = 32;
/// Most prompts of one price, in tokens.
const MOST_TOKENS: std::ops::RangeInclusive<u64> = 1..=100_000_000;
/// The highest factor of peak hours, in millionths.
const HIGHEST_PEAK_FACTOR: u64 = 100_000_000;

input! {
    /// Prices in dollars: of tokens for a million of them, of requests and searches for a thousand.
    pub struct RatesInput {
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
        /// Audio of the prompt; `null`: as `input`.
        pub audio_input: u64 = dollars(),
        /// Audio of the answer; `null`: as `output`.
        pub audio_output: u64 = dollars(),
        /// Audio of the prompt that the provider had cached; `null`: as `cached_input`.
        pub cached_audio: u64 = dollars(),
        /// Images of the prompt; `null`: as `input`.
        pub image_input: u64 = dollars(),
        /// Images of the answer; `null`: as `output`.
        pub image_output: u64 = dollars(),
        /// Images of the prompt that the provider had cached; `null`: as `cached_input`.
        pub cached_image: u64 = dollars(),
        /// A thousand requests, besides their tokens.
        pub per_1k_requests: u64 = dollars(),
        /// A thousand searches of the web by the provider.
        pub per_1k_web_searches: u64 = dollars(),
    }
}

input! {
    /// Prices that differ for long prompts, for a way of serving, or for both; what it leaves out does not differ.
    pub struct TierInput {
        /// The way of serving; `null`: any.
        pub variant: Variant = one_of(&Variant::NAMES),
        /// It holds for the whole of a request whose prompt has more tokens; `null`: for any.
        pub above: u64 = input::integer(MOST_TOKENS),
        ..pub rates: RatesInput,
    }
}

input! {
    /// Hours in which everything costs more.
    pub struct PeakInput {
        /// Hours of a UTC day, each as `01:00-04:00`.
        pub hours: Vec<String> = texts(11..=11).check(check_hours).not_null().required(),
        /// The days, such as `mon`; `null`: every day.
        pub weekdays: Vec<String> = texts(3..=3).check(check_weekdays),
        /// By how much the price is multiplied, with at most 3 decimals.
        pub factor: u64 = dollars().check(check_peak_factor).not_null().required(),
    }
}

input! {
    /// A price or a factor. Prices are dollars for a million tokens.
    pub struct PriceInput {
        /// Prices that differ from these for long prompts or ways of serving.
        pub tiers: Vec<TierInput> = objects::<TierInput>(MOST_TIERS),
        /// Hours in which everything costs more.
        pub peak: PeakInput = object::<PeakInput>(),
        /// By how much the price is multiplied, with at most 3 decimals.
        pub factor: u64 = dollars().check(check_factor),
        ..pub rates: RatesInput,
    }
}

fn check_factor(micros: u64) -> Result<u64, ApiError> {
    if !micros.is_multiple_of(1000) {
        return Err(ApiError::invalid("invalid_value", "factor", "`factor` must have at most 3 decimals."));
    }
    Ok(micros)
}

fn check_peak_factor(micros: u64) -> Result<u64, ApiError> {
    if micros > HIGHEST_PEAK_FACTOR {
        return Err(ApiError::invalid("invalid_value", "factor", "`factor` of `peak` must be at most 100."));
    }
    check_factor(micros)
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn check_weekdays(days: Vec<String>) -> Result<Vec<String>, ApiError> {
    if days.iter().any(|day| !WEEKDAYS.contains(&day.as_str())) {
        let message = "`weekdays` must be of mon, tue, wed, thu, fri, sat, sun.";
        return Err(ApiError::invalid("invalid_value", "weekdays", message));
    }
    Ok(days)
}

fn check_hours(hours: Vec<String>) -> Result<Vec<String>, ApiError> {
    if hours.is_empty() || hours.iter().any(|hours| window(hours).is_none()) {
        let message = "`hours` must be times of a day, such as 01:00-04:00.";
        return Err(ApiError::invalid("invalid_value", "hours", message));
    }
    Ok(hours)
}

/// `01:00-04:00` in minutes of a day.
fn window(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60 || hour == 24 && minute == 0).then_some(hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from < to).then_some((from, to))
}

impl RatesInput {
    fn into_rates(self) -> Rates {
        Rates {
            input: self.input.into_set(),
            output: self.output.into_set(),
            cached_input: self.cached_input.into_set(),
            cache_write: self.cache_write.into_set(),
            cache_write_1h: self.cache_write_1h.into_set(),
            reasoning: self.reasoning.into_set(),
            audio_input: self.audio_input.into_set(),
            audio_output: self.audio_output.into_set(),
            cached_audio: self.cached_audio.into_set(),
            image_input: self.image_input.into_set(),
            image_output: self.image_output.into_set(),
            cached_image: self.cached_image.into_set(),
            per_1k_requests: self.per_1k_requests.into_set(),
            per_1k_web_searches: self.per_1k_web_searches.into_set(),
        }
    }
}

impl PeakInput {
    fn into_hours(self) -> PeakHours {
        let days = self.weekdays.into_set();
        let weekdays = WEEKDAYS.iter().enumerate().filter(|(_, name)| {
            days.as_ref().is_none_or(|days| days.is_empty() || days.iter().any(|day| day == *name))
        });
        PeakHours {
            minutes: self
                .hours
                .into_set()
                .unwrap_or_default()
                .iter()
                .filter_map(|hours| window(hours))
                .collect(),
            weekdays: weekdays.fold(0, |bits, (at, _)| bits | 1 << at),
            factor_milli: self
                .factor
                .into_set()
                .and_then(|micros| u32::try_from(micros / 1000).ok())
                .unwrap_or(1000),
            holidays: Vec::new(),
            from_ms: 0,
        }
    }
}

/// Reads the body.
///
/// # Errors
/// Those of [`Input::parse`], and `missing_required_parameter` where neither a whole price nor a factor is given.
pub fn read_setting(body: &[u8]) -> Result<PriceSetting, ApiError> {
    let given = PriceInput::parse(body)?;
    let factor_milli = given.factor.into_set().map(|micros| micros / 1000);
    let base = given.rates.into_rates();
    let tiers = given.tiers.into_set().unwrap_or_default();
    let peak = given.peak.into_set().map(PeakInput::into_hours);
    let is_about_prices = base != Rates::default() || !tiers.is_empty() || peak.is_some();
    let price = match (base.input, base.output) {
        (Some(_), Some(_)) => {
            let part = |tier: TierInput| Part {
                variant: tier.variant.into_set(),
                above: tier.above.into_set().unwrap_or(0),
                rates: tier.rates.into_rates(),
            };
            let mut parts: Vec<Part> = tiers.into_iter().map(part).collect();
            parts.sort_by_key(|part| (part.variant, part.above));
            Some(Price { parts, peak, ..Price::of_rates(base) })
        }
        (None, None) if factor_milli.is_some() && !is_about_prices => None,
        (None, _) => return Err(missing("input")),
        (_, None) => return Err(missing("output")),
    };
    Ok(PriceSetting { price, factor_milli })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_price_has_can_be_set() {
        let body = r#"{"input":2,"output":10,"cached_input":0.2,"audio_input":5,"per_1k_web_searches":10,"per_1k_requests":12,
            "tiers":[{"above":200000,"input":4,"output":15},{"variant":"flex","input":1,"output":5},
                     {"variant":"flex","above":200000,"input":2}],
            "peak":{"hours":["01:00-04:00","22:30-24:00"],"weekdays":["mon","fri"],"factor":2},"factor":1.5}"#;
        let setting = read_setting(body.as_bytes()).unwrap();
        let price = setting.price.unwrap();
        assert_eq!(setting.factor_milli, Some(1_500));
        assert_eq!((price.base.cached_input, price.base.per_1k_requests), (Some(200_000), Some(12_000_000)));
        assert_eq!(price.rates(Some(Variant::Flex), 300_000).input, Some(2_000_000));
        assert_eq!(price.rates(Some(Variant::Flex), 300_000).output, Some(5_000_000));
        assert_eq!(price.rates(None, 300_000).output, Some(15_000_000));
        let peak = price.peak.unwrap();
        assert_eq!(
            (peak.minutes, peak.weekdays, peak.factor_milli),
            (vec![(60, 240), (1350, 1440)], 0b001_0001, 2_000)
        );
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r"{}", "input"),
            (r#"{"input":1}"#, "output"),
            (r#"{"input":-1,"output":1}"#, "input"),
            (r#"{"factor":1.0001}"#, "factor"),
            (r#"{"prompt":1}"#, "prompt"),
            (r#"{"factor":2,"cached_input":1}"#, "input"),
            (r#"{"input":1,"output":1,"tiers":[{"above":0}]}"#, "tiers[0].above"),
            (r#"{"input":1,"output":1,"tiers":[{"variant":"slow"}]}"#, "tiers[0].variant"),
        ] {
            let error = read_setting(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}: {error:?}");
        }
        for peak in
            [r#"{"hours":["1-2"],"factor":2}"#, r#"{"hours":["04:00-01:00"],"factor":2}"#, r#"{"factor":2}"#]
        {
            let body = format!(r#"{{"input":1,"output":1,"peak":{peak}}}"#);
            assert!(
                read_setting(body.as_bytes()).unwrap_err().param.is_some_and(|param| param.contains("hours")),
                "{peak}"
            );
        }
    }
}
