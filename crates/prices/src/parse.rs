//! Reads the JSON form of a table, `data/prices.json` and uploads alike.
//!
//! ```json
//! {"schema": 1, "as_of": "2026-11-28", "providers": {"openai": {"hosts": ["api.openai.com"], "models": [
//!   {"id": "gpt-6-astra", "input": 10000000, "output": 50000000, "match": ["=gpt-6-astra"],
//!    "above": [{"tokens": 272000, "input": 20000000}], "variants": {"processing=batch": {"input": 5000000}}}]}}}
//! ```
//!
//! Prices are whole millionths of a dollar for a million tokens. Of the rules in `match`, only the text that they contain is
//! taken, as one more exact name: what begins like a known model is not the known model. A row without a price of tokens or
//! of requests is left out; so is, of two rows with one name, the one that only has it from a rule.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::dimension::{DIMENSIONS, VARIANTS};
use crate::names::{compare, without_version};
use crate::plan::{Encoder, Part, Plan, Values};
use crate::table::{Name, Peak, Seller, Table, marks};

/// The highest price: 1000 dollars for a million tokens. Fees are for a thousand, and may be as high.
pub const HIGHEST: u32 = 1_000_000_000;
/// The longest name in bytes.
const LONGEST_NAME: usize = 200;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Reads a table.
///
/// # Errors
/// What is wrong and where, in words for the operator.
pub fn parse(json: &[u8]) -> Result<Table, String> {
    let root: Value = serde_json::from_slice(json).map_err(|error| format!("not JSON: {error}"))?;
    let root = root.as_object().ok_or("not a JSON object")?;
    if root.get("schema").and_then(Value::as_u64) != Some(1) {
        return Err("`schema` must be 1".into());
    }
    let as_of = root.get("as_of").and_then(Value::as_str).filter(|day| day_of(day).is_some());
    let as_of = as_of.ok_or("`as_of` must be a day, such as 2026-11-28")?;
    let providers =
        root.get("providers").and_then(Value::as_object).ok_or("`providers` must be an object")?;
    let mut building = Building::default();
    for (id, seller) in providers {
        building.add(id, seller).map_err(|error| format!("{id}: {error}"))?;
    }
    Ok(Table {
        version: Cow::Owned(format!("{as_of}-{:08x}", digest(json))),
        as_of: Cow::Owned(as_of.to_owned()),
        text: Cow::Owned(building.text),
        names: Cow::Owned(building.names),
        words: Cow::Owned(building.plans.words),
        sellers: Cow::Owned(building.sellers),
    })
}

/// FNV-1a of the bytes.
fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[derive(Default)]
struct Building {
    text: String,
    names: Vec<Name>,
    plans: Encoder,
    sellers: Vec<Seller>,
}

/// A name in the making; `rank` says how it is known: 0 is the id, the highest a rule with a version left out.
struct Known {
    name: String,
    rank: u8,
    plan: u32,
    marks: u8,
}

impl Building {
    fn add(&mut self, id: &str, seller: &Value) -> Result<(), String> {
        let seller = seller.as_object().ok_or("not an object")?;
        let peak = seller.get("peak").map(peak).transpose()?;
        let at_peak = texts(seller.get("peak").and_then(|peak| peak.get("models")))?;
        let models = seller.get("models").and_then(Value::as_array).ok_or("`models` must be a list")?;
        let mut known: Vec<Known> = Vec::new();
        for model in models {
            let name = model.get("id").and_then(Value::as_str).unwrap_or_default();
            let peak = at_peak.iter().any(|at_peak| at_peak == name);
            self.add_model(model, peak, &mut known).map_err(|error| format!("{name}: {error}"))?;
        }
        // Of two versions that the same shorter name could mean, the later one in the list counts.
        known.reverse();
        known.sort_by(|one, other| compare(&one.name, &other.name).then(one.rank.cmp(&other.rank)));
        known.dedup_by(|one, other| compare(&one.name, &other.name).is_eq());
        let first = u32::try_from(self.names.len()).map_err(|_| "too many names")?;
        let count = u32::try_from(known.len()).map_err(|_| "too many names")?;
        for Known { name, rank, plan, marks } in known {
            let at = u32::try_from(self.text.len()).map_err(|_| "too many names")?;
            let len = u8::try_from(name.len()).map_err(|_| "a name is too long")?;
            self.text.push_str(&name);
            self.names.push(Name { at, plan, len, marks: marks | u8::from(rank > 0) });
        }
        self.sellers.push(Seller {
            id: Cow::Owned(id.to_owned()),
            hosts: texts(seller.get("hosts"))?.into(),
            kinds: texts(seller.get("kinds"))?.into(),
            also: texts(seller.get("also"))?.into(),
            peak,
            first,
            count,
        });
        Ok(())
    }

