//! API keys. D1 is the authority, KV a copy near every location, the isolate's memory the place where requests look
//! first.
//!
//! A copy in KV carries the version of the keys at which it was read, and is used only while that version is current,
//! so a revoked key does not survive in a stale copy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use nexus_edge_core::access::{ApiKeyRecord, StorePolicy};
use nexus_edge_core::limits::LimitPolicy;
use serde::{Deserialize, Serialize};
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, nullable, row, rows, text, unsigned, write};
use crate::exchange::Exchange;
use crate::platform::{log_error, now_ms};

/// How long an unknown key is cached as unknown, in milliseconds.
const UNKNOWN_FOR_MS: u64 = 5_000;
/// With more entries than this, all are dropped: reading them again is cheap.
const MAX_CACHED: usize = 10_000;
/// Seconds after which a copy in KV expires if it is not renewed.
const KV_TTL_S: u64 = 24 * 60 * 60;

const COLUMNS: &str = "id, name, enabled, expires_at, allowed_models, allowed_providers, created_at, updated_at, \
    last_used_at, allowed_ips, allowed_dialects, owner, tags, policy, disabled_reason, previous_expires_at, key_hash, store, \
    cache_ttl_s";

#[derive(Clone)]
enum Cached {
    Known(Rc<ApiKeyRecord>),
    UnknownUntil(u64),
}

#[derive(Default)]
struct Cache {
    keys_version: u64,
    by_hash: HashMap<String, Cached>,
}

#[derive(Serialize, Deserialize)]
struct KvCopy {
    keys_version: u64,
    record: ApiKeyRecord,
}

/// A row as D1 returns it: lists are JSON texts.
#[derive(Deserialize)]
struct Row {
    id: String,
    name: String,
    enabled: u8,
    expires_at: Option<f64>,
    allowed_models: Option<String>,
    allowed_providers: Option<String>,
    store: String,
    cache_ttl_s: Option<f64>,
    created_at: f64,
    updated_at: f64,
    last_used_at: Option<f64>,
    allowed_ips: Option<String>,
    allowed_dialects: Option<String>,
    owner: Option<String>,
    tags: Option<String>,
    policy: Option<String>,
    disabled_reason: Option<String>,
    previous_expires_at: Option<f64>,
    key_hash: String,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// The key with this hash. Its record is at least as new as `keys_version`.
pub async fn by_hash(
    exchange: &Exchange,
    hash: &str,
    keys_version: u64,
) -> StoreResult<Option<Rc<ApiKeyRecord>>> {
    match cached(hash, keys_version) {
        Some(Cached::Known(record)) => return Ok(Some(record)),
        Some(Cached::UnknownUntil(until)) if now_ms() < until => return Ok(None),
        _ => {}
    }
    let found = match from_kv(&exchange.env, hash, keys_version).await {
        Some(record) => Some(record),
        None => from_d1(exchange, hash, keys_version).await?,
    };
    let found = found.map(Rc::new);
    remember(hash, found.clone(), keys_version);
    Ok(found)
}

fn cached(hash: &str, keys_version: u64) -> Option<Cached> {
    CACHE.with_borrow_mut(|cache| {
        if cache.keys_version != keys_version {
            *cache = Cache { keys_version, by_hash: HashMap::new() };
        }
        cache.by_hash.get(hash).cloned()
    })
}

/// Caches what was found, unless the keys changed during the look-up: then it may be outdated already.
fn remember(hash: &str, found: Option<Rc<ApiKeyRecord>>, keys_version: u64) {
    let entry = found.map_or_else(|| Cached::UnknownUntil(now_ms() + UNKNOWN_FOR_MS), Cached::Known);
    CACHE.with_borrow_mut(|cache| {
        if cache.keys_version != keys_version {
            return;
        }
        if cache.by_hash.len() >= MAX_CACHED {
            cache.by_hash.clear();
        }
        cache.by_hash.insert(hash.to_owned(), entry);
    });
}

async fn from_kv(env: &Env, hash: &str, keys_version: u64) -> Option<ApiKeyRecord> {
    let json = env.kv("KV").ok()?.get(&kv_name(hash)).text().await.ok()??;
    let copy: KvCopy = serde_json::from_str(&json).ok()?;
    (copy.keys_version == keys_version).then_some(copy.record)
}

async fn from_d1(exchange: &Exchange, hash: &str, keys_version: u64) -> StoreResult<Option<ApiKeyRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE key_hash = ?1 OR previous_key_hash = ?1");
    let Some(found) = row::<Row>(&exchange.env, &sql, &[text(hash)]).await? else { return Ok(None) };
    let is_previous = found.key_hash != hash;
    let mut record = ApiKeyRecord::from(found);
    if is_previous {
        let end = record.previous_expires_at.unwrap_or(0);
        record.expires_at = Some(record.expires_at.map_or(end, |expires_at| expires_at.min(end)));
    }
    let copy = serde_json::to_string(&KvCopy { keys_version, record: record.clone() })?;
    let (env, name) = (exchange.env.clone(), kv_name(hash));
    exchange.context.wait_until(async move {
        if let Err(error) = put(&env, &name, &copy).await {
            log_error("key copy", &error);
        }
    });
    Ok(Some(record))
}

