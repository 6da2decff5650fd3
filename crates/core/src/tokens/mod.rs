//! Token usage: what an upstream reported, and an estimate where it reported nothing.

pub mod estimate;
pub mod usage;

pub use estimate::estimate_tokens;
pub use usage::{TokenUsage, UsageSource};
