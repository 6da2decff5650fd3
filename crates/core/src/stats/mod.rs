//! Records of requests.

pub mod attempt_record;
pub mod usage_event;

pub use attempt_record::AttemptRecord;
pub use usage_event::{Outcome, UsageEvent};
