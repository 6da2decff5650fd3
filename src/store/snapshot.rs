//! The configuration that this isolate runs on.
//!
//! A request uses the snapshot that the isolate holds and does not wait for a database, except in an isolate that was
//! idle for so long that it might still accept a revoked key. A cold isolate starts from the copy in KV; D1 is the
//! authority. At most every [`CHECK_EVERY_MS`] the versions are compared with D1 in the background, and an admin
//! write reloads the snapshot at once in the isolate that made it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use nexus_edge_core::routing::snapshot::SNAPSHOT_FORMAT;
use nexus_edge_core::routing::{Snapshot, SnapshotSource};
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, rows, system_config};
use crate::host::Host;
use crate::platform::hidden::hide_configured;
use crate::platform::{kv, log_error, now_ms};
use crate::settings::{self, Settings};

/// Milliseconds between two comparisons of the versions.
const CHECK_EVERY_MS: u64 = 3_000;
/// An isolate whose last comparison is older than this, in milliseconds, compares before it answers.
const STALE_AFTER_MS: u64 = 15_000;
const KV_NAME: &str = "snapshot";

thread_local! {
    static HELD: RefCell<Option<Arc<Snapshot>>> = const { RefCell::new(None) };
    static CHECKED_AT_MS: Cell<u64> = const { Cell::new(0) };
}

#[derive(Deserialize)]
struct Version {
    name: String,
    value: f64,
}

#[derive(Deserialize)]
struct PriceTable {
    json: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Versions {
    catalog: u64,
    keys: u64,
}

/// The snapshot with which to answer a request.
pub async fn current(host: &Host) -> StoreResult<Arc<Snapshot>> {
    let now = now_ms();
    if let Some(snapshot) = HELD.with_borrow(Clone::clone) {
        let age = now.saturating_sub(CHECKED_AT_MS.get());
        if age < CHECK_EVERY_MS {
            return Ok(snapshot);
        }
        CHECKED_AT_MS.set(now);
        if age < STALE_AFTER_MS {
            check_in_background(host);
            return Ok(snapshot);
        }
        if let Err(error) = check(&host.env, &host.settings).await {
            // An outdated configuration is better than none.
            log_error("snapshot check", &error);
        }
        return Ok(HELD.with_borrow(Clone::clone).unwrap_or(snapshot));
    }
    CHECKED_AT_MS.set(now);
    let Some(source) = from_kv(&host.env).await else {
        return load(&host.env, &host.settings).await;
    };
    let settings = settings::apply(&host.env, &source.config).unwrap_or_else(|_| Rc::clone(&host.settings));
    let (copy, problems) = compile(source, &settings);
    if problems.is_empty() {
        check_in_background(host);
        return Ok(install(copy));
    }
    // A copy from before a rotation of the master key is sealed under a key that may be gone since. D1 is never behind.
    match load(&host.env, &host.settings).await {
        Ok(snapshot) => Ok(snapshot),
        Err(error) => {
            log_error("snapshot", &error);
            report(&problems);
            Ok(install(copy))
        }
    }
}

/// Reloads the configuration after a write, and publishes it.
pub async fn reload(host: &Host) -> StoreResult<()> {
    CHECKED_AT_MS.set(now_ms());
    load(&host.env, &host.settings).await.map(|_| ())
}

/// Publishes the configuration after the database was replaced, outside of a request.
pub async fn republish(env: &Env) -> StoreResult<()> {
    let settings = settings::get(env).map_err(|error| super::StoreError::Platform(error.message))?;
    load(env, &settings).await.map(|_| ())
}

fn check_in_background(host: &Host) {
    let (env, settings) = (host.env.clone(), host.settings.clone());
    host.tasks.wait_until(async move {
        if let Err(error) = check(&env, &settings).await {
            log_error("snapshot check", &error);
        }
    });
}

/// Loads from D1 if it holds another version than this isolate.
async fn check(env: &Env, settings: &Settings) -> StoreResult<()> {
    let stored = versions(&rows(env, "SELECT name, value FROM config_versions", &[]).await?);
    let held = HELD.with_borrow(|held| {
        held.as_ref()
            .map(|snapshot| Versions { catalog: snapshot.catalog_version, keys: snapshot.keys_version })
    });
    if held != Some(stored) {
        load(env, settings).await?;
    }
    Ok(())
}

/// Reads everything from D1 in one transaction, so that versions and records belong together.
async fn load(env: &Env, settings: &Settings) -> StoreResult<Arc<Snapshot>> {
    let database = super::database(env)?;
    let statements = vec![
        database.prepare("SELECT name, value FROM config_versions"),
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
    let versions = versions(&super::read::<Version>(&next()?, "config_versions")?);
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
    Ok(install(snapshot))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "versions count up from 1")]
fn versions(rows: &[Version]) -> Versions {
    let value = |name: &str| rows.iter().find(|row| row.name == name).map_or(0, |row| row.value as u64);
    Versions { catalog: value("catalog"), keys: value("keys") }
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
