//! Step 6: the guard that leaves exactly one usage event behind, however a request ends.
//!
//! What it guarantees is in [`nexus_edge_failover::settlement`]. Here the record gets its first values, and
//! [`super::after_response`] is registered with the platform before the request is served, so that it outlives the answer.

use nexus_edge_core::access::Principal;
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_failover::{Record, Trail};

use super::admission::Slot;
use super::after_response::{self, Asker};
use super::record::RequestRecord;
use super::rounds::Rounds;
use crate::exchange::Exchange;
use crate::platform::now_ms;

/// Hands the record of a request over, once.
pub type Settlement = nexus_edge_failover::Settlement<RequestRecord, Slot>;

impl Record for RequestRecord {
    fn parts(&mut self) -> (&mut UsageEvent, &mut Trail) {
        (&mut self.event, &mut self.trail)
    }
}

/// Begins the record of a request by `principal`.
pub fn begin(exchange: &Exchange, principal: &Principal, conversation_id: String) -> Settlement {
    let event = exchange.event_of(principal, conversation_id);
    let (settlement, left) = Settlement::begin(RequestRecord::begin(event), now_ms);
    let env = exchange.env.clone();
    let asker = Asker {
        principal: principal.clone(),
        caller_dialect: exchange.caller_dialect,
        asked_by: exchange.asked_by.clone(),
        trace: exchange.trace.clone(),
    };
    exchange.tasks.wait_until(async move {
        if let Ok(record) = left.await {
            // In a box, so that it is not moved as a whole with the request's future.
            Box::pin(after_response::run(&env, asker, record)).await;
        }
    });
    settlement
}

/// Begins the record of a round, which becomes a part of that of its request.
pub fn begin_round(
    exchange: &Exchange,
    principal: &Principal,
    conversation_id: String,
    rounds: &Rounds,
) -> Settlement {
    let event = exchange.event_of(principal, conversation_id);
    let (settlement, left) = Settlement::begin(RequestRecord::begin(event), now_ms);
    rounds.begin(left);
    settlement
}
