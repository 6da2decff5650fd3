//! The concurrency limiter of each provider: concurrent requests, and requests per second.
//!
//! A limiter belongs to this isolate. A request over the limit is queued for a moment and then refused, so that a
//! slow provider does not fill the memory.

use std::cell::RefCell;
use std::collections::HashMap;

use nexus_edge_core::error::{ApiError, ErrorKind, retry_after_s};
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::concurrency::{Entry, Gate, GateLimits, Pass};

use crate::platform::now_ms;
use crate::platform::promise::Timer;

thread_local! {
    static GATES: RefCell<HashMap<String, Gate>> = RefCell::default();
}

/// A place in the limiter of a provider, released when dropped.
pub struct Admission {
    provider: String,
    pass: Option<Pass>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            GATES.with_borrow_mut(|gates| {
                if let Some(gate) = gates.get_mut(&self.provider) {
                    gate.leave(pass);
                }
            });
        }
    }
}

/// Takes a place in the limiter of the candidate's provider, or waits for one. `None` for a provider without limits.
pub async fn enter(candidate: &Candidate) -> Result<Option<Admission>, ApiError> {
    let record = &candidate.upstream.record;
    if record.max_in_flight.is_none() && record.max_qps.is_none() {
        return Ok(None);
    }
    let limits = GateLimits {
        max_in_flight: record.max_in_flight,
        max_qps: record.max_qps.map(f64::from),
        ..GateLimits::default()
    };
    let mut entry = with_gate(&record.uid, |gate| {
        gate.set_limits(limits);
        gate.enter(now_ms())
    });
    let mut waiting = Waiting { provider: &record.uid, ticket: None };
    loop {
        match entry {
            Entry::Enter(pass) => {
                waiting.ticket = None;
                return Ok(Some(Admission { provider: record.uid.clone(), pass: Some(pass) }));
            }
            Entry::Wait { ticket, wait_ms } => {
                waiting.ticket = Some(ticket);
                Timer::after_ms(wait_ms).await;
                entry = with_gate(&record.uid, |gate| gate.ask_again(ticket, now_ms()));
            }
            Entry::Refuse { retry_after_ms } => {
                waiting.ticket = None;
                let message = format!("The provider `{}` has as many requests as it may have.", record.name);
                let error = ApiError::new(429, ErrorKind::RateLimit, "provider_busy", message);
                return Err(error.with_retry_after(retry_after_s(retry_after_ms)));
            }
        }
    }
}

/// A place in the queue, given up when dropped.
struct Waiting<'a> {
    provider: &'a str,
    ticket: Option<nexus_edge_core::routing::concurrency::Ticket>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            with_gate(self.provider, |gate| gate.abandon(ticket));
        }
    }
}

fn with_gate<T>(provider: &str, work: impl FnOnce(&mut Gate) -> T) -> T {
    GATES.with_borrow_mut(|gates| {
        if !gates.contains_key(provider) {
            gates.insert(provider.to_owned(), Gate::new(GateLimits::default()));
        }
        let mut stray = Gate::new(GateLimits::default());
        work(gates.get_mut(provider).unwrap_or(&mut stray))
    })
}
