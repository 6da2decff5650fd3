//! Stored settings and their history.

use std::collections::BTreeMap;

use nexus_edge_api::system_config::ConfigChange;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, integer, nullable, row, rows, statement, text, unsigned};
use crate::platform::{log_error, new_ulid};
use crate::settings;

/// One stored setting.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) name: String,
    pub(super) value: String,
}

pub(super) const ALL: &str = "SELECT name, value FROM system_config";

/// The stored settings.
pub async fn all(env: &Env) -> StoreResult<BTreeMap<String, String>> {
    let stored: Vec<Stored> = rows(env, ALL, &[]).await?;
    Ok(stored.into_iter().map(|setting| (setting.name, setting.value)).collect())
}

/// Takes the stored settings over for this isolate, outside of a request: requests find them in the snapshot.
pub async fn take_over(env: &Env) {
    match all(env).await {
        Ok(stored) => {
            let _ = settings::apply(env, &stored);
        }
        Err(error) => log_error("stored settings", &error),
    }
}

/// Writes changes, each with its row of history, in one transaction: name, value before and after.
pub async fn change(
    env: &Env,
    changes: &[(String, Option<String>, Option<String>)],
    actor: &str,
    now_ms: u64,
) -> StoreResult<()> {
    const NOTE: &str = "INSERT INTO system_config_history (id, at, actor, name, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    const SET: &str = "INSERT INTO system_config (name, value, updated_at) VALUES (?1, ?2, ?3) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    const UNSET: &str = "DELETE FROM system_config WHERE name = ?1";
    let database = super::database(env)?;
    let mut statements = Vec::with_capacity(2 * changes.len());
    for (name, before, after) in changes {
        let note = [
            text(&new_ulid(now_ms)),
            unsigned(now_ms),
            text(actor),
            text(name),
            nullable(before.as_deref(), text),
            nullable(after.as_deref(), text),
        ];
        statements.push(statement(&database, NOTE, &note)?);
        statements.push(match after {
            Some(value) => statement(&database, SET, &[text(name), text(value), unsigned(now_ms)])?,
            None => statement(&database, UNSET, &[text(name)])?,
        });
    }
    database.batch(statements).await?;
    Ok(())
}

/// The latest changes, the newest first.
pub async fn history(env: &Env, limit: u32) -> StoreResult<Vec<ConfigChange>> {
    rows(env, "SELECT * FROM system_config_history ORDER BY id DESC LIMIT ?1", &[integer(limit.into())]).await
}

/// One change.
pub async fn find(env: &Env, id: &str) -> StoreResult<Option<ConfigChange>> {
    row(env, "SELECT * FROM system_config_history WHERE id = ?1", &[text(id)]).await
}
