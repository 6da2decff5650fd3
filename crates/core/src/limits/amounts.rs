//! What a request takes from its limits: one request, its tokens, its cost.

use serde::{Deserialize, Serialize};

/// The unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers together.
    Tokens,
    /// Millionths of a dollar.
    Cost,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Cost];
}

/// An amount of each unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Requests.
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub requests: u64,
    /// Tokens.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub tokens: u64,
    /// Millionths of a dollar.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub cost: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Amounts {
    /// Zero of every unit.
    pub const ZERO: Self = Self { requests: 0, tokens: 0, cost: 0 };

    /// One request with so many tokens at so many millionths of a dollar.
    #[must_use]
    pub const fn request(tokens: u64, cost: u64) -> Self {
        Self { requests: 1, tokens, cost }
    }

    /// The amount of one unit.
    #[must_use]
    pub const fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
            Unit::Cost => self.cost,
        }
    }

    /// An amount for each unit, given by `value`.
    #[must_use]
    pub fn each(mut value: impl FnMut(Unit) -> u64) -> Self {
        Self { requests: value(Unit::Requests), tokens: value(Unit::Tokens), cost: value(Unit::Cost) }
    }

    /// The sum, unit by unit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::each(|unit| self.of(unit).saturating_add(other.of(unit)))
    }

    /// The difference, unit by unit, at least zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self::each(|unit| self.of(unit).saturating_sub(other.of(unit)))
    }

    /// The minimum, unit by unit.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self::each(|unit| self.of(unit).min(other.of(unit)))
    }

    /// Whether this is at least `other` in every unit.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        Unit::ALL.iter().all(|unit| self.of(*unit) >= other.of(*unit))
    }

    /// Whether every unit is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}
