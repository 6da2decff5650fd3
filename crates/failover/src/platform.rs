//! What failover needs of the platform.

/// Time and chance.
#[expect(async_fn_in_trait, reason = "futures of the Worker hold JavaScript handles and cannot be `Send`")]
pub trait Platform {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// A random number from 0 up to, but not including, 1.
    fn random_unit(&self) -> f64;

    /// Waits so many milliseconds.
    async fn sleep(&self, ms: u64);
}
