//! The times at which the task of a server wakes.

use tokio::time::Instant;

/// When something is to happen.
#[derive(Default)]
pub(super) struct Times {
    /// Another start.
    pub(super) wake: Option<Instant>,
    /// The start has taken too long.
    pub(super) start: Option<Instant>,
    /// The calls in flight have had their time.
    pub(super) drain: Option<Instant>,
    /// The child was not used for too long.
    pub(super) idle: Option<Instant>,
}

/// Waits for a time; without one, for ever.
pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