async fn put(env: &Env, name: &str, json: &str) -> StoreResult<()> {
    Ok(env.kv("KV")?.put(name, json)?.expiration_ttl(KV_TTL_S).execute().await?)
}

fn kv_name(hash: &str) -> String {
    format!("key:{hash}")
}

/// All keys, newest first.
pub async fn list(env: &Env) -> StoreResult<Vec<ApiKeyRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at DESC, id");
    Ok(rows::<Row>(env, &sql, &[]).await?.into_iter().map(Into::into).collect())
}

/// The key with this public id.
pub async fn find(env: &Env, id: &str) -> StoreResult<Option<ApiKeyRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?1");
    Ok(row::<Row>(env, &sql, &[text(id)]).await?.map(Into::into))
}

/// Adds a key.
pub async fn insert(env: &Env, record: &ApiKeyRecord, hash: &str) -> StoreResult<()> {
    let sql = "INSERT INTO api_keys (name, enabled, expires_at, allowed_models, allowed_providers, updated_at, \
        allowed_ips, allowed_dialects, owner, tags, policy, disabled_reason, store, cache_ttl_s, id, key_hash, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let mut parameters = changing_columns(record)?;
    parameters.extend([text(&record.id), text(hash), unsigned(record.created_at)]);
    write(env, sql, &parameters).await?;
    Ok(())
}

/// Writes a changed key; false if it is gone or no longer at the version (`updated_at`) that the change is based on.
pub async fn update(env: &Env, record: &ApiKeyRecord, read_at_version: u64) -> StoreResult<bool> {
    let sql = "UPDATE api_keys SET name = ?1, enabled = ?2, expires_at = ?3, allowed_models = ?4, \
        allowed_providers = ?5, updated_at = ?6, allowed_ips = ?7, allowed_dialects = ?8, owner = ?9, tags = ?10, \
        policy = ?11, disabled_reason = ?12, store = ?13, cache_ttl_s = ?14 WHERE id = ?15 AND updated_at = ?16";
    let mut parameters = changing_columns(record)?;
    parameters.extend([text(&record.id), unsigned(read_at_version)]);
    Ok(write(env, sql, &parameters).await?.changes > 0)
}

/// Gives a key a new secret with this hash; the old one stays valid until `previous_expires_at`. False if the key is
/// gone or no longer at the version that the change is based on.
pub async fn rotate(
    env: &Env,
    record: &ApiKeyRecord,
    hash: &str,
    previous_expires_at: u64,
    read_at_version: u64,
) -> StoreResult<bool> {
    let sql = "UPDATE api_keys SET previous_key_hash = key_hash, previous_expires_at = ?1, key_hash = ?2, \
        updated_at = ?3 WHERE id = ?4 AND updated_at = ?5";
    let parameters = [
        unsigned(previous_expires_at),
        text(hash),
        unsigned(record.updated_at),
        text(&record.id),
        unsigned(read_at_version),
    ];
    Ok(write(env, sql, &parameters).await?.changes > 0)
}

