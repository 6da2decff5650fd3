//! Limits on requests, tokens and money in a window of time, and on concurrent requests.
//!
//! One global [`Authority`] counts for one subject. Every isolate holds a [`Lease`]: permits that the authority has
//! counted already and that the isolate may spend on its own for at most [`LEASE_TTL_MS`]. So the sum of what is
//! spent never exceeds the limit, whatever isolates crash, clocks disagree or messages are lost, and most requests
//! cost no network hop. Every failure errs towards admitting less.

pub mod amounts;
pub mod authority;
pub mod blocked;
pub mod bucket;
pub mod calendar;
pub mod fallback;
pub mod headers;
pub mod holdings;
pub mod lease;
pub mod meter;
pub mod policy;
pub mod refusal;
pub mod rules;
pub mod sliding_window;
pub mod subject;
pub mod sync;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use amounts::Amounts;
pub use authority::Authority;
pub use bucket::Bucket;
pub use fallback::{Alone, Marker};
pub use holdings::Holdings;
pub use lease::{Lease, Spent, Step};
pub use policy::{LimitPolicy, LimitPolicyInput};
pub use refusal::Refusal;
pub use rules::{Budget, FailurePolicy, Limits, Rule, Rules};
pub use sliding_window::{Decision, SlidingWindow};
pub use subject::{Subject, SubjectKind};
pub use sync::{Ask, Reply};

/// How long an isolate may spend a grant, in milliseconds of its own clock since it asked.
pub const LEASE_TTL_MS: u64 = 2_000;
/// After how many milliseconds without renewal the authority treats a slot as abandoned.
pub const SLOT_TTL_MS: u64 = 30_000;
/// How often the holder of a slot renews it, in milliseconds.
pub const SLOT_RENEW_MS: u64 = 10_000;
