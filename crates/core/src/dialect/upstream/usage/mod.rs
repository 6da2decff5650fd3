//! What a request used, read from the usage object of any vendor.
//!
//! Every reader of answers, translated or passed through, streamed or not, uses this module: [`table`] says which
//! number of which vendor means what, [`check`] makes one consistent [`TokenUsage`] of them.
//!
//! Guarantees:
//! - a number may be written with a decimal point, as text, or be `null`; what is unknown or unreadable is skipped and
//!   never spoils the rest;
//! - a number that no request can have (negative, or above `tokens::MAX_TOKENS`) is left out and marked, and with a count
//!   all other counts: what else a service says that says this is worth nothing;
//! - the parts of a usage never exceed the whole (see [`TokenUsage::clamped`]);
//! - the objects of one stream add up: one with a total replaces all before it; of others a number replaces the earlier
//!   one of the same name, and a zero does so only where the object says something of the prompt.

mod check;
pub mod form;
pub mod number;
pub mod table;
#[cfg(test)]
mod tests;

use serde_json::value::RawValue;

use crate::json::lenient::{for_each_field, string};
use crate::json::object::Kind;
use crate::tokens::{MAX_COST_MICROS, MAX_SEARCHES, MAX_TOKENS, ServedTier, TokenUsage};
use number::Absurd;
pub use table::tier;
use table::{LISTS, NUMBERS, PLACES, Place, Says, TIERS, is_same};

const ROWS: usize = NUMBERS.len();
const ABSENT: u64 = u64::MAX;
/// Decimal digits of a dollar in which costs are added up, before they are rounded up to millionths.
const COST_DIGITS: i32 = 12;
const TICKS_TO_COST: i32 = COST_DIGITS - 10;
/// [`MAX_COST_MICROS`] in that unit.
const MAX_COST: u64 = MAX_COST_MICROS * 10_u64.pow(6);
/// More runs of the model than a request has.
const MAX_ITERATIONS: usize = 1000;

/// Reads one usage object. `None` for other values, and for an object without counts.
#[must_use]
pub fn read(usage: &RawValue) -> Option<TokenUsage> {
    let mut tally = Tally::default();
    tally.add(usage);
    tally.usage()
}

/// The numbers of an answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact that an object tells")]
pub struct Tally {
    /// The number of each row of the table.
    numbers: [u64; ROWS],
    /// Of each kind of audio, images and lifetimes in lists.
    listed: [u64; LISTS.len()],
    iterations: Option<Iterations>,
    /// An iteration has no iterations of its own.
    is_iteration: bool,
    tier: ServedTier,
    searches: u64,
    is_byok: bool,
    has_cost_details: bool,
    is_in_dollars: bool,
    /// A count was absurd.
    has_absurd_count: bool,
    /// An amount was absurd.
    has_absurd_cost: bool,
}

/// What the numbers of an answer say, each by its [`Says`].
struct Said([u64; Says::COUNT]);

impl Said {
    /// The first number above zero among those that say this; zero if there are only such; `None` without any.
    fn first(&self, says: Says) -> Option<u64> {
        self.0.get(says as usize).copied().filter(|number| *number != ABSENT)
    }
}

/// Runs of the model within one request (Anthropic).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Iterations {
    all: TokenUsage,
    /// Those that the top of the object leaves out.
    compactions: TokenUsage,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            numbers: [ABSENT; ROWS],
            listed: [ABSENT; LISTS.len()],
            iterations: None,
            is_iteration: false,
            tier: ServedTier::Standard,
            searches: 0,
            is_byok: false,
            has_cost_details: false,
            is_in_dollars: false,
            has_absurd_count: false,
            has_absurd_cost: false,
        }
    }
}

impl Tally {
    /// Adds a usage object. Other values are ignored.
    pub fn add(&mut self, usage: &RawValue) {
        if Kind::of(usage) == Kind::Object {
            let mut said = Self { is_iteration: self.is_iteration, ..Self::default() };
            said.add_object(usage, Place::Top);
            self.merge(&said);
        }
    }

