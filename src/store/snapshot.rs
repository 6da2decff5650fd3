//! The configuration that this isolate runs on.
//!
//! A request uses the snapshot that the isolate holds. In an isolate with traffic the versions are compared in the background, so
//! that no request waits for it; in one that was idle or begins, a request compares before it is answered. The versions are those of
//! D1, which is the authority. An isolate with a snapshot asks the circuits object for them, which it exchanges circuits with anyway and
//! which says how old its reading of D1 is; only where that does not answer it asks D1 itself. An isolate begins with the copy in KV if
//! that has the version of D1. An admin write reloads the snapshot at once in the isolate that made it.
//!
//! Guarantee: what was written more than [`STALE_AFTER_MS`] ago holds for every request that begins, in every isolate: a paused
//! provider, a revoked key. Only while D1 does not answer, an outdated configuration is used.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use futures::future::join;
use nexus_edge_core::routing::snapshot::SNAPSHOT_FORMAT;
use nexus_edge_core::routing::{Snapshot, SnapshotSource};
use serde::Deserialize;
use worker::Env;

use super::versions::{self, Version, Versions};
use super::{StoreResult, system_config};
use crate::host::Host;
use crate::objects::circuits;
use crate::platform::hidden::hide_configured;
use crate::platform::{kv, log_error, now_ms, rarely};
use crate::settings::{self, Settings};

/// Milliseconds between two comparisons of the versions in the background, and after a comparison that failed.
const CHECK_EVERY_MS: u64 = 1_500;
/// An isolate whose last comparison is older than this, in milliseconds, compares before it answers.
const STALE_AFTER_MS: u64 = 3_000;
const KV_NAME: &str = "snapshot";

thread_local! {
    static HELD: RefCell<Option<Arc<Snapshot>>> = const { RefCell::new(None) };
    /// As of when the versions are known to hold: the reading of D1 behind the last comparison, or the last load.
    static CHECKED_AT_MS: Cell<u64> = const { Cell::new(0) };
    /// When the last comparison in the background began.
    static ASKED_AT_MS: Cell<u64> = const { Cell::new(0) };
    /// When the last comparison failed.
    static FAILED_AT_MS: Cell<u64> = const { Cell::new(0) };
}

#[derive(Deserialize)]
struct PriceTable {
    json: String,
}

/// The snapshot with which to answer a request.
pub async fn current(host: &Host) -> StoreResult<Arc<Snapshot>> {
    let now = now_ms();
    if let Some(snapshot) = HELD.with_borrow(Clone::clone) {
        let age = now.saturating_sub(CHECKED_AT_MS.get());
        if age < CHECK_EVERY_MS {
            return Ok(snapshot);
        }
        let is_failing = now.saturating_sub(FAILED_AT_MS.get()) < CHECK_EVERY_MS;
        if age < STALE_AFTER_MS || is_failing {
            if !is_failing && now.saturating_sub(ASKED_AT_MS.get()) >= CHECK_EVERY_MS {
                ASKED_AT_MS.set(now);
                check_in_background(host);
            }
            return Ok(snapshot);
        }
        // An outdated configuration is better than none.
        rarely(compare(&host.env, &host.settings)).await;
        return Ok(HELD.with_borrow(Clone::clone).unwrap_or(snapshot));
    }
    rarely(first(host, now)).await
}

/// The first snapshot of the isolate.
async fn first(host: &Host, now: u64) -> StoreResult<Arc<Snapshot>> {
    let (copy, stored) = join(from_kv(&host.env), versions::stored(&host.env)).await;
    let copy = copy.map(|source| {
        let versions = Versions { catalog: source.catalog_version, keys: source.keys_version };
        let settings =
            settings::apply(&host.env, &source.config).unwrap_or_else(|_| Rc::clone(&host.settings));
        (versions, compile(source, &settings))
    });
    match (copy, stored) {
        (Some((copied, (snapshot, problems))), Ok(stored)) if copied == stored && problems.is_empty() => {
            let held = install(snapshot);
            CHECKED_AT_MS.set(now);
            Ok(held)
        }
        // Also where a secret of the copy cannot be opened: one from before a rotation of the master key is sealed under a key
        // that may be gone since.
        (copy, _) => match (load(&host.env, &host.settings).await, copy) {
            (Ok(held), _) => Ok(held),
            (Err(error), Some((_, (snapshot, problems)))) => {
                FAILED_AT_MS.set(now_ms());
                log_error("snapshot", &error);
                report(&problems);
                Ok(install(snapshot))
            }
            (Err(error), None) => Err(error),
        },
    }
}

/// Reloads the configuration after a write, and publishes it.
pub async fn reload(host: &Host) -> StoreResult<()> {
    load(&host.env, &host.settings).await.map(|_| ())
}

/// Publishes the configuration after a write outside of a request, and after the database was replaced.
pub async fn republish(env: &Env) -> StoreResult<()> {
    let settings = settings::get(env).map_err(|error| super::StoreError::Platform(error.message))?;
    load(env, &settings).await.map(|_| ())
}

fn check_in_background(host: &Host) {
    let (env, settings) = (host.env.clone(), host.settings.clone());
    host.tasks.wait_until(async move { compare(&env, &settings).await });
}

