//! Token usage as reported by an upstream, and an estimate for texts.

pub mod estimate;
pub mod usage;

pub use estimate::estimate_tokens;
pub use usage::{MAX_COST_MICROS, MAX_SEARCHES, MAX_TOKENS, ServedTier, TokenUsage, UsageSource};
