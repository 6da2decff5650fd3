//! Small packs of an hour become one.

use futures::stream::{self, StreamExt, TryStreamExt};
use nexus_edge_packs::layout::Row;
use nexus_edge_stats::log_row::id_of;
use nexus_edge_stats::moving::{MERGED_WITHIN_MS, SMALL, STEPS, hour_of, merged};
use serde::Deserialize;
use worker::Env;

use super::place::KIND;
use crate::platform::log_error;
use crate::store::packs::{self, COLUMNS, Packed};
use crate::store::{StoreResult, database, rows, statement, text, unsigned};

/// Objects that are read at a time: a Worker has six connections.
const AT_A_TIME: usize = 6;

/// Merges what is due, as much as one run may. A pack that cannot be read is reported and holds up no other hour.
pub async fn merge(env: &Env, now_ms: u64) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Hour {
        hour: u64,
    }
    let from = hour_of(now_ms.saturating_sub(MERGED_WITHIN_MS));
    packs::delete_replaced(env, KIND, from).await?;
    let sql = "SELECT hour FROM packs WHERE kind = ?1 AND hour >= ?2 AND replaced = 0 AND rows < ?3 \
        GROUP BY hour HAVING COUNT(*) > 1 ORDER BY hour";
    let hours: Vec<Hour> = rows(env, sql, &[text(KIND), unsigned(from), unsigned(SMALL)]).await?;
    let mut steps = 0;
    for Hour { hour } in hours {
        while steps < STEPS {
            steps += 1;
            match merge_some(env, hour, now_ms).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    log_error("packs cannot be merged", &error);
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Merges the first small packs of an hour. In one transaction the new pack counts and the old ones no longer do, unless one of
/// them is replaced already. False if there is nothing to merge.
async fn merge_some(env: &Env, hour: u64, now_ms: u64) -> StoreResult<bool> {
    let sql = format!(
        "SELECT {COLUMNS} FROM packs WHERE kind = ?1 AND hour = ?2 AND replaced = 0 AND rows < ?3 ORDER BY first"
    );
    let mut small: Vec<Packed> = rows(env, &sql, &[text(KIND), unsigned(hour), unsigned(SMALL)]).await?;
    let sizes: Vec<u64> = small.iter().map(|pack| pack.rows).collect();
    let Some(count) = merged(hour, &sizes, now_ms) else { return Ok(false) };
    small.truncate(count);
    let lines: Vec<Vec<String>> =
        stream::iter(&small).map(|pack| pack.all_lines(env)).buffered(AT_A_TIME).try_collect().await?;
    let lines: Vec<(String, String)> =
        lines.into_iter().flatten().filter_map(|line| Some((id_of(&line)?, line))).collect();
    let rows = lines.iter().map(|(key, line)| Row { key, line }).collect();
    let pack = packs::write(env, KIND, hour, rows).await?;
    let ids: Vec<&str> = small.iter().map(|pack| pack.id.as_str()).collect();
    let insert = format!(
        "INSERT OR IGNORE INTO packs ({COLUMNS}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE \
         (SELECT COUNT(*) FROM packs WHERE kind = ?1 AND hour = ?2 AND replaced = 0 \
         AND id IN (SELECT value FROM json_each(?11))) = json_array_length(?11)"
    );
    let replace = "UPDATE packs SET replaced = 1 WHERE kind = ?1 AND hour = ?2 AND id <> ?3 \
        AND id IN (SELECT value FROM json_each(?4)) \
        AND EXISTS (SELECT 1 FROM packs WHERE kind = ?1 AND hour = ?2 AND id = ?3 AND replaced = 0)";
    let database = database(env)?;
    let ids = text(&serde_json::to_string(&ids)?);
    let inserted: Vec<_> = pack.parameters().into_iter().chain([ids.clone()]).collect();
    let statements = vec![
        statement(&database, &insert, &inserted)?,
        statement(&database, replace, &[text(KIND), unsigned(hour), text(&pack.id), ids])?,
    ];
    database.batch(statements).await?;
    Ok(true)
}
