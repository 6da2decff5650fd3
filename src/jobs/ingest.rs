//! The consumer of the usage queue: events into D1.

use nexus_edge_core::stats::UsageEvent;
use worker::{Env, MessageBatch};

use crate::platform::log_error;
use crate::store::usage;

/// Records a batch. If D1 refuses, the whole batch is delivered again; recording is idempotent by event id. A message
/// that is no event is logged and dropped: it would be no event the next time either.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    let events: Vec<UsageEvent> = batch
        .raw_iter()
        .filter_map(|message| {
            let event = message.body().as_string().and_then(|json| serde_json::from_str(&json).ok());
            if event.is_none() {
                log_error("usage queue", &"a message is not a usage event");
            }
            event
        })
        .collect();
    match usage::ingest(env, &events).await {
        Ok(()) => batch.ack_all(),
        Err(error) => {
            log_error("usage ingest", &error);
            batch.retry_all();
        }
    }
}
