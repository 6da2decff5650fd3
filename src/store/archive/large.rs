//! Contents that are too large for a row: an object of R2 for each message, `archive/<id of the message>`.

use serde::Deserialize;
use worker::Env;

use super::super::{StoreError, StoreResult, row, text};

/// Writes the content of a message.
pub async fn put(env: &Env, id: &str, content: String) -> StoreResult<()> {
    env.bucket("BUCKET")?.put(name(id), content.into_bytes()).execute().await?;
    Ok(())
}

/// Reads the content of a message; `None` if there is none.
pub async fn get(env: &Env, id: &str) -> StoreResult<Option<String>> {
    let object = env.bucket("BUCKET")?.get(name(id)).execute().await?;
    let Some(body) = object.as_ref().and_then(worker::Object::body) else { return Ok(None) };
    String::from_utf8(body.bytes().await?).map(Some).map_err(|error| StoreError::Platform(error.to_string()))
}

/// Deletes the content of a message whose row was not written, because its conversation was deleted meanwhile.
pub async fn remove_without_row(env: &Env, id: &str) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Row {}
    let found: Option<Row> =
        row(env, "SELECT 1 AS one FROM chat_messages WHERE id = ?1", &[text(id)]).await?;
    if found.is_none() {
        remove(env, id).await?;
    }
    Ok(())
}

/// Deletes the content of a message.
pub async fn remove(env: &Env, id: &str) -> StoreResult<()> {
    Ok(env.bucket("BUCKET")?.delete(name(id)).await?)
}

fn name(id: &str) -> String {
    format!("archive/{id}")
}
