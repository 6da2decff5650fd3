//! The guard that leaves exactly one record of a request behind, however the request ends.
//!
//! It owns the record while the request runs. When it is finished or dropped, the record is handed over through a channel
//! whose receiver was registered with the platform at the start, so that it outlives the answer. A request that is dropped
//! without being finished was cancelled by its caller: such is the event with which it begins.

use futures::channel::oneshot;
use nexus_edge_core::dialect::canonical::StreamFault;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::retry;
use nexus_edge_core::stats::{Outcome, UsageEvent};

use crate::health::Hold;
use crate::trail::Trail;

/// A record of a request.
pub trait Record: Default {
    /// Its usage event, whose `ts` is the beginning of the request, and the attempts, which are written into the event at
    /// the end.
    fn parts(&mut self) -> (&mut UsageEvent, &mut Trail);

    /// Its usage event.
    fn event(&mut self) -> &mut UsageEvent {
        self.parts().0
    }
}

/// Hands the record of a request over, once. `S` is a place in a provider's concurrency limiter.
#[derive(Debug)]
pub struct Settlement<R: Record, S> {
    record: R,
    leave: Option<oneshot::Sender<R>>,
    /// The permits of the upstream that answers.
    hold: Option<Hold<S>>,
    clock: fn() -> u64,
}

impl<R: Record, S> Settlement<R, S> {
    /// Begins with this record, and gives the receiver of what it will have become. `clock` gives milliseconds since the
    /// epoch.
    pub fn begin(mut record: R, clock: fn() -> u64) -> (Self, oneshot::Receiver<R>) {
        let (leave, left) = oneshot::channel();
        let event = record.event();
        (event.status, event.outcome) = (499, Outcome::Cancelled);
        (Self { record, leave: Some(leave), hold: None, clock }, left)
    }

    /// The record, for the steps to add to.
    pub fn record(&mut self) -> &mut R {
        &mut self.record
    }

    /// Keeps the permits of the upstream until the end of its answer.
    pub fn keep_hold(&mut self, hold: Hold<S>) {
        self.hold = Some(hold);
    }

    /// Ends a request that the gateway answers with an error of its own.
    pub fn refuse(mut self, error: &ApiError, is_caller_gone: bool) {
        let event = self.record.event();
        event.status = error.status;
        event.error_code = Some(error.code.to_owned());
        self.finish(match error.status {
            _ if is_caller_gone => Outcome::Cancelled,
            502..=504 => Outcome::Failed,
            _ => Outcome::Rejected,
        });
    }

    /// Ends a request whose streamed answer has this fault.
    pub fn finish_faulty(mut self, fault: StreamFault) {
        self.record.event().error_code = Some(fault.code().to_owned());
        self.end(Outcome::Failed, Some(fault));
    }

    /// Ends the request.
    pub fn finish(self, outcome: Outcome) {
        self.end(outcome, None);
    }

    fn end(mut self, outcome: Outcome, fault: Option<StreamFault>) {
        self.record.event().outcome = outcome;
        // A disconnect is no statement about the upstream.
        if let Some(hold) = self.hold.take().filter(|_| outcome != Outcome::Cancelled) {
            hold.end(retry::outcomes_of_stream(fault));
        }
    }
}

impl<R: Record, S> Drop for Settlement<R, S> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            let mut record = std::mem::take(&mut self.record);
            let (event, trail) = record.parts();
            trail.write_to(event);
            event.duration_ms = (self.clock)().saturating_sub(event.ts);
            // The receiver is gone only if the platform has given up on the request altogether.
            let _ = leave.send(record);
        }
    }
}
