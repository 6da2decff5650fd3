//! What failover needs of its surroundings.

use std::rc::Rc;

use nexus_edge_core::error::ApiError;

use crate::health::Health;

/// Time and chance, the health and limits of upstreams, and the caller's connection.
#[expect(async_fn_in_trait, reason = "futures of the Worker hold JavaScript handles and cannot be `Send`")]
pub trait Platform {
    /// What an attempt has taken of limits.
    type Slot: Slot;

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
}

/// What an attempt has taken of the limits of what it uses: a place in the concurrency limiter of a provider, which is
/// released when dropped, and what is limited about the model.
pub trait Slot {
    /// The attempt failed, and another candidate may be asked: what it took of the model is given back. Merely dropped, it
    /// counts as a request: the upstream was asked.
    fn give_back(self);
}

/// Why an attempt is refused before its candidate is asked.
#[derive(Debug)]
pub enum Refused {
    /// The provider has as many requests as it may have: it is asked later, as a last resort.
    Busy(ApiError),
    /// A limit of what would be used is reached: the candidate is not available to this request.
    Limited(ApiError),
}
