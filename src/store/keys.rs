//! API keys. D1 is the authority, KV a copy near every location, the isolate's memory the place where requests look
//! first.
//!
//! A copy in KV carries the version of the keys at which it was read, and is used only while that version is current,
//! so a revoked key does not survive in a stale copy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use nexus_edge_api::system::MapSize;
use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::secrets::pii::KeyRedaction;
use serde::{Deserialize, Serialize};
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, flag, row, rows, text, unsigned, write};
use crate::host::Host;
use crate::platform::{kv, log_error, now_ms, rarely};

/// How long an unknown key is cached as unknown, in milliseconds.
const UNKNOWN_FOR_MS: u64 = 5_000;
/// Most entries.
const MAX_CACHED: usize = 10_000;
/// Seconds after which a copy in KV expires if it is not renewed.
const KV_TTL_S: u64 = 24 * 60 * 60;

#[derive(Clone)]
enum Cached {
    Known(Rc<ApiKeyRecord>),
    UnknownUntil(u64),
}

struct Cache {
    keys_version: u64,
    /// By hash, or by `id:` and the id.
    by_name: BoundedMap<String, Cached>,
}

impl Cache {
    fn new(keys_version: u64) -> Self {
        Self { keys_version, by_name: BoundedMap::new(MAX_CACHED) }
    }
}

#[derive(Serialize, Deserialize)]
struct KvCopy {
    keys_version: u64,
    record: ApiKeyRecord,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache::new(0));
}

/// The size of this isolate's cache.
pub fn size() -> MapSize {
    CACHE.with_borrow(|cache| MapSize::of("keys", &cache.by_name))
}

/// The key with this hash. Its record is at least as new as `keys_version`.
pub async fn by_hash(host: &Host, hash: &str, keys_version: u64) -> StoreResult<Option<Rc<ApiKeyRecord>>> {
    // The secret before the last rotation is valid until `previous_expires_at` and no longer than the key itself. Of two
    // columns of the same name the later counts.
    let sql = "SELECT *, CASE WHEN key_hash = ?1 THEN expires_at \
        ELSE MIN(COALESCE(expires_at, previous_expires_at, 0), COALESCE(previous_expires_at, 0)) END AS expires_at \
        FROM api_keys WHERE key_hash = ?1 OR previous_key_hash = ?1";
    find(host, hash, sql, hash, keys_version).await
}

/// The key with this id, whatever its secret is by now. Its record is at least as new as `keys_version`.
pub async fn by_id(host: &Host, id: &str, keys_version: u64) -> StoreResult<Option<Rc<ApiKeyRecord>>> {
    // A hash has no colon.
    find(host, &format!("id:{id}"), "SELECT * FROM api_keys WHERE id = ?1", id, keys_version).await
}

/// The key that `sql` finds with this parameter, cached under `name`.
async fn find(
    host: &Host,
    name: &str,
    sql: &str,
    parameter: &str,
    keys_version: u64,
) -> StoreResult<Option<Rc<ApiKeyRecord>>> {
    match cached(name, keys_version) {
        Some(Cached::Known(record)) => return Ok(Some(record)),
        Some(Cached::UnknownUntil(until)) if now_ms() < until => return Ok(None),
        _ => {}
    }
    rarely(async {
        let found = match from_kv(&host.env, name, keys_version).await {
            Some(record) => Some(record),
            None => from_d1(host, name, sql, parameter, keys_version).await?,
        };
        let found = found.map(Rc::new);
        remember(name, found.clone(), keys_version);
        Ok(found)
    })
    .await
}

fn cached(name: &str, keys_version: u64) -> Option<Cached> {
    CACHE.with_borrow_mut(|cache| {
        if cache.keys_version != keys_version {
            *cache = Cache::new(keys_version);
        }
        cache.by_name.get(name).cloned()
    })
}

/// Caches what was found, unless the keys changed during the look-up: then it may be outdated already.
fn remember(name: &str, found: Option<Rc<ApiKeyRecord>>, keys_version: u64) {
    let entry = found.map_or_else(|| Cached::UnknownUntil(now_ms() + UNKNOWN_FOR_MS), Cached::Known);
    CACHE.with_borrow_mut(|cache| {
        if cache.keys_version != keys_version {
            return;
        }
        let now = now_ms();
        // A guess at a key must not push out those that are in use.
        cache.by_name.insert(name.to_owned(), entry, |cached| match cached {
            Cached::Known(_) => Worth::Something,
            Cached::UnknownUntil(until) => Worth::until(*until, now),
        });
    });
}

async fn from_kv(env: &Env, name: &str, keys_version: u64) -> Option<ApiKeyRecord> {
    let json = kv::get(env, &kv_name(name)).await.ok()??;
    let copy: KvCopy = serde_json::from_str(&json).ok()?;
    (copy.keys_version == keys_version).then_some(copy.record)
}

