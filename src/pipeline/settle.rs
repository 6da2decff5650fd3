//! Step 6: the guard that leaves exactly one usage event behind, however a request ends.
//!
//! It owns the [`RequestRecord`] of a request. When it is finished or dropped, the record goes to
//! [`super::after_response`], which was registered with the platform at the start, so that it outlives the answer. A
//! request that is dropped without being finished was cancelled by its caller.

use futures::channel::oneshot;
use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::canonical::StreamFault;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::retry;
use nexus_edge_core::stats::{Outcome, UsageEvent};

use super::after_response::{self, Asker};
use super::record::RequestRecord;
use super::upstream_health::Hold;
use crate::exchange::Exchange;
use crate::platform::now_ms;

/// Hands the record of a request over, once.
pub struct Settlement {
    record: RequestRecord,
    leave: Option<oneshot::Sender<RequestRecord>>,
    /// The permits of the upstream that answers.
    hold: Option<Hold>,
}

impl Settlement {
    /// Begins the record of a request by `principal`.
    pub fn begin(exchange: &Exchange, principal: &Principal, conversation_id: String) -> Self {
        let (leave, left) = oneshot::channel();
        let env = exchange.env.clone();
        let asker = Asker {
            principal: principal.clone(),
            caller_dialect: exchange.caller_dialect,
            asked_by: exchange.asked_by.clone(),
        };
        exchange.tasks.wait_until(async move {
            if let Ok(record) = left.await {
                after_response::run(&env, asker, record).await;
            }
        });
        let event = UsageEvent {
            id: exchange.event_id.clone(),
            ts: exchange.started_ms,
            request_id: exchange.request_id.clone(),
            key_id: principal.key_id.clone(),
            status: 499,
            outcome: Outcome::Cancelled,
            conversation_id,
            tags: principal.tags.clone(),
            ..UsageEvent::default()
        };
        Self { record: RequestRecord::begin(event), leave: Some(leave), hold: None }
    }

    /// The record, for the steps to add to.
    pub fn record(&mut self) -> &mut RequestRecord {
        &mut self.record
    }

    /// Keeps the permits of the upstream until the end of its answer.
    pub fn keep_hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// Ends a request that the gateway answers with an error of its own.
    pub fn refuse(mut self, error: &ApiError, exchange: &Exchange) {
        self.record.event.status = error.status;
        self.record.event.error_code = Some(error.code.to_owned());
        self.finish(match error.status {
            _ if exchange.is_caller_gone() => Outcome::Cancelled,
            502..=504 => Outcome::Failed,
            _ => Outcome::Rejected,
        });
    }

    /// Ends a request whose streamed answer has this fault.
    pub fn finish_faulty(mut self, fault: StreamFault) {
        self.record.event.error_code = Some(fault.code().to_owned());
        self.end(Outcome::Failed, Some(fault));
    }

    /// Ends the request.
    pub fn finish(self, outcome: Outcome) {
        self.end(outcome, None);
    }

    fn end(mut self, outcome: Outcome, fault: Option<StreamFault>) {
        self.record.event.outcome = outcome;
        // A disconnect is no statement about the upstream.
        if let Some(hold) = self.hold.take().filter(|_| outcome != Outcome::Cancelled) {
            hold.end(retry::outcomes_of_stream(fault));
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            let mut record = std::mem::take(&mut self.record);
            record.trail.write_to(&mut record.event);
            record.event.duration_ms = now_ms().saturating_sub(record.event.ts);
            // The receiver is gone only if the platform has given up on the request altogether.
            let _ = leave.send(record);
        }
    }
}