/// Disables keys that have expired, and keys of which at least 60 % of at least 20 requests since `since_ms` failed
/// by the caller's fault. Not counted: requests that a limit refused, that an upstream failed, and those before the
/// key was last changed.
pub async fn disable_failing(env: &Env, now_ms: u64, since_ms: u64) -> StoreResult<usize> {
    let expired = "UPDATE api_keys SET enabled = 0, disabled_reason = 'expired', updated_at = MAX(?1, updated_at + 1) \
        WHERE enabled = 1 AND expires_at <= ?1";
    let failing = "UPDATE api_keys SET enabled = 0, updated_at = MAX(?1, updated_at + 1), \
        disabled_reason = 'at least 60 % of at least 20 requests in 15 minutes were mistakes of the caller' \
        WHERE enabled = 1 AND id IN ( \
          SELECT r.key_id FROM request_log AS r JOIN api_keys AS k ON k.id = r.key_id \
          WHERE r.id >= ?2 AND r.ts >= k.updated_at AND r.status < 500 AND r.status NOT IN (402, 408, 429, 499) \
          GROUP BY r.key_id HAVING COUNT(*) >= 20 AND SUM(r.status >= 400) * 10 >= COUNT(*) * 6)";
    // Ids of the request log begin with their time.
    let since = nexus_edge_core::id::ulid(since_ms, [0; 10]);
    let expired = write(env, expired, &[unsigned(now_ms)]).await?.changes;
    Ok(expired + write(env, failing, &[unsigned(now_ms), text(&since)]).await?.changes)
}

/// Deletes a key; false if there is none.
pub async fn delete(env: &Env, id: &str) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM api_keys WHERE id = ?1", &[text(id)]).await?.changes > 0)
}

fn changing_columns(record: &ApiKeyRecord) -> StoreResult<Vec<JsValue>> {
    fn json<T: Serialize>(value: Option<&T>) -> StoreResult<Option<String>> {
        Ok(value.map(serde_json::to_string).transpose()?)
    }
    let models = json(record.allowed_models.as_ref())?;
    let providers = json(record.allowed_providers.as_ref())?;
    Ok(vec![
        text(&record.name),
        flag(record.enabled),
        nullable(record.expires_at, unsigned),
        nullable(models.as_deref(), text),
        nullable(providers.as_deref(), text),
        unsigned(record.updated_at),
        nullable(json(record.allowed_ips.as_ref())?.as_deref(), text),
        nullable(json(record.allowed_dialects.as_ref())?.as_deref(), text),
        nullable(record.owner.as_deref(), text),
        text(&serde_json::to_string(&record.tags)?),
        text(&serde_json::to_string(&record.policy)?),
        nullable(record.disabled_reason.as_deref(), text),
        text(record.store.as_str()),
        nullable(record.cache_ttl_s.map(u64::from), unsigned),
    ])
}

impl From<Row> for ApiKeyRecord {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "times are positive and below 2^53, seconds below 2^32"
    )]
    fn from(row: Row) -> Self {
        /// A list that does not parse allows nothing rather than everything.
        fn list<T: serde::de::DeserializeOwned>(json: Option<String>) -> Option<Vec<T>> {
            json.map(|json| serde_json::from_str(&json).unwrap_or_default())
        }
        let time = |value: f64| value as u64;
        Self {
            id: row.id,
            name: row.name,
            enabled: row.enabled == 1,
            expires_at: row.expires_at.map(time),
            allowed_models: list(row.allowed_models),
            allowed_providers: list(row.allowed_providers),
            // An unknown policy stores nothing rather than everything.
            store: StorePolicy::parse(&row.store).unwrap_or(StorePolicy::None),
            cache_ttl_s: row.cache_ttl_s.map(|seconds| seconds as u32),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
            last_used_at: row.last_used_at.map(time),
            allowed_ips: list(row.allowed_ips),
            allowed_dialects: list(row.allowed_dialects),
            owner: row.owner,
            tags: row.tags.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            // Limits that do not parse refuse every request rather than none.
            policy: row.policy.map_or_else(LimitPolicy::default, |json| {
                serde_json::from_str(&json).unwrap_or_else(|_| LimitPolicy::closed())
            }),
            disabled_reason: row.disabled_reason,
            previous_expires_at: row.previous_expires_at.map(time),
        }
    }
}
