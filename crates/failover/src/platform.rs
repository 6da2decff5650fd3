//! What failover needs of its surroundings.

use std::rc::Rc;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Candidate;

use crate::health::Health;

/// Time and chance, the health and limits of upstreams, and the caller's connection.
#[expect(async_fn_in_trait, reason = "futures of the Worker hold JavaScript handles and cannot be `Send`")]
pub trait Platform {
    /// A place in the concurrency limiter of a provider, released when dropped.
    type Slot;

    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// A random number from 0 up to, but not including, 1.
    fn random_unit(&self) -> f64;

    /// Waits so many milliseconds.
    async fn sleep(&self, ms: u64);

    /// The health of upstreams.
    fn health(&self) -> Rc<Health>;

    /// Whether the caller has disconnected.
    fn is_caller_gone(&self) -> bool;

    /// Applies the limits of the candidate's provider to an attempt.
    ///
    /// # Errors
    /// The limit that refuses it; another candidate may still answer.
    async fn admit(&self, candidate: &Candidate) -> Result<Option<Self::Slot>, ApiError>;
}
