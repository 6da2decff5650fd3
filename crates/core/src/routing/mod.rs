//! From a model name to an upstream: the compiled configuration, and upstream addresses; and how an upstream that fails
//! is noticed, spared and replaced.

pub mod backoff;
pub mod candidate_facts;
pub mod endpoint;
pub mod filter;
pub mod health;
mod num;
pub mod planner;
pub mod retry;
pub mod score;
pub mod snapshot;
pub mod strategy;
pub mod upstream_url;

pub use snapshot::{Candidate, Plan, Snapshot, SnapshotSource};
