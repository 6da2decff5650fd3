//! Rows that leave the database, and packs whose time is over.

use nexus_edge_core::id::ulid;
use nexus_edge_packs::layout::Row;
use nexus_edge_packs::name::HOUR_MS;
use nexus_edge_stats::moving::{Ages, Leaving, MOVED_AT_ONCE, STEPS};
use serde::Deserialize;
use serde_json::{Map, Value};
use worker::Env;

use super::place::KIND;
use crate::store::packs::{self, COLUMNS};
use crate::store::{StoreResult, database, rows, statement, text, unsigned, write};

/// Rows that are read at once.
const PAGE: u64 = 2_000;
/// Rows that one statement deletes.
const DELETED_AT_ONCE: u64 = 2_000;

/// Moves and deletes what is due, as much as one run may.
pub async fn leave(env: &Env, ages: Ages, now_ms: u64) -> StoreResult<()> {
    for _ in 0..STEPS {
        if !packs::expire(env, KIND, ages.packs_from(now_ms)).await? {
            break;
        }
    }
    for _ in 0..STEPS {
        match oldest(env).await?.and_then(|oldest| ages.leaving(&oldest, now_ms)) {
            Some(Leaving::Packed(hour)) => pack(env, hour).await?,
            Some(Leaving::Deleted(before)) => delete(env, before).await?,
            None => break,
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

async fn oldest(env: &Env) -> StoreResult<Option<String>> {
    let found: Vec<Id> = rows(env, "SELECT id FROM request_log ORDER BY id LIMIT 1", &[]).await?;
    Ok(found.into_iter().next().map(|row| row.id))
}

/// Makes a pack of the first rows of an hour. The rows are deleted in one transaction with the row of the pack, unless others
/// came between them meanwhile: then nothing happens, and the next step takes those as well.
async fn pack(env: &Env, hour: u64) -> StoreResult<()> {
    let end = ulid(hour + HOUR_MS, [0; 10]);
    let mut lines: Vec<(String, String)> = Vec::new();
    while (lines.len() as u64) < MOVED_AT_ONCE {
        let after = lines.last().map(|(id, _)| id.as_str()).unwrap_or_default();
        let sql = "SELECT * FROM request_log WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3";
        let page: Vec<Map<String, Value>> =
            rows(env, sql, &[text(after), text(&end), unsigned(PAGE)]).await?;
        let is_last = (page.len() as u64) < PAGE;
        for mut row in page {
            row.retain(|_, value| !value.is_null());
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            lines.push((id, serde_json::to_string(&row)?));
        }
        if is_last {
            break;
        }
    }
    let packed = lines.iter().map(|(key, line)| Row { key, line }).collect();
    let pack = packs::write(env, KIND, hour, packed).await?;
    let is_unchanged = "(SELECT COUNT(*) FROM request_log WHERE id >= ?4 AND id <= ?5) = ?6";
    let insert = format!(
        "INSERT OR IGNORE INTO packs ({COLUMNS}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE {is_unchanged}"
    );
    let delete = format!(
        "DELETE FROM request_log WHERE id >= ?4 AND id <= ?5 AND {is_unchanged} \
         AND EXISTS (SELECT 1 FROM packs WHERE kind = ?1 AND hour = ?2 AND id = ?3)"
    );
    let database = database(env)?;
    let parameters = pack.parameters();
    let statements = vec![
        statement(&database, &insert, &parameters)?,
        statement(&database, &delete, parameters.get(..6).unwrap_or_default())?,
    ];
    database.batch(statements).await?;
    Ok(())
}

async fn delete(env: &Env, before_ms: u64) -> StoreResult<()> {
    let sql =
        "DELETE FROM request_log WHERE id IN (SELECT id FROM request_log WHERE id < ?1 ORDER BY id LIMIT ?2)";
    // As many rows in a step as a pack has.
    for _ in 0..MOVED_AT_ONCE / DELETED_AT_ONCE {
        let deleted = write(env, sql, &[text(&ulid(before_ms, [0; 10])), unsigned(DELETED_AT_ONCE)]).await?;
        if (deleted.changes as u64) < DELETED_AT_ONCE {
            break;
        }
    }
    Ok(())
}
