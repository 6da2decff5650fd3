//! Step 4, around the attempts: failover, with this platform's time and the limits of providers. What decides is
//! [`nexus_edge_failover`].

use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Candidate;
use nexus_edge_failover::Platform;

use super::admit;
use super::limiter::{self, Slot};
use crate::exchange::Exchange;
use crate::platform::promise::Timer;
use crate::platform::{now_ms, random_unit};

/// The platform that the Worker runs on.
pub struct Workers;

impl Platform for Workers {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn random_unit(&self) -> f64 {
        random_unit()
    }

    async fn sleep(&self, ms: u64) {
        Timer::after_ms(ms).await;
    }
}

/// Applies the limits of the candidate's provider: those of this isolate, then those that hold everywhere.
pub async fn admit(exchange: &Exchange, candidate: &Candidate) -> Result<Option<Slot>, ApiError> {
    let slot = limiter::enter(candidate).await?;
    admit::admit(exchange, candidate).await?;
    Ok(slot)
}
