//! Usage events: how they come to be recorded ([`outbox`]), in one transaction ([`ingest`]), and what is told of them ([`told`]).
//!
//! Guarantees: an event that was handed over is recorded once, unless the isolate is killed before it has left it.

mod ingest;
mod outbox;
mod told;

pub use ingest::{Delivery, ingest, ingest_chunks};
pub use outbox::{record, replay_parked, waiting};
pub use told::{LoggedCost, queue_lag, recorded, totals};
