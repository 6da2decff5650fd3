//! Large contents as earlier releases stored them: an object of R2 for each message, `archive/<id of the message>`.

use worker::Env;

use super::super::{StoreError, StoreResult};

/// Reads the content of a message; `None` if there is none.
pub async fn get(env: &Env, id: &str) -> StoreResult<Option<String>> {
    let object = env.bucket("BUCKET")?.get(name(id)).execute().await?;
    let Some(body) = object.as_ref().and_then(worker::Object::body) else { return Ok(None) };
    String::from_utf8(body.bytes().await?).map(Some).map_err(|error| StoreError::Platform(error.to_string()))
}

/// Deletes the contents of messages.
pub async fn remove(env: &Env, ids: Vec<String>) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = ids.iter().map(|id| name(id)).collect();
    Ok(env.bucket("BUCKET")?.delete_multiple(names).await?)
}

fn name(id: &str) -> String {
    format!("archive/{id}")
}
