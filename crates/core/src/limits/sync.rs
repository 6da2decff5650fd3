//! What an isolate says to the authority over a subject, and what it hears.
//!
//! A lost question or answer is harmless: what was granted but never heard of stays counted, returns that may have
//! arrived are not repeated, debts are, and slots are named, so that acquiring and releasing them is idempotent.

use serde::{Deserialize, Serialize};

use super::amounts::Amounts;
use super::rules::{RuleKind, Rules};

/// A question of an isolate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The limits as the isolate knows them: a changed configuration holds from the next question on.
    pub rules: Rules,
    /// What a request needs: all of it or nothing is granted.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub need: Amounts,
    /// What would be useful besides.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub extra: Amounts,
    /// What was granted and not spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Part>,
    /// What was spent beyond what was granted, because it was not known before.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub debt: Amounts,
    /// The slot that the request would take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Whether the isolate has that slot already. For itself only.
    #[serde(skip)]
    pub reuses_slot: bool,
    /// Slots that are still in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renew: Vec<String>,
    /// Slots that are not any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<String>,
}

/// Amounts of one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The authority's time of the grant, in milliseconds since the epoch.
    pub at: u64,
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// The authority's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The authority's time, in milliseconds since the epoch.
    pub at: u64,
    /// For how many milliseconds the grant may be spent.
    #[serde(default)]
    pub lease_ms: u64,
    /// What is granted: the need, and some or none of what was wanted besides.
    #[serde(default)]
    pub granted: Amounts,
    /// Why the need is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The state of each rule after this.
    #[serde(default)]
    pub meters: Vec<MeterState>,
    /// Slots that are taken.
    #[serde(default)]
    pub slots: u64,
}

/// Why a need is not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The limit in the way; `None` is the one on requests at once.
    pub kind: Option<RuleKind>,
    /// That limit.
    pub limit: u64,
    /// Milliseconds until it may be granted; `None` is never.
    pub retry_after_ms: Option<u64>,
    /// Milliseconds for which the isolate need not ask again.
    pub hold_ms: u64,
}

/// The state of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterState {
    /// Which.
    pub kind: RuleKind,
    /// The limit.
    pub limit: u64,
    /// What is counted; debts may drive it above the limit.
    pub used: u64,
    /// Milliseconds until nothing is counted any more.
    pub reset_ms: u64,
}

impl MeterState {
    /// What is left.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

impl Amounts {
    fn is_nothing(&self) -> bool {
        self.is_zero()
    }
}
