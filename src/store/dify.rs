//! Maps a caller's conversation to its conversation of a Dify app, in KV.

use worker::Env;

use super::StoreResult;
use crate::platform::{kv, log_error};

/// Seconds after the last turn for which a conversation is stored: 30 days.
const TTL_S: u64 = 30 * 24 * 60 * 60;

/// The Dify conversation under this name.
pub async fn conversation(env: &Env, name: &str) -> Option<String> {
    kv::get(env, name).await.ok()?
}

/// Stores a Dify conversation.
pub async fn remember(env: &Env, name: &str, conversation_id: &str) {
    let put = async {
        env.kv("KV")?.put(name, conversation_id)?.expiration_ttl(TTL_S).execute().await?;
        StoreResult::Ok(())
    };
    if let Err(error) = put.await {
        log_error("a Dify conversation is not remembered", &error);
    }
}
