//! From a model name to an upstream: the compiled configuration, and upstream addresses; and how an upstream that fails
//! is noticed, spared and replaced.

pub mod backoff;
pub mod candidate_facts;
pub mod concurrency;
pub mod endpoint;
pub mod filter;
pub mod health;
pub mod key_pool;
mod num;
pub mod pattern;
pub mod planner;
mod qps;
pub mod random;
pub mod retry;
pub mod score;
pub mod snapshot;
pub mod strategy;
pub mod upstream_url;
pub mod walk;

pub use snapshot::{Candidate, Plan, Snapshot, SnapshotSource, Upstream, UpstreamKey};
