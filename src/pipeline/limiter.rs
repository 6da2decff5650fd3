//! The concurrency limiter of each provider: concurrent requests, and requests per second.
//!
//! A limiter belongs to this isolate. A request over the limit is queued for a moment and then refused, so that a
//! slow provider does not fill the memory.

use std::cell::RefCell;

use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::error::{ApiError, ErrorKind, retry_after_s};
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::concurrency::{ConcurrencyLimiter, ConcurrencyLimits, Entry, Pass};

use crate::platform::now_ms;
use crate::platform::promise::Timer;

/// Most providers whose limiter is kept while none of their requests is in progress.
const MAX_LIMITERS: usize = 1_000;

thread_local! {
    static LIMITERS: RefCell<BoundedMap<String, ConcurrencyLimiter>> = RefCell::new(BoundedMap::new(MAX_LIMITERS));
}

/// The size of this isolate's memory of them.
pub fn size() -> MapSize {
    LIMITERS.with_borrow(|limiters| MapSize::of("provider_queues", limiters))
}

/// A place in the limiter of a provider, released when dropped.
pub struct Slot {
    provider: String,
    pass: Option<Pass>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            LIMITERS.with_borrow_mut(|limiters| {
                if let Some(limiter) = limiters.get_mut(&self.provider) {
                    limiter.leave(pass);
                }
            });
        }
    }
}

/// Takes a place in the limiter of the candidate's provider, or waits for one. `None` for a provider without limits.
pub async fn enter(candidate: &Candidate) -> Result<Option<Slot>, ApiError> {
    let record = &candidate.upstream.record;
    if record.max_in_flight.is_none() && record.max_qps.is_none() {
        return Ok(None);
    }
    let limits = ConcurrencyLimits {
        max_in_flight: record.max_in_flight,
        max_qps: record.max_qps.map(f64::from),
        ..ConcurrencyLimits::default()
    };
    let mut entry = with_limiter(&record.uid, |limiter| {
        limiter.set_limits(limits);
        limiter.enter(now_ms())
    });
    let mut waiting = Waiting { provider: &record.uid, ticket: None };
    loop {
        match entry {
            Entry::Enter(pass) => {
                waiting.ticket = None;
                return Ok(Some(Slot { provider: record.uid.clone(), pass: Some(pass) }));
            }
            Entry::Wait { ticket, wait_ms } => {
                waiting.ticket = Some(ticket);
                Timer::after_ms(wait_ms).await;
                entry = with_limiter(&record.uid, |limiter| limiter.poll(ticket, now_ms()));
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
            with_limiter(self.provider, |limiter| limiter.abandon(ticket));
        }
    }
}

fn with_limiter<T>(provider: &str, work: impl FnOnce(&mut ConcurrencyLimiter) -> T) -> T {
    LIMITERS.with_borrow_mut(|limiters| {
        if let Some(limiter) = limiters.get_mut(provider) {
            return work(limiter);
        }
        let mut limiter = ConcurrencyLimiter::new(ConcurrencyLimits::default());
        let done = work(&mut limiter);
        limiters.insert(provider.to_owned(), limiter, |limiter| match limiter.in_flight() {
            0 if limiter.queued() == 0 => Worth::Something,
            _ => Worth::Needed,
        });
        done
    })
}
