//! From a model name to an upstream: the compiled configuration, and upstream addresses; and how an upstream that fails
//! is noticed, spared and replaced.

pub mod backoff;
pub mod endpoint;
pub mod health;
mod num;
pub mod retry;
pub mod snapshot;
pub mod upstream_url;

pub use snapshot::{Candidate, Plan, Snapshot, SnapshotSource};