    fn add_model(&mut self, model: &Value, peak: bool, known: &mut Vec<Known>) -> Result<(), String> {
        let model = model.as_object().ok_or("not an object")?;
        let id = model.get("id").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() || id.len() > LONGEST_NAME {
            return Err("`id` must be a text of 1 to 200 bytes".into());
        }
        let mut plan = plan_of(model, peak)?;
        if let Some(later) = model.get("later").and_then(Value::as_array) {
            for later in later.iter().filter_map(Value::as_object) {
                let day = later.get("from").and_then(Value::as_str).and_then(day_of);
                plan.later.push((day.ok_or("`from` must be a day")?, plan_of(later, peak)?));
            }
            plan.later.sort_by_key(|(day, _)| *day);
        }
        let [input, _, .., requests, _] = plan.base;
        if input.is_none() && requests.is_none() {
            return Ok(());
        }
        let plan = self.plans.add(&plan).ok_or("too many variants and tiers")?;
        let marks = marks_of(model);
        let mut add = |name: &str, rank: u8| {
            let name = name.trim_end_matches(['-', '@', ':', '.']);
            if !name.is_empty() && name.len() <= LONGEST_NAME {
                known.push(Known { name: name.to_owned(), rank, plan, marks });
            }
        };
        add(id, 0);
        let mut names = vec![(id, 2)];
        for rule in rules(model.get("match")) {
            match rule.split_at_checked(1) {
                Some(("=", name)) => {
                    add(name, 1);
                    names.push((name, 2));
                }
                Some(("^" | "$" | "~", name)) => {
                    add(name, 3);
                    names.push((name, 4));
                }
                _ => {}
            }
        }
        // What a seller lists only with a version is meant by the name without it, too.
        for (name, rank) in names {
            let mut name = name;
            while let Some(shorter) = without_version(name) {
                add(shorter, rank);
                name = shorter;
            }
        }
        Ok(())
    }
}

/// The rules of a model, also those that are combined with others.
fn rules(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(rule)) => vec![rule],
        Some(Value::Array(rules_of)) => rules_of.iter().flat_map(|rule| rules(Some(rule))).collect(),
        Some(Value::Object(combined)) => combined.values().flat_map(|rule| rules(Some(rule))).collect(),
        _ => Vec::new(),
    }
}

fn marks_of(model: &Map<String, Value>) -> u8 {
    let has = |name: &str, mark: u8| if model.contains_key(name) { mark } else { 0 };
    let from = model.get("from").and_then(Value::as_str).unwrap_or_default();
    let source = marks::SOURCES.iter().position(|source| *source == from).unwrap_or_default();
    u8::try_from(source).unwrap_or_default() << marks::SOURCE_SHIFT
        | has("retired", marks::RETIRED)
        | has("agree", marks::CONFIRMED)
        | has("differ", marks::DISPUTED)
}

fn plan_of(model: &Map<String, Value>, peak: bool) -> Result<Plan, String> {
    let mut plan = Plan { base: values(model)?, peak, ..Plan::default() };
    tiers(model, 0, &mut plan.parts)?;
    let variants = model.get("variants").and_then(Value::as_object);
    let mut taken: BTreeMap<u8, &Map<String, Value>> = BTreeMap::new();
    for (when, prices) in variants.into_iter().flatten() {
        let number = VARIANTS.iter().find(|(name, _)| name == when);
        if let (Some((_, number)), Some(prices)) = (number, prices.as_object()) {
            taken.entry(*number).or_insert(prices);
        }
    }
    for (variant, prices) in taken {
        let part = Part { variant, above: 0, values: values(prices)? };
        plan.parts.push(part);
        tiers(prices, variant, &mut plan.parts)?;
    }
    Ok(plan)
}

