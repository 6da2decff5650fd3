//! Requests that are watched while they end: what this isolate tells the object that shows them, and streams from it.
//!
//! Nothing is told while there are no watchers, and nothing is asked to learn whether there are: the answer of the exchange of circuits,
//! which takes place every few seconds anyway, says so. What is told leaves after the answer, together with what ends at the same
//! time.

use std::cell::{Cell, RefCell};

use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::outbox::{Departure, Outbox};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_stats::live::Watch;
use worker::{Env, ResponseBody, web_sys};

use crate::objects::live;
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms, rarely};

/// Milliseconds that a request waits for others, so that one call tells of several.
const LINGER_MS: u64 = 250;
/// With as many requests a call is made at once.
const MESSAGE_EVENTS: usize = 256;

thread_local! {
    static OUTBOX: RefCell<Outbox<UsageEvent>> = const { RefCell::new(Outbox::new()) };
    static WATCHED_UNTIL_MS: Cell<u64> = const { Cell::new(0) };
}

/// Notes that requests are watched for so many milliseconds from now on.
pub fn note_watched(for_ms: u64, now_ms: u64) {
    WATCHED_UNTIL_MS.set(if for_ms == 0 { 0 } else { now_ms.saturating_add(for_ms) });
}

/// Shows a request that has ended to those who watch. Costs nothing while there are none.
pub async fn show(env: &Env, event: &UsageEvent) {
    if now_ms() >= WATCHED_UNTIL_MS.get() {
        return;
    }
    rarely(tell(env, event)).await;
}

async fn tell(env: &Env, event: &UsageEvent) {
    let departure = OUTBOX.with_borrow_mut(|outbox| outbox.add([event.clone()], MESSAGE_EVENTS, now_ms()));
    let Some(departure) = departure else { return };
    if departure != Departure::Now {
        Timer::after_ms(LINGER_MS).await;
    }
    let events = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    match live::tell(env, &events).await {
        Ok(for_ms) => note_watched(for_ms, now_ms()),
        Err(error) => log_error("live object", &error),
    }
}

/// A stream of events.
///
/// # Errors
/// `too_many_watchers` (429), `live_unavailable` (503).
pub async fn watch(env: &Env, watch: &Watch) -> Result<web_sys::ReadableStream, ApiError> {
    let unavailable = |why: &dyn std::fmt::Display| {
        log_error("live object", why);
        let message = "Requests cannot be watched at the moment. Try again.";
        ApiError::unavailable("live_unavailable", message).with_retry_after(1)
    };
    let answer = live::watch(env, watch).await.map_err(|error| unavailable(&error))?;
    match (answer.status_code(), answer.into_parts().1) {
        (200, ResponseBody::Stream(stream)) => Ok(stream),
        (429, _) => {
            let message = "As many as may watch requests at once do so already.";
            let error = ApiError::new(429, ErrorKind::RateLimit, "too_many_watchers", message);
            Err(error.with_retry_after(10))
        }
        (status, _) => Err(unavailable(&status)),
    }
}
