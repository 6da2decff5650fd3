//! The consumer of the usage queue: writes events to D1.

use nexus_edge_core::stats::UsageEvent;
use worker::{Env, MessageBatch};

use crate::platform::log_error;
use crate::store::usage;

/// Records a batch. If D1 refuses, the whole batch is delivered again; recording is idempotent by event id. A message
/// that is not a list of events is logged and dropped, because a new delivery would fail in the same way.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    let mut events: Vec<UsageEvent> = Vec::new();
    for message in batch.raw_iter() {
        let parsed = message.body().as_string().map(|json| serde_json::from_str::<Vec<UsageEvent>>(&json));
        match parsed {
            Some(Ok(of_message)) => events.extend(of_message),
            Some(Err(error)) => log_error("usage queue", &error),
            None => log_error("usage queue", &"a message is not text"),
        }
    }
    match usage::ingest(env, &events).await {
        Ok(()) => batch.ack_all(),
        Err(error) => {
            log_error("usage ingest", &error);
            batch.retry_all();
        }
    }
}
