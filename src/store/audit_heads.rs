//! Signed heads of the audit log in R2, which a writer of the database does not reach.

use std::collections::HashMap;

use nexus_edge_core::access::audit::head::{Head, PREFIX, name, text};
use nexus_edge_identity::base64url;
use worker::Env;

use super::{StoreResult, audit, bucket, identity_keys};
use crate::platform::subtle;
use crate::settings::Settings;

/// Where the last head is kept once more, so that it is found with one call.
const LATEST: &str = "audit-head-latest.json";

/// Writes the head of the log, once an hour if there is a new entry.
pub async fn write_if_due(env: &Env, settings: &Settings, now_ms: u64) -> StoreResult<()> {
    let latest = bucket::get(env, LATEST).await?;
    let latest: Option<Head> = latest.and_then(|json| serde_json::from_slice(&json).ok());
    let (seq, hash) = audit::head(env).await?;
    if !Head::is_due(latest.as_ref(), seq, now_ms) {
        return Ok(());
    }
    let keys = identity_keys::current(env, settings).await?;
    let (kid, pkcs8) = &keys.signing;
    let signature = subtle::sign_ed25519(pkcs8, text(seq, &hash, now_ms).as_bytes()).await;
    let signature = base64url::encode(signature.map_err(worker::Error::from)?);
    let head = Head { seq, hash, at: now_ms, kid: kid.clone(), signature };
    let json = serde_json::to_string(&head)?;
    // In the notes as well, so that a list has them.
    let notes = HashMap::from([("head".to_owned(), json.clone())]);
    bucket::put(env, &name(now_ms), json.clone().into_bytes(), notes).await?;
    bucket::put(env, LATEST, json.into_bytes(), HashMap::new()).await
}

/// All heads, oldest first. One that cannot be read is a head of nothing.
pub async fn all(env: &Env) -> StoreResult<Vec<Head>> {
    let listed = bucket::list(env, PREFIX).await?;
    let read = |one: bucket::Listed| {
        let head = one.notes.get("head").and_then(|json| serde_json::from_str(json).ok());
        head.unwrap_or(Head { seq: 0, hash: String::new(), at: 0, kid: one.name, signature: String::new() })
    };
    Ok(listed.into_iter().map(read).collect())
}
