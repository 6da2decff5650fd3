//! From a model name to an ordered list of upstreams: the compiled configuration, the planner, the health of
//! upstreams, retries and failover.

pub mod backoff;
pub mod bound;
pub mod candidate;
pub mod candidate_facts;
pub mod concurrency;
pub mod explain;
pub mod filter;
pub mod guard;
pub mod health;
pub mod key_pool;
pub mod limited;
mod num;
pub mod offer;
pub mod permitted;
pub mod planner;
mod qps;
pub mod random;
pub mod request_needs;
pub mod resolve;
pub mod retry;
pub mod route;
pub mod score;
pub mod simulate;
pub mod snapshot;
pub mod strategy;
pub mod upstream;
pub mod walk;

pub use candidate::Candidate;
pub use limited::LimitedModel;
pub use resolve::Plan;
pub use route::Route;
pub use snapshot::{Snapshot, SnapshotSource};
pub use upstream::{Upstream, UpstreamKey};