/// The prices by length of the prompt, the lowest first.
fn tiers(prices: &Map<String, Value>, variant: u8, parts: &mut Vec<Part>) -> Result<(), String> {
    let mut tiers = Vec::new();
    for tier in prices.get("above").and_then(Value::as_array).into_iter().flatten() {
        let tier = tier.as_object().ok_or("`above` must be a list of objects")?;
        let above = tier.get("tokens").and_then(Value::as_u64).and_then(|tokens| u32::try_from(tokens).ok());
        let above =
            above.filter(|above| *above > 0).ok_or("`tokens` of `above` must be a positive number")?;
        tiers.push(Part { variant, above, values: values(tier)? });
    }
    tiers.sort_by_key(|tier| tier.above);
    parts.extend(tiers);
    Ok(())
}

fn values(prices: &Map<String, Value>) -> Result<Values, String> {
    let mut values = Values::default();
    for (value, name) in values.iter_mut().zip(DIMENSIONS) {
        let Some(given) = prices.get(name).filter(|given| !given.is_null()) else { continue };
        let price =
            given.as_u64().and_then(|price| u32::try_from(price).ok()).filter(|price| *price <= HIGHEST);
        *value = Some(price.ok_or_else(|| format!("`{name}` must be a whole number from 0 to {HIGHEST}"))?);
    }
    Ok(values)
}

fn texts(value: Option<&Value>) -> Result<Vec<Cow<'static, str>>, String> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let texts = value.as_array().ok_or("a list of texts is expected")?;
    let text = |value: &Value| value.as_str().map(|text| Cow::Owned(text.to_owned()));
    texts.iter().map(text).collect::<Option<_>>().ok_or_else(|| "a list of texts is expected".into())
}

fn peak(peak: &Value) -> Result<Peak, String> {
    let minute = |text: &Value| {
        let (hour, minute) = text.as_str()?.split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let window = |window: &Value| Some((minute(window.get(0)?)?, minute(window.get(1)?)?));
    let windows = peak.get("utc").and_then(Value::as_array).ok_or("`peak` needs `utc`, a list of hours")?;
    let minutes: Option<Vec<_>> = windows.iter().map(window).collect();
    let days = peak.get("days").and_then(Value::as_str).unwrap_or_default();
    let factor =
        peak.get("factor_milli").and_then(Value::as_u64).and_then(|factor| u32::try_from(factor).ok());
    let holidays = texts(peak.get("holidays"))?;
    let holidays: Option<Vec<_>> = holidays.iter().map(|day| day_of(day)).collect();
    let since = peak.get("since").and_then(Value::as_str).unwrap_or("1970-01-01");
    Ok(Peak {
        minutes: minutes.ok_or("`utc` of `peak` must be pairs of times such as 01:00")?.into(),
        weekdays: if days.starts_with("Mon-Fri") { 0b001_1111 } else { 0b111_1111 },
        factor_milli: factor.filter(|factor| *factor <= 100_000).ok_or("`peak` needs `factor_milli`")?,
        holidays: holidays.ok_or("`holidays` of `peak` must be days such as 2026-10-01")?.into(),
        from_ms: moment(since).ok_or("`since` of `peak` must be a day or a time in UTC")?,
    })
}

/// `2026-08-16` or `2026-08-16T16:00:00Z` in milliseconds since the epoch.
fn moment(text: &str) -> Option<u64> {
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    let day = u64::from(day_of(day)?) * DAY_MS;
    if time.is_empty() {
        return Some(day);
    }
    let mut parts = time.trim_end_matches('Z').split(':');
    let mut next = || parts.next()?.parse::<u64>().ok().filter(|part| *part < 60);
    let (hour, minute) = (next()?, next()?);
    Some(day + (hour * 60 + minute) * 60_000)
}

/// A day as `YYYY-MM-DD` in days since the epoch.
#[must_use]
pub fn day_of(text: &str) -> Option<u32> {
    let mut parts = text.split('-').map(str::parse::<u32>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if text.len() != 10
        || !(1970..2200).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
    {
        return None;
    }
    // Howard Hinnant's days_from_civil, years beginning in March.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}
