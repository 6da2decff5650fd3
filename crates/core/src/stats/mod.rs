//! What is recorded of requests.

pub mod usage_event;

pub use usage_event::{Outcome, UsageEvent};
