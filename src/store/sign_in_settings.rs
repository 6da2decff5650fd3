//! Rules of sign-in that are edited by API: a row of JSON for each group of rules. A group that is not there has its default.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::Env;

use super::{StoreResult, row, text, unsigned, write};

/// The rules of registration.
pub const REGISTRATION: &str = "registration";

/// A group of rules, and the version at which it was read: 0 if it is not there.
pub async fn read<T: DeserializeOwned + Default>(env: &Env, id: &str) -> StoreResult<(T, u64)> {
    #[derive(Deserialize)]
    struct Row {
        value: String,
        updated_at: u64,
    }
    let found: Option<Row> =
        row(env, "SELECT value, updated_at FROM sign_in_settings WHERE id = ?1", &[text(id)]).await?;
    match found {
        Some(row) => Ok((serde_json::from_str(&row.value)?, row.updated_at)),
        None => Ok((T::default(), 0)),
    }
}

/// Writes a group of rules; false if it is no longer at the version `read_at`.
pub async fn put(
    env: &Env,
    id: &str,
    rules: &impl Serialize,
    read_at: u64,
    version: u64,
) -> StoreResult<bool> {
    let sql = "INSERT INTO sign_in_settings (id, value, updated_at) VALUES (?1, ?2, ?4) \
        ON CONFLICT (id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at WHERE updated_at = ?3";
    let value = serde_json::to_string(rules)?;
    Ok(write(env, sql, &[text(id), text(&value), unsigned(read_at), unsigned(version)]).await?.changes > 0)
}
