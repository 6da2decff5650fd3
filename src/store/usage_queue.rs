//! How records leave an isolate: as messages of the usage queue, and as objects of R2 where neither the queue nor the database accepts them.

use worker::{Env, MessageBuilder, QueueContentType};

use super::StoreResult;

/// Prefix of what is parked in R2 until the cron records it.
pub const PARKED_PREFIX: &str = "parked-usage/";

/// Puts a message into the queue.
pub async fn enqueue(env: &Env, message: String) -> StoreResult<()> {
    // As text: an object would be rebuilt as a JavaScript Map, which the queue stores as {}.
    let message = MessageBuilder::new(message).content_type(QueueContentType::Text).build();
    Ok(env.queue("USAGE_QUEUE")?.send(message).await?)
}

/// Parks a message as one object, by the id of its first record, so that it stays what it is.
pub async fn park(env: &Env, first_id: &str, message: Vec<u8>) -> StoreResult<()> {
    env.bucket("BUCKET")?.put(format!("{PARKED_PREFIX}{first_id}"), message).execute().await?;
    Ok(())
}
