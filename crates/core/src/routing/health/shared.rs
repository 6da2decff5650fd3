//! What isolates tell each other: that a target was found dead, that it came back, or that it asked to be left alone.
//!
//! Hearing the same twice, or in another order, changes nothing. What was heard never outlasts the time that its
//! observer gave, and never makes up for what an isolate has seen itself.

use serde::{Deserialize, Serialize};

/// The longest name of a target that is heard of.
pub const MAX_SHARED_TARGET_BYTES: usize = 256;
/// Nothing is believed that would block a target for longer than this: the cap of what an upstream may ask for.
pub(super) const MAX_BLOCK_MS: u64 = 600_000;
/// By so much may the clocks of two isolates differ.
pub(super) const CLOCK_SKEW_MS: u64 = 10_000;
/// So long a closing is told of.
pub(super) const CLOSING_TOLD_MS: u64 = 30_000;

/// What happened to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedKind {
    /// Its circuit opened.
    Open,
    /// Its circuit closed.
    Closed,
    /// It asked to be left alone.
    Cooldown,
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SharedState {
    /// Name of the target.
    #[serde(rename = "t")]
    pub target: String,
    /// What happened.
    #[serde(rename = "k")]
    pub kind: SharedKind,
    /// Until when it holds, in milliseconds since the epoch. A closing need not be told any longer after that.
    #[serde(rename = "u")]
    pub until_ms: u64,
    /// When it was observed, in milliseconds since the epoch.
    #[serde(rename = "o")]
    pub observed_at_ms: u64,
    /// How many openings in a row this is, from 1; 0 for everything else.
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    pub level: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(level: &u32) -> bool {
    *level == 0
}

/// A probe may come this much later than it should, in milliseconds.
const PROBE_LATE_MS: u64 = 90_000;

impl SharedState {
    /// What a scheduled probe of an upstream tells, that is made every so many milliseconds: dead until the next one, or
    /// alive.
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

    /// Whether this can be believed, and still matters, at `now_ms`.
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
