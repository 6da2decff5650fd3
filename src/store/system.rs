//! What the database says of itself.

use std::collections::BTreeSet;

use nexus_edge_api::system::DatabaseStatus;
use nexus_edge_backups::tables::TABLES;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, row, rows};

/// The largest size of a database of the paid plan, in bytes.
const LIMIT_BYTES: u64 = 10_000_000_000;

/// The state of the database.
pub async fn database(env: &Env) -> StoreResult<DatabaseStatus> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let known: Vec<Named> = rows(env, "SELECT name FROM sqlite_master WHERE type = 'table'", &[]).await?;
    let known: BTreeSet<&str> = known.iter().map(|table| table.name.as_str()).collect();
    let needed = TABLES.iter().map(|table| table.name);
    let last_migration = if known.contains("d1_migrations") {
        row::<Named>(env, "SELECT name FROM d1_migrations ORDER BY name DESC LIMIT 1", &[]).await?
    } else {
        None
    };
    let asked = super::database(env)?.prepare("SELECT 1").all().await?;
    let size = asked.meta()?.and_then(|meta| meta.size_after);
    Ok(DatabaseStatus {
        missing_tables: needed.filter(|name| !known.contains(name)).collect(),
        last_migration: last_migration.map(|migration| migration.name),
        size_bytes: size.and_then(|bytes| u64::try_from(bytes).ok()),
        limit_bytes: LIMIT_BYTES,
    })
}

/// When the cron ran last, in milliseconds since the epoch; `None` before the first time.
pub async fn cron_at(env: &Env) -> StoreResult<Option<u64>> {
    #[derive(Deserialize)]
    struct Heartbeat {
        at: u64,
    }
    let last: Option<Heartbeat> = row(env, "SELECT at FROM heartbeats WHERE name = 'cron'", &[]).await?;
    Ok(last.map(|last| last.at))
}