async fn from_d1(
    host: &Host,
    name: &str,
    sql: &str,
    parameter: &str,
    keys_version: u64,
) -> StoreResult<Option<ApiKeyRecord>> {
    let Some(record) = row::<ApiKeyRecord>(&host.env, sql, &[text(parameter)]).await? else {
        return Ok(None);
    };
    let copy = serde_json::to_string(&KvCopy { keys_version, record: record.clone() })?;
    let (env, name) = (host.env.clone(), kv_name(name));
    host.tasks.wait_until(async move {
        if let Err(error) = put(&env, &name, &copy).await {
            log_error("key copy", &error);
        }
    });
    Ok(Some(record))
}

async fn put(env: &Env, name: &str, json: &str) -> StoreResult<()> {
    Ok(env.kv("KV")?.put(name, json)?.expiration_ttl(KV_TTL_S).execute().await?)
}

fn kv_name(name: &str) -> String {
    format!("key:{name}")
}

/// Which keys are listed.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Only those of one of these owners; `None`: of all, and those without one.
    pub owners: Option<Vec<String>>,
    /// A part of the name, the id or the owner, whatever the case of ASCII letters.
    pub search: Option<String>,
    /// Only those that are enabled, or that are not.
    pub enabled: Option<bool>,
    /// Only those after this one: when it was made, and its id.
    pub after: Option<(u64, String)>,
    /// Number of keys; `None`: all.
    pub limit: Option<u32>,
}

/// Keys, the newest first.
pub async fn list(env: &Env, wanted: &Wanted) -> StoreResult<Vec<ApiKeyRecord>> {
    let mut parameters: Vec<JsValue> = Vec::new();
    let mut conditions = vec!["1".to_owned()];
    let mut and = |condition: &dyn Fn(usize) -> String, value: JsValue| {
        parameters.push(value);
        conditions.push(condition(parameters.len()));
    };
    if let Some((made_at, id)) = &wanted.after {
        and(&|at| format!("created_at <= ?{at}"), unsigned(*made_at));
        and(&|at| format!("(created_at < ?{} OR id < ?{at})", at - 1), text(id));
    }
    if let Some(owners) = &wanted.owners {
        and(
            &|at| format!("owner IN (SELECT value FROM json_each(?{at}))"),
            text(&serde_json::to_string(owners)?),
        );
    }
    if let Some(enabled) = wanted.enabled {
        and(&|at| format!("enabled = ?{at}"), flag(enabled));
    }
    if let Some(search) = &wanted.search {
        let searched = "lower(name || ' ' || id || ' ' || COALESCE(owner, ''))";
        and(&|at| format!("instr({searched}, lower(?{at})) > 0"), text(search));
    }
    let limit = wanted.limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
    let sql = format!(
        "SELECT * FROM api_keys WHERE {} ORDER BY created_at DESC, id DESC{limit}",
        conditions.join(" AND ")
    );
    rows(env, &sql, &parameters).await
}

/// The keys that have a signing secret.
pub async fn with_signing_secrets(env: &Env) -> StoreResult<Vec<ApiKeyRecord>> {
    rows(env, "SELECT * FROM api_keys WHERE signing_secret_sealed IS NOT NULL ORDER BY id", &[]).await
}

/// What keys say of personal data, by their ids: of those that do not leave it to the deployment.
pub async fn redactions(env: &Env) -> StoreResult<HashMap<String, KeyRedaction>> {
    #[derive(Deserialize)]
    struct Redacted {
        id: String,
        redact_pii: KeyRedaction,
    }
    let found: Vec<Redacted> =
        rows(env, "SELECT id, redact_pii FROM api_keys WHERE redact_pii <> 'inherit'", &[]).await?;
    Ok(found.into_iter().map(|key| (key.id, key.redact_pii)).collect())
}

/// Gives a key a new secret, with this hash; the old one is valid until the record's `previous_expires_at`. False if the
/// key is gone or no longer at the version that the change is based on.
pub async fn rotate(env: &Env, record: &ApiKeyRecord, hash: &str, read_at: u64) -> StoreResult<bool> {
    let sql = "UPDATE api_keys SET previous_key_hash = key_hash, previous_expires_at = ?1, key_hash = ?2, \
        updated_at = ?3 WHERE id = ?4 AND updated_at = ?5";
    let parameters = [
        unsigned(record.previous_expires_at.unwrap_or(0)),
        text(hash),
        unsigned(record.updated_at),
        text(&record.id),
        unsigned(read_at),
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
          SELECT k.id FROM stat_rows AS r CROSS JOIN stat_series AS s CROSS JOIN api_keys AS k \
          WHERE r.grain = 'm' AND r.start >= ?2 AND s.id = r.series AND s.status IN ('ok', 'client') AND k.id = s.key \
          AND (k.updated_at = k.created_at OR r.start >= k.updated_at) \
          GROUP BY k.id HAVING SUM(r.requests) >= 20 \
          AND SUM(CASE s.status WHEN 'client' THEN r.requests ELSE 0 END) * 10 >= SUM(r.requests) * 6)";
    let expired = write(env, expired, &[unsigned(now_ms)]).await?.changes;
    Ok(expired + write(env, failing, &[unsigned(now_ms), unsigned(since_ms)]).await?.changes)
}