/// Compares the versions, and notes how that went.
async fn compare(env: &Env, settings: &Settings) {
    if let Err(error) = check(env, settings).await {
        FAILED_AT_MS.set(now_ms());
        log_error("snapshot check", &error);
    }
}

/// Loads from D1 if that has another version than this isolate.
async fn check(env: &Env, settings: &Settings) -> StoreResult<()> {
    let began_ms = now_ms();
    let (found, read_at_ms) = match circuits::versions(env).await {
        Some(read) => (read.versions, began_ms.saturating_sub(read.age_ms)),
        None => (versions::stored(env).await?, began_ms),
    };
    // A reading from before the last load says nothing new.
    if read_at_ms <= CHECKED_AT_MS.get() {
        return Ok(());
    }
    let held = HELD.with_borrow(|held| {
        held.as_ref()
            .map(|snapshot| Versions { catalog: snapshot.catalog_version, keys: snapshot.keys_version })
    });
    if held != Some(found) {
        load(env, settings).await?;
    }
    CHECKED_AT_MS.set(read_at_ms.max(CHECKED_AT_MS.get()));
    Ok(())
}

/// Reads everything from D1 in one transaction, so that versions and records belong together.
async fn load(env: &Env, settings: &Settings) -> StoreResult<Arc<Snapshot>> {
    let began_ms = now_ms();
    let database = super::database(env)?;
    let statements = vec![
        database.prepare(versions::ALL),
        database.prepare("SELECT * FROM providers ORDER BY id"),
        database.prepare("SELECT * FROM provider_models ORDER BY id"),
        database.prepare("SELECT * FROM logical_models ORDER BY id"),
        database.prepare("SELECT * FROM provider_keys ORDER BY id"),
        database.prepare("SELECT * FROM subject_limits"),
        database.prepare("SELECT * FROM prices"),
        database.prepare("SELECT json FROM price_table"),
        database.prepare("SELECT * FROM guards ORDER BY id"),
        database.prepare(system_config::ALL),
    ];
    let mut results = database.batch(statements).await?.into_iter();
    let mut next = || results.next().ok_or_else(|| super::StoreError::Platform("a result is missing".into()));
    let versions = Versions::of(&super::read::<Version>(&next()?, "config_versions")?);
    let source = SnapshotSource {
        format: SNAPSHOT_FORMAT,
        catalog_version: versions.catalog,
        keys_version: versions.keys,
        providers: super::read(&next()?, "providers")?,
        models: super::read(&next()?, "provider_models")?,
        logical_models: super::read(&next()?, "logical_models")?,
        provider_keys: super::read(&next()?, "provider_keys")?,
        limits: super::read(&next()?, "subject_limits")?,
        prices: super::read(&next()?, "prices")?,
        price_table: super::read::<PriceTable>(&next()?, "price_table")?.pop().map(|table| table.json),
        guards: super::read(&next()?, "guards")?,
        config: super::read::<system_config::Stored>(&next()?, "system_config")?
            .into_iter()
            .map(|stored| (stored.name, stored.value))
            .collect(),
    };
    publish(env, &source).await;
    let applied = settings::apply(env, &source.config);
    let (snapshot, problems) = compile(source, applied.as_deref().unwrap_or(settings));
    report(&problems);
    let held = install(snapshot);
    CHECKED_AT_MS.set(began_ms.max(CHECKED_AT_MS.get()));
    Ok(held)
}

/// The snapshot of a source, and the faults of its records.
fn compile(source: SnapshotSource, settings: &Settings) -> (Snapshot, Vec<String>) {
    Snapshot::compile(source, &settings.keyring, settings.allow_private_upstreams, settings.unknown_price)
}

fn report(problems: &[String]) {
    for problem in problems {
        log_error("snapshot", problem);
    }
}

/// Replaces the snapshot of this isolate, unless it is newer already.
fn install(snapshot: Snapshot) -> Arc<Snapshot> {
    let snapshot = Arc::new(snapshot);
    HELD.with_borrow_mut(|held| match held {
        Some(newer)
            if newer.catalog_version > snapshot.catalog_version
                || newer.keys_version > snapshot.keys_version =>
        {
            Arc::clone(newer)
        }
        _ => {
            *held = Some(Arc::clone(&snapshot));
            let hidden = Arc::clone(&snapshot);
            hide_configured(move || hidden.secrets());
            snapshot
        }
    })
}

async fn from_kv(env: &Env) -> Option<SnapshotSource> {
    let json = kv::get(env, KV_NAME).await.ok()??;
    let source: SnapshotSource = serde_json::from_str(&json).ok()?;
    (source.format == SNAPSHOT_FORMAT).then_some(source)
}

/// Writes a copy to KV for cold isolates. KV accepts one write per second for a name; if it refuses one, the next
/// isolate that finds the copy outdated writes it again.
async fn publish(env: &Env, source: &SnapshotSource) {
    let published = async {
        let json = serde_json::to_string(source)?;
        env.kv("KV")?.put(KV_NAME, json.as_str())?.execute().await?;
        StoreResult::Ok(())
    };
    if let Err(error) = published.await {
        log_error("snapshot copy", &error);
    }
}
