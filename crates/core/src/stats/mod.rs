//! Records of requests.

pub mod app;
pub mod attempt_record;
pub mod price_source;
pub mod usage_event;

pub use attempt_record::AttemptRecord;
pub use price_source::PriceSource;
pub use usage_event::{Outcome, UsageEvent};