    fn merge(&mut self, said: &Self) {
        let sums = said.said();
        let says = |what| sums.first(what).is_some_and(|number| number > 0);
        // Services that repeat the usage repeat all of it; some imitations of Messages say zero at the end for what
        // they said at the start.
        let is_whole = says(Says::Total);
        let has_prompt = [Says::Prompt, Says::Input, Says::Billed].into_iter().any(says);
        let held = self.numbers.iter_mut().chain(&mut self.listed);
        for (held, number) in held.zip(said.numbers.iter().chain(&said.listed)) {
            let replaces = *number != ABSENT && (*number > 0 || has_prompt || *held == ABSENT);
            if is_whole || replaces {
                *held = *number;
            }
        }
        if is_whole || said.iterations.is_some() {
            self.iterations = said.iterations;
        }
        if !said.tier.is_standard() {
            self.tier = said.tier;
        }
        self.is_byok |= said.is_byok;
        self.has_cost_details |= said.has_cost_details;
        self.is_in_dollars |= said.is_in_dollars;
        self.has_absurd_count |= said.has_absurd_count;
        self.has_absurd_cost |= said.has_absurd_cost;
    }

    /// Adds an object with the calls of the provider's own tools that is outside of the usage object.
    pub fn add_tools(&mut self, tools: &RawValue) {
        if Kind::of(tools) == Kind::Object {
            self.add_object(tools, Place::Tools);
        }
    }

    /// Notes the tier that the answer names outside of its usage object.
    pub fn add_tier(&mut self, word: &str) {
        if let Some(tier) = tier(word) {
            self.tier = tier;
        }
    }

    /// Notes searches of the web that the answer lists outside of its usage object, in total.
    pub fn add_searches(&mut self, searches: u64) {
        self.searches = self.searches.max(searches).min(MAX_SEARCHES);
    }

    /// The usage so far. `None` while there are no counts.
    #[must_use]
    pub fn usage(&self) -> Option<TokenUsage> {
        if self.has_absurd_count {
            return Some(TokenUsage { is_suspect: true, ..TokenUsage::default() });
        }
        let said = self.said();
        let mut usage = check::settled(|says| said.first(says));
        if let Some(iterations) = &self.iterations {
            usage = check::with_iterations(usage, &iterations.all, &iterations.compactions);
        }
        usage.web_searches = said
            .first(Says::Searches)
            .unwrap_or(0)
            .saturating_add(said.first(Says::MoreSearches).unwrap_or(0))
            .max(self.searches);
        usage.reported_cost_micros = self.cost_micros(&said);
        usage.tier = self.tier;
        usage.is_suspect = self.has_absurd_cost;
        (usage.total() > 0).then(|| usage.clamped())
    }

    /// What each number says, in one pass over the tables.
    fn said(&self) -> Said {
        let numbers = NUMBERS.iter().zip(&self.numbers).map(|((_, _, row), number)| (*row, *number));
        let listed = LISTS.iter().zip(&self.listed).map(|((_, _, _, _, row), number)| (*row, *number));
        let mut said = Said([ABSENT; Says::COUNT]);
        for (row, number) in numbers.chain(listed).filter(|(_, number)| *number != ABSENT) {
            if let Some(slot) = said.0.get_mut(row as usize)
                && matches!(*slot, ABSENT | 0)
            {
                *slot = number;
            }
        }
        said
    }

    fn add_object(&mut self, object: &RawValue, place: Place) {
        for_each_field(object, |name, value| match Kind::of(value) {
            Kind::Object => {
                let inner = PLACES.iter().find(|(outer, known, _)| *outer == place && is_same(known, name));
                if let Some((_, _, inner)) = inner {
                    self.has_cost_details |= *inner == Place::Costs;
                    self.add_object(value, *inner);
                }
            }
            Kind::Array if name == "iterations" => {
                if place == Place::Top && !self.is_iteration {
                    self.add_iterations(value);
                }
            }
            Kind::Array if place == Place::Top => self.add_list(name, value),
            Kind::Boolean if is_same(name, "is_byok") => self.is_byok = value.get() == "true",
            Kind::Boolean | Kind::Null | Kind::Array => {}
            Kind::Number => self.add_number(place, name, value),
            Kind::String => {
                if TIERS.iter().any(|(at, known)| *at == place && is_same(known, name)) {
                    self.add_tier(&string(value).unwrap_or_default());
                } else if name == "currency" {
                    self.is_in_dollars = string(value).is_some_and(|currency| currency == "USD");
                } else {
                    self.add_number(place, name, value);
                }
            }
        });
    }

