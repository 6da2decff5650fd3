//! Observations that isolates share: a circuit opened or closed, or a target is cooling down.
//!
//! Merging is idempotent and commutative. A received observation never outlasts the time that its observer gave, and
//! never overrides what an isolate has observed itself.
//!
//! ```json
//! [{"t": "01M7…/gpt-5", "k": "open", "u": 1795200213000, "o": 1795200203000, "l": 1}]
//! ```

use serde::{Deserialize, Serialize};

/// Longest accepted name of a target, in bytes.
pub const MAX_SHARED_TARGET_BYTES: usize = 256;
/// Longest accepted block of a target: the cap of cool-downs.
pub(super) const MAX_BLOCK_MS: u64 = 600_000;
/// By how much the clocks of two isolates may differ, in milliseconds.
pub(super) const CLOCK_SKEW_MS: u64 = 10_000;
/// For how long a closed circuit is reported, in milliseconds.
pub(super) const CLOSING_TOLD_MS: u64 = 30_000;

/// The kind of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedKind {
    /// Its circuit opened.
    Open,
    /// Its circuit closed.
    Closed,
    /// It is cooling down.
    Cooldown,
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SharedState {
    /// Name of the target.
    #[serde(rename = "t")]
    pub target: String,
    /// Its kind.
    #[serde(rename = "k")]
    pub kind: SharedKind,
    /// Until when it is valid, in milliseconds since the epoch. A closed circuit need not be reported after that.
    #[serde(rename = "u")]
    pub until_ms: u64,
    /// When it was observed, in milliseconds since the epoch.
    #[serde(rename = "o")]
    pub observed_at_ms: u64,
    /// Of an opening: how many there were in a row, from 1. Of a closing: 1 if an operator ordered it, which goes before what an
    /// isolate has observed itself until then. Otherwise 0.
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    pub level: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(level: &u32) -> bool {
    *level == 0
}

/// By how much a scheduled probe may be late, in milliseconds.
const PROBE_LATE_MS: u64 = 90_000;

impl SharedState {
    /// The observation of a scheduled probe with this interval in milliseconds: open until the next one, or closed.
    #[must_use]
    pub fn of_probe(target: &str, is_down: bool, observed_at_ms: u64, every_ms: u64) -> Self {
        let (kind, holds_ms, level) = if is_down {
            (SharedKind::Open, every_ms.saturating_add(PROBE_LATE_MS).min(MAX_BLOCK_MS), 1)
        } else {
            (SharedKind::Closed, CLOSING_TOLD_MS, 0)
        };
        let until_ms = observed_at_ms.saturating_add(holds_ms);
        Self { target: target.to_owned(), kind, until_ms, observed_at_ms, level }
    }

    /// An operator closes a circuit.
    #[must_use]
    pub fn reset(target: &str, at_ms: u64) -> Self {
        let until_ms = at_ms.saturating_add(CLOSING_TOLD_MS);
        Self {
            target: target.to_owned(),
            kind: SharedKind::Closed,
            until_ms,
            observed_at_ms: at_ms,
            level: 1,
        }
    }

    /// Whether it is a closing that an operator ordered.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.kind == SharedKind::Closed && self.level > 0
    }

    /// Whether it is plausible, and still relevant, at `now_ms`.
    #[must_use]
    pub fn is_sound(&self, now_ms: u64) -> bool {
        !self.target.is_empty()
            && self.target.len() <= MAX_SHARED_TARGET_BYTES
            && self.until_ms > now_ms
            && self.until_ms <= now_ms.saturating_add(MAX_BLOCK_MS)
            && self.observed_at_ms <= now_ms.saturating_add(CLOCK_SKEW_MS)
            && self.observed_at_ms < self.until_ms
            && self.level <= 64
    }
}
