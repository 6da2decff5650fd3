//! Which upstream a session is bound to, so that it finds its prompt cache again.
//!
//! A binding is stored in KV for two hours after its last use, under the session's name and the key's id, and for a
//! moment in the isolate's memory, so that an active session costs an occasional read instead of one per request.

use std::cell::RefCell;

use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use serde::{Deserialize, Serialize};
use worker::Env;

use super::StoreResult;
use crate::platform::{kv, log_error, now_ms};

/// Seconds that a binding lives after its last renewal.
const TTL_S: u64 = 2 * 60 * 60;
/// Milliseconds after which a binding in use is renewed.
const RENEW_AFTER_MS: u64 = 10 * 60 * 1000;
/// Milliseconds for which the isolate uses a binding that it read.
const BELIEVED_MS: u64 = 30_000;
/// Most entries in memory; KV has the others.
const MAX_HELD: usize = 5_000;
const PREFIX: &str = "sticky:";

/// The upstream of a session, as KV stores it.
///
/// ```json
/// {"logical_model": "smart", "provider_id": 2, "model_id": "gpt-5", "key_id": null,
///  "created_at": 1795200203000, "last_used_at": 1795200207000}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The model that the caller named.
    pub logical_model: String,
    /// Id of the provider.
    pub provider_id: i64,
    /// The model at the provider.
    pub model_id: String,
    /// Id of the provider's key.
    pub key_id: Option<String>,
    /// When it was bound, in milliseconds since the epoch.
    pub created_at: u64,
    /// When it was last written, in milliseconds since the epoch.
    pub last_used_at: u64,
}

thread_local! {
    static HELD: RefCell<BoundedMap<String, (Option<Binding>, u64)>> = RefCell::new(BoundedMap::new(MAX_HELD));
}

/// The size of this isolate's memory of them.
pub fn size() -> MapSize {
    HELD.with_borrow(|held| MapSize::of("session_bindings", held))
}

/// The binding of a session for one API key; `None` if KV cannot be reached.
pub async fn find(env: &Env, session: &str, api_key_id: &str) -> Option<Binding> {
    let name = name_of(session, api_key_id);
    let held = HELD.with_borrow(|held| held.get(&name).cloned());
    if let Some((binding, read_at_ms)) = held
        && now_ms() < read_at_ms + BELIEVED_MS
    {
        return binding;
    }
    let binding = read(env, &name).await.unwrap_or_else(|error| {
        log_error("sticky binding", &error);
        None
    });
    hold(name, binding.clone());
    binding
}

/// Binds a session to the upstream that answered, unless it is bound to that already and was renewed recently.
pub async fn bind(env: &Env, session: &str, api_key_id: &str, mut binding: Binding) {
    let name = name_of(session, api_key_id);
    let known = HELD.with_borrow(|held| held.get(&name).and_then(|(binding, _)| binding.clone()));
    if let Some(known) = known {
        let same = (known.provider_id, &known.model_id, &known.key_id, &known.logical_model)
            == (binding.provider_id, &binding.model_id, &binding.key_id, &binding.logical_model);
        if same && binding.last_used_at < known.last_used_at + RENEW_AFTER_MS {
            return;
        }
        binding.created_at = known.created_at;
    }
    if let Err(error) = write(env, &name, &binding).await {
        log_error("sticky binding", &error);
    }
    hold(name, Some(binding));
}

/// All bindings of a session, with the API key that each belongs to.
pub async fn list(env: &Env, session: &str) -> StoreResult<Vec<(String, Binding)>> {
    let prefix = format!("{PREFIX}{session}:");
    let keys = env.kv("KV")?.list().prefix(prefix.clone()).limit(100).execute().await?.keys;
    let mut found = Vec::new();
    for key in keys {
        let Some(binding) = read(env, &key.name).await? else { continue };
        found.push((key.name.strip_prefix(&prefix).unwrap_or_default().to_owned(), binding));
    }
    Ok(found)
}

/// Removes the binding of a session; false if there was none.
pub async fn unbind(env: &Env, session: &str, api_key_id: &str) -> StoreResult<bool> {
    let name = name_of(session, api_key_id);
    let was_bound = read(env, &name).await?.is_some();
    env.kv("KV")?.delete(&name).await?;
    hold(name, None);
    Ok(was_bound)
}

fn name_of(session: &str, api_key_id: &str) -> String {
    format!("{PREFIX}{session}:{api_key_id}")
}

fn hold(name: String, binding: Option<Binding>) {
    let now = now_ms();
    let worth = |(_, read_at_ms): &(Option<Binding>, u64)| Worth::until(read_at_ms + BELIEVED_MS, now);
    HELD.with_borrow_mut(|held| held.insert(name, (binding, now), worth));
}

async fn read(env: &Env, name: &str) -> StoreResult<Option<Binding>> {
    let json = kv::get(env, name).await.map_err(worker::Error::from)?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

async fn write(env: &Env, name: &str, binding: &Binding) -> StoreResult<()> {
    let json = serde_json::to_string(binding)?;
    Ok(env.kv("KV")?.put(name, json.as_str())?.expiration_ttl(TTL_S).execute().await?)
}
