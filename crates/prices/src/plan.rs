//! The prices of a model as a list of numbers.
//!
//! ```text
//! plan  = head price* part* later*
//! head  = mask of dimensions (16 bits) | parts << 16 (6 bits) | later << 22 (4 bits) | peak << 26 (1 bit)
//! part  = key mask price*           key = variant << 29 | tokens: holds above so many tokens of prompt
//! later = day plan                  from this day since the epoch on, the plan at this place holds
//! ```
//!
//! A part has only what it changes. The prices behind a mask are those of its bits, the lowest first.

use crate::dimension::DIMENSIONS;

/// Prices by dimension.
pub type Values = [Option<u32>; DIMENSIONS.len()];

/// The prices of a plan, before they are encoded and after they are decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The prices that hold where no part changes them.
    pub base: Values,
    /// What is different, by variant and length of the prompt.
    pub parts: Vec<Part>,
    /// Whether the peak hours of the seller apply.
    pub peak: bool,
    /// Plans that hold from a day on (in days since the epoch), by day.
    pub later: Vec<(u32, Self)>,
}

/// A difference from the list price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The way of serving; 0 is any.
    pub variant: u8,
    /// It holds if the prompt has more tokens.
    pub above: u32,
    /// The prices that differ.
    pub values: Values,
}

const MOST_TOKENS: u32 = (1 << 29) - 1;

/// Writes plans into one list; equal plans are written once.
#[derive(Default)]
pub struct Encoder {
    /// The list.
    pub words: Vec<u32>,
    known: std::collections::HashMap<Vec<u32>, u32>,
}

impl Encoder {
    /// Adds a plan and answers where it begins; `None` if it has too many parts.
    pub fn add(&mut self, plan: &Plan) -> Option<u32> {
        let mut later = Vec::new();
        for (day, plan) in &plan.later {
            later.extend([*day, self.add(plan)?]);
        }
        let parts = u32::try_from(plan.parts.len()).ok().filter(|parts| *parts < 64)?;
        let changes = u32::try_from(plan.later.len()).ok().filter(|later| *later < 16)?;
        let mut words = vec![mask_of(&plan.base) | parts << 16 | changes << 22 | u32::from(plan.peak) << 26];
        words.extend(plan.base.iter().flatten());
        for part in &plan.parts {
            words.push(u32::from(part.variant) << 29 | part.above.min(MOST_TOKENS));
            words.push(mask_of(&part.values));
            words.extend(part.values.iter().flatten());
        }
        words.extend(later);
        if let Some(known) = self.known.get(&words) {
            return Some(*known);
        }
        let at = u32::try_from(self.words.len()).ok()?;
        self.words.extend(&words);
        self.known.insert(words, at);
        Some(at)
    }
}

fn mask_of(values: &Values) -> u32 {
    values.iter().enumerate().fold(0, |mask, (at, value)| mask | u32::from(value.is_some()) << at)
}

/// Reads the plan at this place. What is not one reads as a plan without prices.
#[must_use]
pub fn decode(words: &[u32], at: u32) -> Plan {
    // A plan is followed to the changes of its changes, and no further.
    decode_within(words, at, 2)
}

fn decode_within(words: &[u32], at: u32, depth: u8) -> Plan {
    let mut rest =
        usize::try_from(at).ok().and_then(|at| words.get(at..)).unwrap_or_default().iter().copied();
    let head = rest.next().unwrap_or_default();
    let base = values(&mut rest, head & 0xffff);
    let parts = (0..(head >> 16) & 63)
        .map(|_| {
            let key = rest.next().unwrap_or_default();
            let mask = rest.next().unwrap_or_default();
            let variant = u8::try_from(key >> 29).unwrap_or_default();
            Part { variant, above: key & MOST_TOKENS, values: values(&mut rest, mask) }
        })
        .collect();
    let mut later = Vec::new();
    for _ in 0..(head >> 22) & 15 {
        let (day, plan) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        if depth > 0 {
            later.push((day, decode_within(words, plan, depth - 1)));
        }
    }
    Plan { base, parts, peak: head >> 26 & 1 == 1, later }
}

fn values(rest: &mut impl Iterator<Item = u32>, mask: u32) -> Values {
    let mut values = Values::default();
    for (at, value) in values.iter_mut().enumerate() {
        if mask >> at & 1 == 1 {
            *value = rest.next();
        }
    }
    values
}
