//! From a model name to an upstream: the compiled configuration, and upstream addresses.

pub mod endpoint;
pub mod snapshot;
pub mod upstream_url;

pub use snapshot::{Candidate, Plan, Snapshot, SnapshotSource};
