//! Messages between an isolate and the authority over a subject.
//!
//! Losing a message is harmless: permits that were granted but did not arrive stay counted; returns that may have
//! arrived are not repeated; debts are repeated; slots are named, so acquiring and releasing them is idempotent.

use serde::{Deserialize, Serialize};

use super::amounts::Amounts;
use super::rules::{RuleKind, Rules};

/// A request of an isolate to the authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The limits as the isolate knows them: a changed configuration takes effect with the next ask.
    pub rules: Rules,
    /// What a request needs: granted as a whole or not at all.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub need: Amounts,
    /// What the isolate would like in addition.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub extra: Amounts,
    /// Permits that were granted and not spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Part>,
    /// Amounts that were spent without a grant, because they were not known before.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub debt: Amounts,
    /// The slot that the request would take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Whether the isolate holds that slot already. Not sent.
    #[serde(skip)]
    pub reuses_slot: bool,
    /// Slots that are still in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renew: Vec<String>,
    /// Slots that are released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<String>,
}

/// Amounts of one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The time of the grant by the authority's clock, in milliseconds since the epoch.
    pub at: u64,
    /// The granted amounts.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// The authority's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The time by the authority's clock, in milliseconds since the epoch.
    pub at: u64,
    /// Milliseconds for which the grant may be spent.
    #[serde(default)]
    pub lease_ms: u64,
    /// What is granted: the need, and some of the extra or none.
    #[serde(default)]
    pub granted: Amounts,
    /// Why the need is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The state of each rule after this.
    #[serde(default)]
    pub meters: Vec<MeterState>,
    /// Number of slots in use.
    #[serde(default)]
    pub slots: u64,
}

/// Why a need is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The limit that refuses; `None` is the limit on concurrent requests.
    pub kind: Option<RuleKind>,
    /// Its value.
    pub limit: u64,
    /// Milliseconds until it may be granted; `None` means never.
    pub retry_after_ms: Option<u64>,
    /// Milliseconds for which the isolate may refuse without asking again.
    pub hold_ms: u64,
    /// What is left of the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

/// The state of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterState {
    /// Which.
    pub kind: RuleKind,
    /// The limit.
    pub limit: u64,
    /// The current count; debts may raise it above the limit.
    pub used: u64,
    /// Milliseconds until the count is zero, without further requests.
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