    fn add_number(&mut self, place: Place, name: &str, value: &RawValue) {
        let row = NUMBERS.iter().position(|(at, known, _)| *at == place && is_same(known, name));
        let Some(row) = row else { return };
        let Some((_, _, says)) = NUMBERS.get(row) else { return };
        let number = match says {
            Says::CostTicks => number::amount(value, TICKS_TO_COST, MAX_COST),
            says if says.is_amount() => number::amount(value, COST_DIGITS, MAX_COST),
            says => number::count(value, says.most()),
        };
        let is_amount = says.is_amount();
        match (self.numbers.get_mut(row), number) {
            (Some(held), Some(Ok(number))) => *held = number,
            (_, Some(Err(Absurd))) if is_amount => self.has_absurd_cost = true,
            (_, Some(Err(Absurd))) => self.has_absurd_count = true,
            _ => {}
        }
    }

    fn add_list(&mut self, name: &str, list: &RawValue) {
        if !LISTS.iter().any(|(known, ..)| is_same(known, name)) {
            return;
        }
        let items: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
        for ((known, kind_name, kind, number_name, _), held) in LISTS.iter().zip(&mut self.listed) {
            if !is_same(known, name) {
                continue;
            }
            let mut sum: Option<u64> = None;
            for item in &items {
                let (mut is_kind, mut number) = (false, None);
                for_each_field(item, |name, value| {
                    if is_same(name, kind_name) {
                        is_kind = string(value).is_some_and(|word| word.eq_ignore_ascii_case(kind));
                    } else if is_same(name, number_name) {
                        match number::count(value, MAX_TOKENS) {
                            Some(Ok(count)) => number = Some(count),
                            Some(Err(Absurd)) => self.has_absurd_count = true,
                            None => {}
                        }
                    }
                });
                if is_kind {
                    sum = Some(sum.unwrap_or(0).saturating_add(number.unwrap_or(0)));
                }
            }
            if let Some(sum) = sum {
                *held = sum.min(MAX_TOKENS);
            }
        }
    }

    fn add_iterations(&mut self, list: &RawValue) {
        let items: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
        let mut iterations = Iterations::default();
        for item in items.iter().take(MAX_ITERATIONS) {
            let mut is_compaction = false;
            let mut tally = Self { is_iteration: true, ..Self::default() };
            for_each_field(item, |name, value| {
                if name == "type" {
                    is_compaction = string(value).is_some_and(|kind| kind == "compaction");
                }
            });
            tally.add(item);
            self.has_absurd_count |= tally.has_absurd_count;
            let said = tally.said();
            let usage = check::settled(|says| said.first(says)).clamped();
            check::accumulate(&mut iterations.all, &usage);
            if is_compaction {
                check::accumulate(&mut iterations.compactions, &usage);
            }
        }
        if iterations.all.total() > 0 {
            self.iterations = Some(iterations);
        }
    }

    /// What the provider says that the request costs, rounded up.
    ///
    /// A gateway that bills a fee for a request with the account's own key at a provider (`is_byok`) tells both. Zero
    /// is a price only beside details that show that it was worked out.
    fn cost_micros(&self, said: &Said) -> Option<u64> {
        let behind = if self.is_byok { said.first(Says::CostBehind).unwrap_or(0) } else { 0 };
        let cost = said
            .first(Says::Cost)
            .or_else(|| said.first(Says::CostTicks))
            .or_else(|| said.first(Says::Price).filter(|_| self.is_in_dollars))?;
        let cost = cost.saturating_add(behind);
        (cost > 0 || self.has_cost_details).then(|| cost.div_ceil(10_u64.pow(6)))
    }
}
