//! Step 4, around the attempts: implements for a request in progress what [`nexus_edge_failover`] asks for. The decisions are there.

use std::rc::Rc;

use nexus_edge_failover::{Health, Platform};

use super::admission::Slot;
use super::upstream_health;
use crate::exchange::Exchange;
use crate::platform::promise::Timer;
use crate::platform::{now_ms, random_unit};

impl Platform for Exchange {
    type Slot = Slot;

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn random_unit(&self) -> f64 {
        random_unit()
    }

    async fn sleep(&self, ms: u64) {
        Timer::after_ms(ms).await;
    }

    fn health(&self) -> Rc<Health> {
        upstream_health::health()
    }

    fn is_caller_gone(&self) -> bool {
        Self::is_caller_gone(self)
    }
}
