//! The configuration as a whole: what an export reads and an import writes.

use std::collections::HashMap;

use nexus_edge_core::catalog::transfer::{Change, Plan, Stored};
use nexus_edge_core::row::table::{self, Table};
use serde::Deserialize;
use worker::{D1Database, D1PreparedStatement, D1Result, Env};

use super::table::prepare;
use super::{StoreError, StoreResult, database, read, statement, unsigned};

/// Statements of one transaction.
const AT_ONCE: usize = 200;

/// Makes a batch fail unless the catalog has the version that was read.
const UNCHANGED: &str = "SELECT json(CASE WHEN (SELECT value FROM config_versions WHERE name = 'catalog') = ?1 \
    THEN '1' ELSE 'it has changed' END)";

/// What is stored, with its version.
pub async fn load(env: &Env) -> StoreResult<(Stored, u64)> {
    #[derive(Deserialize)]
    struct Version {
        value: u64,
    }
    let database = database(env)?;
    let statements = vec![
        database.prepare("SELECT value FROM config_versions WHERE name = 'catalog'"),
        database.prepare("SELECT * FROM providers ORDER BY id"),
        database.prepare("SELECT * FROM provider_models ORDER BY id"),
        database.prepare("SELECT * FROM logical_models ORDER BY id"),
        database.prepare("SELECT * FROM custom_presets ORDER BY id"),
    ];
    let results = database.batch(statements).await?;
    let [version, providers, models, logical_models, presets] = results.as_slice() else {
        return Err(StoreError::Platform("a result is missing".into()));
    };
    let version = read::<Version>(version, "config_versions")?.pop().map(|found| found.value);
    let stored = Stored {
        providers: read(providers, "providers")?,
        models: read(models, "provider_models")?,
        logical_models: read(logical_models, "logical_models")?,
        presets: read(presets, "custom_presets")?,
    };
    Ok((stored, version.unwrap_or_default()))
}

/// Writes what an import changes: the providers in one transaction, then what refers to them. False if the configuration was
/// changed meanwhile; the same import once more completes it. The plan has the ids of new providers afterwards.
pub async fn apply(env: &Env, plan: &mut Plan, version: u64) -> StoreResult<bool> {
    let database = database(env)?;
    let mut statements = vec![statement(&database, UNCHANGED, &[unsigned(version)])?];
    for change in &plan.providers {
        statements.push(writing(&database, change)?);
    }
    let results = match database.batch(statements).await {
        Ok(results) => results,
        Err(error) if error.to_string().contains("malformed JSON") => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let mut ids = HashMap::new();
    for ((before, provider), result) in plan.providers.iter().zip(results.iter().skip(1)) {
        let meta = result.meta()?;
        let id = meta.and_then(|meta| meta.last_row_id).filter(|_| before.is_none());
        ids.extend(id.map(|id| (provider.id, id)));
    }
    plan.resolve(&ids);
    let mut is_whole = true;
    for part in plan.models.chunks(AT_ONCE) {
        is_whole &= write_all(&database, part).await?;
    }
    for part in plan.logical_models.chunks(AT_ONCE) {
        is_whole &= write_all(&database, part).await?;
    }
    for part in plan.presets.chunks(AT_ONCE) {
        is_whole &= write_all(&database, part).await?;
    }
    Ok(is_whole)
}

async fn write_all<R: Table>(database: &D1Database, changes: &[Change<R>]) -> StoreResult<bool> {
    let statements =
        changes.iter().map(|change| writing(database, change)).collect::<StoreResult<Vec<_>>>()?;
    let results = database.batch(statements).await?;
    Ok(results.iter().all(has_changed))
}

fn has_changed(result: &D1Result) -> bool {
    result.meta().ok().flatten().and_then(|meta| meta.changes).unwrap_or_default() > 0
}

fn writing<R: Table>(database: &D1Database, (before, after): &Change<R>) -> StoreResult<D1PreparedStatement> {
    match before {
        None => prepare(database, &table::insert(after, &[])),
        Some(before) => prepare(database, &table::update(after, before.version())),
    }
}
