//! Objects of the bucket by their names, for what is written in parts.

use std::collections::HashMap;

use worker::{Env, Include};

use super::StoreResult;

/// An object in a list.
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// What was noted with it.
    pub notes: HashMap<String, String>,
}

/// Writes an object.
pub async fn put(env: &Env, name: &str, bytes: Vec<u8>, notes: HashMap<String, String>) -> StoreResult<()> {
    env.bucket("BUCKET")?.put(name, bytes).custom_metadata(notes).execute().await?;
    Ok(())
}

/// The bytes of an object; `None` if there is none.
pub async fn get(env: &Env, name: &str) -> StoreResult<Option<Vec<u8>>> {
    let object = env.bucket("BUCKET")?.get(name).execute().await?;
    let Some(body) = object.as_ref().and_then(worker::Object::body) else { return Ok(None) };
    Ok(Some(body.bytes().await?))
}

/// All objects whose names begin with this.
pub async fn list(env: &Env, prefix: &str) -> StoreResult<Vec<Listed>> {
    let bucket = env.bucket("BUCKET")?;
    let (mut found, mut cursor): (Vec<Listed>, Option<String>) = (Vec::new(), None);
    loop {
        let mut page = bucket.list().prefix(prefix).include(vec![Include::CustomMetadata]);
        if let Some(cursor) = cursor {
            page = page.cursor(cursor);
        }
        let page = page.execute().await?;
        for object in page.objects() {
            found.push(Listed {
                name: object.key(),
                bytes: object.size(),
                notes: object.custom_metadata().unwrap_or_default(),
            });
        }
        cursor = page.cursor();
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Deletes objects, whether or not they exist.
pub async fn delete(env: &Env, names: &[String]) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    for names in names.chunks(1_000) {
        bucket.delete_multiple(names.to_vec()).await?;
    }
    Ok(())
}
